"""The rules that know nothing but a row, asked in a second process, a little ahead of the first.

The first process reads on meanwhile and asks the rules that look across rows, which see all rows in their order, as
they do in one process. At most a few thousand rows are on their way between the two.
"""

import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from itertools import islice
from multiprocessing import get_context
from typing import NamedTuple

from rawtune.config import Verification
from rawtune.dataset.rows import Record
from rawtune.records import Finding
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker

_CHUNK = 500
"""Records that are sent at once."""
_CHUNKS = 4
"""Chunks that are on their way at once."""


class Taken(NamedTuple):
    """A record as it is judged: with the safe fixes, if it was ``fixed``; a row a turn, the index of its passage."""

    record: Record
    fixed: bool
    rows: list[Row]
    places: list[int | None]


def judged_ahead(settings: Verification, records: Iterable[Taken]) -> Iterator[tuple[Taken, list[list[Finding]]]]:
    """Each record, in order, with what is found in each of its rows by itself.

    The second process imports the main module anew, as Windows and macOS have it: a script that asks for it needs
    ``if __name__ == "__main__"``. Raises ``BrokenProcessPool`` if it is killed.
    """
    records = iter(records)
    waiting: deque[tuple[list[Taken], Future[list[list[Finding]]]]] = deque()
    text = settings.model_dump_json()
    with ProcessPoolExecutor(1, get_context("spawn"), _outlive_interrupts) as second:
        while True:
            while len(waiting) < _CHUNKS and (chunk := list(islice(records, _CHUNK))):
                rows = [row._replace(passage=None) if row.passage else row for taken in chunk for row in taken.rows]
                waiting.append((chunk, second.submit(_found, text, rows)))
            if not waiting:
                return
            chunk, future = waiting.popleft()
            found = iter(future.result())
            yield from ((taken, list(islice(found, len(taken.rows)))) for taken in chunk)


def _outlive_interrupts() -> None:
    """An interrupt goes to the whole group; the first process ends the second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _found(settings: str, rows: list[Row]) -> list[list[Finding]]:
    checker = _checker(settings)
    return [checker.alone(row) for row in rows]


@cache
def _checker(settings: str) -> Checker:
    return Checker(Verification.model_validate_json(settings))
