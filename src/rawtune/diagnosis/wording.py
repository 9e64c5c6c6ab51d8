"""What is a concept's own in the wording of its answers, and what follows a pattern of several concepts.

What stands in many answers is learnt from all of them: no wonder if an answer is easy that holds little else.
"""

from collections import Counter
from collections.abc import Mapping
from zlib import crc32

from rawtune.diagnosis.visits import members

_WIDTH, _EVERY = 8, 4
"""Texts are compared by runs of characters: so long, one of so many."""
_PATTERN = 3
"""Concepts that have the same run of characters if it is of a pattern; two, and one may have the other's answer."""


def own_wording(concepts: Mapping[int, str], answers: Mapping[int, str]) -> dict[str, float]:
    """By concept what share of its answers' runs of characters is of no pattern; concepts without a text have none."""
    told = members((row for row in concepts if row in answers), concepts)
    marks = {
        name: {mark for text in {answers[row] for row in rows} for mark in runs(text)} for name, rows in told.items()
    }
    times = Counter(mark for own in marks.values() for mark in own)
    return {name: sum(times[mark] < _PATTERN for mark in own) / len(own) for name, own in marks.items()}


def runs(text: str) -> set[int]:
    """Hashes of runs of characters, chosen by what they are, so that the same ones are chosen in any text."""
    close = "".join(text.split())
    every = {crc32(close[at : at + _WIDTH].encode()) for at in range(max(1, len(close) - _WIDTH + 1))}
    return {mark for mark in every if mark % _EVERY == 0} or {min(every)}
