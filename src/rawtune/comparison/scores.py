"""What each arm's answers are worth: suite by suite, alone and against base."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rawtune.comparison.metrics import Score, score
from rawtune.comparison.pairs import detectable_gain, four_cells, mcnemar, newcombe
from rawtune.comparison.statistics import (
    MIN_CLUSTERS,
    Interval,
    detectable_mean_gain,
    difference,
    mean,
    scatter,
    share,
    sign_flip,
    verdict,
)
from rawtune.errors import AccountingError
from rawtune.records import Answer, History, Suite

SCORED = (Suite.PHRASING, Suite.CONCEPT, Suite.FOLLOW_UP, Suite.SEEN)
"""Suites whose questions have a reference, in the order of the report."""
SUITES = (*SCORED, Suite.REFUSAL)
"""Suites that are measured; of the last, whether the answer is refused."""
SHARES = ("identified", "grounded", "exact", "refused")
"""Metrics that are right or wrong; the others, ``chrf``, ``stated`` and ``rouge_l``, are means."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is found of an answer by its passage and the rules: see ``Score``; ``refused`` if it declines to answer."""

    stated: float | None = None
    grounded: bool | None = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One question with the answer of every arm, by its name, and their scores where there is a reference.

    ``refused`` holds, for the suite of questions that have no answer, which arms declined.
    """

    suite: Suite
    passage_id: str
    question: str
    reference: str
    concept: str
    answers: Mapping[str, str]
    scores: Mapping[str, Score]
    refused: Mapping[str, bool]
    history: History = ()

    def gain(self, arm: str, base: str) -> float:
        """By how much ``arm`` is closer to the reference (chrF)."""
        return self.scores[arm].chrf - self.scores[base].chrf

    def answer(self, arm: str) -> Answer:
        """What ``arm`` said."""
        asked = self.suite, self.passage_id, self.question, self.reference
        return Answer(arm, *asked, self.answers[arm], self.concept, self.history)


def cases(answers: Sequence[Answer], arms: Sequence[str], judged: Sequence[Judged] = ()) -> list[Case]:
    """All questions, in the order in which the first arm was asked; ``judged[i]``, if given, is of ``answers[i]``.

    Raises ``AccountingError`` unless all ``arms`` were asked the same questions, each once.
    """
    by_arm: dict[str, dict[tuple[Suite, str, str], Answer]] = {arm: {} for arm in arms}
    for answer in answers:
        by_arm.setdefault(answer.model, {})[_key(answer)] = answer
    first = by_arm[arms[0]]
    if (
        len(by_arm) != len(arms)
        or any(given.keys() != first.keys() for given in by_arm.values())
        or len(answers) != len(arms) * len(first)
    ):
        counts = ", ".join(f"{arm} {len(given)}" for arm, given in by_arm.items())
        raise AccountingError(f"{len(answers)} answers ({counts}): not the same questions, once each")
    looked = {(a.model, *_key(a)): j for a, j in zip(answers, judged or [Judged()] * len(answers), strict=True)}
    scored = [answer for answer in answers if answer.suite in SCORED]
    # The references of all are what an answer may be confused with, so that one call scores all arms alike.
    found = {
        (key := (answer.model, *_key(answer))): replace(worth, stated=looked[key].stated, grounded=looked[key].grounded)
        for answer, worth in zip(scored, score(scored), strict=True)
    }
    return [
        Case(
            answer.suite,
            answer.passage_id,
            answer.question,
            answer.reference,
            answer.concept,
            {arm: by_arm[arm][key].text for arm in arms},
            {arm: found[arm, *key] for arm in arms} if answer.suite in SCORED else {},
            {arm: looked[arm, *key].refused for arm in arms} if answer.suite is Suite.REFUSAL else {},
            answer.history,
        )
        for key, answer in first.items()
    ]


def by_suite(cases: Sequence[Case]) -> dict[Suite, list[Case]]:
    """The measured cases of each suite that has any."""
    return {suite: found for suite in SUITES if (found := [case for case in cases if case.suite is suite])}


def measure(cases: Sequence[Case], arm: str) -> dict[str, dict[str, Any]]:
    """One arm on one suite: by metric, the fields of an ``Interval``; ``chrf`` 0 to 100, all others 0 to 1.

    Metrics that no case has are left out.
    """
    measured = {}
    for metric, read in _metrics(cases).items():
        known = [case for case in cases if read(case, arm) is not None]
        values, clusters = [read(case, arm) for case in known], [case.passage_id for case in known]
        estimate: Interval = share(values, clusters) if metric in SHARES else mean(values, clusters)
        measured[metric] = asdict(estimate)
    return measured


def against(cases: Sequence[Case], arm: str, base: str) -> dict[str, dict[str, Any]]:
    """One arm minus base on one suite, question by question: as ``measure``, with a verdict and what tells it.

    ``sign_flip`` is that test's p, ``detectable`` the smallest mean gain that the passages could have shown, None where
    there are too few or none differs; of what is right or wrong also the four ``cells`` and their ``mcnemar`` p, which
    takes the questions for independent.
    """
    found = {}
    for metric, read in _metrics(cases).items():
        known = [case for case in cases if read(case, arm) is not None and read(case, base) is not None]
        if not known:
            continue
        clusters = [case.passage_id for case in known]
        after, before = [read(case, arm) for case in known], [read(case, base) for case in known]
        gain = difference(after, before, clusters)
        found[metric] = {
            **asdict(gain),
            "verdict": verdict(gain),
            "sign_flip": sign_flip(after, before, clusters).p,
            "detectable": _detectable(after, before, clusters),
        }
        if metric in SHARES:
            cells = four_cells(before, after)
            found[metric] |= {"cells": asdict(cells), "mcnemar": mcnemar(cells)}
    return found


def general(base: Sequence[bool], tuned: Sequence[bool]) -> dict[str, Any]:
    """One arm on the general suite's items against base: the shares right and their difference with its interval.

    The interval is Newcombe's, for pairs; ``detectable`` the smallest loss that McNemar's exact test could have shown.
    """
    cells = four_cells(base, tuned)
    low, high = newcombe(cells)
    return {
        "n": cells.n,
        "base": sum(base) / cells.n,
        "right": sum(tuned) / cells.n,
        "difference": cells.difference,
        "low": low,
        "high": high,
        "cells": asdict(cells),
        "mcnemar": mcnemar(cells),
        "detectable": detectable_gain(cells.n, cells.only_tuned / cells.n),
    }


def _key(answer: Answer) -> tuple[Suite, str, str]:
    return answer.suite, answer.passage_id, answer.question


def _metrics(cases: Sequence[Case]) -> dict[str, Callable[[Case, str], Any]]:
    """How to read each metric that these cases, all of one suite, have, in the order of the report."""
    if cases[0].suite is Suite.REFUSAL:
        return {"refused": lambda case, arm: case.refused[arm]}
    names = ("chrf", "identified", "stated", "grounded", "rouge_l", "exact")

    def reader(name: str) -> Callable[[Case, str], Any]:
        return lambda case, arm: getattr(case.scores[arm], name)

    readers = {name: reader(name) for name in names}
    return {
        name: read
        for name, read in readers.items()
        if any(read(case, arm) is not None for case in cases for arm in case.scores)
    }


def _detectable(after: Sequence[float], before: Sequence[float], clusters: Sequence[str]) -> float | None:
    if len(set(clusters)) < MIN_CLUSTERS:
        return None
    sd = scatter(after, before, clusters)
    return detectable_mean_gain(sd, len(set(clusters))) if sd else None
