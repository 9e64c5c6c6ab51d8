"""What the readers of all formats yield, and how rows are written back.

A record keeps what it was read from, so that writing it unchanged gives the same text, bytes or values again.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from rawtune.dataset.layout import Layout, Turn, Unreadable


class Record(NamedTuple):
    """One row of a file: its questions and answers, or the fault for which it has none. There may be millions.

    ``number`` counts the rows of the whole file or folder from 1, faulty ones too. ``line`` is the line of the file on
    which the row begins, 0 where the format has no lines; ``file`` is set in a folder, relative to it. ``systems`` are
    its system messages, each with its column.
    """

    number: int
    line: int
    turns: tuple[Turn, ...] = ()
    concept: str = ""
    split: str = ""
    fault: str = ""
    file: str = ""
    original: Any = None
    systems: tuple[tuple[str, str], ...] = ()


class Writer(Protocol):
    """Writes records of the rows it was made for, in their order; any of them may be left out."""

    def write(self, record: Record) -> None:
        """Write one record as it was read, but for texts that were replaced."""


class Rows(ABC):
    """The rows of one file or folder, streamed; each iteration begins anew.

    ``note`` says what a reader of the result should know, such as an encoding that was guessed.
    """

    format: str

    def __init__(self, path: Path, layout: Layout, note: str = "") -> None:
        self.path = path
        self.layout = layout
        self.note = "; ".join(filter(None, (note, layout.note)))

    @property
    def shape(self) -> str:
        """``columns``, ``alpaca``, ``sharegpt`` or ``messages``."""
        return self.layout.shape

    @property
    def columns(self) -> tuple[str, str]:
        """Where questions and answers come from."""
        return self.layout.columns

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size

    @property
    @abstractmethod
    def position(self) -> int:
        """How many of ``size`` bytes the latest iteration has read, about."""

    @abstractmethod
    def __iter__(self) -> Iterator[Record]:
        """All rows in their order. Numbers run from 1 without gaps."""

    @abstractmethod
    def writer(self, path: Path) -> AbstractContextManager[Writer]:
        """Write rows in the same format to ``path``, which appears when all is written.

        Raises ``StorageFull``, or ``UsageError`` if it cannot be written.
        """

    @abstractmethod
    def replace_texts(self, record: Record, turn: int, question: str, answer: str) -> Record:
        """``record``, which has turns, with other texts in one of them; all else stays as it was."""


class FileRows(Rows):
    """The rows of one file, each of keys and values."""

    def replace_texts(self, record: Record, turn: int, question: str, answer: str) -> Record:
        """``record``, which has turns, with other texts in one of them; all else stays as it was."""
        row = self._row(record.original)
        updates = self.layout.updates(row, turn, question, answer)
        if not updates:
            return record
        original = self._updated(record.original, updates)
        return record._replace(turns=self.layout.turns({**row, **updates}), original=original)

    @abstractmethod
    def _row(self, original: Any) -> Mapping[str, Any]:
        """The keys and values that ``original`` was read as."""

    @abstractmethod
    def _updated(self, original: Any, updates: Mapping[str, Any]) -> Any:
        """``original`` with other values."""

    def _record(self, number: int, line: int, row: Any, original: Any) -> Record:
        layout = self.layout
        try:
            turns = layout.turns(row)
        except Unreadable as error:
            return Record(number, line, fault=str(error), original=original)
        concept = _label(row, layout.concept) if layout.concept else ""
        split = _label(row, layout.split) if layout.split else ""
        return Record(number, line, turns, concept, split, original=original, systems=layout.systems(row))


def _label(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)
