"""What each arm's answers are worth: suite by suite, alone and against base."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rawtune.comparison.metrics import Score, score
from rawtune.comparison.statistics import Interval, difference, mean, share, verdict
from rawtune.errors import AccountingError
from rawtune.records import Answer, Suite

SCORED = (Suite.PHRASING, Suite.CONCEPT, Suite.SEEN)
"""Suites whose questions have a reference, in the order of the report."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question with the answer of every arm, by its name, and their scores where there is a reference."""

    suite: Suite
    passage_id: str
    question: str
    reference: str
    concept: str
    answers: Mapping[str, str]
    scores: Mapping[str, Score]

    def gain(self, arm: str, base: str) -> float:
        """By how much ``arm`` is closer to the reference (chrF)."""
        return self.scores[arm].chrf - self.scores[base].chrf


def cases(answers: Sequence[Answer], arms: Sequence[str]) -> list[Case]:
    """All questions, in the order in which the first arm was asked.

    Raises ``AccountingError`` unless all ``arms`` were asked the same questions, each once.
    """
    by_arm: dict[str, dict[tuple[Suite, str, str], Answer]] = {arm: {} for arm in arms}
    for answer in answers:
        by_arm.setdefault(answer.model, {})[answer.suite, answer.passage_id, answer.question] = answer
    first = by_arm[arms[0]]
    if (
        len(by_arm) != len(arms)
        or any(given.keys() != first.keys() for given in by_arm.values())
        or len(answers) != len(arms) * len(first)
    ):
        counts = ", ".join(f"{arm} {len(given)}" for arm, given in by_arm.items())
        raise AccountingError(f"{len(answers)} answers ({counts}): not the same questions, once each")
    scored = [answer for answer in answers if answer.suite in SCORED]
    # The references of all are what an answer may be confused with, so that one call scores all arms alike.
    found = {(a.model, a.suite, a.passage_id, a.question): s for a, s in zip(scored, score(scored), strict=True)}
    return [
        Case(
            answer.suite,
            answer.passage_id,
            answer.question,
            answer.reference,
            answer.concept,
            {arm: by_arm[arm][key].text for arm in arms},
            {arm: found[arm, *key] for arm in arms} if answer.suite in SCORED else {},
        )
        for key, answer in first.items()
    ]


def by_suite(cases: Sequence[Case]) -> dict[Suite, list[Case]]:
    """The scored cases of each suite that has any."""
    return {suite: found for suite in SCORED if (found := [case for case in cases if case.suite is suite])}


def measure(cases: Sequence[Case], arm: str) -> dict[str, dict[str, Any]]:
    """One arm on one suite: by metric, the fields of an ``Interval``; ``chrf`` 0 to 100, ``identified`` 0 to 1."""
    clusters, scores = [case.passage_id for case in cases], [case.scores[arm] for case in cases]
    intervals: dict[str, Interval] = {
        "chrf": mean([score.chrf for score in scores], clusters),
        "identified": share([score.identified for score in scores], clusters),
    }
    return {metric: asdict(interval) for metric, interval in intervals.items()}


def against(cases: Sequence[Case], arm: str, base: str) -> dict[str, dict[str, Any]]:
    """One arm minus base on one suite, question by question: as ``measure``, with a verdict."""
    clusters = [case.passage_id for case in cases]
    after, before = [case.scores[arm] for case in cases], [case.scores[base] for case in cases]
    differences = {
        "chrf": difference([s.chrf for s in after], [s.chrf for s in before], clusters),
        "identified": difference([s.identified for s in after], [s.identified for s in before], clusters),
    }
    return {metric: {**asdict(found), "verdict": verdict(found)} for metric, found in differences.items()}
