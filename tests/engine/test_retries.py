import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.engine.retries import Retries
from rawtune.errors import CallRejected, EndpointDown, KeyRejected, ModelNotFound, QuotaExhausted, RateLimited

DOWN, BUSY, REJECTED = EndpointDown("down"), RateLimited("busy"), CallRejected("odd")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Longest(random.Random):
    def uniform(self, a, b):
        assert a == 0, "full jitter begins at zero"
        return b


@pytest.mark.parametrize("error", [DOWN, BUSY])
def test_waits_longer_each_time(error):
    retries = Retries(9, Longest())
    assert [retries.wait_after(error, 0, tries) for tries in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert retries.wait_after(error, 0, 100_000) == 60


def test_waits_are_spread_over_the_whole_span():
    retries = Retries(9, random.Random(0))
    waits = [retries.wait_after(DOWN, 1, 5) for _ in range(200)]
    assert min(waits) < 1
    assert max(waits) > 15


def test_ends_with_the_attempts():
    retries = Retries(3)
    assert [retries.wait_after(DOWN, failures, 9) is None for failures in (1, 2, 3, 4)] == [False, False, True, True]
    assert Retries(1).wait_after(DOWN, 1, 1) is None


@pytest.mark.parametrize("error", [REJECTED, KeyRejected("no"), ModelNotFound("no"), QuotaExhausted("no")])
def test_a_final_error_is_final(error):
    assert Retries(5).wait_after(error, 0, 1) is None
    assert Retries(5).counts(error)


@given(st.floats(0, 600), st.integers(1, 4), st.integers())
def test_a_retry_after_is_obeyed_and_hardly_exceeded(seconds, failures, seed):
    for error in (RateLimited("busy", retry_after=seconds), EndpointDown("down", retry_after=seconds)):
        assert seconds <= Retries(5, random.Random(seed)).wait_after(error, failures, 1) <= seconds + 0.5


def test_those_told_the_same_second_do_not_come_back_at_once():
    retries = Retries(5, random.Random(0))
    assert len({retries.wait_after(RateLimited("busy", retry_after=7), 0, 1) for _ in range(20)}) == 20


@pytest.mark.parametrize("seconds", [600.1, 86_400, float("inf")])
def test_nobody_waits_for_tomorrow(seconds):
    assert Retries(5).wait_after(RateLimited("quota", retry_after=seconds), 0, 1) is None
    assert Retries(5).wait_after(EndpointDown("maintenance", retry_after=seconds), 0, 1) is None


def test_a_refusal_for_haste_costs_no_attempt_while_others_come_back():
    clock = Clock()
    retries = Retries(2, clock=clock)
    for _ in range(20):
        clock.now += 599
        assert not retries.counts(BUSY)
        retries.came_back()
    assert retries.counts(DOWN)


def test_it_does_once_nobody_has_come_back_for_ten_minutes():
    clock = Clock()
    retries = Retries(2, clock=clock)
    clock.now += 600
    assert not retries.counts(BUSY), "the run has just begun"
    clock.now += 1
    assert retries.counts(BUSY)
    retries.came_back()
    assert not retries.counts(BUSY)
