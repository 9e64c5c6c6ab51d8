"""What each row lost when it was met first, and what was usual at that time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import median

LEAST = 0.02
"""Losses below, in nats, are not told apart."""
PARTS = ("mean", "first", "punctuation", "end")
"""What of a row's losses is looked at: all of its answer, the answer's beginning, its punctuation, its end."""
_HALF_WINDOW = 2
"""Steps on either side whose rows are compared, for what is usual; fewer at both ends."""


@dataclass(frozen=True, slots=True)
class RowLoss:
    """A row at one step: its number in the dataset, answer tokens, and the mean and the highest of their losses.

    Where they are known, ``first`` is the mean of the answer's first tokens, ``punctuation`` the highest of those
    without letter or digit, ``end`` that of the one which ends the answer.
    """

    step: int
    row: int
    id: str
    tokens: int
    mean: float
    max: float
    first: float | None = None
    punctuation: float | None = None
    end: float | None = None


def first_visits(losses: Iterable[RowLoss]) -> dict[int, RowLoss]:
    """Each row when it was met first, by its number, in order of time."""
    first: dict[int, RowLoss] = {}
    for seen in sorted(losses, key=lambda seen: seen.step):
        first.setdefault(seen.row, seen)
    return first


def by_step(first: Mapping[int, RowLoss]) -> list[list[RowLoss]]:
    """The visits of each step, in order."""
    steps: defaultdict[int, list[RowLoss]] = defaultdict(list)
    for seen in first.values():
        steps[seen.step].append(seen)
    return list(steps.values())


def usual(steps: Sequence[Sequence[RowLoss]], part: str = "mean") -> list[float]:
    """The running median of what the rows of each step lose."""
    found = []
    for at in range(len(steps)):
        # As many before as after: the loss falls, and a lopsided window would take an early row for a bad one.
        half = min(_HALF_WINDOW, at, len(steps) - 1 - at)
        found.append(median(loss(seen, part) for step in steps[at - half : at + half + 1] for seen in step))
    return found


def off_usual(first: Mapping[int, RowLoss], part: str) -> dict[int, float]:
    """For each row by how much a part of it loses more than is usual at its time, in nats."""
    steps = by_step(first)
    level = dict(zip((here[0].step for here in steps), usual(steps, part), strict=True))
    return {row: loss(seen, part) - level[seen.step] for row, seen in first.items()}


def levels(first: Mapping[int, RowLoss]) -> dict[int, float]:
    """For each row the logarithm of what rows usually lose at its time."""
    steps = by_step(first)
    return {seen.row: log_loss(level) for here, level in zip(steps, usual(steps), strict=True) for seen in here}


def loss(seen: RowLoss, part: str) -> float:
    """What a row lost in one of the ``PARTS``, in nats."""
    found: float = getattr(seen, part)
    return found


def log_loss(loss: float) -> float:
    """The logarithm of a loss, however small."""
    return log(max(loss, LEAST))


def known(losses: Iterable[RowLoss]) -> tuple[str, ...]:
    """The parts that all of these rows tell: older versions kept nothing of the form."""
    every = list(losses)
    return tuple(part for part in PARTS if all(getattr(seen, part) is not None for seen in every))


def members(rows: Iterable[int], group_of: Mapping[int, str]) -> dict[str, list[int]]:
    """The rows of each group, in their order."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row in group_of:
            groups[group_of[row]].append(row)
    return groups
