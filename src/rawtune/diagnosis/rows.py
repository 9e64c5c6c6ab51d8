"""Rows that lose more than others of their time and length, as broken ones do, or less, as where the question tells.

Judged by each row's first visit: later ones tell little, as what is broken is learnt by heart, too. Scores are robust:
distances from a median in units of the median absolute deviation, here "z".
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean, median

ROW_LIMIT = 3.5
GROUP_LIMIT = 2.5
"""Scores beyond which a row, or the mean of a concept's or template's rows, stands out; see ``_limit``."""
_FALSE_ALARMS = 0.05
_HALF_WINDOW = 2
"""Steps on either side whose rows are compared, for what is usual; fewer at both ends."""
_NEIGHBOURS = 32
"""Rows on either side, about, from which is taken how much rows differ."""
_LEAST, _LEAST_ROW, _LEAST_GROUP = 0.02, 0.5, 0.1
"""Smaller scatters are not divided by, however alike all are: of losses, in nats; of rows' scores; of groups' means."""
_BIN_ROWS = 50
_BIN_LENGTHS = 8
_LEAST_GROUPS = 5

CODE = "RT801"
"""Of the finding that puts a row in quarantine for its loss; no rule of verification, as only training can tell."""


@dataclass(frozen=True, slots=True)
class RowLoss:
    """A row at one step: its number in the dataset, answer tokens, and the mean and the highest of their losses."""

    step: int
    row: int
    id: str
    tokens: int
    mean: float
    max: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that stands out: by itself, or with all rows of its concept or template (``by``, then named ``group``)."""

    row: int
    z: float
    by: str = "row"
    group: str = ""
    rows: int = 1

    @property
    def tail(self) -> str:
        """``high``: the model found it harder to learn than others; ``low``: easier."""
        return "high" if self.z > 0 else "low"


def scores(losses: Iterable[RowLoss]) -> dict[int, float]:
    """Each row's z by its number: less the running median of its step, over its time's scatter, within its length."""
    first: dict[int, RowLoss] = {}
    for seen in sorted(losses, key=lambda seen: seen.step):
        first.setdefault(seen.row, seen)
    by_step: defaultdict[int, list[RowLoss]] = defaultdict(list)
    for seen in first.values():
        by_step[seen.step].append(seen)
    steps = list(by_step.values())
    off: list[list[float]] = []
    for at, here in enumerate(steps):
        # As many before as after: the loss falls, and a lopsided window would take an early row for a bad one.
        half = min(_HALF_WINDOW, at, len(steps) - 1 - at)
        usual = median(seen.mean for step in steps[at - half : at + half + 1] for seen in step)
        off.append([seen.mean - usual for seen in here])
    reach = max(1, _NEIGHBOURS * len(steps) // max(len(first), 1))
    scaled: dict[int, float] = {}
    for at, here in enumerate(steps):
        scatter = _deviation([by for step in off[max(0, at - reach) : at + reach + 1] for by in step])
        scaled.update((seen.row, by / max(scatter, _LEAST)) for seen, by in zip(here, off[at], strict=True))
    found: dict[int, float] = {}
    for numbers in _by_length(list(first.values())):
        found.update(zip(numbers, _z([scaled[number] for number in numbers], _LEAST_ROW), strict=True))
    return found


def group_scores(z: Mapping[int, float], group_of: Mapping[int, str]) -> dict[str, float]:
    """The z of each group's mean among those of all groups; none if there are fewer than five groups.

    A row counts for no more than its own limit, so that a single one does not speak for its group.
    """
    members = _members(z, group_of)
    if len(members) < _LEAST_GROUPS:
        return {}
    means = [fmean(max(-ROW_LIMIT, min(z[row], ROW_LIMIT)) for row in rows) for rows in members.values()]
    return dict(zip(members, _z(means, _LEAST_GROUP), strict=True))


def stand_out(
    losses: Iterable[RowLoss], concepts: Mapping[int, str] | None = None, templates: Mapping[int, str] | None = None
) -> list[Suspect]:
    """Rows beyond a limit, the farthest first; a row is told once, by what makes it stand out most.

    ``concepts`` and ``templates`` name, by row number, what a row is about and by which question form.
    """
    losses = list(losses)
    if not losses:
        return []
    z = scores(losses)
    strongest: dict[int, tuple[float, Suspect]] = {}

    def take(limit: float, suspect: Suspect) -> None:
        share = abs(suspect.z) / limit
        if share > 1 and share > strongest.get(suspect.row, (0.0,))[0]:
            strongest[suspect.row] = share, suspect

    # Rows of one concept share their answer, and so its length: only so many are independent.
    independent = len(_members(z, concepts)) if concepts else len({seen.tokens for seen in losses})
    for row, score in z.items():
        take(_limit(ROW_LIMIT, len(z), independent), Suspect(row, score))
    for by, group_of in (("concept", concepts or {}), ("template", templates or {})):
        groups, members = group_scores(z, group_of), _members(z, group_of)
        for name, score in groups.items():
            for row in members[name]:
                take(_limit(GROUP_LIMIT, len(groups), len(groups)), Suspect(row, score, by, name, len(members[name])))
    return [suspect for _, suspect in sorted(strongest.values(), key=lambda found: (-found[0], found[1].row))]


def _limit(least: float, count: int, independent: int) -> float:
    """The z beyond which one of ``count`` stands out, at least ``least``.

    The most extreme of many healthy ones goes farther than that of few (Bonferroni), and a deviation is the less
    certain the fewer it is taken from: by simulation the second factor keeps false alarms at one healthy set in twenty.
    """
    return max(least, NormalDist().inv_cdf(1 - _FALSE_ALARMS / 2 / count) * (1 + 7 / independent))


def _members(z: Mapping[int, float], group_of: Mapping[int, str]) -> dict[str, list[int]]:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for row in z:
        if row in group_of:
            members[group_of[row]].append(row)
    return members


def _by_length(rows: Sequence[RowLoss]) -> list[list[int]]:
    """Row numbers in bins of like length; a bin has enough rows, and enough lengths that no answer has its own."""
    lengths = len({row.tokens for row in rows})
    bins = max(1, min(5, len(rows) // _BIN_ROWS, lengths // _BIN_LENGTHS))
    ordered = [row.row for row in sorted(rows, key=lambda row: row.tokens)]
    edges = [len(ordered) * i // bins for i in range(bins + 1)]
    return [ordered[start:end] for start, end in pairwise(edges)]


def _z(values: Sequence[float], least: float) -> list[float]:
    usual, scatter = median(values), max(_deviation(values), least)
    return [(value - usual) / scatter for value in values]


def _deviation(values: Sequence[float]) -> float:
    """The median absolute deviation, in units of a normal's standard deviation."""
    usual = median(values)
    return 1.4826 * median(abs(value - usual) for value in values)
