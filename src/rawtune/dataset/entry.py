"""A row of a dataset, with all that tells where it came from. Named tuples, as there may be millions of them."""

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
