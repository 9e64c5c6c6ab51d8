"""Who is compared: base, adapters on it, base with the passage before its eyes, and models behind endpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path


class Kind(StrEnum):
    """What an arm is."""

    BASE = "base"  # the student as it came
    ADAPTER = "adapter"  # the student with an adapter
    RETRIEVAL = "retrieval"  # the student as it came, the passage put before the question
    ENDPOINT = "endpoint"  # another model, behind an endpoint


@dataclass(frozen=True, slots=True)
class Arm:
    """One that is asked. ``source`` is an adapter's folder, or an endpoint as the user names it."""

    name: str
    kind: Kind
    source: str = ""


BASE = Arm("base", Kind.BASE)
RETRIEVAL = Arm("base+passage", Kind.RETRIEVAL)


def line_up(adapters: Sequence[Path], retrieval: bool = False, endpoints: Sequence[str] = ()) -> list[Arm]:
    """Base, then the adapters, each once, then base with the passage, then the endpoints; no two have one name.

    An adapter goes by its folder's name, or by as much more of its path as tells it from the others.
    """
    folders = list(dict.fromkeys(adapters))
    return [
        BASE,
        *(Arm(_name(folder, folders), Kind.ADAPTER, folder.as_posix()) for folder in folders),
        *([RETRIEVAL] if retrieval else []),
        *(Arm(name, Kind.ENDPOINT, name) for name in dict.fromkeys(endpoints)),
    ]


def with_passage(question: str, passage: str, language: str) -> str:
    """The question as a system with perfect retrieval would put it: behind the very passage that holds the answer."""
    return _prompts()[language].format(passage=passage, question=question)


def _name(folder: Path, folders: Sequence[Path]) -> str:
    name = ""
    for depth in range(1, len(folder.parts) + 1):
        end = folder.parts[-depth:]
        name = "/".join(end)
        if name not in (BASE.name, RETRIEVAL.name) and [other.parts[-depth:] for other in folders].count(end) == 1:
            break
    return name


@cache
def _prompts() -> dict[str, str]:
    from ruamel.yaml import YAML

    text = files(__package__).joinpath("retrieval.yaml").read_text(encoding="utf-8")
    return dict(YAML(typ="safe").load(text))
