"""JSON Lines: one object a line; a line that cannot be read is a faulty row, and the next is read as ever."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from rawtune.dataset import shapes
from rawtune.dataset.files import replacing
from rawtune.dataset.json_text import DECODER, doubled, lone_surrogate, rewritten
from rawtune.dataset.rows import Record
from rawtune.dataset.text import detect
from rawtune.dataset.text_rows import TextRows, TextWriter
from rawtune.errors import RawTextError

_SAMPLE = 50


class JsonLinesRows(TextRows):
    """The rows of a JSON Lines file."""

    format = "jsonl"

    def _read(self, file: TextIO) -> Iterator[Record]:
        before, number = "", 0
        for line, raw in enumerate(file, 1):
            if raw.isspace():
                before += raw  # blank lines go with the row after them
                continue
            number += 1
            value, fault = _parsed(raw)
            fault = self.encoding.fault(raw) or fault
            if not fault and isinstance(value, dict):
                fault = doubled(value, self.layout.keys)
            record = (
                Record(number, line, fault=fault, original=(before + raw, value))
                if fault
                else self._record(number, line, value, (before + raw, value))
            )
            before = ""
            yield lone_surrogate(record) if "\\" in raw else record

    def _row(self, original: Any) -> Mapping[str, Any]:
        row: Mapping[str, Any] = original[1]
        return row

    def _updated(self, original: Any, updates: Mapping[str, Any]) -> Any:
        raw, row = original
        row = {**row, **updates}
        return rewritten(raw, row), row

    @contextmanager
    def writer(self, path: Path) -> Iterator[TextWriter]:
        """Write rows as they were, each on its line."""
        with replacing(path, like=self.path) as file:
            file.write(self.encoding.mark)
            yield TextWriter(file, self.encoding, "\n")


def open_json_lines(path: Path, columns: tuple[str, str] | None) -> JsonLinesRows:
    """The rows of a JSON Lines file; raises ``RawTextError`` if no row has a question and an answer."""
    encoding = detect(path)
    with encoding.open(path) as file:
        values = (_parsed(raw) for raw in file if not raw.isspace())
        sample = list(islice((value for value, fault in values if not fault and isinstance(value, dict)), _SAMPLE))
    names = list(dict.fromkeys(name for row in sample for name in row))
    layout = shapes.detect(sample, names, columns)
    if layout is None:
        found = f"found: {', '.join(names)[:200]}" if names else "no line holds a JSON object"
        raise RawTextError(
            f"{path}: no keys with a question and an answer; {found}", "name two keys with --columns QUESTION,ANSWER"
        )
    return JsonLinesRows(path, layout, encoding)


def _parsed(raw: str) -> tuple[Any, str]:
    try:
        return DECODER.decode(raw), ""
    except json.JSONDecodeError as error:
        return None, f"is not JSON: {error.msg} (character {error.pos + 1})"
    except (ValueError, RecursionError) as error:  # a number of too many digits, too many brackets
        return None, f"is not JSON that can be read: {error}"
