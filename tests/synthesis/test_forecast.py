from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rawtune.synthesis.forecast import Forecast, Total, Usage, _student_t, forecast

USAGE = Usage(prompt_tokens=900, completion_tokens=100, cost=0.5, seconds=2.0, calls=1)


def of_costs(*costs):
    return [replace(USAGE, cost=cost) for cost in costs]


usages = st.builds(
    Usage,
    prompt_tokens=st.integers(0, 100_000),
    completion_tokens=st.integers(0, 100_000),
    cost=st.floats(0, 100),
    seconds=st.floats(0, 600),
    calls=st.integers(1, 20),
)


def test_the_sum_is_the_mean_times_what_is_left():
    result = forecast([USAGE, Usage(1900, 300, 1.5, 4.0, 3)], 10)
    assert result.passages == 10
    assert result.cost.expected == pytest.approx(10)
    assert result.tokens.expected == pytest.approx(16_000)
    assert result.seconds.expected == pytest.approx(30)
    assert result.calls.expected == pytest.approx(20)


def test_the_interval_is_that_of_the_formula():
    costs, left = [1.0, 1.2, 1.4, 1.1, 1.3], 7
    t = stats.t.ppf(0.975, 4)
    half = t * np.std(costs, ddof=1) * left * np.sqrt(1 / left + 1 / 5)
    result = forecast(of_costs(*costs), left).cost
    assert result.low == pytest.approx(1.2 * left - half, rel=1e-4)
    assert result.high == pytest.approx(1.2 * left + half, rel=1e-4)


@pytest.mark.parametrize("freedom", [*range(1, 41), 60, 100, 1000, 100_000])
def test_students_quantile_agrees_with_scipy(freedom):
    assert _student_t(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-4)


@pytest.mark.parametrize(("n", "left"), [(3, 5), (8, 40), (20, 1000)])
def test_the_interval_holds_the_sum_about_as_often_as_it_says(n, left):
    generator, rounds, hits = np.random.default_rng(7), 1000, 0
    for _ in range(rounds):
        costs = generator.normal(100, 10, n)
        cost = forecast(of_costs(*costs), left).cost
        hits += cost.low <= generator.normal(100, 10, left).sum() <= cost.high
    assert 0.93 <= hits / rounds <= 0.97


@given(st.lists(usages, min_size=2, max_size=30), st.integers(0, 10**6))
def test_every_interval_holds_its_expectation(pilot, left):
    result = forecast(pilot, left)
    for total in (result.cost, result.tokens, result.seconds, result.calls):
        assert 0 <= total.low <= total.expected <= total.high
    assert result.describe("USD").startswith("forecast for the other ")


def test_nothing_sums_to_less_than_nothing():
    assert forecast(of_costs(0.0, 9.0), 5).cost.low == 0


def test_equal_passages_leave_no_doubt():
    assert forecast([USAGE] * 4, 6).cost == Total(3.0, 3.0, 3.0)


def test_nothing_left_costs_nothing():
    assert forecast([USAGE, replace(USAGE, cost=0.7)], 0).cost == Total(0, 0, 0)


def test_one_passage_gives_no_interval():
    result = forecast([USAGE], 4)
    assert result.cost == Total(2.0, None, None)
    assert result.tokens == Total(4000, None, None)


def test_one_unknown_cost_makes_the_sum_unknown():
    result = forecast([USAGE, replace(USAGE, cost=None)], 4)
    assert result.cost is None
    assert result.tokens.expected == 4000


def test_without_a_pilot_nothing_can_be_said():
    with pytest.raises(ValueError, match="pilot"):
        forecast([], 4)


def described(cost, tokens=3_100_000, passages=1980, currency="USD"):
    some = Total(tokens, tokens, tokens)
    return Forecast(passages, cost, some, some, some).describe(currency)


def test_the_line_for_the_reader():
    assert (
        described(Total(12.3, 9.8, 14.8))
        == "forecast for the other 1,980 passages: 12.30 USD (95% interval 9.80 to 14.80), 3.1M tokens"
    )


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (Total(0.0004, 0.0001234, 0.001), "0.00040 CNY (95% interval 0.00012 to 0.00100)"),
        (Total(0.056, 0.0, 0.1), "0.056 CNY (95% interval 0.000 to 0.100)"),
        (Total(0.5, 0.4, 0.6), "0.50 CNY (95% interval 0.40 to 0.60)"),
        (Total(12345.678, 9876.5, 15000), "12,345.68 CNY (95% interval 9,876.50 to 15,000.00)"),
        (Total(0.0, 0.0, 0.0), "0.00 CNY (95% interval 0.00 to 0.00)"),
        (Total(0.5, None, None), "0.50 CNY (one passage gives no interval)"),
        (None, "cost unknown (set teacher.price)"),
    ],
)
def test_money_has_the_digits_that_tell(cost, said):
    assert f": {said}, " in described(cost, currency="CNY")


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (0, "0"),
        (950, "950"),
        (9_949, "9,949"),
        (9_950, "10k"),
        (31_400, "31k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (2_345_000_000, "2,345.0M"),
    ],
)
def test_tokens_are_rounded(tokens, said):
    assert described(None, tokens).endswith(f", {said} tokens")


def test_the_last_passage_is_one():
    assert described(None, passages=1).startswith("forecast for the other passage: ")
