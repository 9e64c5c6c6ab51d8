import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.engine.rate import RateLimit

pauses = st.floats(0, 200)


@given(st.integers(1, 1000), st.lists(st.tuples(st.integers(1, 1500), pauses), max_size=60))
def test_no_minute_holds_more_than_the_limit(per_minute, wanted):
    limit, now, admitted = RateLimit(per_minute), 1000.0, []
    for amount, pause in wanted:
        now += pause
        at, _ = limit.admit(amount, now)
        assert at >= now
        admitted.append((at, amount))
    # A window that holds too much can be moved on until it begins at one of its calls.
    for begin, _ in admitted:
        within = [amount for at, amount in admitted if begin <= at < begin + 60]
        assert sum(within) <= per_minute or len(within) == 1


@given(
    st.integers(100, 1000),
    st.lists(st.tuples(st.integers(1, 100), st.integers(0, 100), pauses), max_size=60),
)
def test_no_minute_holds_more_than_the_limit_in_real_amounts_where_estimates_were_not_too_small(per_minute, calls):
    limit, now, admitted = RateLimit(per_minute), 1000.0, []
    for estimate, share, pause in calls:
        now += pause
        entry = limit.admit(estimate, now)
        limit.correct(entry, estimate * share // 100)
        admitted.append(entry)
    for begin, _ in admitted:
        assert sum(amount for at, amount in admitted if begin <= at < begin + 60) <= per_minute


def test_calls_are_spread_evenly():
    limit = RateLimit(30)
    assert [limit.admit(1, 0.0)[0] for _ in range(6)] == [0, 2, 4, 6, 8, 10]


def test_a_late_comer_goes_at_once_and_a_pause_is_not_made_up_for():
    limit = RateLimit(30)
    limit.admit(1, 0.0)
    assert [limit.admit(1, 50.0)[0] for _ in range(3)] == [50, 52, 54]


def test_the_whole_limit_is_used():
    limit = RateLimit(60)
    last = [limit.admit(1, 0.0)[0] for _ in range(601)][-1]
    assert last <= 612, "ten minutes and a second for each"


def test_an_amount_above_the_limit_goes_alone():
    limit = RateLimit(100)
    times = [limit.admit(amount, 0.0)[0] for amount in (50, 250, 50, 50)]
    assert times[0] == 0
    assert times[1] - times[0] >= 60
    assert times[2] - times[1] >= 60
    assert times[3] - times[2] < 60


def test_what_was_not_used_may_be_used_by_others():
    limit = RateLimit(100)
    first = limit.admit(90, 0.0)
    limit.correct(first, 10)
    assert limit.admit(90, 6.0)[0] == 6, "the pace follows real amounts"
    assert limit.admit(1, 6.0)[0] >= 61, "and so does the sum"


def test_what_was_used_beyond_the_estimate_is_waited_for():
    limit = RateLimit(100)
    first = limit.admit(10, 0.0)
    limit.correct(first, 100)
    assert limit.admit(10, 1.0)[0] >= 60


def test_a_correction_brings_nobody_before_those_already_admitted():
    limit = RateLimit(60)
    entries = [limit.admit(20, 0.0) for _ in range(3)]  # at 0, 20, 40
    for entry in entries:
        limit.correct(entry, 0)
    assert limit.admit(1, 1.0)[0] == entries[-1][0]


@pytest.mark.parametrize("real", [1, 1000])
def test_a_correction_that_comes_after_its_minute_changes_nothing(real):
    limit = RateLimit(100)
    for start in (0.0, 500.0, 1000.0):
        slow = limit.admit(100, start)
        limit.admit(1, start + 200)  # by now the slow call's minute is over
        limit.correct(slow, real)
    fresh = [limit.admit(50, 2000.0)[0] for _ in range(3)]
    assert fresh == [2000, 2030, 2061]
