"""Rows beside those that have the same answer if nothing is wrong: nothing tells better what a row should lose."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from math import hypot
from statistics import median

from rawtune.diagnosis.forms import odd_forms
from rawtune.diagnosis.robust import common_slope, deviation
from rawtune.diagnosis.visits import RowLoss, first_visits, levels, log_loss, members, off_usual

NEIGHBOURS = 32
"""Rows on either side, about, from which is taken how much rows differ."""
_LEAST_SIBLINGS, _NEAR_SIBLINGS = 4, 10
"""Fewer cannot say what a row should lose; and of many, so many on either side in time do."""
_LEAST = 0.01
"""Smaller scatters are not divided by, however alike all are: of logarithms of losses."""


def beside_siblings(losses: Iterable[RowLoss], siblings: Mapping[int, str]) -> dict[int, float]:
    """The z of rows beside their siblings, which have the same answer where nothing is wrong.

    What a row loses, less the median of what its siblings do, brought to its time by the slope that siblings have in
    common; over how far rows of that time are from theirs, or its siblings are, from theirs or from one another,
    whichever is most, and how much slopes differ: siblings of two minds, as where half of them are broken, tell little.
    Siblings are those whose answers have the length that most have; where fewer than half have one length, answers
    differ, and so do losses: these rows are left out.
    """
    first = first_visits(losses)
    level, families = levels(first), members(first, siblings)
    alike = {name: found for name, rows in families.items() if (found := _alike(rows, first))}
    points = {row: (level[row], log_loss(seen.mean * seen.tokens)) for row, seen in first.items()}
    slope, apart = common_slope([points[row] for row in rows] for rows in alike.values())
    off: dict[int, float] = {}
    far: dict[int, float] = {}
    own: dict[int, float] = {}
    among: dict[int, float] = {}
    for name, rows in alike.items():
        steps = [first[row].step for row in rows]
        for row in families[name]:
            x, y = points[row]
            others = [points[near] for near in _near(first[row], rows, steps)]
            here = [there + slope * (x - at) for at, there in others]
            off[row], among[row] = y - median(here), deviation(here)
            far[row] = apart * abs(x - median(at for at, _ in others))
        own |= dict.fromkeys(families[name], deviation([off[row] for row in rows]))
    around = _around(off, first, {row for rows in alike.values() for row in rows})
    return {row: by / hypot(max(around[row], own[row], among[row], _LEAST), far[row]) for row, by in off.items()}


def forms_beside_siblings(
    losses: Iterable[RowLoss], siblings: Mapping[int, str], answers: Mapping[int, str], part: str
) -> dict[int, float]:
    """By how many nats this part of each row loses more than that of the answer which most of its siblings have.

    Rows of that very answer have its form, and are none off; those whose answer is not known are left out.
    """
    first = first_visits(losses)
    told = {row: name for row, name in siblings.items() if row in answers}
    off, main = off_usual(first, part), of_main_answer(losses, told, answers, part)
    usual = {name: median(off[row] for row in rows) for name, rows in members(first, main).items()}
    return {row: 0.0 if row in main else off[row] - usual[told[row]] for row in first if row in told}


def of_main_answer(
    losses: Iterable[RowLoss], group_of: Mapping[int, str], answers: Mapping[int, str], part: str
) -> dict[int, str]:
    """The groups of those rows whose answer most of their group have; of two such, one not odd in form, or easier.

    Where answers are not known, those of one length are taken for the same.
    """
    first = first_visits(losses)
    off, odd = off_usual(first, part), odd_forms(answers)
    main: dict[int, str] = {}
    for name, rows in members(first, group_of).items():
        same = members(rows, {row: answers.get(row, str(first[row].tokens)) for row in rows})
        most = max(same.values(), key=lambda rows: (len(rows), rows[0] not in odd, -median(off[row] for row in rows)))
        main |= dict.fromkeys(most, name)
    return main


def _alike(rows: Sequence[int], first: Mapping[int, RowLoss]) -> list[int]:
    """Those of a family whose answer has the length that most have; none if they are few, or fewer than half."""
    most = max(members(rows, {row: str(first[row].tokens) for row in rows}).values(), key=len)
    few = len(rows) <= _LEAST_SIBLINGS or len(most) < _LEAST_SIBLINGS
    return [] if few or 2 * len(most) < len(rows) else most


def _near(seen: RowLoss, rows: Sequence[int], steps: Sequence[int]) -> list[int]:
    """The row's siblings about its time, of those whose steps these are, in order."""
    at = bisect_right(steps, seen.step)
    return [row for row in rows[max(0, at - 1 - _NEAR_SIBLINGS) : at + _NEAR_SIBLINGS] if row != seen.row]


def _around(off: Mapping[int, float], first: Iterable[int], alike: set[int]) -> dict[int, float]:
    """By row how far those of its time are off, in order of which ``first`` is; only those of usual length count."""
    found, passed = {}, 0
    values = [off[row] for row in first if row in alike]
    for row in first:
        if row in off:
            found[row] = deviation(values[max(0, passed - NEIGHBOURS) : passed + NEIGHBOURS + 1])
        passed += row in alike
    return found
