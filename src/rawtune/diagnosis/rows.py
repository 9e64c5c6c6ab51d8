"""Rows that lose more than they should, as broken ones do, or less, as where the question tells the answer.

What a row should lose is told by the other rows with its answer, if there are any, else by those of its time and
length; a concept, or a template, is held to all others. Judged is each row's first visit: later ones tell little, as
what is broken is learnt by heart, too. Of a row its mean loss is judged, and how its answer begins and ends and its
punctuation, where faults of form show; and an answer under two concepts. Scores are robust: distances from a median in
units of the median absolute deviation, here "z".
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist, median

from rawtune.diagnosis.forms import ODD, odd_forms
from rawtune.diagnosis.robust import NORMAL, deviation, line_at, z_scores
from rawtune.diagnosis.siblings import NEIGHBOURS, beside_siblings, forms_beside_siblings, of_main_answer
from rawtune.diagnosis.swaps import swap_scores
from rawtune.diagnosis.visits import (
    LEAST,
    RowLoss,
    by_step,
    first_visits,
    known,
    levels,
    log_loss,
    members,
    off_usual,
)
from rawtune.diagnosis.wording import own_wording

ROW_LIMIT = 3.5
SIBLING_LIMIT = 5.0
GROUP_LIMIT = 2.5
SWAP_LIMIT = 2.0
"""Scores beyond which a row, a row beside its siblings, a concept or template, or one of two concepts with the same
answer stands out; see ``_limit``. Of the last the texts tell that one is wrong, and the losses but which.

Siblings are so alike that what differs for no fault, such as how a question is put, tells more among them."""
_FALSE_ALARMS = 0.05
_LEAST_ROW, _LEAST_TEMPLATE, _LEAST_CONCEPT, _LEAST_FORM = 0.5, 0.1, 0.02, 1.0
"""Smaller scatters are not divided by, however alike all are: of rows' scores; of the medians of templates' rows; of
what concepts are off early on, in their logarithm; of what their form is, in nats."""
_BIN_ROWS = 50
_BIN_LENGTHS = 8
_LEAST_GROUPS = 5
_EARLY_VISITS = 6
"""Of a concept, after which the form of its answer is learnt."""

CODE = "RT801"
"""Of the finding that puts a row in quarantine for its loss; no rule of verification, as only training can tell."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that stands out: by itself, or with all rows of its concept or template (``by``, then named ``group``).

    ``part`` tells what of its answer: the ``mean`` of all, its ``first`` tokens, its ``punctuation`` or its ``end``.
    Where ``by`` is ``swap``, its answer is that of the concept ``group``. What is ``odd`` is written in another form
    than most answers, which counts. A row ``beside`` its siblings is held to them, not to all of its time and length;
    there z is in nats if it is of a part.
    """

    row: int
    z: float
    by: str = "row"
    group: str = ""
    rows: int = 1
    part: str = "mean"
    odd: bool = False
    beside: bool = False

    @property
    def tail(self) -> str:
        """``high``: the model found it harder to learn than others; ``low``: easier."""
        return "high" if self.z > 0 else "low"


def scores(losses: Iterable[RowLoss], part: str = "mean") -> dict[int, float]:
    """Each row's z by its number: less the running median of its step, over its time's scatter, within its length."""
    first = first_visits(losses)
    steps, by = by_step(first), off_usual(first, part)
    off = [[by[seen.row] for seen in here] for here in steps]
    reach = max(1, NEIGHBOURS * len(steps) // max(len(first), 1))
    scaled: dict[int, float] = {}
    for at, here in enumerate(steps):
        scatter = deviation([each for step in off[max(0, at - reach) : at + reach + 1] for each in step])
        scaled.update((seen.row, by[seen.row] / max(scatter, LEAST)) for seen in here)
    found: dict[int, float] = {}
    for numbers in _by_length(list(first.values())):
        found.update(zip(numbers, z_scores([scaled[number] for number in numbers], _LEAST_ROW), strict=True))
    return found


def concept_scores(losses: Iterable[RowLoss], concepts: Mapping[int, str], part: str = "mean") -> dict[str, float]:
    """The z of each concept among all concepts; none if there are fewer than five.

    A concept is judged by its earliest visits, as what is wrong in all of its rows is soon learnt: by the median of how
    far they are off what was usual at their time. Of the two tails, one that is longer than a normal's is measured by
    itself.
    """
    first = first_visits(losses)
    groups = members(first, concepts)
    if len(groups) < _LEAST_GROUPS:
        return {}
    early = _early(first, groups) if part == "mean" else _earliest(first, groups, part)
    values = z_scores(early, _LEAST_CONCEPT if part == "mean" else _LEAST_FORM)
    low, high = (max(1.0, NORMAL * median(abs(by) for by in values if sign * by >= 0)) for sign in (-1, 1))
    return {name: by / (high if by > 0 else low) for name, by in zip(groups, values, strict=True)}


def _early(first: Mapping[int, RowLoss], groups: Mapping[str, Sequence[int]]) -> list[float]:
    """For each group what the line through the losses of its rows has before groups differ by how fast they learn."""
    level = levels(first)
    early = sorted(level.values())[3 * len(level) // 4]
    return [line_at([(level[row], log_loss(first[row].mean)) for row in rows], early) for rows in groups.values()]


def _earliest(first: Mapping[int, RowLoss], groups: Mapping[str, Sequence[int]], part: str) -> list[float]:
    """For each group by how much its first visits are off what was usual then: a form is learnt after a few."""
    off = off_usual(first, part)
    return [median(off[row] for row in rows[:_EARLY_VISITS]) for rows in groups.values()]


def template_scores(z: Mapping[int, float], templates: Mapping[int, str]) -> dict[str, float]:
    """The z of the median of each template's rows, given their own, among all templates; none if fewer than five."""
    groups = members(z, templates)
    if len(groups) < _LEAST_GROUPS:
        return {}
    values = [median(z[row] for row in rows) for rows in groups.values()]
    return dict(zip(groups, z_scores(values, _LEAST_TEMPLATE), strict=True))


