"""What CSV and JSON Lines share: an encoding, a place in the file, and records that keep their text."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

from rawtune.dataset.layout import Layout
from rawtune.dataset.rows import FileRows, Record
from rawtune.dataset.text import Encoding


class TextRows(FileRows):
    """Rows of a text file; a record's ``original`` is a tuple that begins with its text."""

    def __init__(self, path: Path, layout: Layout, encoding: Encoding) -> None:
        guessed = encoding.name == "gb18030"
        super().__init__(path, layout, "read as GB18030, as it is not UTF-8" if guessed else "")
        self.encoding = encoding
        self._file: TextIO | None = None
        self._position = 0

    @property
    def position(self) -> int:
        """How many bytes the latest iteration has read, about."""
        if self._file is not None and not self._file.closed:
            self._position = self._file.buffer.tell()
        return self._position

    def __iter__(self) -> Iterator[Record]:
        with self.encoding.open(self.path) as file:
            self._file = file
            yield from self._read(file)
            self._position = file.buffer.tell()

    @abstractmethod
    def _read(self, file: TextIO) -> Iterator[Record]: ...


class TextWriter:
    """Writes the text of records one after the other."""

    def __init__(self, file: IO[bytes], encoding: Encoding, line_end: str) -> None:
        self._file = file
        self._encoding = encoding
        self._line_end = line_end
        self._open = False

    def write(self, record: Record) -> None:
        """Write a record's text; the row before it gets a line end if it had none, as at a file's end."""
        self.text(record.original[0])

    def text(self, text: str) -> None:
        """Write ``text`` on a line of its own."""
        self._file.write(self._encoding.encode(self._line_end + text if self._open else text))
        self._open = not text.endswith(("\n", "\r"))
