"""Numbers where they stand: the words beside each, and the rest of its clause, which say what it is a number of."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rawtune.verification import numbers
from rawtune.verification.numbers import Number
from rawtune.verification.units import CJK, units
from rawtune.verification.weights import Weights

_CLAUSE_END = re.compile(r"[，,。；;：:、！!？?\n（）()]|\.(?= |\Z)")
_BEFORE = re.compile(rf"([{CJK}]|[a-z]{{4,}})[ -]?$", re.IGNORECASE)
_AFTER = re.compile(rf"[ -]?([{CJK}]|[a-z]{{3,}})", re.IGNORECASE)
_AND = re.compile(r" (?:and|or|but|while) |而|和|与|或")
_NOT_NOUNS = frozenset(("the", "and", "for", "with", "from", "that", "this", "about", "than", "over", "into"))
_LONGEST_WORD = 30
_REACH = 200  # characters of a clause on either side of a number


class Place(NamedTuple):
    """A number, the words ``before`` and ``after`` it (empty if they tell nothing), and the clause's ``rest``.

    The rest are at most 200 characters on either side.
    """

    number: Number
    before: str
    after: str
    rest: tuple[str, str]


@lru_cache(64)
def places(text: str) -> list[Place]:
    """The numbers of a text, each in its place."""
    found = numbers.find(text)
    ends = [match.start() for match in _CLAUSE_END.finditer(text)] if found else []
    return [_place(text, number, ends) for number in found]


def _place(text: str, number: Number, ends: list[int]) -> Place:
    first, last = bisect_left(ends, number.start), bisect_left(ends, number.end)
    head = text[max(ends[first - 1] + 1 if first else 0, number.start - _REACH) : number.start]
    tail = text[number.end : min(ends[last] if last < len(ends) else len(text), number.end + _REACH)]
    if _AND.search(head) or _AND.search(tail):
        head, tail = _AND.split(head)[-1], _AND.split(tail, maxsplit=1)[0]
    before, after = _BEFORE.search(head, max(0, len(head) - _LONGEST_WORD)), _AFTER.match(tail)
    return Place(
        number,
        before[1].lower() if before and before[1].lower() not in _NOT_NOUNS else "",
        after[1].lower().rstrip("s") if after and after[1].lower() not in _NOT_NOUNS else "",
        (head, tail),
    )


def instead(said: Place, same: Iterable[Place], given: Iterable[Place], weights: Weights) -> Number | None:
    """A number of the ``given`` that stands where the ``said`` one stands, among the same words.

    ``same`` are those of the given that equal the said one.
    """
    mention, before, after, rest = said
    rivals = []
    for place in given:
        other = place.number
        if other.dimension != mention.dimension or mention.equals(other):
            continue
        if not same and before and place.before == before and other.ordinal == mention.ordinal and not after:
            return other  # hexagram 4
        if not same and mention.ordinal and other.ordinal and after and place.after == after:
            return other  # the third line
        if place.before == before or place.after == after:
            rivals.append(place)
    if not rivals or any(_are_alike(said, place) for place in same):
        return None
    context = _around(rest)
    if len(context) < 2:
        return None
    share, rival = max(((weights.containment(context, _around(place.rest)), place) for place in rivals), key=_share)
    if share < (0.75 if same else 0.6) or (same and sum(3 if unit.isascii() else 1 for unit in context) < 8):
        return None
    mine = 0.0
    for place in same:
        own = weights.containment(context, _around(place.rest))
        near = mention.dimension or (place.before == before and before) or (place.after == after and after)
        mine = max(mine, own if near or not (before or after) else own / 2)
    verbatim = share > 0.95 and len(context) > 3  # then the number's own place must be as much alike
    return rival.number if mine <= share - (0.05 if verbatim else 0.3) else None


def _share(rival: tuple[float, Place]) -> float:
    return rival[0]


def _are_alike(one: Place, other: Place) -> bool:
    beside = one.before == other.before and one.after == other.after
    return beside and (one.rest == other.rest or _around(one.rest) == _around(other.rest))


@lru_cache(1024)
def _around(rest: tuple[str, str]) -> frozenset[str]:
    return frozenset(units(rest[0]) | units(rest[1]))
