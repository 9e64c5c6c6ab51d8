"""How close an answer is to its reference, and whether it speaks of the right concept."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rawtune.records import Answer

_HAN = "㐀-鿿"
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+")
_RUNS = ("[〇零一二两三四五六七八九十百千万亿]", rf"[^\W_{_HAN}]")
"""Characters beside which a slot of the same ones is not whole: Chinese numerals; letters and digits."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one answer is worth.

    ``chrf``: character n-gram F-score against the reference, 0 to 100 (Popović 2015, "chrF: character n-gram F-score
    for automatic MT evaluation"; n = 1..6, beta = 2). It needs no word boundaries, so Chinese and English are
    measured alike.

    ``identified``: the answer is closer (chrF) to its own reference than to the reference of any other concept, after
    the concept's name, which the question gave away, is taken out of the answer and its reference. Neither form nor
    echo wins this: a model that says the same of everything is right once in as many concepts as there are.

    ``rouge_l`` and ``exact`` are of the functions below. The others are found outside: ``stated`` is the share of the
    reference's facts that the answer states, None if it has none; ``grounded`` whether the answer's own passage bears
    it out, None without one.
    """

    chrf: float
    identified: bool
    rouge_l: float = 0.0
    exact: bool = False
    stated: float | None = None
    grounded: bool | None = None


def score(answers: Sequence[Answer]) -> list[Score]:
    """Score each answer, in order; the references of all ``answers`` are the ones it may be confused with.

    A tie is not identified, nor is an answer that shares nothing with its reference, such as an empty one.
    """
    from sacrebleu.metrics import CHRF

    references: dict[str, set[str]] = defaultdict(set)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, answer in enumerate(answers):
        references[_concept(answer)].add(answer.reference)
        groups[_concept(answer), answer.reference].append(index)

    scores = [Score(0.0, False)] * len(answers)
    for (concept, reference), indexes in groups.items():
        # One CHRF a group: it counts the n-grams of its references once, and given several it returns the best score.
        own = CHRF(references=[[reference]])
        nameless = CHRF(references=[[_without(concept, reference)]])
        others = sorted({text for name, texts in references.items() if name != concept for text in texts})
        rivals = CHRF(references=[[text] for text in others]) if others else None
        for index in indexes:
            text = answers[index].text
            content = [_without(concept, text)]
            best_rival = rivals.corpus_score(content, None).score if rivals else 0.0
            identified = nameless.corpus_score(content, None).score > best_rival
            closeness = own.corpus_score([text], None).score
            scores[index] = Score(closeness, identified, rouge_l(text, reference), exact_match(text, reference))
    return scores


def chance(answers: Sequence[Answer]) -> float:
    """Share that would be identified by guessing: 1 / number of concepts."""
    return 1 / max(1, len({_concept(answer) for answer in answers}))


def normalised(text: str) -> str:
    """``text`` in one form of its characters (NFKC) and one case, with single blanks and without the final stop."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.split()).rstrip(".。 ")


def words(text: str) -> list[str]:
    """The words of a text, normalised, without punctuation; each Chinese character is a word."""
    return _WORD.findall(normalised(text))


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of ``words``, 0 to 1.

    Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", section 3.1: the whole text as one sequence,
    precision and recall weighing alike.
    """
    from rapidfuzz.distance import LCSseq

    answer, wanted = words(text), words(reference)
    return 2 * LCSseq.similarity(answer, wanted) / (len(answer) + len(wanted)) if answer and wanted else 0.0


def exact_match(text: str, reference: str) -> bool:
    """Whether both are the same once ``normalised``; an empty answer matches nothing.

    As in SQuAD (Rajpurkar 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text"), but articles and inner
    punctuation count, as they do in Chinese.
    """
    return normalised(text) == normalised(reference) != ""


def stated(text: str, slots: Sequence[str], normalise: Callable[[str], str] = normalised) -> list[bool]:
    """Which ``slots`` (facts of the reference: a name, a number) the answer states; the share of them is its score.

    ``normalise`` is applied to the answer and to each slot, and may also turn Chinese numerals into digits. A slot is
    found as a whole: 12 not in 120 or 1.12, Li not in Lily, 六 not in 六十四. An empty one is never found. Only
    presence is told: that an answer denies a fact, or names every other one as well, is not seen.
    """
    given = normalise(text)
    return [_states(given, normalise(slot)) for slot in slots]


def _states(text: str, slot: str) -> bool:
    if not slot:
        return False
    before = next((f"(?<!{same})" for same in _RUNS if re.match(same, slot[0])), "")
    after = next((f"(?!{same})" for same in _RUNS if re.match(same, slot[-1])), "")
    if slot[0].isdecimal():
        before += r"(?<!\d[.,])"
    if slot[-1].isdecimal():
        after += r"(?![.,]\d)"
    return re.search(before + re.escape(slot) + after, text) is not None


def _concept(answer: Answer) -> str:
    return answer.concept or answer.passage_id


def _without(concept: str, text: str) -> str:
    return text.replace(concept, "")
