"""What a planted fault is: a kind, the codes that may find it, and a function that plants it into a row."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_SENTENCE = re.compile(r"(?:[^。！？.!?\n]|[.!?](?!\s|$))*(?:[。！？]+|[.!?]+|\n|$)[\"'”’」』）)]*[ \n]*")
_TITLE_TAIL = re.compile(r"\s*[(（][^()（）]*[)）]$")


@dataclass(frozen=True, slots=True)
class Sample:
    """A row to plant a fault into. ``concept`` and ``passage`` may be unknown: empty, and None."""

    question: str
    answer: str
    concept: str = ""
    passage: str | None = None
    split: str = "train"

    @property
    def language(self) -> str:
        """``zh`` if a third of the answer's letters (of the question's, if it has none) are Chinese, else ``en``."""
        return _language(self.answer) or _language(self.question) or "en"

    @property
    def name(self) -> str:
        """The concept as running text names it: without what stands in brackets behind it."""
        return _TITLE_TAIL.sub("", self.concept)


@lru_cache(maxsize=20_000)
def _language(text: str) -> str:
    letters, han = len(_LETTER.findall(text)), len(_HAN.findall(text))
    return ("zh" if 3 * han > letters else "en") if letters else ""


class Field:
    """Where faults are planted: all ``rows`` as they were, those ``before`` this one that stay clean, and chance.

    ``names`` are the concepts by language; ``memory`` is what a planter must keep to, once it has chosen it.
    """

    _RECENT = 1_000

    def __init__(self, rows: Sequence[Sample], chance: Random) -> None:
        self.rows = rows
        self.chance = chance
        self.before: list[Sample] = []
        self.names: dict[str, list[str]] = {
            language: sorted({row.name for row in rows if row.concept and row.language == language})
            for language in ("zh", "en")
        }
        self.memory: dict[str, tuple[str, str]] = {}

    def leave(self, row: Sample) -> None:
        """The present row stays clean; of these, only the last thousand or two are kept, so that time stays linear."""
        self.before.append(row)
        if len(self.before) > 2 * self._RECENT:
            del self.before[: self._RECENT]


Plant = Callable[[Sample, Field], Sample | None]
"""The row with its fault; None if this fault cannot be planted there."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault.

    ``codes``: a finding of any of them on the row has found the fault. ``implies``: codes, or their beginnings, that
    are no false alarm on the row either, as a refusal is not grounded in its passage.
    """

    kind: str
    plant: Plant
    codes: tuple[str, ...]
    implies: tuple[str, ...]


def fault(kind: str, *codes: str, implies: tuple[str, ...] = ()) -> Callable[[Plant], Fault]:
    """Make a fault of the function that plants it."""
    return lambda plant: Fault(kind, plant, codes, implies)


def sentences(text: str) -> list[str]:
    """The sentences of ``text``, each with the white space behind it; joined, they are the text again."""
    return [sentence for sentence in _SENTENCE.findall(text) if sentence]


def join(language: str, *texts: str) -> str:
    """Texts one behind the other, with a space between them in English."""
    return ("" if language == "zh" else " ").join(text.strip() for text in texts)
