"""Statistics that a few values, however far off, do not move: medians, their deviations, and lines through medians."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import median

NORMAL = 1.4826
"""Standard deviations of a normal to its median absolute deviation."""
_SLOPE_POINTS = 100
"""Points of a line, about, from which its slope is taken."""
_LEAST_POINTS, _LEAST_APART = 8, 0.01
"""Of fewer points, or points so near each other, no slope can be taken: one that is far off would turn it."""


def slopes(points: Sequence[tuple[float, float]]) -> list[float]:
    """The slopes of the lines through any two of the points, (x, y) each, that are not at one x."""
    some = points[:: 1 + len(points) // _SLOPE_POINTS]  # the pairs of many thousands would be too many
    return [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(some, 2) if abs(b[0] - a[0]) > _LEAST_APART]


def line_at(points: Sequence[tuple[float, float]], x: float) -> float:
    """What the line through ``points``, (x, y) each, has at ``x``; nearly a third of them may be far off.

    Its slope is the median of all slopes (Theil 1950, Sen 1968); of few points it is that of all rows together, 1.
    """
    found = slopes(points)
    slope = median(found) if len(points) >= _LEAST_POINTS and found else 1.0
    return median(y + slope * (x - at) for at, y in points)


def common_slope(lines: Iterable[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """The slope that lines of points have in common, and how far apart theirs are; 1 and 0 if there are none."""
    own = [median(found) for points in lines if (found := slopes(points))]
    return (median(own), deviation(own)) if own else (1.0, 0.0)


def z_scores(values: Sequence[float], least: float) -> list[float]:
    """By how many deviations, but no smaller ones than ``least``, each value is off their median."""
    usual, scatter = median(values), max(deviation(values), least)
    return [(value - usual) / scatter for value in values]


def deviation(values: Sequence[float]) -> float:
    """The median absolute deviation, in units of a normal's standard deviation."""
    usual = median(values)
    return NORMAL * median(abs(value - usual) for value in values)
