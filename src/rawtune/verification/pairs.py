"""A pair that stands in a directed relation, and how its two sides are read from a clause."""

import re
from typing import NamedTuple

from rawtune.verification.units import CJK


class Pair(NamedTuple):
    """``first`` and ``second`` stand in the relation ``kind``, as sets of words; ``start:end`` is where.

    ``second`` is empty where only the first was said, and ``first`` where only the second was.
    """

    kind: str
    first: frozenset[str]
    second: frozenset[str]
    start: int
    end: int


ENDS = '，,。；;：:、！!？?\n（）()“”"「」'
"""What ends a clause, as the inside of a character class."""
HAN_REACH = 12
"""Characters of Chinese that one side of a pair may hold."""

_REACH = 120  # characters of a clause on either side of a place; a longer one is no clause that a person wrote
_ENDS = frozenset(ENDS)
_PART = re.compile(f"[^{ENDS}]{{1,{_REACH}}}")
_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
_FUNCTION_WORDS = (
    "the a an is are was were be been of to in on at and or it its this that with for by as so while when where which"
    " who has have had does do did not will would should must can may there then one trigram than more much"
)
_FUNCTION_CHARACTERS = (
    "的是为在也又都之其卦而与和及则就便会要应须先再才把被将着了这那有以于位处象征代表表示由因所组成构"
)
_STOP = frozenset(_FUNCTION_WORDS.split()) | frozenset(_FUNCTION_CHARACTERS)
_LATIN_REACH = 4  # words


def words(text: str, *, last: bool = False, most: int = 0) -> frozenset[str]:
    """The words that carry meaning, at most a few: the first ones, or the last."""
    found = [word[:5] for word in _TOKEN.findall(text.lower()) if word not in _STOP]
    reach = most or (_LATIN_REACH if text.isascii() else HAN_REACH)
    return frozenset(found[-reach:] if last else found[:reach])


def clause_start(text: str, at: int) -> int:
    """Where the clause begins that holds, or ends at, this place: at most a fixed number of characters before it."""
    first = max(0, at - _REACH)
    while at > first and text[at - 1] not in _ENDS:
        at -= 1
    return at


def clause_end(text: str, at: int) -> int:
    """Where the clause ends that holds this place: at most a fixed number of characters behind it."""
    match = _PART.match(text, at)
    return match.end() if match else at
