"""RT2xx: whether the answer says what its passage says.

The wording of each sentence is weighed against the passage, but wording cannot see a changed number, a strange name or
a swapped relation, so these are looked up one by one. Rules that name a number, a name or a relation are precise when
they fire and silent when in doubt; a person, or a judge, decides on the rest.

Whatever the texts, the work for one row is bounded by their length: a rule reports at most 20 findings for a row, and
the answer's numbers and relations are compared with the passage's at most 50,000 times; what is behind is left alone.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from itertools import islice
from typing import ParamSpec

from rawtune.records import Severity
from rawtune.verification import directions, names, relations
from rawtune.verification.places import Place, instead, places
from rawtune.verification.rule import Column, Row, Scope, Spot, rule
from rawtune.verification.units import characters, stems, units
from rawtune.verification.weights import Weights

_SENTENCE = re.compile(r"(?:[^。！？!?\n.]++|\.(?![\s\"”’)]|$))+[。！？!?.]*[\"”’」』）)]*")
_CACHED = 64  # texts; rows of one passage stand side by side, and varied questions share an answer

_MOST = 20  # findings of one rule for one row
_COMPARISONS = 50_000  # of what an answer says with what its passage says

_relations = lru_cache(_CACHED)(relations.find)
_Parameters = ParamSpec("_Parameters")


def _few(check: Callable[_Parameters, Iterator[Spot]]) -> Callable[_Parameters, Iterator[Spot]]:
    """The check, at its end after so many findings."""

    @wraps(check)
    def limited(*args: _Parameters.args, **options: _Parameters.kwargs) -> Iterator[Spot]:
        return islice(check(*args, **options), _MOST)

    return limited


@rule("RT201", "number", Scope.PASSAGE)
@_few
def number(row: Row, weights: Weights) -> Iterator[Spot]:
    """A number, date or amount of the answer that its passage does not hold, or holds for something else.

    A model learns a wrong number as readily as a right one. Numbers are compared by value and unit, however they are
    written: 三百二十 is 320, the fourth hexagram is hexagram 4, 1.5 km are 1500 metres. Left alone: what the question
    holds, the numbers of a list's items, and small counts that a writer makes himself (three reasons, 两个方面), unless
    the passage says the same with another number.

    Bad:
        退货期是多久？ | 买家可在30天内退货。 | 买家收到商品后，7天内可以退货。
        蒙卦 | 蒙卦是第五卦，由六爻组成。 | 蒙卦是《易经》的第四卦，共有六爻。
        Warranty | The warranty lasts 5 years. | The warranty lasts 3 years, and 5 days of testing are free.
    Good:
        退货期 | 买家七天内可以退货，注意两点：自理运费，保留包装。 | 买家7天内可以退货，运费自理，须保留包装。
        Meng | Meng is the fourth hexagram. | Meng is hexagram 4 of the Book of Changes.
        Fee | It costs 1,500 dollars, for two reasons. | The fee is $1500 because of labour and parts.
    """
    passage = row.passage or ""
    said = places(_fresh(row.answer, passage))
    if not said:
        return
    given, asked = places(passage), places(row.question)
    equal: dict[tuple[float, float, str], list[Place]] = {}
    for place in said[: _COMPARISONS // (len(given) + len(asked) + 1)]:
        mention = place.number
        if any(mention.equals(other.number) for other in asked):
            continue
        same = equal.get(mention[:3])
        if same is None:
            same = equal[mention[:3]] = [other for other in given if mention.equals(other.number)]
        written = row.answer[mention.start : mention.end]
        if not same and mention.telling:
            source = _best(row, weights, mention.start)
            yield Spot(
                f"holds {written}, which the passage does not", Column.ANSWER, mention.start, mention.end, source
            )
        elif other := instead(place, same, given, weights):
            span = (other.start, other.end)
            there = passage[other.start : other.end]
            yield Spot(
                f"says {written} where the passage says {there}", Column.ANSWER, mention.start, mention.end, span
            )


@rule("RT202", "name", Scope.PASSAGE)
@_few
def name(row: Row, weights: Weights) -> Iterator[Spot]:
    """A name, title or quotation of the answer that neither its passage nor the question holds.

    Names are what models invent most. Looked up are titles in 《》, quotations of some length, capitalised words
    inside a sentence, Latin names in Chinese text, and what the headings of other passages name.

    Bad:
        这本书的作者是谁？ | 这句话出自《道德经》。 | 这句话出自《易经》，说的是启蒙。
        支持哪些系统？ | 本产品支持Linux系统。 | 本产品支持Windows和macOS系统。
        Founder | The firm was founded by Maria Keller. | The firm was founded by Anna Schmidt in Basel.
    Good:
        这本书的作者是谁？ | 它出自《易经》，讲的是“启蒙”。 | 这句话出自《易经》，说的是启蒙。
        Founder | Schmidt founded it. She lived in Basel. | The firm was founded by Anna Schmidt in Basel.
    """
    passage = row.passage or ""
    fresh = _fresh(row.answer, passage)
    if fresh.isspace():
        return
    known = f"{row.question}\n{row.concept}\n{passage}".lower()
    strange, foreign = names.strange(fresh, known, weights), weights.headings.foreign(fresh, passage, known)
    found = {*islice(strange, _MOST), *islice(foreign, _MOST)}
    for start, end in sorted(found):
        source = _best(row, weights, start)
        yield Spot(f"names {row.answer[start:end]}, which the passage does not", Column.ANSWER, start, end, source)


@rule("RT203", "ungrounded", Scope.PASSAGE)
@_few
def ungrounded(row: Row, weights: Weights, *, fails: float = 0.15) -> Iterator[Spot]:
    """A sentence of the answer whose words hardly occur in the passage: it was made from something else.

    Each pair of neighbouring Chinese characters, each character and each stem of a word weighs the more, the fewer
    passages hold it; ``fails`` is the least share of a sentence's weight that the passage must hold. What the question
    holds does not count, and short sentences are left alone, as are those in another script than the passage's.

    Bad:
        蒙卦 | 明朝中后期白银大量流入，赋税逐步折成银两征收。 | 蒙卦讲启蒙与求学，山下流出泉水，学生应当主动请教。
        Meng | Quarterly revenue grew thanks to licensing in overseas markets. | Meng concerns beginners and teachers.
    Good:
        蒙卦 | 学生应该主动来请教老师，蒙卦谈启蒙与求学。 | 蒙卦讲启蒙与求学，山下流出泉水，学生应当主动请教。
        Meng | Meng is about how a teacher answers beginners. | Meng concerns beginners and the teacher who answers.
    """
    for start, end, share in _shares(row.question, row.answer, row.passage or "", weights):
        if share < fails:
            source = _best(row, weights, start)
            yield Spot(
                f"says what the passage does not ({share:.0%} of it found there)", Column.ANSWER, start, end, source
            )


@rule("RT204", "weakly-grounded", Scope.PASSAGE, severity=Severity.WARNING)
@_few
def weakly_grounded(row: Row, weights: Weights, *, fails: float = 0.15, review: float = 0.35) -> Iterator[Spot]:
    """A sentence of the answer of whose words too few occur in the passage: a free paraphrase, or an addition.

    The measure is that of RT203. Between ``fails`` and ``review`` it cannot tell one from the other, so a person should
    look at the sentence.

    Bad:
        蒙卦 | 父母发现孩子厌学，不妨自己先主动学习，再请老师谈心。 | 蒙卦讲启蒙，山下流出泉水，学生应当主动请教老师。
        Meng | Parents may gladly pay for lessons that a famous teacher gives. | Meng concerns beginners and a teacher.
    Good:
        蒙卦 | 学生应该主动来请教老师，蒙卦谈启蒙与求学。 | 蒙卦讲启蒙与求学，山下流出泉水，学生应当主动请教。
        Meng | Meng is about how a teacher answers beginners. | Meng concerns beginners and the teacher who answers.
    """
    for start, end, share in _shares(row.question, row.answer, row.passage or "", weights):
        if fails <= share < review:
            source = _best(row, weights, start)
            yield Spot(
                f"is only weakly supported ({share:.0%} found in the passage)", Column.ANSWER, start, end, source
            )


_FEWEST = 18  # characters and pairs of Chinese; a stem of a word counts for three


@lru_cache(_CACHED)
def _shares(question: str, answer: str, passage: str, weights: Weights) -> list[tuple[int, int, float]]:
    """The sentences of the answer that are long enough, and the share of their weight that the passage holds.

    Left out are those that stand in it word for word, and those of a script that it does not hold.
    """
    fresh = _fresh(answer, passage)
    spans = _sentences(fresh)
    if not spans:
        return []
    asked, held = _parts(question), _parts(passage)
    either = held[0] | held[1]
    found = []
    for start, end in spans:
        parts = _parts(fresh[start:end])
        han = parts[0] - asked[0] if held[0] else set()
        latin = parts[1] - asked[1] if held[1] else set()
        if len(han) + 3 * len(latin) >= _FEWEST:
            found.append((start, end, weights.containment(han | latin if latin else han, either)))
    return found


@lru_cache(8 * _CACHED)  # their sentences, too
def _parts(text: str) -> tuple[set[str], set[str]]:
    return characters(text), stems(text)


@rule("RT205", "relation-order", Scope.PASSAGE)
@_few
def relation_order(row: Row, _weights: Weights) -> Iterator[Spot]:
    """The answer states a relation the other way round: upper and lower, from and to, before and after, cause, more.

    All words are right, so that no measure of wording sees it, and the fact is wrong. Found is only what the passage
    states in reverse and nowhere straight.

    Bad:
        蒙卦 | 蒙卦上卦为坎，下卦为艮。 | 蒙卦下坎上艮，山下出泉。
        退款 | 先付款后验货。 | 本店支持先验货后付款。
        Meng | The upper trigram is Kan and the lower Gen. | In Meng Gen is the upper trigram and Kan the lower.
        Rust | Rust causes moisture. | Moisture causes rust.
    Good:
        蒙卦 | 蒙卦下卦为坎，上卦为艮。 | 蒙卦下坎上艮，山下出泉。
        Meng | It has Kan below and Gen above. | In Meng Gen is the upper trigram and Kan the lower.
    """
    passage = row.passage or ""
    fresh = _fresh(row.answer, passage)
    said = _relations(fresh)
    given = _relations(passage) if said else []
    found: dict[int, tuple[int, int, int, int]] = {}
    for pair in said[: _COMPARISONS // len(given)] if given else ():
        if reverse := relations.contradicted(pair, given):
            found[pair.end] = (pair.start, pair.end, reverse.start, reverse.end)
    turned = list(directions.turned(fresh, passage))
    if turned and any(pair.first == pair.second for pair in _relations(passage)):
        turned = list(directions.turned(fresh, passage, upright=False))
    for spans in turned:
        found.setdefault(spans[1], spans)
    for start, end, *source in sorted(found.values()):
        yield Spot("states a relation in reverse of the passage", Column.ANSWER, start, end, (source[0], source[1]))


@lru_cache(_CACHED)
def _fresh(answer: str, passage: str) -> str:
    """The answer without the sentences that stand in the passage word for word, each character a blank."""
    stands, behind = _verbatim(passage), 0
    parts: list[str] = []
    for start, end in _sentences(answer):
        if answer[start:end].rstrip(_CLOSINGS) in stands:
            parts += answer[behind:start], " " * (end - start - 1), "\n"
            behind = end
    return "".join((*parts, answer[behind:])) if parts else answer


_CLOSINGS = "。！？.!?"


@lru_cache(_CACHED)
def _verbatim(passage: str) -> frozenset[str]:
    return frozenset(passage[start:end].rstrip(_CLOSINGS) for start, end in _sentences(passage))


@lru_cache(_CACHED)
def _sentences(text: str) -> list[tuple[int, int]]:
    spans = []
    for match in _SENTENCE.finditer(text):
        said = match.group()
        if kept := said.strip():
            start = match.start() + said.index(kept[0])
            spans.append((start, start + len(kept)))
    return spans


def _best(row: Row, weights: Weights, at: int) -> tuple[int, int]:
    """The sentence of the passage that is most like the answer's sentence at this place."""
    spans = _sentences(row.answer)
    index = bisect_right(spans, at, key=_start) - 1
    said = row.answer[slice(*spans[index])] if index >= 0 and at < spans[index][1] else ""
    return _nearest(said, row.passage or "", weights)


def _start(span: tuple[int, int]) -> int:
    return span[0]


@lru_cache(_CACHED)
def _nearest(said: str, passage: str, weights: Weights) -> tuple[int, int]:
    wanted = units(said)
    held = _sentence_units(passage)
    return max(held, key=lambda span: weights.total(wanted & held[span]), default=(0, 0))


@lru_cache(_CACHED)
def _sentence_units(passage: str) -> dict[tuple[int, int], set[str]]:
    return {span: units(passage[slice(*span)]) for span in _sentences(passage)}
