"""RT4xx: rows that say again what other rows say, or that say what belongs to others."""

import re
from bisect import bisect
from collections.abc import Iterator
from itertools import pairwise
from zlib import crc32

from rawtune.records import Severity
from rawtune.verification.concepts import SLOT, mask, subject
from rawtune.verification.rule import Column, Row, Scope, Spot, rule
from rawtune.verification.seen import Group, Met, Seen, key

_RUN = re.compile(r"[\w{}]+")
_BETWEEN = bytes(sign if _RUN.match(chr(sign)) else ord(" ") for sign in range(256))
_BRACKETS = re.compile(r"\s*[(（][^)）]*[)）]?$")
_SHORTEST = 12
"""Characters: a shorter answer, such as "Yes." or 「正确」, may well answer many questions."""


@rule("RT401", "same-row", Scope.ROWS)
def same_row(row: Row, seen: Seen) -> Iterator[Spot]:
    """The same question with the same answer stands in an earlier row.

    A row that is there twice weighs twice in training, and in a test set it counts twice.

    Bad:
        What is Meng? | Meng is a spring at the foot of a mountain.
        What is Meng? | Meng is a spring at the foot of a mountain.
    Good:
        What is Meng? | Meng is a spring at the foot of a mountain.
        Explain Meng. | Meng is a spring at the foot of a mountain.
    """
    if row.goes_on or not seen.repeated_rows:
        return
    pair = hash((key(row.asked), key(row.answer)))
    if pair in seen.repeated_rows and (first := seen.met.setdefault(("row", pair), row.number)) != row.number:
        yield Spot(f"repeats row {first}, with its answer", Column.QUESTION, 0, len(row.question))


@rule("RT402", "near-same-question", Scope.ROWS)
def near_same_question(row: Row, seen: Seen, *, likeness: float = 0.9) -> Iterator[Spot]:
    """A question about a concept that an earlier row asks about the same concept in nearly the same words.

    Compared by the pairs of neighbouring characters (or words) that both hold, the concept itself left out; other
    concepts are not compared, as one template filled with two concepts is no repetition. Only questions are compared
    that share two of three hashes of their pairs, each the smallest by another order: two sets share one with the
    probability of their likeness (MinHash, Broder 1997), so that of those alike to nine tenths 3% are missed.

    Bad:
        请问蒙卦在周易之中究竟代表了什么？ | 蒙卦象征启蒙，如同山下流出的泉水。 | 蒙卦
        请问蒙卦，在周易之中究竟代表了什么。 | 蒙卦象征启蒙，如同山下流出的泉水。 | 蒙卦
    Good:
        蒙卦代表什么？ | 蒙卦象征启蒙，如同山下流出的泉水。 | 蒙卦
        屯卦代表什么？ | 屯卦象征万物初生时的艰难。 | 屯卦
    """
    group = seen.group(row)
    if row.goes_on or not group.concepts or key(row.asked) in seen.ambiguous_questions:
        return
    if seen.repeated_rows and hash((key(row.asked), key(row.answer))) in seen.repeated_rows:
        return
    concept = subject(row.asked, group.concepts)
    words = row.asked.lower()
    pairs = _pairs(words.replace(concept.lower(), SLOT) if concept else words)
    keys = _keys(pairs, hash((concept, group.name)))
    if alike := seen.alike(keys):
        size, own = len(pairs), set(pairs)
        for met in alike:
            other = len(met.pairs)
            if likeness * max(size, other) > min(size, other) or met.number == row.number:
                continue
            shared = len(own.intersection(met.pairs))
            if shared >= likeness * (size + other - shared):
                yield Spot(f"asks nearly what row {met.number} asks", Column.QUESTION, 0, len(row.question))
                return
    seen.remember(Met(pairs, row.number), keys)


def _pairs(question: str) -> list[int]:
    """Hashes of the pairs of neighbours among the words, or Chinese characters, of a question, in ascending order.

    The slot is a word. Made of numbers, as a hash of text is another one in every process, and with it which questions
    are compared.
    """
    units = [0]
    if question.isascii():
        units.extend(map(crc32, question.encode().translate(_BETWEEN).split()))
    else:
        for run in _RUN.findall(question):
            units.extend((crc32(run.encode()),) if run.isascii() else map(ord, run))
    units.append(0)
    return sorted(set(map(hash, pairwise(units))))


