"""Directed relations that a text states: what is above what, before what, from where to where, whose cause, greater.

Words alone cannot tell "下卦为艮，上卦为坎" from its reverse, as both hold the same. So each statement becomes a pair
whose first side is the upper, the earlier, the origin, the cause or the greater, whichever way it was worded.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from rawtune.verification import vertical
from rawtune.verification.pairs import ENDS, HAN_REACH, Pair, clause_end, clause_start, words

_SENTENCE = re.compile(r"(?:[^。！？!?\n.]++|\.(?!\s|$))+")
_LONGEST = 1000  # characters of a sentence; what runs on for longer is a list or noise

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
    rf"比([^{ENDS}]{{1,{HAN_REACH}}}?)(?:更|还|要)*({'|'.join(word for word in _GRADES if not word.isascii())})"
)
_LATIN_GRADE = re.compile(
    rf"\b(?:is|are|was|were|costs?|lasts?|weighs?) (?:much |far )?({'|'.join(w for w in _GRADES if w.isascii())})"
    r"(?: [a-z]+)? than\b"
)
_FROM = re.compile(
    rf"[从由自](?P<first>[^{ENDS}从由自]{{1,{HAN_REACH}}}?)(?:变为|变成|转为|升至|降至|调至|升到|降到|改为|到|至)"
    rf"(?P<second>[^{ENDS}]{{1,{HAN_REACH}}})"
    rf"|\bfrom (?P<from>[^{ENDS}]{{1,40}}?) (?:in)?to (?P<to>[^{ENDS}]{{1,40}})"
)
_FROM_HINT = re.compile("[从由自]")
_FIRST_THEN = re.compile(
    rf"先(?P<first>[^{ENDS}]{{1,10}}?)[，,]?(?:再|然后|后|接着|随后|才)(?P<second>[^{ENDS}]{{1,12}})"
)
_AROUND = re.compile(rf"(?P<side>之前|以前|之后|以后)[，,]?(?P<behind>[^{ENDS}]{{0,{HAN_REACH}}})")
_BECAUSE = re.compile(
    rf"(?:因为|由于)(?P<first>[^{ENDS}]{{1,20}})[，,](?:所以|因此|因而|故|才|就|便)?(?P<second>[^{ENDS}]{{1,12}})"
    rf"|之所以(?P<effect>[^{ENDS}]{{1,20}})[，,]?是?因为(?P<cause>[^{ENDS}]{{1,12}})"
)
_BY = re.compile(rf"由(?P<first>[^{ENDS}由]{{1,10}})(?:引起|导致|造成|引发|所致)")
_OPENING = re.compile(r"(?P<word>before|after|because)\b(?! of) (?P<first>[^,.;\n]{2,60}), (?P<second>[^,.;\n]{2,60})")


def find(text: str) -> list[Pair]:
    """The directed pairs that a text states, in its sentences of up to 1000 characters."""
    pairs: list[Pair] = []
    lower = text.lower()
    if len(lower) != len(text):  # a few capitals have small forms of two letters
        lower = text
    for sentence in _SENTENCE.finditer(lower):
        said, start = sentence.group(), sentence.start()
        if len(said) > _LONGEST:
            continue
        found: list[Pair] = []
        if not said.isascii():
            found += vertical.slots(said) if "卦" in said else ()
            found += filter(_two_sided, chain(vertical.stacked(said), _ordered(said)))
        if _LATIN_HINT.search(said):
            found += vertical.layers(said) if "er " in said else ()
            found += filter(_two_sided, chain(vertical.heights(said), _compared(said)))
        pairs += [pair._replace(start=pair.start + start, end=pair.end + start) for pair in found]
    return pairs


def _two_sided(pair: Pair) -> bool:
    return bool(pair.first - pair.second and pair.second - pair.first)


_LATIN_HINT = re.compile("[a-z]{4}")


def _ordered(text: str) -> Iterator[Pair]:
    """Chinese: 从A到B, 先A后B, A之前B, 因为A所以B, A导致B, A高于B, A比B大."""
    if _FROM_HINT.search(text):
        for match in _FROM.finditer(text):
            if match["first"]:
                yield Pair("from", words(match["first"]), words(match["second"]), *match.span())
        for match in _BY.finditer(text):
            start = clause_start(text, match.start())
            yield Pair("cause", words(match["first"]), words(text[start : match.start()]), start, match.end())
    if "先" in text:
        for match in _FIRST_THEN.finditer(text):
            yield Pair("order", words(match["first"]), words(match["second"]), *match.span())
    if "前" in text or "后" in text:
        for match in _AROUND.finditer(text):
            start = clause_start(text, match.start())
            before, mark, named = text[start : match.start()].rpartition("在")
            other = words(before if mark and words(before) else match["behind"])
            pair = (other, words(named)) if match["side"][1] == "前" else (words(named), other)
            yield Pair("order", *pair, start, match.end())
    if "因" in text or "由于" in text:
        for match in _BECAUSE.finditer(text):
            first, second = match["first"] or match["cause"], match["second"] or match["effect"]
            yield Pair("cause", words(first), words(second), *match.span())
    yield from _between(text, _HAN_BETWEEN)
    if "比" in text:
        for match in _HAN_GRADE.finditer(text):
            kind, reverse = _GRADES[match[2]]
            start = clause_start(text, match.start())
            first, second = words(text[start : match.start()], last=True), words(match[1])
            yield Pair(kind, *((second, first) if reverse else (first, second)), start, match.end())


def _compared(text: str) -> Iterator[Pair]:
    """English: from A to B, A before B, after A, B; A causes B, A is older than B, A over B."""
    if "from " in text:
        for match in _FROM.finditer(text):
            if match["from"]:
                yield Pair("from", words(match["from"], last=True), words(match["to"]), *match.span())
    opening = _OPENING.match(text.lstrip())
    if opening:
        first, second = words(opening["first"], last=True), words(opening["second"])
        kind = "cause" if opening["word"] == "because" else "order"
        sides = (second, first) if opening["word"] == "before" else (first, second)
        yield Pair(kind, *sides, 0, len(text))
    else:
        yield from _between(text, _LATIN_BETWEEN)
    if " than" in text:
        for match in _LATIN_GRADE.finditer(text):
            kind, reverse = _GRADES[match[1]]
            start, end = clause_start(text, match.start()), clause_end(text, match.end())
            first, second = words(text[start : match.start()], last=True), words(text[match.end() : end])
            yield Pair(kind, *((second, first) if reverse else (first, second)), start, end)


def _between(text: str, markers: re.Pattern[str]) -> Iterator[Pair]:
    """What stands on both sides of each marker, within its clause."""
    for match in markers.finditer(text):
        if match.group() not in _BETWEEN:  # the first letter of one with the rest of another
            continue
        kind, reverse = _BETWEEN[match.group()]
        start, end = clause_start(text, match.start()), clause_end(text, match.end())
        most = 2 if kind == "upon" else 0  # words of place stand close to what they place
        first = words(text[start : match.start()], last=True, most=most)
        if not first and match.group() == "then" and start:  # first wash it, then dry it
            start = clause_start(text, start - 1)
            first = words(text[start : match.start()], last=True)
        second = words(text[match.end() : end], most=most)
        if first and second:
            yield Pair(kind, *((second, first) if reverse else (first, second)), start, end)


def contradicted(said: Pair, given: Sequence[Pair]) -> Pair | None:
    """That of the ``given`` pairs which most clearly states the reverse of ``said``, if none states the same."""
    reverse, clearest = None, 0.0
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
        if crossed >= 0.5 and crossed > clearest:
            reverse, clearest = pair, crossed
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
