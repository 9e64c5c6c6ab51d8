"""JSON: an array of rows, or an object that holds such arrays under ``data``, ``train`` and the like; streamed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, TextIO

from rawtune.dataset import shapes
from rawtune.dataset.files import replacing
from rawtune.dataset.json_scan import ARRAYS, SPLITS, Broken, Element, Window, elements
from rawtune.dataset.json_text import doubled, lone_surrogate, rewritten
from rawtune.dataset.layout import Layout
from rawtune.dataset.rows import Record
from rawtune.dataset.text import Encoding, detect
from rawtune.dataset.text_rows import TextRows
from rawtune.errors import RawTextError

_PIECE = 1 << 18
_SAMPLE = 50


@dataclass(frozen=True, slots=True)
class Rest:
    """All of a file after ``start`` characters, where it cannot be read on."""

    start: int


class JsonRows(TextRows):
    """The rows of a JSON file.

    ``frames`` are the texts that lead to each array's first row, ``tail`` what follows the last row; both are known as
    far as the latest iteration went.
    """

    format = "json"

    def __init__(self, path: Path, layout: Layout, encoding: Encoding, arrays: frozenset[str]) -> None:
        super().__init__(path, layout, encoding)
        self.frames: dict[int, str] = {}
        self.tail: str | None = None
        self._arrays = arrays

    def _read(self, file: TextIO) -> Iterator[Record]:
        window = Window(file)
        number = 0
        try:
            for key, line, element in elements(window, self.frames, self._arrays):
                number += 1
                fault = self.encoding.fault(element.raw)
                if not fault and isinstance(element.value, dict):
                    fault = doubled(element.value, self.layout.keys)
                if fault:
                    yield Record(number, line, fault=fault, original=element)
                    continue
                record = self._record(number, line, element.value, element)
                if key.lower() in SPLITS and not record.split:
                    record = record._replace(split=key)
                yield lone_surrogate(record) if "\\" in element.raw else record
            self.tail = window.take()
        except Broken as error:
            self.tail = "\n" + "".join(reversed(window.closers)) + "\n"
            fault = f"from here to its end the file is not JSON: {error}"
            yield Record(number + 1, error.line, fault=fault, original=Rest(window.taken))

    def _row(self, original: Any) -> Mapping[str, Any]:
        row: Mapping[str, Any] = original.value
        return row

    def _updated(self, original: Any, updates: Mapping[str, Any]) -> Any:
        row = {**original.value, **updates}
        return Element(original.array, original.between, rewritten(original.raw, row), row)

    @contextmanager
    def writer(self, path: Path) -> Iterator["JsonWriter"]:
        """Write rows into the brackets they stood in, with all else that the file holds around them."""
        with replacing(path, like=self.path) as file:
            writer = JsonWriter(file, self)
            yield writer
            writer.close()

    def read_through(self) -> None:
        """Come to know all ``frames`` and the ``tail``."""
        for _ in self:
            pass


class JsonWriter:
    """Writes the rows of a JSON file, the text around them as it was."""

    def __init__(self, file: IO[bytes], rows: JsonRows) -> None:
        self._file = file
        self._rows = rows
        self._arrays = 0  # that were begun
        self._filled = False  # the latest of them has a row
        self._cut = False
        file.write(rows.encoding.mark)

    def write(self, record: Record) -> None:
        """Write a row's text; of a file that cannot be read on, all the rest."""
        original = record.original
        if isinstance(original, Rest):
            self._begin(len(self._rows.frames))
            self._copy(original.start)
            return
        if original.array >= self._arrays:
            self._begin(original.array + 1)
        self._text((original.between if self._filled else "") + original.raw)
        self._filled = True

    def close(self) -> None:
        """Write what follows the last row."""
        if self._rows.tail is None:
            self._rows.read_through()
        self._begin(len(self._rows.frames))
        if not self._cut:
            self._text(self._rows.tail or "")

    def _begin(self, arrays: int) -> None:
        for array in range(self._arrays, arrays):
            if array not in self._rows.frames:
                self._rows.read_through()
            self._text(self._rows.frames[array])
            self._filled = False
        self._arrays = max(self._arrays, arrays)

    def _text(self, text: str) -> None:
        self._file.write(self._rows.encoding.encode(text))

    def _copy(self, start: int) -> None:
        self._cut = True
        with self._rows.encoding.open(self._rows.path) as file:
            while start and (piece := file.read(min(start, _PIECE))):
                start -= len(piece)
            while piece := file.read(_PIECE):
                self._text(piece)


def open_json(path: Path, columns: tuple[str, str] | None) -> JsonRows:
    """The rows of a JSON file; raises ``RawTextError`` if it holds no rows with a question and an answer."""
    encoding = detect(path)
    arrays = ARRAYS
    try:
        sample = _sample(path, encoding, arrays)
        if not sample:  # perhaps its array has a name of its own
            arrays = frozenset()
            sample = _sample(path, encoding, arrays)
    except Broken as error:
        raise RawTextError(
            f"{path}:{error.line}: is not JSON: {error}", "mend it, or save one object a line as .jsonl"
        ) from error
    names = list(dict.fromkeys(name for row in sample for name in row))
    layout = shapes.detect(sample, names, columns)
    if layout is None:
        found = f"found: {', '.join(names)[:200]}" if names else "it holds no array of objects"
        hint = (
            "name two keys with --columns QUESTION,ANSWER" if names else "put the rows into one array: [{...}, {...}]"
        )
        raise RawTextError(f"{path}: no keys with a question and an answer; {found}", hint)
    return JsonRows(path, layout, encoding, arrays)


def _sample(path: Path, encoding: Encoding, arrays: frozenset[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with encoding.open(path) as file:
        try:
            values = (element.value for _, _, element in elements(Window(file), {}, arrays))
            for value in islice((value for value in values if isinstance(value, dict)), _SAMPLE):
                rows.append(value)
        except Broken:
            if not rows:
                raise
    return rows
