"""Where every row of a dataset comes from, as a file beside it: one JSON object a row, keyed by the row's id."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import IO

from pydantic_core import to_json

from rawtune.dataset.entry import Entry, Source

_NAMES = {"document": "source", "document_sha256": "source_sha256", "prompt_hash": "prompt"}


@contextmanager
def open(file: IO[bytes], _: tuple[str, str]) -> Iterator[Callable[[Sequence[Entry]], None]]:
    """Like a format's ``open``; takes rows that are trained on and such that are held out, in any order.

    ``row`` is the row's number, from 1, among those that are trained on or, with a ``suite``, among the held-out ones:
    in formats that carry no id, such as CSV, it finds the row. Rows of one parent share most of their line.
    """
    numbers = {True: 0, False: 0}
    shared, trained, end = None, True, b""

    def write(rows: Sequence[Entry]) -> None:
        nonlocal shared, trained, end
        lines = []
        for id, _, _, template, source in rows:
            if source is not shared:
                shared, trained, end = source, source.suite is None, _end(source)
            numbers[trained] += 1
            lines.append(b'{"id":%b,"row":%d,"template":%b,%b' % (to_json(id), numbers[trained], _json(template), end))
        file.write(b"".join(lines))

    yield write


def _end(source: Source) -> bytes:
    """The rest of a line, which all rows of a source have in common."""
    fields = source._asdict()
    renamed = {_NAMES.get(name, name): value for name, value in fields.items()}
    return to_json(renamed)[1:] + b"\n"


@lru_cache(maxsize=4096)
def _json(template: str | None) -> bytes:
    return to_json(template)
