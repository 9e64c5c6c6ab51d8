"""What lies above and what below, as texts state it: upper and lower trigrams, one stacked upon the other, A over B."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rawtune.verification.pairs import ENDS, Pair, clause_start, words
from rawtune.verification.units import CJK

_SLOT = re.compile(
    rf"(?P<slot>[上下外内]卦)(?:也|还|又)?(?:是|为|乃|系|属|即|：|:)?(?P<filler>[^{ENDS}上下内外]{{1,8}})"
    rf"(?P<alias>(?:，(?:象征|代表|表示|即)[^{ENDS}]{{1,6}})?)"
)
_TURNED_SLOT = re.compile(r"[为是作居](?P<slot>[上下外内]卦)")
_STACK = re.compile(
    rf"(?P<side>[上下])(?P<one>[^{ENDS}\s卦上下面]{{1,2}})(?!(?P=side))[上下](?P<other>[^{ENDS}\s卦上下面之的]{{1,2}})(?=[{ENDS}\s之的]|$)"
)
_PILE = re.compile(rf"(?P<side>[上下])(?P<other>[^{ENDS}\s卦上下])(?!(?P=side))[上下](?=[{ENDS}\s]|$)")
_PLACE = re.compile(rf"在(?P<other>[^{ENDS}在]{{0,6}}?)(?:之|的)?(?P<side>[上下])(?:面|方|边)?(?![{CJK}]卦|卦)")
_UPPER = re.compile(
    r"\b(?P<slot>upper|lower)\b(?: (?:trigram|half|one|part)| [a-z]+(?= (?:is|was|of)\b))?(?: of (?:the )?\w+)?"
    r"(?P<copula> is| was| being| represents| means| stands for|:)?"
)
_TURNED_UPPER = re.compile(r"(?: is| was| as| forms| makes| being)(?: the| its)? $")
_ABOVE = re.compile(r"\b(?:above|below|beneath)\b")


class _Side(NamedTuple):
    """One side of what lies upon something else."""

    upper: bool
    words: frozenset[str]
    start: int
    end: int


def _coupled(sides: Sequence[_Side], *, lone: bool) -> Iterator[Pair]:
    """Pairs of each upper with the lower one beside it; what stays alone, too, if ``lone``."""
    index = 0
    while index < len(sides):
        one = sides[index]
        other = sides[index + 1] if index + 1 < len(sides) else None
        if other and other.upper != one.upper:
            top, bottom = (one, other) if one.upper else (other, one)
            yield Pair("over", top.words, bottom.words, one.start, other.end)
            index += 2
            continue
        if lone:
            none: frozenset[str] = frozenset()
            yield Pair("over", one.words if one.upper else none, none if one.upper else one.words, one.start, one.end)
        index += 1


def slots(text: str) -> Iterator[Pair]:
    """Chinese: 上卦为艮，下卦为坎; 以艮为上卦."""
    sides = []
    for match in _TURNED_SLOT.finditer(text):
        start = max(clause_start(text, match.start()), match.start() - 4)
        named = words(text[start : match.start()].rpartition("以")[2])
        sides.append(_Side(match["slot"][0] in "上外", named, start, match.end()))
    if not sides:
        for match in _SLOT.finditer(text):
            named = words("".join(match.group("filler", "alias")))
            sides.append(_Side(match["slot"][0] in "上外", named, *match.span()))
    yield from _coupled([side for side in sides if side.words], lone=True)


def stacked(text: str) -> Iterator[Pair]:
    """Chinese: 上艮下坎; 艮上坎下; 山在上，水在下; 山在水之上."""
    if "上" in text and "下" in text:
        for match in _STACK.finditer(text):
            one, other = words(match["one"]), words(match["other"])
            yield Pair("over", *((one, other) if match["side"] == "上" else (other, one)), *match.span())
        for match in _PILE.finditer(text, 1):
            one, other = words(text[match.start() - 1]), words(match["other"])
            sides = (one, other) if match["side"] == "上" else (other, one)
            yield Pair("over", *sides, match.start() - 1, match.end())
    places = []
    for match in _PLACE.finditer(text) if "在" in text else ():
        start = clause_start(text, match.start())
        thing = words(text[max(start, match.start() - 6) : match.start()].rpartition("而")[2][-2:])
        upper = match["side"] == "上"
        if other := words(match["other"]):
            top, bottom = (thing, other) if upper else (other, thing)
            yield Pair("over", top, bottom, start, match.end())
        elif thing:
            places.append(_Side(upper, thing, start, match.end()))
    yield from _coupled(places, lone=False)


def layers(text: str) -> Iterator[Pair]:
    """English: the upper trigram is A and the lower B; A is the upper one and B the lower."""
    sides: list[_Side] = []
    marks = list(_UPPER.finditer(text))
    turned, behind = False, 0
    for index, mark in enumerate(marks):
        clause = max(behind, clause_start(text, mark.start()))
        before = text[clause : mark.start()]
        stop = marks[index + 1].start() if index + 1 < len(marks) else len(text)
        if mark["copula"]:
            turned = False
            sides.append(_Side(mark["slot"] == "upper", words(text[mark.end() : stop]), mark.start(), stop))
        elif how := _TURNED_UPPER.search(before):
            turned = True
            sides.append(_Side(mark["slot"] == "upper", words(before[: how.start()], last=True), clause, mark.end()))
        elif len(sides) == 1:
            named = words(before, last=True) if turned else words(text[mark.end() : stop])
            sides.append(_Side(mark["slot"] == "upper", named, mark.start(), mark.end() if turned else stop))
        behind = mark.end()
    yield from _coupled([side for side in sides if side.words], lone=True)


def heights(text: str) -> Iterator[Pair]:
    """English: A above and B below."""
    if "above" not in text or not ("below" in text or "beneath" in text):
        return
    heights: list[_Side] = []
    behind = 0
    for mark in _ABOVE.finditer(text):
        clause = max(behind, clause_start(text, mark.start()))
        named = words(text[clause : mark.start()], last=True)
        if not named:
            named = words(text[behind : mark.start()], last=True)
        heights.append(_Side(mark.group() == "above", named, clause, mark.end()))
        behind = mark.end()
    yield from _coupled(heights, lone=False)
