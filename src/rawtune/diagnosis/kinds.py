"""The loss of each step as it would be if rows of every kind lost alike: that tasks differ is no fault of their rows.

A batch's loss scatters by which kinds of rows it holds, as short answers that are all alike and long ones that are not.
What a kind loses at a time is known from its rows around; only what is left tells of broken rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import exp
from statistics import median

from rawtune.diagnosis.logs import Log, of_rows
from rawtune.diagnosis.visits import RowLoss, log_loss, members

_AROUND = 16
"""Visits on either side from which is taken what is usual at a time."""
_LEAST_VISITS = 24
"""A kind with fewer is judged as it is: a few rows would be held to themselves."""


def evened(rows: Iterable[RowLoss], kinds: Mapping[int, str]) -> Log:
    """The log of the same run, had rows of each kind lost as much as those of all kinds at their time.

    ``kinds`` names them by row number; rows without one are a kind of their own.
    """
    visits = sorted(rows, key=lambda seen: seen.step)
    losses = [log_loss(seen.mean) for seen in visits]
    off = [loss - level for loss, level in zip(losses, _usual(losses), strict=True)]
    kind = {at: kinds.get(seen.row, "") for at, seen in enumerate(visits)}
    even = list(visits)
    for places in members(kind, kind).values():
        for number, at in enumerate(places) if len(places) >= _LEAST_VISITS else ():
            start = max(0, min(number - _AROUND, len(places) - 2 * _AROUND - 1))
            own = median(off[near] for near in places[start : start + 2 * _AROUND + 1])
            even[at] = replace(visits[at], mean=visits[at].mean / exp(own))
    return of_rows(even)


def _usual(values: Sequence[float]) -> list[float]:
    """The running median of as many values before as after: they fall, and a lopsided window is off at both ends."""
    reach = [min(_AROUND, at, len(values) - 1 - at) for at in range(len(values))]
    return [median(values[at - r : at + r + 1]) for at, r in enumerate(reach)]