def stand_out(
    losses: Iterable[RowLoss],
    concepts: Mapping[int, str] | None = None,
    templates: Mapping[int, str] | None = None,
    siblings: Mapping[int, str] | None = None,
    answers: Mapping[int, str] | None = None,
) -> list[Suspect]:
    """Rows beyond a limit, the farthest first; a row is told once, by what makes it stand out most.

    ``concepts`` and ``templates`` name, by row number, what a row is about and by which question form; ``siblings``
    which rows have the same answer if nothing is wrong, by default those of a concept. With ``answers``, the texts, the
    losses tell which of two concepts is wrong that have the same one, and which of two forms of answers; and concepts
    are no longer told as easy whose answers follow a pattern.
    """
    found = ranking(losses, concepts, templates, siblings, answers)
    return [suspect for share, suspect in found if share > 1]


def ranking(
    losses: Iterable[RowLoss],
    concepts: Mapping[int, str] | None = None,
    templates: Mapping[int, str] | None = None,
    siblings: Mapping[int, str] | None = None,
    answers: Mapping[int, str] | None = None,
) -> list[tuple[float, Suspect]]:
    """Each row by what makes it stand out most, as a share of that limit, the highest first; as for ``stand_out``."""
    losses = list(losses)
    if not losses:
        return []
    met = {seen.row for seen in losses}
    concepts, templates = ({row: of[row] for row in of if row in met} for of in (concepts or {}, templates or {}))
    siblings, answers = concepts if siblings is None else siblings, answers or {}
    parts = known(losses)
    z = {part: scores(losses, part) for part in parts}
    beside = {part: forms_beside_siblings(losses, siblings, answers, part) for part in parts if part != "mean"}
    beside["mean"] = beside_siblings(losses, siblings)
    odd, own = odd_forms(answers), own_wording(concepts, answers)
    strongest: dict[int, tuple[float, Suspect]] = {}

    def take(limit: float, suspect: Suspect) -> None:
        if suspect.part != "mean" and suspect.row in odd:
            suspect = replace(suspect, z=suspect.z + ODD, odd=True)
        share = abs(suspect.z) / limit
        if share > strongest.get(suspect.row, (-1.0,))[0]:
            strongest[suspect.row] = share, suspect

    # Rows of one concept share their answer, and so its length: only so many are independent.
    independent = len(members(z["mean"], concepts)) if concepts else len({seen.tokens for seen in losses})
    alone = _limit(ROW_LIMIT, len(z["mean"]) * len(parts), independent)
    for part in parts:
        count = len(beside[part])
        near = _limit(SIBLING_LIMIT, count * len(parts), count) if count else alone
        for row, score in z[part].items():
            found = beside[part].get(row, score)
            # A form is no fault that is easier than those of its time; but these may be broken, so an odd one counts.
            if part == "mean" or min(score + ODD * (row in odd), found) > 0:
                held = row in beside[part]
                take(near if held else alone, Suspect(row, found, part=part, beside=held))
        alike = concepts if part == "mean" else of_main_answer(losses, concepts, answers, part)
        groups = concept_scores(losses, alike, part)
        groups = {name: z * own.get(name, 1.0) if z < 0 else z for name, z in groups.items()}
        for suspect, limit in _of_concepts(groups, alike, part, len(parts), own):
            take(limit, suspect)
    for suspect, limit in _of_templates(template_scores({**z["mean"], **beside["mean"]}, templates), templates):
        take(limit, suspect)
    swapped = swap_scores(losses, concepts, answers)
    pairs = len({(concepts[row], other) for row, (_, other) in swapped.items()})
    for row, (by, other) in swapped.items():
        take(_limit(SWAP_LIMIT, pairs, len(z["mean"])), Suspect(row, by, "swap", other))
    return sorted(strongest.values(), key=lambda found: (-found[0], found[1].row))


