"""Where every row of a dataset comes from, as a file beside it: one JSON object a row, keyed by the row's id."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import IO, NamedTuple

from pydantic_core import to_json

from rawtune.dataset.entry import Group, Source
from rawtune.dataset.formats import Columns, Write
from rawtune.errors import RawTextError

ENDING = ".provenance.jsonl"
_RENAMED = {"document": "source", "document_sha256": "source_sha256", "prompt_hash": "prompt"}
_NAMES = tuple(_RENAMED.get(name, name) for name in Source._fields)


class Line(NamedTuple):
    """Of a row of a dataset: its id and number, what its question was made of, its parent, and the parent's place."""

    id: str
    row: int
    concept: str
    template: str | None
    parent: str
    source: str
    source_sha256: str
    start: int
    end: int


@contextmanager
def open(file: IO[bytes], _: Columns) -> Iterator[Write]:
    """Like a format's ``open``; takes rows that are trained on and such that are held out, in any order.

    ``row`` is the row's number, from 1, among those that are trained on or, with a ``suite``, among the held-out ones:
    in formats that carry no id, such as CSV, it finds the row. Rows of a group share most of their line.
    """
    numbers = {True: 0, False: 0}

    def write(group: Group) -> None:
        trained = group.source.suite is None
        rows = zip(map(encode_basestring, group.ids), group.templates, strict=True)
        starts = [
            f'{{"id":{id},"row":{number},"template":{"null" if template is None else encode_basestring(template)}'
            for number, (id, template) in enumerate(rows, numbers[trained] + 1)
        ]
        numbers[trained] += len(starts)
        end = _end(group.source)
        file.write((end.join(starts) + end).encode())

    yield write


@lru_cache(maxsize=1)
def _end(source: Source) -> str:
    """The rest of a line, which all rows of a source have in common."""
    return f",{to_json(dict(zip(_NAMES, source, strict=True))).decode()[1:]}\n"


def beside(path: Path) -> Path | None:
    """The provenance of the dataset that a file or folder is part of, by its name; None if there is none."""
    path = path.resolve()
    stem, dot, _ = path.name.rpartition(".")
    while dot:
        if (found := path.with_name(stem + ENDING)).is_file():
            return found
        stem, dot, _ = stem.rpartition(".")
    return None


def read(path: Path) -> Iterator[Line]:
    """The lines of a provenance; raises ``RawTextError`` naming one that is none."""
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                fields = json.loads(text)
                yield Line(*(fields[name] for name in Line._fields))
            except (ValueError, KeyError, TypeError) as error:
                raise RawTextError(
                    f"{path}:{number}: no line of provenance: {error!r}",
                    "restore the file as it was exported, or move it away: rows are then found by their texts",
                ) from None