def _keys(pairs: list[int], about: int) -> tuple[int, int, int]:
    """What questions about the same share if they share two of the three hashes that stand for their pairs.

    These are the least, the greatest, and the one nearest to zero.
    """
    least, most, at = pairs[0], pairs[-1], bisect(pairs, 0)
    middle = min(map(abs, pairs[max(0, at - 1) : at + 1]))
    return hash((about, least, most)), hash((about, least, middle)), hash((about, middle, most))


@rule("RT403", "answer-of-another", Scope.ROWS)
def answer_of_another(row: Row, seen: Seen) -> Iterator[Spot]:
    """An answer that is given for two concepts alike, at the row whose concept it does not name.

    One reply was copied to another concept's questions, and the model would learn what is false. Where no row names its
    concept, it is what the questions of one answer share; short answers, such as "Yes.", are left alone.

    Bad:
        蒙卦是什么？ | 蒙卦象征启蒙，如同山下流出的泉水。 | 蒙卦
        屯卦是什么？ | 蒙卦象征启蒙，如同山下流出的泉水。 | 屯卦
    Good:
        蒙卦是什么？ | 蒙卦象征启蒙，如同山下流出的泉水。 | 蒙卦
        蒙卦代表什么？ | 蒙卦象征启蒙，如同山下流出的泉水。 | 蒙卦
    """
    if row.goes_on or row.earlier or len(row.answer) < _SHORTEST:
        return
    if (answer := key(row.answer)) not in seen.repeated_answers:
        return
    if other := _other_concept(row, answer, seen):
        yield Spot(f"is also the answer about '{other}'", Column.ANSWER, 0, len(row.answer))


def _other_concept(row: Row, answer: int, seen: Seen) -> str:
    """The concept that the answer belongs to rather than to this row's; empty if it may well be this row's."""
    text = row.answer.casefold()
    if row.concept:
        holders = list(seen.answered[answer])
        if len(holders) < 2 or _names(row.concept, text):
            return ""
        # Nobody's by name: then the first concept has it.
        other = next((holder for holder in holders if _names(holder, text)), holders[0])
        return "" if other == row.concept else other
    group = seen.group(row)
    if any(_names(concept, text) and concept in row.question for concept in group.concepts):
        return ""
    return _by_template(row, group, seen, text)


def _names(concept: str, text: str) -> bool:
    """Whether a text names a concept, with or without what stands behind it in brackets."""
    return _BRACKETS.sub("", concept).casefold() in text


def _by_template(row: Row, group: Group, seen: Seen, text: str) -> str:
    """As above, where the questions tell: this one is a known template, filled with what the answer does not name."""
    mine = [concept for concept in group.concepts if concept in row.question]
    named = [concept for concept in group.concepts if _names(concept, text) and concept not in row.question]
    if not named:
        return ""
    strangers = mine or [concept for concept in seen.named_in(row.question) if not _names(concept, text)]
    templates = {mask(row.question, [concept]) for concept in strangers}
    return named[0] if SLOT in templates or templates & seen.concepts.templates.keys() else ""


@rule("RT404", "several-answers", Scope.ROWS, severity=Severity.WARNING)
def several_answers(row: Row, seen: Seen) -> Iterator[Spot]:
    """A question that an earlier row asks in the same words has another answer here.

    Meant as a variant, it is well; otherwise the model is taught two things at once, and learns their mean.

    Bad:
        What is Meng? | Meng is a spring at the foot of a mountain.
        What is Meng? | Meng is the thirty-fourth hexagram.
    Good:
        What is Meng? | Meng is a spring at the foot of a mountain.
        What is Zhun? | Zhun is the difficulty of all beginnings.
    """
    if row.goes_on or not seen.ambiguous_questions or (question := key(row.asked)) not in seen.ambiguous_questions:
        return
    first = seen.met.setdefault(("question", question), row.number)
    new = seen.met.setdefault(("pair", hash((question, key(row.answer)))), row.number) == row.number
    if new and first != row.number:
        yield Spot(f"is asked in row {first}, too, and answered in another way", Column.QUESTION, 0, len(row.question))
