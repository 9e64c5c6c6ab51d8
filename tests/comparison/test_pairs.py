"""Held against scipy, and against published figures, typed in with their source."""

import pytest
from scipy import stats

from rawtune.comparison.pairs import FourCells, detectable_gain, four_cells, mcnemar, newcombe


def test_the_four_cells_are_counted():
    base = [True, True, True, False, False, True]
    tuned = [True, False, True, True, False, False]
    cells = four_cells(base, tuned)
    assert cells == FourCells(both=2, only_base=2, only_tuned=1, neither=1)
    assert (cells.n, cells.difference) == (6, pytest.approx(-1 / 6))


def test_each_question_is_asked_of_both():
    with pytest.raises(ValueError, match="zip"):
        four_cells([True], [True, False])


@pytest.mark.parametrize(
    ("cells", "p"),
    [
        # statsmodels 0.15.0, mcnemar(table, exact=True).pvalue
        (FourCells(101, 121, 59, 33), 4.4344492637551645e-06),
        (FourCells(794, 86, 150, 570), 3.7159361395713866e-05),  # Agresti 1990, approval of a prime minister
        (FourCells(36, 2, 12, 0), 0.012939453125),
        (FourCells(30, 1, 9, 10), 0.021484375),
        (FourCells(10, 0, 5, 5), 0.0625),
        (FourCells(10, 0, 6, 4), 0.03125),
        (FourCells(10, 0, 0, 4), 1.0),
    ],
)
def test_mcnemar_agrees_with_statsmodels_and_scipy(cells, p):
    assert mcnemar(cells) == pytest.approx(p)
    if cells.only_tuned:
        assert mcnemar(cells) == stats.binomtest(cells.only_base, cells.only_base + cells.only_tuned).pvalue


@pytest.mark.parametrize(
    ("cells", "verdict"),
    [
        (FourCells(50, 0, 6, 4), "better"),
        (FourCells(50, 6, 0, 4), "worse"),
        (FourCells(50, 0, 5, 5), "not shown"),  # five differing questions: p is at least 2 / 2**5
        (FourCells(0, 20, 20, 0), "not shown"),
        (FourCells(0, 0, 0, 0), "not shown"),
    ],
)
def test_the_verdict_follows_the_test(cells, verdict):
    assert cells.verdict == verdict


def test_newcombes_own_example():
    # Newcombe 1998, Statistics in Medicine 17:2635, table III, method 10: 36, 12, 2, 0.
    assert newcombe(FourCells(36, 2, 12, 0)) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_newcombe_is_mirrored_when_the_models_change_places():
    low, high = newcombe(FourCells(20, 3, 9, 8))
    assert newcombe(FourCells(20, 9, 3, 8)) == pytest.approx((-high, -low))


def test_models_that_agree_leave_doubt_about_the_difference():
    low, high = newcombe(FourCells(30, 0, 0, 0))
    assert low < 0 < high
    assert low == pytest.approx(-high)


@pytest.mark.parametrize("asked", [newcombe, lambda cells: cells.difference])
def test_without_questions_there_is_no_difference(asked):
    with pytest.raises(ValueError, match="no questions"):
        asked(FourCells(0, 0, 0, 0))


def test_fifty_questions_with_two_per_cent_lost_show_19_points():
    # The net gain: 20.9% won less 2% lost. The power is unconditional, the test exact and two-sided at .05.
    assert detectable_gain(50, 0.02) == pytest.approx(0.189, abs=5e-4)


def test_the_detectable_gain_is_shown_four_times_in_five():
    n, losses = 40, 0.05
    gain = detectable_gain(n, losses)
    won = gain + losses
    shown = 0.0
    for differing in range(1, n + 1):
        for wins in range(differing + 1):
            if stats.binomtest(wins, differing).pvalue <= 0.05:
                shown += stats.multinomial.pmf(
                    [wins, differing - wins, n - differing], n, [won, losses, 1 - won - losses]
                )
    assert shown == pytest.approx(0.8, abs=1e-6)


def test_more_questions_show_less_and_losses_hide_it():
    assert detectable_gain(200, 0.02) < detectable_gain(50, 0.02) < detectable_gain(50, 0.1)


def test_five_questions_show_nothing():
    assert detectable_gain(5, 0.0) is None
    assert detectable_gain(0, 0.0) is None
    assert detectable_gain(50, 0.5) is None
    assert detectable_gain(6, 0.0) == pytest.approx(0.8 ** (1 / 6))  # all six must be won
