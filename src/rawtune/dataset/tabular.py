"""CSV and TSV, row by row, each with the lines it was read from.

A quote that is never closed would swallow the rows after it; here only its own line is faulty, and reading goes on with
the next line.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from rawtune.dataset import shapes
from rawtune.dataset.files import replacing
from rawtune.dataset.layout import Layout
from rawtune.dataset.rows import Record
from rawtune.dataset.text import Encoding, detect
from rawtune.dataset.text_rows import TextRows, TextWriter
from rawtune.errors import RawTextError

_LONGEST_CELL = 1 << 24  # characters; the csv module's own limit, 131,072, is below what books need
_SAMPLE = 50
_HEAD = 1 << 16  # characters


class TabularRows(TextRows):
    """The rows of a CSV or TSV with one header line."""

    def __init__(self, path: Path, layout: Layout, encoding: Encoding, header: "_Header") -> None:
        super().__init__(path, layout, encoding)
        self.format = "tsv" if header.delimiter == "\t" else "csv"
        self._header = header

    def _read(self, file: TextIO) -> Iterator[Record]:
        header = self._header
        rows = _rows(file, header.delimiter)
        next(cells for _, _, cells, _ in rows if any(cells))  # the header
        places = [(key, header.names.index(key)) for key in self.layout.keys]
        width = len(header.names)
        before, number = "", 0
        for line, raw, cells, fault in rows:
            if not fault and (not cells or (len(cells) == 1 < width and not raw.strip())):
                before += raw  # blank lines go with the row after them
                continue
            number += 1
            if fault and self.format == "tsv" and raw.count("\t") == width - 1:
                cells, fault = raw.rstrip("\r\n").split("\t"), ""  # many a TSV is written without quoting
            original = (before + raw, cells)
            before = ""
            fault = fault or self.encoding.fault(raw) or _misfit(cells, header.names)
            if fault:
                yield Record(number, line, fault=fault, original=original)
            else:
                yield self._record(number, line, {key: cells[at] for key, at in places}, original)

    def _row(self, original: Any) -> Mapping[str, Any]:
        return dict(zip(self._header.names, original[1], strict=True))

    def _updated(self, original: Any, updates: Mapping[str, Any]) -> Any:
        raw, old = original
        cells = [updates.get(name, cell) for name, cell in zip(self._header.names, old, strict=True)]
        blank = raw[: len(raw) - len(raw.lstrip("\r\n"))]
        return blank + self._header.format(cells), cells

    @contextmanager
    def writer(self, path: Path) -> Iterator[TextWriter]:
        """Write the header, then rows as they were; a row with new texts gets the header's delimiter and quotes."""
        with replacing(path, like=self.path) as file:
            writer = TextWriter(file, self.encoding, self._header.line_end)
            file.write(self.encoding.mark)
            writer.text(self._header.raw)
            yield writer


class _Header:
    """The header line, and the dialect it shows."""

    def __init__(self, raw: str, names: list[str], delimiter: str) -> None:
        self.raw = raw
        self.names = names
        self.delimiter = delimiter
        self.line_end = "\r\n" if raw.endswith("\r\n") else "\n"
        self._quotes_all = raw.lstrip().startswith('"')

    def format(self, cells: Sequence[str]) -> str:
        out = io.StringIO(newline="")
        form = csv.writer(
            out,
            delimiter=self.delimiter,
            lineterminator=self.line_end,
            quoting=csv.QUOTE_ALL if self._quotes_all else csv.QUOTE_MINIMAL,
        )
        form.writerow(cells)
        return out.getvalue()


def open_table(path: Path, columns: tuple[str, str] | None, delimiters: str) -> TabularRows:
    """The rows of a table whose delimiter is one of ``delimiters``.

    Raises ``RawTextError`` if its header names no question and answer, or if it is no text at all.
    """
    encoding = detect(path)
    found: list[tuple[tuple[int, int], _Header, Layout | None]] = []
    for delimiter in delimiters:
        with encoding.open(path) as file:
            table = [(raw, cells, fault) for _, raw, cells, fault in islice(_rows(file, delimiter), _SAMPLE)]
        start = next((at for at, (raw, cells, fault) in enumerate(table) if fault or any(cells)), None)
        if start is None:
            raise RawTextError(f"{path}: holds only blank lines", "name a file with rows")
        header = _Header("".join(raw for raw, _, _ in table[: start + 1]), table[start][1], delimiter)
        rows = [dict(zip(header.names, cells, strict=False)) for _, cells, _ in table[start + 1 :] if any(cells)]
        layout = shapes.detect(rows, header.names, columns)
        rank = 0 if layout is None else 1 if layout.note else 2
        found.append(((rank, len(header.names)), header, layout))
    (rank, _), header, layout = max(found, key=lambda one: one[0])
    names = ", ".join(filter(None, header.names)) or header.raw.strip()
    if layout is None:
        with encoding.open(path) as file:
            head = file.read(_HEAD)
        if "\0" in head or head.startswith("%PDF-"):
            raise RawTextError(f"{path}: is no text, so no file of rows", "name a file of rows, such as CSV or JSONL")
        raise RawTextError(
            f"{path}:1: no columns with a question and an answer; found: {names[:200]}",
            "name two of them with --columns QUESTION,ANSWER; a file without a header line needs one",
        )
    if twice := [key for key in layout.keys if header.names.count(key) > 1]:
        raise RawTextError(f"{path}:1: has the column '{twice[0]}' twice", "give one of them another name")
    return TabularRows(path, layout, encoding, header)


def _rows(file: TextIO, delimiter: str) -> Iterator[tuple[int, str, list[str], str]]:
    """Each row as its first line's number, its text, its cells (none if blank), and what is wrong with its quotes."""
    if csv.field_size_limit() < _LONGEST_CELL:
        csv.field_size_limit(_LONGEST_CELL)
    again: deque[str] = deque()
    taken: list[str] = []

    def lines() -> Iterator[str]:
        while line := again.popleft() if again else file.readline():
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    number = 1
    while True:
        fault = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            fault = f"cannot be split into cells: {error}"
            again.extendleft(reversed(taken[1:]))
            del taken[1:]
            cells = []
            reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        yield number, taken[0] if len(taken) == 1 else "".join(taken), cells, fault
        number += len(taken)
        taken.clear()


def _misfit(cells: Sequence[str], names: Sequence[str]) -> str:
    if len(cells) != len(names):
        return f"has {len(cells)} cell{'' if len(cells) == 1 else 's'}, the header has {len(names)}"
    return "is the header again" if cells == names else ""
