"""Rows that lose more than they should, as broken ones do, or less, as where the question tells the answer.

What a row should lose is told by the other rows with its answer, if there are any, else by those of its time and
length; a concept, or a template, is held to all others. Judged is each row's first visit: later ones tell little, as
what is broken is learnt by heart, too. Scores are robust: distances from a median in units of the median absolute
deviation, here "z".
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import log, sqrt
from statistics import NormalDist, fmean, median

ROW_LIMIT = 3.5
SIBLING_LIMIT = 5.0
GROUP_LIMIT = 2.5
"""Scores beyond which a row, a row beside its siblings, or a concept or template stands out; see ``_limit``.

Siblings are so alike that what differs for no fault, such as how a question is put, tells more among them."""
_NORMAL = 1.4826
"""Standard deviations of a normal to its median absolute deviation."""
_FALSE_ALARMS = 0.05
_HALF_WINDOW = 2
"""Steps on either side whose rows are compared, for what is usual; fewer at both ends."""
_NEIGHBOURS = 32
"""Rows on either side, about, from which is taken how much rows differ."""
_LEAST, _LEAST_ROW, _LEAST_TEMPLATE = 0.02, 0.5, 0.1
_LEAST_RATIO, _LEAST_CONCEPT = 0.01, 0.02
"""Smaller scatters are not divided by, however alike all are: of losses, in nats; of rows' scores; of the medians
of templates' rows; of the logarithms of losses beside siblings' lines, and of concepts' lines."""
_BIN_ROWS = 50
_BIN_LENGTHS = 8
_LEAST_GROUPS = 5
_LEAST_SIBLINGS, _NEAR_SIBLINGS = 4, 10
"""Fewer cannot say what a row should lose; and of many, so many on either side in time do."""
_SLOPE_POINTS = 100
"""Points of a line, about, from which its slope is taken."""

CODE = "RT801"
"""Of the finding that puts a row in quarantine for its loss; no rule of verification, as only training can tell."""


@dataclass(frozen=True, slots=True)
class RowLoss:
    """A row at one step: its number in the dataset, answer tokens, and the mean and the highest of their losses.

    ``first`` and ``last`` are the highest of the tokens at the answer's beginning and at its end, where they are known.
    """

    step: int
    row: int
    id: str
    tokens: int
    mean: float
    max: float
    first: float | None = None
    last: float | None = None


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
    first = _first_visits(losses)
    steps = _by_step(first)
    off: list[list[float]] = []
    for here, usual in zip(steps, _usual(steps), strict=True):
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


def beside_siblings(losses: Iterable[RowLoss], siblings: Mapping[int, str]) -> dict[int, float]:
    """The z of rows beside their siblings, which have the same answer where nothing is wrong.

    What the whole answer of a row loses, less what the line through its siblings' losses has at its time; over how far
    rows of that time, or its siblings, are from theirs, whichever is more. Left out are siblings of which no length of
    answer is that of more than half: there answers differ, and so do losses.
    """
    first = _first_visits(losses)
    levels = _levels(first)
    off: dict[int, float] = {}
    families = [rows for rows in _members(first, siblings).values() if _alike([first[row].tokens for row in rows])]
    for rows in families:
        points = [(levels[row], _log(first[row].mean * first[row].tokens)) for row in rows]
        for at, row in enumerate(rows):
            others = points[max(0, at - _NEAR_SIBLINGS) : at] + points[at + 1 : at + 1 + _NEAR_SIBLINGS]
            off[row] = _beside(others, *points[at])
    own: dict[int, float] = {}
    for rows in families:
        own |= dict.fromkeys(rows, _deviation([off[row] for row in rows]))
    judged = [row for row in first if row in off]
    found: dict[int, float] = {}
    for at, row in enumerate(judged):
        scatter = _deviation([off[near] for near in judged[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS + 1]])
        found[row] = off[row] / max(scatter, own[row], _LEAST_RATIO)
    return found


