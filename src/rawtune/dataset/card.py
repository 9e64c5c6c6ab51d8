"""The dataset's card: what it holds and where it comes from, in English and in Chinese, for those who get it."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def render(stem: str, about: Mapping[str, Any]) -> str:
    """Markdown with the front matter that the Hugging Face hub reads; the licence is left to be filled in.

    ``about`` are the facts of the manifest; the dataset's own language comes first.
    """
    from jinja2 import Environment, StrictUndefined

    source = files(__package__).joinpath("templates/card.md.jinja").read_text(encoding="utf-8")
    # Markdown for people, not a page: nothing to escape.
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    return environment.from_string(source).render(stem=stem, **about).rstrip() + "\n"
