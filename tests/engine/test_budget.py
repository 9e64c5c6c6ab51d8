import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.config import Price
from rawtune.engine.budget import Budget
from rawtune.errors import (
    CallRejected,
    EndpointDown,
    KeyRejected,
    QuotaExhausted,
    RateLimited,
    TeacherError,
    UsageError,
)

PRICE = Price(input=2, output=10)  # so 1,000 prompt tokens and 100 of reply cost 0.002 + 0.001


def down(status=0, sent=True):
    return EndpointDown("down", status=status, sent=sent)


def test_a_call_is_priced_by_its_tokens():
    assert Budget(None, PRICE, 0, 800).cost(1000, 100) == pytest.approx(0.003)
    assert Budget(None, None, 0, 800).cost(1000, 100) is None


def test_the_dearest_reply_is_reserved_and_the_real_one_is_settled():
    budget = Budget(1, PRICE, 0.25, 800)
    reserved = budget.reserve(1000)
    assert reserved == pytest.approx(0.002 + 0.008)
    assert (budget.spent, budget.reserved) == (0.25, reserved)
    budget.settle(reserved, 0.003)
    assert budget.spent == pytest.approx(0.253)
    assert budget.reserved == 0


def test_what_does_not_fit_is_not_reserved():
    budget = Budget(0.025, PRICE, 0, 800)
    first, second = budget.reserve(1000), budget.reserve(1000)
    assert budget.reserve(1000) is None
    assert budget.reserved == pytest.approx(0.02)  # the refused call left nothing behind
    budget.settle(first, 0.003)
    assert budget.reserve(1000)  # the call that cost less made room
    budget.settle(second, 0.01)
    assert budget.reserve(1000) is None


def test_a_cap_is_met_exactly():
    assert Budget(0.01, PRICE, 0, 800).reserve(1000) == 0.01
    assert Budget(0.00999, PRICE, 0, 800).reserve(1000) is None


def test_what_earlier_runs_spent_counts():
    assert Budget(1, PRICE, 0.995, 800).reserve(1000) is None


def test_no_budget_allows_nothing_but_what_is_free():
    assert Budget(0, PRICE, 0, 800).reserve(1) is None
    assert Budget(0, Price(input=0, output=0), 0, 800).reserve(1) == 0


def test_without_a_cap_everything_fits_and_is_counted():
    budget = Budget(None, PRICE, 0, 800)
    for _ in range(3):
        budget.settle(budget.reserve(10**9), 2000.0)
    assert budget.spent == 6000


def test_without_a_price_nothing_is_counted():
    budget = Budget(None, None, 0, 800)
    assert budget.reserve(1000) == 0
    budget.settle(0, None)
    assert budget.cost_of_failure(down(), 1000) is None
    assert (budget.spent, budget.reserved) == (0, 0)


def test_a_cap_without_a_price_cannot_be_held():
    with pytest.raises(UsageError, match="budget of 5 ") as raised:
        Budget(5, None, 0, 800)
    assert "teacher.price" in raised.value.hint


def test_unlimited_replies_are_taken_to_be_as_long_as_the_longest_seen():
    budget = Budget(None, PRICE, 0, None)
    assert budget.reserve(0) == pytest.approx(0.01)  # 1,000 tokens, as long as no longer one came
    budget.settle(0.01, 0.005, 500)
    assert budget.reserve(0) == pytest.approx(0.01)
    budget.settle(0.01, 0.04, 4000)
    budget.settle(0.01, 0.02, 2000)
    assert budget.reserve(0) == pytest.approx(0.04)


def test_a_limit_of_replies_is_not_widened_by_what_is_seen():
    budget = Budget(None, PRICE, 0, 800)
    budget.settle(budget.reserve(0), 0.04, 4000)
    assert budget.reserve(0) == pytest.approx(0.008)


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        (RateLimited("429"), 0),
        (CallRejected("400"), 0),
        (KeyRejected("401"), 0),
        (QuotaExhausted("402"), 0),
        (down(sent=False), 0),
        (down(500), 0.002),
        (down(503), 0.002),
        (down(408), 0.002),
        (down(), 0.01),
        (down(200), 0.01),  # a reply that could not be read
        (TeacherError("whatever"), 0.01),
    ],
)
def test_a_failed_call_costs_what_it_may_have_cost(error, cost):
    assert Budget(None, PRICE, 0, 800).cost_of_failure(error, 1000) == pytest.approx(cost)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.integers(0, 5000)),
        st.tuples(st.just("end"), st.integers(0, 50), st.floats(0, 3)),
    ),
    max_size=60,
)
caps = st.floats(0, 0.2)


def play(budget, actions, dearest):
    """Start and end calls, each at a cost of at most ``dearest`` times what was reserved.

    After each action, by how much the calls ended since the last start have cost more than was reserved for them.
    """
    in_flight, excess = [], 0.0
    for kind, number, *times in actions:
        if kind == "start":
            if (reserved := budget.reserve(number)) is not None:
                in_flight.append(reserved)
                excess = 0.0
        elif in_flight:
            reserved = in_flight.pop(number % len(in_flight))
            cost = reserved * min(times[0], dearest)
            excess += max(0.0, cost - reserved)
            budget.settle(reserved, cost)
        assert budget.reserved == pytest.approx(sum(in_flight), abs=1e-12)
        yield excess


@given(caps, actions)
def test_the_cap_holds_in_any_order_of_calls(cap, actions):
    budget = Budget(cap, PRICE, 0, 800)
    for _ in play(budget, actions, dearest=1):
        assert budget.spent + budget.reserved <= cap + 1e-12


@given(caps, actions)
def test_the_cap_is_exceeded_by_no_more_than_the_calls_in_flight_cost_too_much(cap, actions):
    budget = Budget(cap, PRICE, 0, 800)
    for excess in play(budget, actions, dearest=3):
        assert budget.spent + budget.reserved <= cap + excess + 1e-12


@given(caps, st.floats(0, 0.2), st.integers(0, 5000))
def test_nothing_starts_beyond_the_cap(cap, spent, prompt_tokens):
    budget = Budget(cap, PRICE, spent, 800)
    reserved = budget.reserve(prompt_tokens)
    assert (reserved is not None) == (spent + budget.cost(prompt_tokens, 800) <= cap)
