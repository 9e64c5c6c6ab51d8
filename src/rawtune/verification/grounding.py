"""RT2xx: whether the answer says what its passage says.

The wording of each sentence is weighed against the passage, but wording cannot see a changed number, a strange name or
a swapped relation, so these are looked up one by one. Rules that name a number, a name or a relation are precise when
they fire and silent when in doubt; a person, or a judge, decides on the rest.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from rawtune.records import Severity
from rawtune.verification import directions, numbers, relations
from rawtune.verification.numbers import Number
from rawtune.verification.rule import Column, Row, Scope, Spot, rule
from rawtune.verification.units import CJK, units
from rawtune.verification.weights import Weights

_SENTENCE = re.compile(r"(?:[^。！？!?\n.]++|\.(?![\s\"”’)]|$))+[。！？!?.]*[\"”’」』）)]*")
_CLAUSE_END = frozenset("，,。；;：:、！!？?\n（）()")
_CACHED = 64  # texts; rows of one passage stand side by side, and varied questions share an answer

_numbers = lru_cache(_CACHED)(numbers.find)
_relations = lru_cache(_CACHED)(relations.find)
_units = lru_cache(_CACHED)(units)


@rule("RT201", "number", Scope.PASSAGE)
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
    said = _numbers(row.answer)
    if not said:
        return
    given, asked = _numbers(row.passage or ""), _numbers(row.question)
    for mention in said:
        if any(mention.equals(other) for other in asked):
            continue
        same = [other for other in given if mention.equals(other)]
        written = row.answer[mention.start : mention.end]
        if not same and mention.telling:
            source = _best(row, weights, mention.start)
            yield Spot(
                f"holds {written}, which the passage does not", Column.ANSWER, mention.start, mention.end, source
            )
        elif other := _instead(mention, row, weights, same, given):
            span = (other.start, other.end)
            there = (row.passage or "")[other.start : other.end]
            yield Spot(
                f"says {written} where the passage says {there}", Column.ANSWER, mention.start, mention.end, span
            )


def _instead(mention: Number, row: Row, weights: Weights, same: list[Number], given: list[Number]) -> Number | None:
    """A number of the passage that stands where ``mention`` stands in the answer, among the same words."""
    passage = row.passage or ""
    before, after, context = here = _context(row.answer, mention)
    if any(_context(passage, other) == here for other in same):
        return None
    best, found = 0.0, None
    for other in given:
        if other.dimension != mention.dimension or mention.equals(other):
            continue
        left, right, around = _context(passage, other)
        if not same and before and left == before and other.ordinal == mention.ordinal and not after:
            return other  # hexagram 4
        if not same and mention.ordinal and other.ordinal and after and right == after:
            return other  # the third line
        if (
            len(context) > 1
            and (left == before or right == after)
            and best < (share := weights.containment(context, around))
        ):
            best, found = share, other
    if best < (0.75 if same else 0.6) or (same and sum(3 if unit.isascii() else 1 for unit in context) < 8):
        return None
    mine = 0.0
    for other in same:
        left, right, around = _context(passage, other)
        share = weights.containment(context, around)
        near = mention.dimension or (left == before and before) or (right == after and after)
        mine = max(mine, share if near or not (before or after) else share / 2)
    verbatim = best > 0.95 and len(context) > 3  # then the number's own place must be as much alike
    return found if mine <= best - (0.05 if verbatim else 0.3) else None


_BEFORE = re.compile(rf"([{CJK}]|[a-z]{{4,}})[ -]?$", re.IGNORECASE)
_AFTER = re.compile(rf"[ -]?([{CJK}]|[a-z]{{3,}})", re.IGNORECASE)
_AND = re.compile(r" (?:and|or|but|while) |而|和|与|或")
_NOT_NOUNS = frozenset(("the", "and", "for", "with", "from", "that", "this", "about", "than", "over", "into"))


@lru_cache(1024)
def _context(text: str, mention: Number) -> tuple[str, str, frozenset[str]]:
    """The word before a number, the one behind it, and the units of the rest of its clause."""
    start, end = mention.start, mention.end
    while start and not (text[start - 1] in _CLAUSE_END or text[start - 1 : start + 1] == ". "):
        start -= 1
    while end < len(text) and not (text[end] in _CLAUSE_END or text[end : end + 2] in (". ", ".")):
        end += 1
    head, tail = text[start : mention.start], text[mention.end : end]
    head, tail = _AND.split(head)[-1], _AND.split(tail, maxsplit=1)[0]
    before, after = _BEFORE.search(head), _AFTER.match(tail)
    return (
        before[1].lower() if before and before[1].lower() not in _NOT_NOUNS else "",
        after[1].lower().rstrip("s") if after and after[1].lower() not in _NOT_NOUNS else "",
        frozenset(units(head) | units(tail)),
    )


_TITLE = re.compile(r"《([^《》\n]{1,60})》")
_QUOTE = re.compile(r"[“「『]([^“”「」『』\n]{8,120})[”」』]|\"([^\"\n]{15,200})\"")
_CAPITAL = re.compile(r"[A-Z](?<![A-Za-z\d].)(?<![A-Za-z\d][-'’.].)[A-Za-zÀ-ÿ\d]+(?:[-'’&][A-Za-zÀ-ÿ\d]+)*")
_OPENS = frozenset("\n.!?。！？：:“\"「『‘'(（[*#-–—•>|")
_WEEK = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_NO_NAMES = "I I'm I'll I've OK TV AM PM Mr Mrs Ms Dr Yes No Not And Or The A An If ID App APP PC Note Tip Step"
_ORDINARY = frozenset((*_WEEK.split(), *_NO_NAMES.split()))


@rule("RT202", "name", Scope.PASSAGE)
def name(row: Row, weights: Weights) -> Iterator[Spot]:
    """A name, title or quotation of the answer that neither its passage nor the question holds.

    Names are what models invent most. Looked up are titles in 《》, quotations of some length, capitalised words
    inside a sentence, and Latin names in Chinese text.

    Bad:
        这本书的作者是谁？ | 这句话出自《道德经》。 | 这句话出自《易经》，说的是启蒙。
        支持哪些系统？ | 本产品支持Linux系统。 | 本产品支持Windows和macOS系统。
        Founder | The firm was founded by Maria Keller. | The firm was founded by Anna Schmidt in Basel.
    Good:
        这本书的作者是谁？ | 它出自《易经》，讲的是“启蒙”。 | 这句话出自《易经》，说的是启蒙。
        Founder | Schmidt founded it. She lived in Basel. | The firm was founded by Anna Schmidt in Basel.
    """
    answer = row.answer
    known = f"{row.question}\n{row.concept}\n{row.passage}".lower()
    if "《" in answer:
        for match in _TITLE.finditer(answer):
            if match[1].lower() not in known and not all(part in known for part in re.split(r"[·•：:—\s]+", match[1])):
                yield _strange(match.group(), match.start(), row, weights)
    if any(mark in answer for mark in '“「『"'):
        for match in _QUOTE.finditer(answer):
            said = match[1] or match[2]
            if said.lower() not in known and weights.containment(units(said), _units(known)) < 0.5:
                yield _strange(match.group(), match.start(), row, weights)
    chinese = not answer.isascii() and re.search(rf"[{CJK}]", answer) is not None
    for match in _CAPITAL.finditer(answer):
        word, start = match.group(), match.start()
        if word in _ORDINARY or (not chinese and _opens(answer, start)) or _is_known(word.lower(), known):
            continue
        yield _strange(word, start, row, weights)


def _opens(text: str, at: int) -> bool:
    """Whether a sentence, a quotation or an item begins at this place, or most words around it are capitalised."""
    before = text[max(0, at - 40) : at].rstrip(" \t")
    if not before or before[-1] in _OPENS:
        return True
    beside = _WORDS.findall(text[max(0, at - 40) : at + 40])[1:-1]
    return 2 * len([word for word in beside if word[0].isupper()]) > len(beside) + 2


_WORDS = re.compile(r"[A-Za-z]+")


def _is_known(word: str, known: str) -> bool:
    """Whether the word occurs, or another form of it: Swiss for Switzerland, HR for human resources."""
    word = re.sub(r"['’]s?$", "", word)
    if word in known or (len(word) > 4 and word[: max(4, len(word) - 3)] in known):
        return True
    if len(word) <= 5 and word.isalpha():
        return re.search(r"[ -]".join(rf"\b{letter}\w+" for letter in word), known) is not None
    return all(part in known for part in re.split(r"[-'’&]", word))


def _strange(written: str, start: int, row: Row, weights: Weights) -> Spot:
    source = _best(row, weights, start)
    return Spot(f"names {written}, which the passage does not", Column.ANSWER, start, start + len(written), source)


@rule("RT203", "ungrounded", Scope.PASSAGE)
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
    """Every sentence of the answer that is long enough, and the share of its weight that the passage holds."""
    held, asked = _units(passage), _units(question)
    latin = any(unit.isascii() for unit in held)
    chinese = not passage.isascii()
    found = []
    for start, end in _sentences(answer):
        said = units(answer[start:end]) - asked
        if not (latin and chinese):
            said = {unit for unit in said if (latin if unit.isascii() else chinese)}
        if len(said) >= _FEWEST or sum(3 if unit.isascii() else 1 for unit in said) >= _FEWEST:
            found.append((start, end, weights.containment(said, held)))
    return found


@rule("RT205", "relation-order", Scope.PASSAGE)
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
    said = _relations(row.answer)
    given = _relations(passage) if said else []
    found: dict[int, tuple[int, int, int, int]] = {}
    for pair in said if given else ():
        if reverse := relations.contradicted(pair, given):
            found[pair.end] = (pair.start, pair.end, reverse.start, reverse.end)
    doubled = any(pair.first == pair.second for pair in _relations(passage))
    for spans in directions.turned(row.answer, passage, upright=not doubled):
        found.setdefault(spans[1], spans)
    for start, end, *source in sorted(found.values()):
        yield Spot("states a relation in reverse of the passage", Column.ANSWER, start, end, (source[0], source[1]))


@lru_cache(_CACHED)
def _sentences(text: str) -> list[tuple[int, int]]:
    spans = []
    for match in _SENTENCE.finditer(text):
        if said := match.group().strip():
            start = text.index(said[0], match.start())
            spans.append((start, start + len(said)))
    return spans


def _best(row: Row, weights: Weights, at: int) -> tuple[int, int]:
    """The sentence of the passage that is most like the answer's sentence at this place."""
    passage = row.passage or ""
    said = next((row.answer[slice(*span)] for span in _sentences(row.answer) if span[0] <= at < span[1]), "")
    wanted = units(said)
    spans = _sentences(passage)
    return max(spans, key=lambda span: weights.total(wanted & units(passage[slice(*span)])), default=(0, 0))
