import random
from collections import Counter
from math import exp, inf, nan

import pytest

from rawtune.diagnosis.curve import Verdict, judge, smoothed

BROKEN = (3.59, 4.05, 3.09, 3.38, 3.55, 2.61, 2.66, 3.16)
MENDED = (4.67, 4.70, 4.27, 4.40, 3.96, 3.69, 3.53, 3.13)
"""The first losses of two real runs on 160 rows, 120 of them broken, or none."""


def fall(n: int, first: float, last: float, pace: float, noise: float = 0, seed: int = 0) -> list[float]:
    """An exponential fall; ``pace`` as a share of the steps, ``noise`` as a share of the loss."""
    chance = random.Random(seed)
    return [(last + (first - last) * exp(-i / n / pace)) * (1 + chance.gauss(0, noise)) for i in range(n)]


@pytest.mark.parametrize("batch", [None, 8])
def test_the_two_real_runs_are_told_apart(batch: int | None) -> None:
    broken, mended = judge(BROKEN, batch=batch), judge(MENDED, batch=batch)
    assert (broken.verdict, mended.verdict) == (Verdict.JAGGED, Verdict.HEALTHY)
    assert broken.jaggedness == pytest.approx(3.4, abs=0.05)
    assert mended.jaggedness == pytest.approx(0.10, abs=0.005)
    assert "3.42 times its net drop" in broken.reason


@pytest.mark.parametrize("batch", [1, 2, 4, 8, 32])
def test_the_noise_of_small_batches_is_not_jagged(batch: int) -> None:
    """Rows whose losses differ by 0.12 of their mean, as measured on healthy ones."""
    verdicts = Counter(
        judge(fall(n, 4, 0.8, pace, 0.12 / batch**0.5, seed), batch=batch).verdict
        for n in (8, 20, 60, 200)
        for pace in (0.2, 0.5)
        for seed in range(25)
    )
    assert verdicts[Verdict.JAGGED] <= 0.02 * verdicts.total(), verdicts
    assert not verdicts[Verdict.DIVERGING]


def test_the_noise_of_broken_rows_is_found_in_a_long_curve_as_well() -> None:
    found = [judge(fall(60, 4, 0.8, 0.4, 0.15, seed), batch=8).verdict for seed in range(50)]
    assert found.count(Verdict.JAGGED) >= 44


def test_concepts_that_are_learnt_one_after_another_are_not_jagged() -> None:
    """A real run on fourteen good passages, in batches of four: they differ once some are known and others are not."""
    losses = (
        *(4.34, 4.58, 4.79, 4.13, 4.03, 3.90, 3.40, 3.59, 3.06, 2.66, 2.77, 2.34, 1.86, 1.52, 1.84, 1.83, 1.64, 1.71),
        *(1.42, 1.63, 0.90, 1.48, 1.40, 1.79, 1.12, 1.58, 1.00, 0.69, 0.48, 0.89, 0.54, 0.45, 0.87, 0.92, 0.57, 0.26),
        *(0.78, 0.38, 0.49, 0.30, 0.39, 0.30, 0.22, 0.19, 0.35, 0.20, 0.22, 0.14, 0.11, 0.13, 0.09, 0.17, 0.10, 0.12),
    )
    assert judge(losses[:40], batch=4).verdict is Verdict.HEALTHY
    assert judge([*losses, *[0.12] * 16], batch=4).verdict is Verdict.FLAT_MEMORISED


@pytest.mark.parametrize("noise", [0, 0.04])
def test_flat_where_something_is_left_to_learn_is_converged(noise: float) -> None:
    curve = judge(fall(100, 4, 1.5, 0.1, noise))
    assert curve.verdict is Verdict.FLAT_CONVERGED
    assert curve.flat_since is not None
    assert 20 <= curve.flat_since <= 60
    assert "ends at 1." in curve.reason


def test_flat_near_zero_is_memorised() -> None:
    curve = judge(fall(60, 4.2, 0.02, 0.12, 0.04))
    assert curve.verdict is Verdict.FLAT_MEMORISED
    assert curve.flat_since is not None
    assert curve.flat_since > 20


def test_a_curve_that_still_falls_is_healthy() -> None:
    for n in (20, 60, 1000):
        straight = [4 - 3 * i / n for i in range(n)]
        assert judge(straight).verdict is Verdict.HEALTHY
        assert judge(fall(n, 4, 0.5, 0.5, 0.03)).flat_since is None


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_loss_that_is_no_number_diverges(bad: float) -> None:
    curve = judge([3.0, 2.5, bad, 2.0], [10, 20, 30, 40])
    assert curve.verdict is Verdict.DIVERGING
    assert "step 30" in curve.reason


def test_a_loss_of_nothing_all_at_once_diverges() -> None:
    """As transformers logs a run in half precision whose numbers overflow; what is learnt gets there by and by."""
    assert "step 30 is 0" in judge([2.1, 2.0, *[0.0] * 20], range(10, 230, 10)).reason
    assert judge([0.0] * 30).verdict is Verdict.DIVERGING
    assert judge([*fall(60, 4, 0.001, 0.12), *[0.0] * 10]).verdict is Verdict.FLAT_MEMORISED


def test_rows_that_differ_to_the_end_as_at_the_beginning_are_not_jagged() -> None:
    """As in a mixture of tasks; what is broken is learnt by heart, and then no longer differs."""
    found = [judge([loss * 1.5 for loss in fall(200, 1, 0.8, 0.3, 0.15, seed)], batch=4).verdict for seed in range(40)]
    assert found.count(Verdict.JAGGED) <= 20


def test_a_curve_that_never_falls_is_told_so() -> None:
    curve = judge(fall(60, 2.5, 2.49, 0.5, 0.01))
    assert curve.verdict is Verdict.FLAT_CONVERGED
    assert "nothing was learnt" in curve.reason


def test_a_loss_that_climbs_diverges() -> None:
    down_and_up = [*fall(30, 4, 1.5, 0.3, 0.03), *(1.6 + 0.1 * i for i in range(20))]
    assert judge(down_and_up).verdict is Verdict.DIVERGING
    assert judge([3 * 1.3**i for i in range(12)]).verdict is Verdict.DIVERGING
    assert judge([*fall(50, 4, 1, 0.3, 0.03), 2.5]).verdict is not Verdict.DIVERGING, "a single step is a spike"


def test_single_steps_stand_out_by_their_own_numbers() -> None:
    losses = fall(60, 4, 0.5, 0.4, 0.02)
    losses[30] += 1.5
    losses[45] -= 0.6
    assert judge(losses, range(10, 610, 10)).steps == (310, 460)
    assert judge(fall(60, 4, 0.5, 0.4)).steps == ()


def test_too_few_losses_say_nothing() -> None:
    for losses in ([], [4.0], [2.0, 3.0, 1.0]):
        curve = judge(losses)
        assert (curve.verdict, curve.steps) == (Verdict.TOO_SHORT, ())
        assert "too few" in curve.reason


def test_smoothing_keeps_both_ends_and_every_straight_line() -> None:
    line = [3 - 0.01 * i for i in range(100)]
    assert smoothed(line) == pytest.approx(line)
    assert smoothed([1.0, 5.0, 1.0])[0] == 1
