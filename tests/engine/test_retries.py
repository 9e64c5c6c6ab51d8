import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.engine.retries import Retries
from rawtune.errors import CallRejected, EndpointDown, KeyRejected, ModelNotFound, RateLimited

DOWN, BUSY, REJECTED = EndpointDown("down"), RateLimited("busy"), CallRejected("odd")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_waits_longer_each_time_and_ends_after_the_attempts():
    class Longest(random.Random):
        def uniform(self, a, b):
            assert a == 0, "full jitter begins at zero"
            return b

    retries = Retries(9, Longest())
    assert [retries.wait_after(BUSY, attempt) for attempt in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, None]


def test_a_final_error_is_not_repeated():
    assert Retries(5).wait_after(REJECTED, 1) is None


@given(st.floats(0, 600), st.integers(1, 4), st.integers())
def test_a_retry_after_is_obeyed_and_hardly_exceeded(seconds, attempt, seed):
    for error in (RateLimited("busy", retry_after=seconds), EndpointDown("down", retry_after=seconds)):
        assert seconds <= Retries(5, random.Random(seed)).wait_after(error, attempt) <= seconds + 0.5


@pytest.mark.parametrize("seconds", [601, 86_400, float("inf")])
def test_nobody_waits_for_tomorrow(seconds):
    assert Retries(5).wait_after(RateLimited("quota", retry_after=seconds), 1) is None


@pytest.mark.parametrize("error", [KeyRejected("no"), ModelNotFound("no")])
def test_a_bad_key_or_model_makes_every_call_vain(error):
    assert Retries(5).wait_after(error, 1) is None
    assert Retries(5).in_vain(error)


def test_one_rejected_call_does_not():
    assert not Retries(5).in_vain(REJECTED)


def test_an_endpoint_that_never_answers_is_given_up_at_the_tenth_call():
    retries = Retries(5, clock=Clock())
    for _ in range(9):
        assert retries.wait_after(DOWN, 1) is not None
        assert not retries.in_vain(DOWN)
    assert retries.wait_after(DOWN, 1) is None
    assert retries.in_vain(DOWN)
    assert not retries.in_vain(REJECTED)


def test_an_endpoint_that_has_answered_may_restart_for_half_a_minute():
    clock = Clock()
    retries = Retries(5, clock=clock)
    retries.succeeded()
    for _ in range(300):
        assert retries.wait_after(DOWN, 1) is not None
    clock.now += 29
    assert retries.wait_after(DOWN, 1) is not None
    clock.now += 1
    assert retries.wait_after(DOWN, 1) is None
    assert retries.in_vain(DOWN)


@pytest.mark.parametrize("sign", [BUSY, REJECTED, None], ids=["429", "400", "reply"])
def test_any_sign_of_life_ends_the_row(sign):
    clock = Clock()
    retries = Retries(5, clock=clock)
    for _ in range(9):
        retries.wait_after(DOWN, 1)
    retries.wait_after(sign, 1) if sign else retries.succeeded()
    clock.now += 3600
    for _ in range(9):
        retries.wait_after(DOWN, 1)
    assert not retries.in_vain(DOWN)


def test_what_was_given_up_stays_given_up_for_all_calls_that_are_still_out():
    retries = Retries(5)
    for _ in range(10):
        retries.wait_after(DOWN, 1)
    retries.succeeded()
    assert retries.in_vain(DOWN)
