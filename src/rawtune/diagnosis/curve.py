"""What a loss curve says: healthy, jagged, diverging or flat, with the number behind it.

Noise is measured without the trend: a second difference cancels whatever is locally a straight line (Gasser, Sroka and
Jennen-Steinmetz 1986, Biometrika 73). How much of it is healthy depends on the batch: the mean of a batch scatters as
the losses of rows do, over the root of their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import inf, isfinite, sqrt
from statistics import fmean, median

_SHORTEST = 8
"""Fewer losses say nothing; the early part of a curve, in which it is judged for jags, has at least so many."""
_ROW_SCATTER = 0.17
"""Standard deviation of the losses of healthy rows, over their mean: 0.12 as measured, and half as much again."""
_LARGEST_BATCH = 16
"""Beyond it, noise has other sources than the rows that are in a batch."""
_USUAL_BATCH = 4
"""Where it is not known: between the batches of 2 to 8 rows of small machines."""
_RISES = 0.5
"""The sum of rises over the net drop: 3.4 in a real run on broken rows, 0.1 in one on good rows, 0.0 to 0.8 in ours."""
_SETTLED = 1.2
"""The scatter of broken rows while they are learnt, at least, over that at the end of the run."""
_CONFIDENCE = 1.28
"""Normal quantile: of curves that scatter as much as is allowed, one in ten looks worse."""
_STILL = 0.02
"""A curve is flat if it moves by less than this share of where it began."""
_STILL_STEPS = 10
_BY_HEART = 0.2
"""Nats per token: at that loss the model gives each token of the answers a chance of 82%, which is reciting."""
_RISE = 0.15
"""A curve diverges if it ends so much above its lowest, as a share of where it began."""
_SPIKE = 3.5


class Verdict(StrEnum):
    """What is to be made of a curve."""

    TOO_SHORT = "too-short"  # nothing is said
    HEALTHY = "healthy"
    JAGGED = "jagged"  # batches differ as healthy ones do not: some rows are broken
    DIVERGING = "diverging"
    FLAT_CONVERGED = "flat-converged"
    FLAT_MEMORISED = "flat-memorised"  # flat where only text that is known by heart can be


@dataclass(frozen=True, slots=True)
class Curve:
    """A verdict and its numbers.

    ``jaggedness`` is the sum of rises over the net drop while the curve falls, infinite if it does not; ``noise`` the
    scatter around the trend there, over the mean loss; ``flat_since`` a step; ``steps`` those that stand out.
    """

    verdict: Verdict
    reason: str
    jaggedness: float = 0.0
    noise: float = 0.0
    flat_since: int | None = None
    steps: tuple[int, ...] = ()


def judge(
    losses: Sequence[float],
    steps: Sequence[int] = (),
    batch: int | None = None,
    even: Sequence[float] | None = None,
) -> Curve:
    """Judge the losses of training steps, in order; ``steps`` are their numbers, from 1 on if left out.

    ``batch`` is how many rows a loss is the mean of, if that is known. Jags are looked for in ``even``, if it is known:
    what the losses would be if rows of all kinds lost alike.
    """
    steps = steps or range(1, len(losses) + 1)
    for step, loss in zip(steps, losses, strict=True):
        if not isfinite(loss):
            return Curve(Verdict.DIVERGING, f"the loss of step {step} is {loss}", inf)
    for before, (step, loss) in zip((inf, *losses), zip(steps, losses, strict=True), strict=False):
        if loss == 0 and before > _BY_HEART:
            return Curve(Verdict.DIVERGING, f"the loss of step {step} is 0 all at once, as where numbers overflow", inf)
    if len(losses) < _SHORTEST:
        return Curve(Verdict.TOO_SHORT, f"{len(losses)} losses are too few to judge", _jaggedness(losses))
    even = losses if even is None else even
    early = even[: _falling(losses)]
    level = max(fmean(early), 1.0)  # where little is left to learn, rows differ by more than their mean
    jaggedness, noise = _jaggedness(early), _scatter(early) / level
    allowed = _allowed_noise(len(early), batch or _USUAL_BATCH)
    spikes = tuple(steps[at] for at in _spikes(losses))
    flat = _flat_since(losses)
    flat_since = None if flat is None else steps[flat]
    end = fmean(losses[-_width(losses) :])

    def curve(verdict: Verdict, reason: str) -> Curve:
        return Curve(verdict, reason, jaggedness, noise, flat_since, spikes)

    if risen := _risen(losses):
        return curve(Verdict.DIVERGING, f"it ends {risen:.2f} above its lowest")
    measured = (
        f"its rises add up to {jaggedness:.2f} times its net drop over the first {len(early)} steps, and it scatters by"
        f" {noise:.1%} around its trend, where healthy rows stay within {allowed:.1%}"
    )
    if noise > allowed and jaggedness > _RISES and _settles(even, len(early)):
        return curve(Verdict.JAGGED, measured)
    if flat_since is not None and fmean(losses[: _width(losses)]) - end < _STILL * losses[0]:
        return curve(
            Verdict.FLAT_CONVERGED, f"it never fell from where it began, and ends at {end:.2f}: nothing was learnt"
        )
    if flat_since is not None:
        verdict = Verdict.FLAT_MEMORISED if end < _BY_HEART else Verdict.FLAT_CONVERGED
        return curve(verdict, f"it has moved by less than {_STILL:.0%} since step {flat_since}, and ends at {end:.2f}")
    return curve(Verdict.HEALTHY, measured)


def smoothed(losses: Sequence[float]) -> list[float]:
    """Centred means, over fewer losses near both ends, so that the curve is not drawn away from where it goes."""
    half = _width(losses) // 2
    reach = [min(half, at, len(losses) - 1 - at) for at in range(len(losses))]
    return [fmean(losses[at - r : at + r + 1]) for at, r in enumerate(reach)]


def _falling(losses: Sequence[float]) -> int:
    """How many losses there are until half of the curve's fall is done.

    Behind that a model knows some concepts and not yet others, so that batches of healthy rows differ as well.
    """
    smooth = smoothed(losses)
    goal = (smooth[0] + min(smooth)) / 2
    end = next(at for at, loss in enumerate(smooth) if loss <= goal)
    return max(_SHORTEST, end + 1)


def _settles(losses: Sequence[float], early: int) -> bool:
    """Whether the scatter of the early part is gone later on, as far as there is a later part.

    What is broken is learnt by heart, too; where rows differ by nature, as in a mixture of tasks, they go on to differ.
    """
    late = losses[max(early, len(losses) - len(losses) // 4) :]
    return len(late) < _SHORTEST or _scatter(losses[:early]) > _SETTLED * _scatter(late)


def _jaggedness(losses: Sequence[float]) -> float:
    rises = sum(max(0.0, after - before) for before, after in pairwise(losses))
    drop = losses[0] - losses[-1] if losses else 0.0
    return rises / drop if drop > 0 else inf if rises > 0 else 0.0


def _scatter(losses: Sequence[float]) -> float:
    """Standard deviation around the trend."""
    return sqrt(fmean(second**2 for second in _second_differences(losses)))


def _second_differences(losses: Sequence[float]) -> list[float]:
    """Each with the variance of a single loss."""
    return [(a - 2 * b + c) / sqrt(6) for a, b, c in zip(losses, losses[1:], losses[2:], strict=False)]


def _allowed_noise(length: int, batch: int) -> float:
    """The most that healthy rows scatter by in so many steps.

    A sum of squares scatters as chi-squared does; its quantile by Wilson and Hilferty 1931. Second differences overlap,
    so that ``length - 2`` of them count for half as many.
    """
    freedom = (length - 2) / 1.944
    quantile = (1 - 2 / (9 * freedom) + _CONFIDENCE * sqrt(2 / (9 * freedom))) ** 3
    return _ROW_SCATTER / sqrt(min(batch, _LARGEST_BATCH)) * sqrt(quantile)


def _width(losses: Sequence[float]) -> int:
    return max(5, len(losses) // 20) if len(losses) >= 2 * _STILL_STEPS else 3


def _windows(losses: Sequence[float]) -> list[float]:
    """The mean of every window."""
    width = _width(losses)
    return [fmean(losses[at : at + width]) for at in range(len(losses) - width + 1)]


def _robust_scatter(losses: Sequence[float]) -> float:
    """As ``_scatter``, but a spike does not count; normal quartiles lie at 0.6745."""
    return median(map(abs, _second_differences(losses))) / 0.6745


def _risen(losses: Sequence[float]) -> float:
    """How far the curve ends above its lowest; 0 if that may be noise."""
    means = _windows(losses)
    rise = means[-1] - min(means)
    noise = 4 * _robust_scatter(losses) * sqrt(2 / _width(losses))
    return rise if rise > max(_RISE * means[0], noise) else 0.0


def _flat_since(losses: Sequence[float]) -> int | None:
    """Where the curve came to rest: from there on it stays where it ends, but for its noise."""
    means, width = _windows(losses), _width(losses)
    late = losses[-max(3 * _STILL_STEPS, len(losses) // 4) :]
    band = max(_STILL * means[0], 2 * _robust_scatter(late) * sqrt(2 / width))
    still = len(means)
    while still and abs(means[still - 1] - means[-1]) <= band:
        still -= 1
    needed = max(_STILL_STEPS, len(losses) // 10)
    return still if len(means) - 1 - still >= needed else None


def _spikes(losses: Sequence[float]) -> list[int]:
    """Places of losses that are far from their neighbours', compared with what is usual in this curve."""
    if len(losses) < _STILL_STEPS:
        return []
    places = range(2, len(losses) - 2)
    around = [median((*losses[at - 2 : at], *losses[at + 1 : at + 3])) for at in places]
    floor = 0.1 * max(around)
    off = [(losses[at] - level) / max(level, floor, 1e-9) for at, level in zip(places, around, strict=True)]
    usual = max(1.4826 * median(map(abs, off)), 1e-9)
    return [at for at, by in zip(places, off, strict=True) if abs(by) > _SPIKE * usual]
