"""Signs that tuning did harm: a wrong text recited, phrasings learnt by heart, knowledge, form or language lost, loops.

A sign does not prove harm; it says where to look. Those on answers compare the tuned model with base, question by
question, and are raised only where the tuned one passes the threshold and is worse than base: what base did already
is not tuning's doing. What was measured with the thresholds stands in docs/how-it-judges.md.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from rawtune.comparison.metrics import words
from rawtune.comparison.pairs import four_cells
from rawtune.comparison.recitation import recitations
from rawtune.comparison.statistics import mean
from rawtune.records import Answer, Suite, told

RECITED = 0.05  # share of answers that recite a text on something else
GAP = 0.20  # accuracy on questions as trained, less accuracy on the same in new phrasings; chance must be excluded
FORGOTTEN = 0.05  # share of the general suite lost, less the share won; McNemar's test must agree
DRIFTED = 0.05  # share of answers that are partly in another script than was asked for
FOREIGN = 0.3  # of an answer's weight in letters: more of it in another script, and the answer has drifted
LOOPING = 0.05  # share of answers that go round in circles
REPEATED = 0.5  # of an answer's 4-grams of words: more of them said before, and the answer loops
SHORTENED = 0.5  # median length of the answers, over that of their references
REMNANTS = 0.05  # share of answers with what is left of a data format
EMPTY = 0.01  # share of answers without a letter or a digit

_REMNANT = re.compile(
    r"""
    ^\s*[{\[]\s*["“]                                  # JSON, from its first key or value
    | (?:^|["”])[ ,]*["“]?(?:[a-z_]{2,20}|来源|出处|备注|注释|点评|解释|说明|摘要|概括|总结|回答|答案|内容)
      ["”]?[ ]?[:：][ ]?["“]                           # a key that begins a line or follows a value, its value quoted
    | \\[nrt](?![a-z])                               # an escape, spelt out
    | <\|\w+\|>                                      # a token of a chat template
    """,
    re.VERBOSE | re.MULTILINE,
)
_NGRAM = 4
_LEAST_NGRAMS = 8  # shorter answers have no room to loop
_LATIN_WEIGHT = 0.25  # four Latin letters weigh as much as one Chinese character
_SCRIPTS = {"zh": re.compile("[㐀-鿿]+"), "en": re.compile("[A-Za-zÀ-ɏ]+")}
_LETTERS = re.compile("[㐀-鿿]+|[A-Za-zÀ-ɏ]+|[^\\W\\d_㐀-鿿A-Za-zÀ-ɏ]+")


class Sides(NamedTuple):
    """Which answers about one passage are right: to questions as trained, and in new words; at least one of each."""

    seen: Sequence[bool]
    unseen: Sequence[bool]

    @property
    def gap(self) -> float:
        """The share right of the seen less that of the unseen."""
        return sum(self.seen) / len(self.seen) - sum(self.unseen) / len(self.unseen)


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of harm, measured on ``n`` answers or items; ``value`` is None where there is nothing to measure.

    ``message`` is the key of the sentence that says it. ``where`` holds the indexes of the answers or items at fault,
    for a person to read. ``excused`` is base's value where only that keeps the sign from being raised.
    """

    name: str
    value: float | None
    threshold: float
    flagged: bool
    n: int
    message: str
    where: tuple[int, ...] = ()
    excused: float | None = None


def signs(
    base: Sequence[Answer], tuned: Sequence[Answer], language: str, trained: Mapping[str, Sequence[str]]
) -> list[Sign]:
    """All signs that answers show; ``base[i]`` and ``tuned[i]`` answer one question, else ``ValueError``.

    ``language`` (``zh`` or ``en``) was asked for. ``trained`` holds each passage's texts under its id: itself, and the
    answers trained on it.
    """
    if any(before.question != after.question for before, after in zip(base, tuned, strict=True)):
        raise ValueError("base and tuned model were asked different questions")
    return [
        recited(base, tuned, trained, language),
        drift(base, tuned, language),
        loops(base, tuned),
        collapse(base, tuned),
        remnants(base, tuned),
        empty(base, tuned),
    ]


def recited(
    base: Sequence[Answer], tuned: Sequence[Answer], trained: Mapping[str, Sequence[str]], language: str
) -> Sign:
    """Memorisation gone wrong: answers that recite a text which was trained for something else.

    Reciting the right text is what was taught, and no harm; see ``recitation``. About passages that were never trained
    on no right text was taught: whatever is said of them is made up, by base as well, so they are left out.
    """
    asked = [i for i, answer in enumerate(tuned) if answer.suite is not Suite.CONCEPT]
    found = recitations([side[i] for side in (base, tuned) for i in asked], trained, language)
    wrong = [recitation.wrong > 0 for recitation in found]
    sign = _more("recited", RECITED, wrong[: len(asked)], wrong[len(asked) :])
    return replace(sign, where=tuple(asked[i] for i in sign.where))


def gap(base: Sequence[Sides], tuned: Sequence[Sides]) -> Sign:
    """Phrasings learnt by heart: what is answered rightly as it was trained, but not in new words.

    One pair of sides for each passage, which counts once; ``base[i]`` and ``tuned[i]`` are of the same. Few passages
    differ by chance, so the 95% interval must exclude 0, which takes six of them.
    """
    if not tuned:
        return _sign("gap", None, GAP, False, 0)
    found, before = (mean([sides.gap for sides in side], list(map(str, range(len(side))))) for side in (tuned, base))
    value = round(found.estimate, 9)  # 0.8 - 0.6 is above 0.2 by rounding
    worse = found.estimate > before.estimate
    flagged = value > GAP and worse and found.low is not None and found.low > 0
    number = sum(len(sides.seen) + len(sides.unseen) for sides in tuned)
    return _sign("gap", value, GAP, flagged, number, excused=None if worse or value <= GAP else before.estimate)


def forgetting(base: Sequence[bool], tuned: Sequence[bool]) -> Sign:
    """General knowledge lost: items of the general suite that base had right and the tuned model has wrong.

    ``value`` is their share less that of the items won. On 60 items McNemar's test needs six lost and none won.
    """
    cells = four_cells(base, tuned)
    if not cells.n:
        return _sign("forgetting", None, FORGOTTEN, False, 0)
    lost = [i for i, (before, after) in enumerate(zip(base, tuned, strict=True)) if before and not after]
    flagged = -cells.difference > FORGOTTEN and cells.verdict == "worse"
    return _sign("forgetting", (cells.only_base - cells.only_tuned) / cells.n, FORGOTTEN, flagged, cells.n, lost)


def drift(base: Sequence[Answer], tuned: Sequence[Answer], language: str) -> Sign:
    """Language lost: answers of which more than ``FOREIGN`` is in another script than ``language`` is written in.

    Words that the question or the reference has as well, such as names and formulas, are not foreign.
    """
    return _share_of("drift", DRIFTED, base, tuned, lambda answer: foreign(answer, language) > FOREIGN)


def foreign(answer: Answer, language: str) -> float:
    """Share of an answer's letters in another script than that of ``language``, by weight; 0 without letters."""
    given = f"{told(answer.history)} {answer.question} {answer.reference}".casefold()
    own = other = 0.0
    for letters in _LETTERS.findall(answer.text):
        weight = len(letters) * (_LATIN_WEIGHT if _SCRIPTS["en"].match(letters) else 1)
        if _SCRIPTS[language].match(letters) or letters.casefold() in given:
            own += weight
        else:
            other += weight
    return other / (own + other) if other else 0.0


def loops(base: Sequence[Answer], tuned: Sequence[Answer]) -> Sign:
    """Repetition: answers of which more than ``REPEATED`` is said again, and more than of their reference."""
    return _share_of(
        "loops",
        LOOPING,
        base,
        tuned,
        lambda answer: repeated(answer.text) > max(REPEATED, repeated(answer.reference)),
    )


def repeated(text: str) -> float:
    """Share of 4-grams of words that came before, 0 to 1; 0 for a text of fewer than eight.

    The seq-rep-4 of Welleck 2020, "Neural Text Generation With Unlikelihood Training".
    """
    said = words(text)
    ngrams = list(zip(*(said[i:] for i in range(_NGRAM)), strict=False))
    return 1 - len(set(ngrams)) / len(ngrams) if len(ngrams) >= _LEAST_NGRAMS else 0.0


def collapse(base: Sequence[Answer], tuned: Sequence[Answer]) -> Sign:
    """Answers grown short: their median length in characters over that of their references."""
    scored = [answer for answer in tuned if answer.reference]
    if not scored:
        return _sign("collapse", None, SHORTENED, False, 0)
    wanted = median(len(answer.reference) for answer in scored)
    before = median(len(answer.text) for answer in base if answer.reference) / wanted
    value = median(len(answer.text) for answer in scored) / wanted
    flagged = value < min(SHORTENED, before)
    return _sign("collapse", value, SHORTENED, flagged, len(scored), excused=before if value < SHORTENED else None)


def remnants(base: Sequence[Answer], tuned: Sequence[Answer]) -> Sign:
    """Broken rows learnt: answers that hold keys, JSON, a literal backslash-n, and their reference does not."""
    return _share_of(
        "remnants",
        REMNANTS,
        base,
        tuned,
        lambda answer: bool(_REMNANT.search(answer.text)) and not _REMNANT.search(answer.reference),
    )


def empty(base: Sequence[Answer], tuned: Sequence[Answer]) -> Sign:
    """Answers that say nothing."""
    return _share_of("empty", EMPTY, base, tuned, lambda answer: not words(answer.text))


def _share_of(
    name: str, threshold: float, base: Sequence[Answer], tuned: Sequence[Answer], at_fault: Callable[[Answer], bool]
) -> Sign:
    return _more(name, threshold, list(map(at_fault, base)), list(map(at_fault, tuned)))


def _more(name: str, threshold: float, base: Sequence[bool], tuned: Sequence[bool]) -> Sign:
    """The share of true ``tuned``, raised if above ``threshold`` and above that of ``base``."""
    if not tuned:
        return _sign(name, None, threshold, False, 0)
    value = sum(tuned) / len(tuned)
    flagged = value > threshold and sum(tuned) > sum(base)
    where = [i for i, at_fault in enumerate(tuned) if at_fault]
    before = sum(base) / len(base) if value > threshold else None
    return _sign(name, value, threshold, flagged, len(tuned), where, before)


def _sign(
    name: str,
    value: float | None,
    threshold: float,
    flagged: bool,
    n: int,
    where: Iterable[int] = (),
    excused: float | None = None,
) -> Sign:
    state = "unmeasured" if value is None else "flagged" if flagged else "clear"
    return Sign(name, value, threshold, flagged, n, f"harm_{name}_{state}", tuple(where), None if flagged else excused)
