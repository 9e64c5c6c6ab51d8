"""Clauses alike but for their direction: 压力不得高于0.8兆帕 and 压力不得低于0.8兆帕."""

import re
from collections.abc import Iterator
from functools import lru_cache

from rawtune.verification.pairs import ENDS

_CLAUSE = re.compile(rf"(?:[^{ENDS}.]++|\.(?=\S))+")
_OPPOSITES = (
    *(tuple(pair) for pair in ("上下", "前后", "内外", "左右", "高低", "大小", "多少", "长短", "早晚", "升降", "增减")),
    *(("upper", "lower"), ("above", "below"), ("before", "after"), ("top", "bottom"), ("inside", "outside")),
    *(("earlier", "later"), ("more", "less"), ("higher", "lower"), ("least", "most"), ("left", "right")),
    *(("increases", "decreases"), ("maximum", "minimum"), ("increase", "decrease")),
)
_MASKS = {word: f"\0{min(one)}" for one in _OPPOSITES for word in one} | {"lower": "\0upper", "higher": "\0upper"}
_DIRECTION = re.compile(
    rf"[{''.join(''.join(one) for one in _OPPOSITES if not one[0].isascii())}]"
    rf"|\b(?:{'|'.join(word for one in _OPPOSITES for word in one if word.isascii())})\b"
)
_UPRIGHT = frozenset(("上", "下", "upper", "lower", "above", "below"))
_SHORTEST = 4  # characters of a clause besides its directions


def turned(text: str, passage: str, *, upright: bool = True) -> Iterator[tuple[int, int, int, int]]:
    """Where a clause of ``text`` is one of the passage with a direction reversed: its span, and that of the other.

    The clauses are alike word for word but for upper and lower, before and after, 高 and 低, and so on; without
    ``upright``, a clause that only says what lies above, or what below, is left alone.
    """
    said = _directed(text)
    given: dict[str, dict[tuple[str, ...], tuple[int, int]]] = {}
    for key, directions, start, end in _directed(passage) if said else ():
        given.setdefault(key, {}).setdefault(directions, (start, end))
    for key, directions, start, end in said:
        others = given.get(key)
        if not others or directions in others:
            continue
        if upright or len(directions) > 1 or directions[0] not in _UPRIGHT:
            yield start, end, *next(iter(others.values()))


@lru_cache(64)
def _directed(text: str) -> list[tuple[str, tuple[str, ...], int, int]]:
    """Each clause that holds words of direction: its text with these masked, the words, and its span."""
    lower = text.lower()
    if len(lower) != len(text) or not _DIRECTION.search(lower):
        return []
    masked = _CLAUSE.findall(_DIRECTION.sub(lambda match: _MASKS[match.group()], lower))
    found = []
    for clause, key in zip(_CLAUSE.finditer(lower), masked, strict=True):
        if "\0" not in key:
            continue
        directions = tuple(_DIRECTION.findall(clause.group()))
        if len(key.strip(" .")) - sum(len(_MASKS[word]) for word in directions) >= _SHORTEST:
            found.append((key.strip(" ."), directions, *clause.span()))
    return found
