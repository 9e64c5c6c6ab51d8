"""RT106 and RT109: an answer that was cut off, or is too short or too long."""

import re
import unicodedata
from collections.abc import Iterator

from rawtune.records import Severity
from rawtune.verification.prose import is_code
from rawtune.verification.rule import Column, Row, Spot, rule

_CLOSING = frozenset("。！？.!?…⋯)）」』】》〉>]｝}|।॥؟۔։።｡～~`$")
_HELD_OPEN = frozenset(",，、:：;；(（[【「『“‘《")
_WRAPPING = "\"”’'」』*_ \t\n　"
# No English text ends on one of these.
_LEADING = re.compile(
    r"\b(?:the|an?|and|or|because|although|whereas|which|whose|than|from|into|their|his|its|our|your|every)$"
)
_SENTENCE_END = re.compile(
    r"[。！？…]|[!?](?!\w)|[^\W\d]{2}(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\bNo)(?<!\bJr)\.(?=[\s\"”')）]|$)|[)\d]\.(?=\s+[A-Z])"
)
_ITEM = re.compile(
    r"[ \t]*+(?:[-*+•·▪◦●○■□✓✔►–—>|#]|\d{1,3}[.)、．:：]|[（(]?(?:\d{1,3}|[a-zA-Z一二三四五六七八九十]{1,3})[)）.、]"
    r"|[①-⑳]|第?[一二三四五六七八九十]{1,3}[、：:条章]|\*{0,2}[^\n:：。]{1,30}[:：])"
)
_LOOSE = re.compile(
    r"https?://\S+$|\S@\S+$|[#@]\w+$|\w\.\w+$|[=+*/^<≈≤≥→][^\n]*$|(?:[-–—―~]|——)\s?[^\W\d][^\n,，。]{0,40}$|\s(?:\"|“)[^\n]{1,60}$"
    r"|\d\s?(?:[a-zA-Z%°℃]{0,3}|元|年|月|日|个|人|米|岁|分|秒|次|倍|种|页|卷)$"
)
_HAN = re.compile(r"[一-鿿]")
_WORD = re.compile(r"[^\W\d_]+")
_CLAUSE = re.compile(r"[,，、;；\s]+")


@rule("RT106", "not-closed")
def not_closed(row: Row, *, longest_phrase: int = 6) -> Iterator[Spot]:
    """The answer breaks off: it ends on a comma or a conjunction, or its last sentence has no full stop.

    A phrase of up to ``longest_phrase`` words (a Chinese character counts as half of one) is whole without a full stop;
    so are titles, items of lists, verses, signatures, formulas, addresses. Left out where a reply shows that its answer
    is whole, as a closed JSON object does; where a reply does not show it, any missing full stop is a finding.

    Bad:
        Meng | Meng is a spring at the
        Meng | Meng is youth. It asks the teacher once and then
        蒙卦 | 蒙卦上艮下坎，
        蒙卦 | 蒙卦象征启蒙。君子应当效法山下出泉，以果断的
    Good:
        Meng | Meng is a spring at the foot of a mountain.
        What is the capital of France? | Paris
        蒙卦 | 蒙卦上艮下坎，山下出泉，象征启蒙。
        这句话对吗？ | 正确
    """
    if row.closed:
        return
    answer = row.answer.rstrip()
    if not answer or answer[-1] in _CLOSING:
        return
    end = answer.rstrip(_WRAPPING)
    if not end or end[-1] in _CLOSING:
        return
    if row.closed is False or _is_cut(answer, end, longest_phrase):
        yield Spot("breaks off without a full stop", Column.ANSWER, len(answer) - 1, len(answer))


def _is_cut(answer: str, end: str, longest_phrase: int) -> bool:
    line = answer[answer.rfind("\n") + 1 :]
    if end[-1] in _HELD_OPEN or (_LEADING.search(end[-20:]) and len(line.split()) > 2):
        return not is_code(answer)
    if not end[-1].isalnum() or answer[-1] in "\"”’'」』*_" or _LOOSE.search(line[-120:]) or is_code(answer):
        return False
    item = _ITEM.match(line)
    closed = [at.end() for at in _SENTENCE_END.finditer(line, item.end() if item else 0)]
    last = line[closed[-1] :] if closed else line
    if closed:  # a sentence of this very line is closed, and the last is not
        after_prose = len(closed) > 1 or len(_WORD.findall(line, 0, closed[-1])) > 5
        return bool(_HAN.search(last)) or len(_WORD.findall(last)) > (0 if after_prose else 2)
    before = [other for other in answer[: len(answer) - len(line)].split("\n") if other.strip()]
    alike = [other for other in before if (_ITEM.match(other) is None) is (item is None)]
    if alike and sum(other.rstrip(_WRAPPING)[-1:] in _CLOSING for other in alike) * 2 <= len(alike):
        return False  # lines of verse, of a list, of a table
    if item and not alike:
        return False
    return _is_sentence(last, longest_phrase)


def _is_sentence(text: str, longest_phrase: int) -> bool:
    """Whether a text without a full stop reads like (a part of) a sentence rather than a title, a list or a verse."""
    if len(set(text)) < 6:
        return False  # laughter
    han = len(_HAN.findall(text))
    words = [word for word in _WORD.findall(text) if word.isascii()]
    if han / 2 + len(words) <= longest_phrase and not (han >= 8 and ("，" in text or "," in text)):
        return False
    clauses = [clause for clause in _CLAUSE.split(text.strip()) if clause]
    if han > len(words):
        clauses = [clause for clause in re.split("[，、,；;]", text.strip()) if clause]
        lengths = {len(clause) for clause in clauses}
        verse = len(clauses) > 1 and len(lengths) == 1 and lengths <= {5, 7}
        listed = len(clauses) > 2 and max(lengths) <= 4
        return han > 4 * longest_phrase or ("，" in text and not verse and not listed)
    small = sum(word.islower() for word in words)
    listed = text.count(",") * 3 >= len(words)
    return small * 2 > len(words) and not listed and len(text) > 3 * len(words)


@rule("RT109", "length", severity=Severity.WARNING)
def length(
    row: Row, *, shortest_answer: int = 2, longest_answer: int = 8000, longest_question: int = 4000
) -> Iterator[Spot]:
    """The answer is shorter or longer, or the question longer, than so many characters.

    What is longer than the training's longest input or output is cut there. A Chinese character counts as two where an
    answer is short, and one sign that is not a small letter (a choice, a number) is never too short.

    Bad:
        Meng | m
        蒙卦 | y
    Good:
        Which is right, A or B? | B
        蒙卦吉不吉？ | 吉
    """
    answer = row.answer
    if len(answer) > longest_answer:
        yield Spot(
            f"has {len(answer):,} characters, more than {longest_answer:,}", Column.ANSWER, longest_answer, len(answer)
        )
    elif len(answer) < shortest_answer or len(bare := answer.strip()) < shortest_answer:
        bare = answer.strip()
        single = len(bare) == 1 and not bare.islower()
        wide = sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in bare)
        if wide < shortest_answer and bare and not single:
            yield Spot(f"has fewer than {shortest_answer} characters", Column.ANSWER, 0, len(answer))
    if len(row.question) > longest_question:
        message = f"has {len(row.question):,} characters, more than {longest_question:,}"
        yield Spot(message, Column.QUESTION, longest_question, len(row.question))
