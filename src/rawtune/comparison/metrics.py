"""How close an answer is to its reference, and whether it speaks of the right concept."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rawtune.records import Answer


@dataclass(frozen=True, slots=True)
class Score:
    """What one answer is worth.

    ``chrf``: character n-gram F-score against the reference, 0 to 100 (Popović 2015, "chrF: character n-gram F-score
    for automatic MT evaluation"; n = 1..6, beta = 2). It needs no word boundaries, so Chinese and English are
    measured alike.

    ``identified``: the answer is closer (chrF) to its own reference than to the reference of any other concept, after
    the concept's name, which the question gave away, is taken out of the answer and its reference. Neither form nor
    echo wins this: a model that says the same of everything is right once in as many concepts as there are.
    """

    chrf: float
    identified: bool


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
            scores[index] = Score(own.corpus_score([text], None).score, identified)
    return scores


def chance(answers: Sequence[Answer]) -> float:
    """Share that would be identified by guessing: 1 / number of concepts."""
    return 1 / max(1, len({_concept(answer) for answer in answers}))


def _concept(answer: Answer) -> str:
    return answer.concept or answer.passage_id


def _without(concept: str, text: str) -> str:
    return text.replace(concept, "")
