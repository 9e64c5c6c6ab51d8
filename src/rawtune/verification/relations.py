"""Directed relations that a text states: what is above what, before what, from where to where, whose cause, greater.

Words alone cannot tell "下卦为艮，上卦为坎" from its reverse, as both hold the same. So each statement becomes a pair
whose first side is the upper, the earlier, the origin, the cause or the greater, whichever way it was worded.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from rawtune.verification.weights import CJK


class Pair(NamedTuple):
    """``first`` and ``second`` stand in the relation ``kind``, as sets of words; ``start:end`` is where.

    ``second`` is empty where only the first was said, and ``first`` where only the second was.
    """

    kind: str
    first: frozenset[str]
    second: frozenset[str]
    start: int
    end: int


_END = '，,。；;：:、！!？?\n（）()“”"「」'
_ENDS = frozenset(_END)
_PART = re.compile(f"[^{_END}]+")
_CLAUSE = re.compile(rf"(?:[^{_END}.]|\.(?=\S))+")
_SENTENCE = re.compile(r"(?:[^。！？!?\n.]|\.(?!\s|$))+")
_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
_FUNCTION_WORDS = (
    "the a an is are was were be been of to in on at and or it its this that with for by as so while when where which"
    " who has have had does do did not will would should must can may there then one trigram than more much"
)
_FUNCTION_CHARACTERS = (
    "的是为在也又都之其卦而与和及则就便会要应须先再才把被将着了这那有以于位处象征代表表示由因所组成构"
)
_STOP = frozenset(_FUNCTION_WORDS.split()) | frozenset(_FUNCTION_CHARACTERS)
_HAN_REACH, _LATIN_REACH = 12, 4  # characters, words


def _words(text: str, *, last: bool = False, most: int = 0) -> frozenset[str]:
    """The words that carry meaning, at most a few: the first ones, or the last."""
    words = [word[:5] for word in _TOKEN.findall(text.lower()) if word not in _STOP]
    reach = most or (_LATIN_REACH if text.isascii() else _HAN_REACH)
    return frozenset(words[-reach:] if last else words[:reach])


# Marker between two sides: its relation, and whether the second side comes first in it.
_BETWEEN = {
    marker: (kind, reverse)
    for kind, forward, backward in (
        ("cause", "导致 引起 造成 引发 致使", "源于 起因于 归因于 来源于"),
        ("order", "早于 先于", "晚于 迟于 后于"),
        ("greater", "高于 大于 多于 优于 长于 强于 重于 超过", "低于 小于 少于 短于 弱于 轻于 不如"),
        (
            "cause",
            "leads to|lead to|led to|causes|caused|cause|results in|result in|resulted in|brings about|triggers",
            "because of|because|due to|results from|result from|resulted from|is caused by|are caused by|was caused by"
            "|were caused by|stems from|arises from",
        ),
        ("order", "precedes|comes before|before|and then|then", "follows|comes after|after"),
        ("greater", "exceeds|outranks|surpasses", "is exceeded by|is outranked by"),
        ("upon", "on top of|above|over|atop", "beneath|underneath|below|under"),
    )
    for reverse, markers in ((False, forward), (True, backward))
    for marker in markers.split("|" if markers.isascii() else " ")
}
_LONGEST_FIRST = sorted(_BETWEEN, key=len, reverse=True)
_HAN_BETWEEN = re.compile("|".join(marker for marker in _LONGEST_FIRST if not marker.isascii()))
_LATIN_BETWEEN = re.compile(  # begins with a set of letters, which re finds fastest
    rf"[{''.join({marker[0] for marker in _BETWEEN if marker.isascii()})}](?<!\w.)"
    rf"(?:{'|'.join(marker[1:] for marker in _LONGEST_FIRST if marker.isascii())})\b"
)
_GRADES = {
    word: (kind, reverse)
    for kind, forward, backward in (
        ("size", "大|larger|bigger|greater", "小|smaller|lesser"),
        ("height", "高|higher|taller", "低|矮|lower|shorter"),
        ("number", "多|more", "少|fewer|less"),
        ("length", "长|longer", "短"),
        ("speed", "快|faster|quicker", "慢|slower"),
        ("strength", "强|stronger", "弱|差|weaker"),
        ("price", "贵|dearer|costlier", "便宜|cheaper"),
        ("quality", "好|better", "坏|worse"),
        ("weight", "重|heavier", "轻|lighter"),
        ("age", "老|旧|older", "年轻|新|younger|newer"),
        ("time", "晚|later", "早|earlier"),
    )
    for reverse, words in ((False, forward), (True, backward))
    for word in words.split("|")
}
_HAN_GRADE = re.compile(
    rf"比([^{_END}]{{1,{_HAN_REACH}}}?)(?:更|还|要)*({'|'.join(word for word in _GRADES if not word.isascii())})"
)
_LATIN_GRADE = re.compile(
    rf"\b(?:is|are|was|were|costs?|lasts?|weighs?) (?:much |far )?({'|'.join(w for w in _GRADES if w.isascii())})"
    r"(?: [a-z]+)? than\b"
)

_SLOT = re.compile(
    rf"(?P<slot>[上下外内]卦)(?:也|还|又)?(?:是|为|乃|系|属|即|：|:)?(?P<filler>[^{_END}上下内外]{{1,8}})"
    rf"(?P<alias>(?:，(?:象征|代表|表示|即)[^{_END}]{{1,6}})?)"
)
_TURNED_SLOT = re.compile(r"[为是作居](?P<slot>[上下外内]卦)")
_STACK = re.compile(
    rf"(?P<side>[上下])(?P<one>[^{_END}\s卦上下面]{{1,2}})(?!(?P=side))[上下](?P<other>[^{_END}\s卦上下面之的]{{1,2}})(?=[{_END}\s之的]|$)"
)
_PILE = re.compile(rf"(?P<side>[上下])(?P<other>[^{_END}\s卦上下])(?!(?P=side))[上下](?=[{_END}\s]|$)")
_PLACE = re.compile(rf"在(?P<other>[^{_END}在]{{0,6}}?)(?:之|的)?(?P<side>[上下])(?:面|方|边)?(?![{CJK}]卦|卦)")
_UPPER = re.compile(
    r"\b(?P<slot>upper|lower)\b(?: (?:trigram|half|one|part)| [a-z]+(?= (?:is|was|of)\b))?(?: of (?:the )?\w+)?"
    r"(?P<copula> is| was| being| represents| means| stands for|:)?"
)
_TURNED_UPPER = re.compile(r"(?: is| was| as| forms| makes| being)(?: the| its)? $")
_ABOVE = re.compile(r"\b(?:above|below|beneath)\b")

_FROM = re.compile(
    rf"[从由自](?P<first>[^{_END}从由自]{{1,{_HAN_REACH}}}?)(?:变为|变成|转为|升至|降至|调至|升到|降到|改为|到|至)"
    rf"(?P<second>[^{_END}]{{1,{_HAN_REACH}}})"
    rf"|\bfrom (?P<from>[^{_END}]{{1,40}}?) (?:in)?to (?P<to>[^{_END}]{{1,40}})"
)
_FROM_HINT = re.compile("[从由自]")
_FIRST_THEN = re.compile(
    rf"先(?P<first>[^{_END}]{{1,10}}?)[，,]?(?:再|然后|后|接着|随后|才)(?P<second>[^{_END}]{{1,12}})"
)
_AROUND = re.compile(rf"(?P<side>之前|以前|之后|以后)[，,]?(?P<behind>[^{_END}]{{0,{_HAN_REACH}}})")
_BECAUSE = re.compile(
    rf"(?:因为|由于)(?P<first>[^{_END}]{{1,20}})[，,](?:所以|因此|因而|故|才|就|便)?(?P<second>[^{_END}]{{1,12}})"
    rf"|之所以(?P<effect>[^{_END}]{{1,20}})[，,]?是?因为(?P<cause>[^{_END}]{{1,12}})"
)
_BY = re.compile(rf"由(?P<first>[^{_END}由]{{1,10}})(?:引起|导致|造成|引发|所致)")
_OPENING = re.compile(r"(?P<word>before|after|because)\b(?! of) (?P<first>[^,.;\n]{2,60}), (?P<second>[^,.;\n]{2,60})")


def find(text: str) -> list[Pair]:
    """The directed pairs that a text states."""
    pairs: list[Pair] = []
    lower = text.lower()
    if len(lower) != len(text):  # a few capitals have small forms of two letters
        lower = text
    for sentence in _SENTENCE.finditer(lower):
        said, start = sentence.group(), sentence.start()
        found: list[Pair] = []
        if not said.isascii():
            found += _slots(said) if "卦" in said else ()
            found += filter(_two_sided, chain(_stacked(said), _ordered(said)))
        if _LATIN_HINT.search(said):
            found += _layers(said) if "er " in said else ()
            found += filter(_two_sided, chain(_heights(said), _compared(said)))
        pairs += [pair._replace(start=pair.start + start, end=pair.end + start) for pair in found]
    return pairs


def _two_sided(pair: Pair) -> bool:
    return bool(pair.first - pair.second and pair.second - pair.first)


_LATIN_HINT = re.compile("[a-z]{4}")


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


def _slots(text: str) -> Iterator[Pair]:
    """Chinese: 上卦为艮，下卦为坎; 以艮为上卦."""
    sides = []
    for match in _TURNED_SLOT.finditer(text):
        start = max(_clause_start(text, match.start()), match.start() - 4)
        words = _words(text[start : match.start()].rpartition("以")[2])
        sides.append(_Side(match["slot"][0] in "上外", words, start, match.end()))
    if not sides:
        for match in _SLOT.finditer(text):
            words = _words("".join(match.group("filler", "alias")))
            sides.append(_Side(match["slot"][0] in "上外", words, *match.span()))
    yield from _coupled([side for side in sides if side.words], lone=True)


def _stacked(text: str) -> Iterator[Pair]:
    """Chinese: 上艮下坎; 艮上坎下; 山在上，水在下; 山在水之上."""
    if "上" in text and "下" in text:
        for match in _STACK.finditer(text):
            one, other = _words(match["one"]), _words(match["other"])
            yield Pair("over", *((one, other) if match["side"] == "上" else (other, one)), *match.span())
        for match in _PILE.finditer(text, 1):
            one, other = _words(text[match.start() - 1]), _words(match["other"])
            sides = (one, other) if match["side"] == "上" else (other, one)
            yield Pair("over", *sides, match.start() - 1, match.end())
    places = []
    for match in _PLACE.finditer(text) if "在" in text else ():
        start = _clause_start(text, match.start())
        thing = _words(text[max(start, match.start() - 6) : match.start()].rpartition("而")[2][-2:])
        upper = match["side"] == "上"
        if other := _words(match["other"]):
            top, bottom = (thing, other) if upper else (other, thing)
            yield Pair("over", top, bottom, start, match.end())
        elif thing:
            places.append(_Side(upper, thing, start, match.end()))
    yield from _coupled(places, lone=False)


def _ordered(text: str) -> Iterator[Pair]:
    """Chinese: 从A到B, 先A后B, A之前B, 因为A所以B, A导致B, A高于B, A比B大."""
    if _FROM_HINT.search(text):
        for match in _FROM.finditer(text):
            if match["first"]:
                yield Pair("from", _words(match["first"]), _words(match["second"]), *match.span())
        for match in _BY.finditer(text):
            start = _clause_start(text, match.start())
            yield Pair("cause", _words(match["first"]), _words(text[start : match.start()]), start, match.end())
    if "先" in text:
        for match in _FIRST_THEN.finditer(text):
            yield Pair("order", _words(match["first"]), _words(match["second"]), *match.span())
    if "前" in text or "后" in text:
        for match in _AROUND.finditer(text):
            start = _clause_start(text, match.start())
            before, mark, named = text[start : match.start()].rpartition("在")
            other = _words(before if mark and _words(before) else match["behind"])
            pair = (other, _words(named)) if match["side"][1] == "前" else (_words(named), other)
            yield Pair("order", *pair, start, match.end())
    if "因" in text or "由于" in text:
        for match in _BECAUSE.finditer(text):
            first, second = match["first"] or match["cause"], match["second"] or match["effect"]
            yield Pair("cause", _words(first), _words(second), *match.span())
    yield from _between(text, _HAN_BETWEEN)
    if "比" in text:
        for match in _HAN_GRADE.finditer(text):
            kind, reverse = _GRADES[match[2]]
            start = _clause_start(text, match.start())
            first, second = _words(text[start : match.start()], last=True), _words(match[1])
            yield Pair(kind, *((second, first) if reverse else (first, second)), start, match.end())


def _layers(text: str) -> Iterator[Pair]:
    """English: the upper trigram is A and the lower B; A is the upper one and B the lower."""
    sides: list[_Side] = []
    marks = list(_UPPER.finditer(text))
    turned, behind = False, 0
    for index, mark in enumerate(marks):
        clause = max(behind, _clause_start(text, mark.start()))
        before = text[clause : mark.start()]
        stop = marks[index + 1].start() if index + 1 < len(marks) else len(text)
        if mark["copula"]:
            turned = False
            sides.append(_Side(mark["slot"] == "upper", _words(text[mark.end() : stop]), mark.start(), stop))
        elif how := _TURNED_UPPER.search(before):
            turned = True
            sides.append(_Side(mark["slot"] == "upper", _words(before[: how.start()], last=True), clause, mark.end()))
        elif len(sides) == 1:
            words = _words(before, last=True) if turned else _words(text[mark.end() : stop])
            sides.append(_Side(mark["slot"] == "upper", words, mark.start(), mark.end() if turned else stop))
        behind = mark.end()
    yield from _coupled([side for side in sides if side.words], lone=True)


def _heights(text: str) -> Iterator[Pair]:
    """English: A above and B below."""
    if "above" not in text or not ("below" in text or "beneath" in text):
        return
    heights: list[_Side] = []
    behind = 0
    for mark in _ABOVE.finditer(text):
        clause = max(behind, _clause_start(text, mark.start()))
        words = _words(text[clause : mark.start()], last=True)
        if not words:
            words = _words(text[behind : mark.start()], last=True)
        heights.append(_Side(mark.group() == "above", words, clause, mark.end()))
        behind = mark.end()
    yield from _coupled(heights, lone=False)


def _compared(text: str) -> Iterator[Pair]:
    """English: from A to B, A before B, after A, B; A causes B, A is older than B, A over B."""
    if "from " in text:
        for match in _FROM.finditer(text):
            if match["from"]:
                yield Pair("from", _words(match["from"], last=True), _words(match["to"]), *match.span())
    opening = _OPENING.match(text.lstrip())
    if opening:
        first, second = _words(opening["first"], last=True), _words(opening["second"])
        kind = "cause" if opening["word"] == "because" else "order"
        sides = (second, first) if opening["word"] == "before" else (first, second)
        yield Pair(kind, *sides, 0, len(text))
    else:
        yield from _between(text, _LATIN_BETWEEN)
    if " than" in text:
        for match in _LATIN_GRADE.finditer(text):
            kind, reverse = _GRADES[match[1]]
            start, end = _clause_start(text, match.start()), _clause_end(text, match.end())
            first, second = _words(text[start : match.start()], last=True), _words(text[match.end() : end])
            yield Pair(kind, *((second, first) if reverse else (first, second)), start, end)


def _between(text: str, markers: re.Pattern[str]) -> Iterator[Pair]:
    """What stands on both sides of each marker, within its clause."""
    for match in markers.finditer(text):
        if match.group() not in _BETWEEN:  # the first letter of one with the rest of another
            continue
        kind, reverse = _BETWEEN[match.group()]
        start, end = _clause_start(text, match.start()), _clause_end(text, match.end())
        most = 2 if kind == "upon" else 0  # words of place stand close to what they place
        first = _words(text[start : match.start()], last=True, most=most)
        if not first and match.group() == "then" and start:  # first wash it, then dry it
            start = _clause_start(text, start - 1)
            first = _words(text[start : match.start()], last=True)
        second = _words(text[match.end() : end], most=most)
        if first and second:
            yield Pair(kind, *((second, first) if reverse else (first, second)), start, end)


def _clause_start(text: str, at: int) -> int:
    while at and text[at - 1] not in _ENDS:
        at -= 1
    return at


def _clause_end(text: str, at: int) -> int:
    match = _PART.match(text, at)
    return match.end() if match else at


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
    given: dict[str, list[tuple[tuple[str, ...], int, int]]] = {}
    for key, directions, start, end in _directed(passage) if said else ():
        given.setdefault(key, []).append((directions, start, end))
    for key, directions, start, end in said:
        others = given.get(key)
        if not others or any(other == directions for other, *_ in others):
            continue
        if upright or len(directions) > 1 or directions[0] not in _UPRIGHT:
            yield start, end, *others[0][1:]


@lru_cache(64)
def _directed(text: str) -> list[tuple[str, tuple[str, ...], int, int]]:
    """Each clause that holds words of direction: its text with these masked, the words, and its span."""
    lower = text.lower()
    if len(lower) != len(text) or not _DIRECTION.search(lower):
        return []
    found = []
    for clause in _CLAUSE.finditer(lower):
        if directions := tuple(_DIRECTION.findall(clause.group())):
            key = _DIRECTION.sub(lambda match: _MASKS[match.group()], clause.group()).strip(" .")
            if len(key) - sum(len(_MASKS[word]) for word in directions) >= _SHORTEST:
                found.append((key, directions, *clause.span()))
    return found


def contradicted(said: Pair, given: Sequence[Pair]) -> Pair | None:
    """That of the ``given`` pairs which states the reverse of ``said``, if none states the same."""
    reverse = None
    for pair in given:
        kinds = {pair.kind, said.kind}
        if not (len(kinds) == 1 or kinds == {"over", "upon"}) or not pair.first or not pair.second:
            continue
        if pair.kind == "upon" and not (said.first and said.second):
            continue
        straight = _agreement(said, pair.first, pair.second)
        crossed = _agreement(said, pair.second, pair.first)
        if straight >= 0.25:
            return None
        if crossed >= 0.5:
            reverse = pair
    return reverse


def _agreement(said: Pair, first: frozenset[str], second: frozenset[str]) -> float:
    """How far the sides of ``said`` hold what tells ``first`` and ``second`` apart: the side that does less."""
    common = first & second
    shares = [
        len((words - common) & held) / max(1, min(len(words - common), max(2, len(held - common))))
        for words, held in ((said.first, first), (said.second, second))
        if words
    ]
    return min(shares)
