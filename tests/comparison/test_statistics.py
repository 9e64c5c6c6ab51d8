import numpy as np
import pytest
from scipy import stats

from rawtune.comparison.statistics import (
    Interval,
    detectable_mean_gain,
    difference,
    mean,
    share,
    sign_flip,
    verdict,
    wilson,
)


def clusters(count, each):
    return [f"p{i}" for i in range(count) for _ in range(each)]


def test_the_mean_is_over_questions_not_over_passages():
    values = [1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0]
    result = mean(values, ["a", "a", "a", "b", "c", "d", "e", "f"])
    assert result.estimate == pytest.approx(6.0)
    assert (result.n, result.clusters) == (8, 6)


def test_with_many_passages_the_interval_is_the_t_interval():
    values = np.random.default_rng(3).normal(50, 10, 400)
    result = mean(list(values), clusters(400, 1))
    low, high = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert result.low == pytest.approx(low, abs=0.15)
    assert result.high == pytest.approx(high, abs=0.15)


def test_asking_the_same_five_times_adds_no_certainty():
    values = list(np.random.default_rng(4).normal(50, 10, 12))
    once = mean(values, clusters(12, 1))
    five_times = mean([v for v in values for _ in range(5)], clusters(12, 5))
    assert five_times.estimate == pytest.approx(once.estimate)
    assert (five_times.low, five_times.high) == pytest.approx((once.low, once.high))
    assert five_times.n == 60


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator, hits, rounds = np.random.default_rng(5), 0, 200
    for _ in range(rounds):
        values = generator.normal(0, 1, (8, 1)) + generator.normal(0, 1, (8, 3))
        result = mean(list(values.ravel()), clusters(8, 3))
        hits += result.low <= 0 <= result.high
    assert 0.91 <= hits / rounds <= 0.985  # the plain percentile interval: 0.89; ignoring passages: 0.75


def test_the_same_input_gives_the_same_interval():
    values = list(np.random.default_rng(6).normal(size=30))
    assert mean(values, clusters(10, 3)) == mean(values, clusters(10, 3))


def test_equal_values_have_no_width():
    assert mean([2.0] * 12, clusters(6, 2)) == Interval(2.0, 2.0, 2.0, 12, 6)


@pytest.mark.parametrize("interval", [mean, share])
def test_fewer_than_six_passages_give_no_interval(interval):
    result = interval([True, False] * 5, clusters(5, 2))
    assert result == Interval(0.5, None, None, 10, 5)
    assert interval([True, False] * 6, clusters(6, 2)).low is not None


@pytest.mark.parametrize("interval", [mean, share])
def test_nothing_has_no_mean(interval):
    with pytest.raises(ValueError, match="no values"):
        interval([], [])


def test_a_paired_difference_cancels_what_both_share():
    generator = np.random.default_rng(7)
    base = generator.normal(50, 20, 40)
    tuned = base + 5 + generator.normal(0, 1, 40)
    result = difference(list(tuned), list(base), clusters(20, 2))
    assert result.estimate == pytest.approx(float((tuned - base).mean()))
    assert result.high - result.low < 1.5
    assert verdict(result) == "better"
    assert verdict(difference(list(base), list(tuned), clusters(20, 2))) == "worse"


def test_a_difference_needs_pairs():
    with pytest.raises(ValueError, match="zip"):
        difference([1.0, 2.0], [1.0], ["a", "b"])


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (1, 10), (7, 16), (50, 100), (16, 16)])
def test_wilson_agrees_with_scipy(hits, trials):
    expected = stats.binomtest(hits, trials).proportion_ci(method="wilson")
    assert wilson(hits / trials, trials) == pytest.approx((expected.low, expected.high))


def test_a_share_counts_passages_as_its_trials():
    right = [True] * 30 + [False] * 10
    result = share(right, clusters(8, 5))
    expected = stats.binomtest(6, 8).proportion_ci(method="wilson")
    assert (result.estimate, result.low, result.high) == pytest.approx((0.75, expected.low, expected.high))


def test_all_right_still_leaves_doubt():
    result = share([True] * 40, clusters(8, 5))
    assert result.high == 1
    assert result.low == pytest.approx(stats.binomtest(8, 8).proportion_ci(method="wilson").low)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.1, 2.0, "better"), (-2.0, -0.1, "worse"), (-1.0, 1.0, "not shown"), (0.0, 1.0, "not shown")],
)
def test_the_verdict_asks_whether_the_interval_excludes_zero(low, high, expected):
    assert verdict(Interval((low + high) / 2, low, high, 20, 10)) == expected


def test_without_an_interval_nothing_is_shown():
    assert verdict(Interval(40.0, None, None, 20, 5)) == "not shown"


@pytest.mark.parametrize("count", [6, 9, 12])
def test_the_sign_flip_test_agrees_with_scipy(count):
    generator = np.random.default_rng(count)
    values = generator.normal(0.6, 1, count)
    result = sign_flip(list(values), [0.0] * count, clusters(count, 1))
    expected = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert result.p == pytest.approx(expected.pvalue)
    assert (result.estimate, result.clusters) == (pytest.approx(values.mean()), count)


def test_with_many_passages_signs_are_drawn():
    values = np.random.default_rng(8).normal(0.3, 1, 40)
    result = sign_flip(list(values), [0.0] * 40, clusters(40, 1))
    assert result.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)
    assert result == sign_flip(list(values), [0.0] * 40, clusters(40, 1))
    assert sign_flip([9.0] * 40, [0.0] * 40, clusters(40, 1)).p == pytest.approx(1e-4)  # never zero


@pytest.mark.parametrize(("count", "expected"), [(1, "not shown"), (5, "not shown"), (6, "better")])
def test_fewer_than_six_passages_show_nothing_however_clear(count, expected):
    result = sign_flip([90.0] * count * 3, [10.0] * count * 3, clusters(count, 3))
    assert result.p == 2 / 2**count
    assert result.verdict == expected


def test_each_passage_counts_once_in_the_sign_flip_test():
    names = ["a"] * 50 + list("bcdefg")
    result = sign_flip([-1.0] * 50 + [1.0] * 6, [0.0] * 56, names)
    assert result.estimate == pytest.approx(5 / 7)
    assert sign_flip([0.0] * 56, [1.0] * 56, names).verdict == "worse"


def test_models_that_are_alike_have_p_1():
    assert sign_flip([0.1] * 8, [0.1] * 8, clusters(8, 1)).p == 1


@pytest.mark.parametrize(
    ("count", "effect"),
    # statsmodels 0.15.0, TTestPower().solve_power(nobs=count, alpha=.05, power=.8)
    [(6, 1.4345451395), (10, 0.9960019108), (20, 0.6604416544), (34, 0.4950291315), (100, 0.2829117120)],
)
def test_the_detectable_mean_gain_agrees_with_statsmodels(count, effect):
    assert detectable_mean_gain(12.5, count) == pytest.approx(12.5 * effect, rel=1e-5)


def test_too_few_passages_could_not_show_any_gain():
    assert detectable_mean_gain(1.0, 5) is None
    assert detectable_mean_gain(0.0, 8) == 0
