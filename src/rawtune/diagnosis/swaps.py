"""Answers that stand under two concepts: the texts tell that one of the two is wrong, and the losses which one.

A row's loss alone cannot tell that its answer is another's: that is as good a text as its own. But an answer loses more
under a question that is not its own, and its rows under the right question are there to compare.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations
from math import sqrt
from statistics import median

from rawtune.diagnosis.forms import ODD
from rawtune.diagnosis.robust import common_slope, deviation
from rawtune.diagnosis.visits import RowLoss, first_visits, levels, log_loss
from rawtune.diagnosis.wording import runs

_HELD = 0.8
"""The share of the shorter answer that the other must hold in one piece to be the same."""
_COMMON = 10
"""A run of characters that more texts hold is a turn of phrase."""
_CANDIDATE = 0.5
"""The share of such runs beyond which texts are compared."""
_LEAST_ROWS = 4
"""Of fewer rows with an answer the slope of their losses is taken from all."""
_LEAST = 0.02
"""How far logarithms of losses under two right questions may be apart, and how little rows can differ."""

Group = tuple[str, str]
"""A concept, and one of its answers."""


def swap_scores(
    losses: Iterable[RowLoss], concepts: Mapping[int, str], answers: Mapping[int, str]
) -> dict[int, tuple[float, str]]:
    """By row, if its answer stands under another concept, too: by how many deviations it loses more here; that concept.

    Rows of one concept with one answer are compared together, each with the one of the other concept that is nearest in
    time, as answers are learnt at no even pace: the median of these differences over its standard error, in which two
    right questions may differ, too. To it the texts add ``ODD`` if half of the concept's rows or more have another
    answer, which does not hold this one. Those that lose less are not told.
    """
    first = first_visits(losses)
    groups: defaultdict[Group, list[int]] = defaultdict(list)
    for row in first:
        if row in concepts and row in answers:
            groups[concepts[row], answers[row]].append(row)
    pairs = [(a, b) for a, b in _shared(list(groups)) if a[0] != b[0]]
    if not pairs:
        return {}
    answers_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (concept, answer), rows in groups.items():
        answers_of[concept][answer] = len(rows)
    rare = {group: _is_rare(group[1], answers_of[group[0]]) for pair in pairs for group in pair}
    level = levels(first)
    points = {row: (level[row], log_loss(first[row].mean)) for row in first}
    common = common_slope([points[row] for row in rows] for rows in groups.values())
    found: dict[int, tuple[float, str]] = {}
    for pair in pairs:
        few, many = sorted(pair, key=lambda group: len(groups[group]))
        here, there = ([points[row] for row in groups[of]] for of in (few, many))
        slope, apart = common_slope([there]) if len(there) >= _LEAST_ROWS else common
        scatter = max(_LEAST, *(deviation([y - slope * x for x, y in line]) for line in (here, there)))
        near = [(point, min(there, key=lambda other: abs(other[0] - point[0]))) for point in here]
        more = median(y - lost - slope * (x - at) for (x, y), (at, lost) in near)
        far = apart * median(abs(x - at) for (x, _), (at, _) in near)
        error = sqrt(2 * scatter**2 / len(here) + _LEAST**2 + far**2)
        by = more / error + ODD * (rare[few] - rare[many])
        wrong, other = (few, many[0]) if by > 0 else (many, few[0])
        for row in groups[wrong]:
            found[row] = max(found.get(row, (0.0, "")), (abs(by), other))
    return found


def _is_rare(answer: str, times: Counter[str]) -> bool:
    """Whether at most half of a concept's rows have this answer, whole or most of it; ``times`` it has each."""
    same = sum(count for other, count in times.items() if other == answer or _holds(other, answer))
    return 2 * same <= times.total()


def _shared(groups: Sequence[Group]) -> Iterable[tuple[Group, Group]]:
    """Pairs of groups of which one's answer holds the other's, or most of it."""
    of_text: defaultdict[str, list[Group]] = defaultdict(list)
    for group in groups:
        of_text[group[1]].append(group)
    for same in of_text.values():
        yield from combinations(same, 2)
    for one, other in _alike(list(of_text)):
        yield from ((a, b) for a in of_text[one] for b in of_text[other])


def _alike(texts: Sequence[str]) -> Iterable[tuple[str, str]]:
    marks_of = [runs(text) for text in texts]
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for number, marks in enumerate(marks_of):
        for mark in marks:
            holders[mark].append(number)
    common = Counter(
        pair for numbers in holders.values() if len(numbers) <= _COMMON for pair in combinations(numbers, 2)
    )
    for (one, other), count in common.items():
        if count >= _CANDIDATE * min(len(marks_of[one]), len(marks_of[other])) and _holds(texts[one], texts[other]):
            yield texts[one], texts[other]


def _holds(one: str, other: str) -> bool:
    """Whether a passage of one text is most of the other: what follows a pattern shares but pieces of it."""
    longest = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    return longest.size >= _HELD * min(len(one), len(other))