def _of_concepts(
    found: Mapping[str, float], concepts: Mapping[int, str], part: str, parts: int, own: Collection[str]
) -> Iterator[tuple[Suspect, float]]:
    """The rows of each concept, and its limit.

    Few concepts are easy for a fault: of those that are not among ``own``, whose wording is known, none tells of one
    below its limit.
    """
    limit = _limit(GROUP_LIMIT, len(found) * parts, len(found)) if found else 0.0
    for name, rows in members(concepts, concepts).items():
        z = found.get(name, 0.0)
        if z > 0 or (part == "mean" and z < (0.0 if name in own else -limit)):
            yield from ((Suspect(row, z, "concept", name, len(rows), part), limit) for row in rows)


def _of_templates(found: Mapping[str, float], templates: Mapping[int, str]) -> Iterator[tuple[Suspect, float]]:
    """The rows of each template beyond its limit; below it none tells of its rows: they are of all concepts."""
    limit = _limit(GROUP_LIMIT, len(found), len(found)) if found else 0.0
    for name, rows in members(templates, templates).items():
        if abs(found.get(name, 0.0)) > limit:
            yield from ((Suspect(row, found[name], "template", name, len(rows)), limit) for row in rows)


def _limit(least: float, count: int, independent: int) -> float:
    """The z beyond which one of ``count`` stands out, at least ``least``.

    The most extreme of many healthy ones goes farther than that of few (Bonferroni), and a deviation is the less
    certain the fewer it is taken from: by simulation the second factor keeps false alarms at one healthy set in twenty.
    """
    return max(least, NormalDist().inv_cdf(1 - _FALSE_ALARMS / 2 / count) * (1 + 7 / independent))


def _by_length(rows: Sequence[RowLoss]) -> list[list[int]]:
    """Row numbers in bins of like length; a bin has enough rows, and enough lengths that no answer has its own."""
    lengths = len({row.tokens for row in rows})
    bins = max(1, min(5, len(rows) // _BIN_ROWS, lengths // _BIN_LENGTHS))
    ordered = [row.row for row in sorted(rows, key=lambda row: row.tokens)]
    edges = [len(ordered) * i // bins for i in range(bins + 1)]
    return [ordered[start:end] for start, end in pairwise(edges)]
