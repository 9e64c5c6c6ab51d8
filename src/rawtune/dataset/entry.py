"""Rows of a dataset, with all that tells where they came from.

There may be millions: they are named tuples, and what they share stands once.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from rawtune.records import History


class Source(NamedTuple):
    """What all rows of one parent share: what was made of which passage, by whom, for which use.

    ``start:end`` are the characters of ``document``, a file of the project, that hold the passage.
    """

    concept: str
    split: str
    suite: str | None
    origin: str
    teacher: str
    prompt_hash: str
    parent: str
    document: str
    document_sha256: str
    start: int
    end: int


class Entry(NamedTuple):
    """A question with its answer: to be trained on or, if its source names a suite, only ever asked."""

    id: str
    question: str
    answer: str
    template: str | None
    source: Source
    history: History = ()


class Group(NamedTuple):
    """Neighbouring rows of one source, after the same earlier turns; each of the first four holds one item a row."""

    ids: Sequence[str]
    questions: Sequence[str]
    answers: Sequence[str]
    templates: Sequence[str | None]
    source: Source
    history: History = ()

    def rows(self) -> Iterator[Entry]:
        """The rows one by one."""
        *columns, source, history = self
        return map(Entry, *columns, repeat(source), repeat(history))