def concept_scores(losses: Iterable[RowLoss], concepts: Mapping[int, str]) -> dict[str, float]:
    """The z of each concept among all concepts; none if there are fewer than five.

    A concept is judged by what the line through its rows' losses has early on, before concepts are told apart by how
    fast they are learnt. Of the two tails, one that is longer than a normal's is measured by itself.
    """
    first = _first_visits(losses)
    levels, members = _levels(first), _members(first, concepts)
    if len(members) < _LEAST_GROUPS:
        return {}
    early = sorted(levels.values())[3 * len(levels) // 4]
    values = [_at([(levels[row], _log(first[row].mean)) for row in rows], early) for rows in members.values()]
    off = _z(values, _LEAST_CONCEPT)
    low, high = (max(1.0, _NORMAL * median(abs(by) for by in off if sign * by >= 0)) for sign in (-1, 1))
    return {name: by / (high if by > 0 else low) for name, by in zip(members, off, strict=True)}


def template_scores(z: Mapping[int, float], templates: Mapping[int, str]) -> dict[str, float]:
    """The z of the median of each template's rows, given their own, among all templates; none if fewer than five."""
    members = _members(z, templates)
    if len(members) < _LEAST_GROUPS:
        return {}
    values = [median(z[row] for row in rows) for rows in members.values()]
    return dict(zip(members, _z(values, _LEAST_TEMPLATE), strict=True))


def _levels(first: Mapping[int, RowLoss]) -> dict[int, float]:
    """For each row the logarithm of what rows usually lose at its time."""
    steps = _by_step(first)
    return {seen.row: _log(usual) for here, usual in zip(steps, _usual(steps), strict=True) for seen in here}


def _log(loss: float) -> float:
    return log(max(loss, _LEAST))


def _alike(lengths: Sequence[int]) -> bool:
    return len(lengths) > _LEAST_SIBLINGS and 2 * max(map(lengths.count, set(lengths))) > len(lengths)


def _at(points: Sequence[tuple[float, float]], x: float) -> float:
    """What the line through ``points``, (x, y) each, has at ``x``; nearly a third of them may be far off.

    Its slope is the median of all slopes (Theil 1950, Sen 1968); of few points it is that of all rows together, 1.
    """
    some = points[:: 1 + len(points) // _SLOPE_POINTS]  # the pairs of many thousands would be too many
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(some, 2) if abs(b[0] - a[0]) > _LEAST_RATIO]
    slope = median(slopes) if len(points) >= _LEAST_SIBLINGS and slopes else 1.0
    return median(y + slope * (x - at) for at, y in points)


def _beside(points: Sequence[tuple[float, float]], x: float, y: float) -> float:
    """By how much y is above the line through ``points``; the less, the farther x is from their midst.

    A line tells less there: this is the residual over its standard error, but for the scatter.
    """
    midst = fmean(at for at, _ in points)
    spread = sum((at - midst) ** 2 for at, _ in points)
    return (y - _at(points, x)) / sqrt(1 + 1 / len(points) + ((x - midst) ** 2 / spread if spread else 0))


def stand_out(
    losses: Iterable[RowLoss],
    concepts: Mapping[int, str] | None = None,
    templates: Mapping[int, str] | None = None,
    siblings: Mapping[int, str] | None = None,
) -> list[Suspect]:
    """Rows beyond a limit, the farthest first; a row is told once, by what makes it stand out most.

    ``concepts`` and ``templates`` name, by row number, what a row is about and by which question form; ``siblings``
    which rows have the same answer if nothing is wrong, by default those of a concept.
    """
    found = ranking(losses, concepts, templates, siblings)
    return [suspect for share, suspect in found if share > 1]


def ranking(
    losses: Iterable[RowLoss],
    concepts: Mapping[int, str] | None = None,
    templates: Mapping[int, str] | None = None,
    siblings: Mapping[int, str] | None = None,
) -> list[tuple[float, Suspect]]:
    """Each row by what makes it stand out most, as a share of that limit, the highest first; as for ``stand_out``."""
    losses, concepts, templates = list(losses), concepts or {}, templates or {}
    siblings = concepts if siblings is None else siblings
    if not losses:
        return []
    z, beside = scores(losses), beside_siblings(losses, siblings)
    strongest: dict[int, tuple[float, Suspect]] = {}

    def take(limit: float, suspect: Suspect) -> None:
        share = abs(suspect.z) / limit
        if share > strongest.get(suspect.row, (-1.0,))[0]:
            strongest[suspect.row] = share, suspect

    # Rows of one concept share their answer, and so its length: only so many are independent.
    independent = len(_members(z, concepts)) if concepts else len({seen.tokens for seen in losses})
    for row, score in z.items():
        if row in beside:
            take(_limit(SIBLING_LIMIT, len(beside), len(beside)), Suspect(row, beside[row]))
        else:
            take(_limit(ROW_LIMIT, len(z), independent), Suspect(row, score))
    by_concept, by_template = concept_scores(losses, concepts), template_scores({**z, **beside}, templates)
    for by, group_of, found in (("concept", concepts, by_concept), ("template", templates, by_template)):
        limit = _limit(GROUP_LIMIT, len(found), len(found)) if found else 0.0
        for name, rows in _members(z, group_of).items():
            # Below its limit a template tells nothing of its rows: they are of all concepts, and most of them right.
            if name in found and (by == "concept" or abs(found[name]) > limit):
                for row in rows:
                    take(limit, Suspect(row, found[name], by, name, len(rows)))
    return sorted(strongest.values(), key=lambda found: (-found[0], found[1].row))


def _limit(least: float, count: int, independent: int) -> float:
    """The z beyond which one of ``count`` stands out, at least ``least``.

    The most extreme of many healthy ones goes farther than that of few (Bonferroni), and a deviation is the less
    certain the fewer it is taken from: by simulation the second factor keeps false alarms at one healthy set in twenty.
    """
    return max(least, NormalDist().inv_cdf(1 - _FALSE_ALARMS / 2 / count) * (1 + 7 / independent))


def _first_visits(losses: Iterable[RowLoss]) -> dict[int, RowLoss]:
    """Each row when it was met first, by its number, in order of time."""
    first: dict[int, RowLoss] = {}
    for seen in sorted(losses, key=lambda seen: seen.step):
        first.setdefault(seen.row, seen)
    return first


def _by_step(first: Mapping[int, RowLoss]) -> list[list[RowLoss]]:
    by_step: defaultdict[int, list[RowLoss]] = defaultdict(list)
    for seen in first.values():
        by_step[seen.step].append(seen)
    return list(by_step.values())


def _usual(steps: Sequence[Sequence[RowLoss]]) -> list[float]:
    """The running median of each step's mean losses."""
    found = []
    for at in range(len(steps)):
        # As many before as after: the loss falls, and a lopsided window would take an early row for a bad one.
        half = min(_HALF_WINDOW, at, len(steps) - 1 - at)
        found.append(median(seen.mean for step in steps[at - half : at + half + 1] for seen in step))
    return found


def _members(z: Iterable[int], group_of: Mapping[int, str]) -> dict[str, list[int]]:
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
    return _NORMAL * median(abs(value - usual) for value in values)
