"""The adapter's model card: what it was tuned from, on what, how, and how to load it."""

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from rawtune.training.chatglm_tokens import ChatGLMTokenizer
from rawtune.training.embedded import NAME, PUBLISHED

FILE_NAME = "README.md"


def write(adapter: Path, language: str, run: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Write the card of ``adapter`` as Markdown in ``language`` (``en`` or ``zh``), over one that peft may have left.

    Its front matter is what the Hugging Face hub reads (https://huggingface.co/docs/hub/model-cards). ``run`` is the
    record ``training.json``; ``data`` holds ``dataset`` (a file's name), ``sha256``, ``rows``, and ``curve``, the
    verdict on the losses. The licence is left to whoever passes the adapter on.
    """
    (adapter / FILE_NAME).write_text(render(adapter, language, run, data), encoding="utf-8")


def render(adapter: Path, language: str, run: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """The text that ``write`` writes."""
    from jinja2 import Environment, StrictUndefined

    source = files(__package__).joinpath("templates/card.md.jinja").read_text(encoding="utf-8")
    # Markdown for people, not a page: nothing to escape.
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    facts = {
        "name": adapter.name,
        "language": language,
        "hub_base": _on_hub(run["model"]),
        # Other libraries know neither of these models as rawtune reads them.
        "only_here": run["model"] == NAME or ChatGLMTokenizer.wrote(adapter),
        "run": run,
        **data,
    }
    return environment.from_string(source).render(facts).rstrip() + "\n"


def _on_hub(base: str) -> str:
    """The hub's name of ``base``; empty for a folder of the user's, whose path is nobody else's business."""
    if base == NAME:
        return PUBLISHED
    return base if re.fullmatch(r"\w[\w.-]*/[\w.-]+", base) and not Path(base).is_dir() else ""
