import asyncio
import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rawtune.engine.concurrency import FIRST, MOST, Concurrency, Lines


def answer(concurrency, calls, latency=0.2):
    for _ in range(calls):
        concurrency.came_back(latency)


def refuse(concurrency, calls):
    for _ in range(calls):
        concurrency.pushed_back()


def limits_of_rounds(concurrency, rounds, latency=0.2):
    """The limit after each round of answered calls."""
    seen = []
    for _ in range(rounds):
        answer(concurrency, max(16, concurrency.limit), latency)
        seen.append(concurrency.limit)
    return seen


def test_doubles_each_round_up_to_the_most():
    concurrency = Concurrency()
    assert concurrency.limit == FIRST == 8
    assert limits_of_rounds(concurrency, 6) == [16, 32, 64, 128, 256, 256]
    assert MOST == 256


def test_a_round_is_as_many_calls_as_are_in_flight():
    concurrency = Concurrency(64, 256)
    answer(concurrency, 63)
    assert concurrency.limit == 64
    answer(concurrency, 1)
    assert concurrency.limit == 128


def test_grows_by_a_quarter_once_it_was_pushed_back():
    concurrency = Concurrency(128, 256)
    refuse(concurrency, 4)
    assert concurrency.limit == 64
    answer(concurrency, 127)  # were in flight before
    assert limits_of_rounds(concurrency, 4) == [80, 100, 125, 156]


@given(st.integers(4, 256))
def test_one_burst_of_refusals_halves_it_once(refused):
    concurrency = Concurrency(256, 256)
    refuse(concurrency, refused)
    assert concurrency.limit == 128


def test_grows_by_one_at_least():
    concurrency = Concurrency(2, 256)
    refuse(concurrency, 4)
    answer(concurrency, 1)
    assert limits_of_rounds(concurrency, 4) == [2, 3, 4, 5]


def test_stays_while_the_latency_has_more_than_doubled():
    concurrency = Concurrency()
    answer(concurrency, 16, 0.2)
    assert limits_of_rounds(concurrency, 3, 0.41) == [16, 16, 16]
    assert limits_of_rounds(concurrency, 1, 0.39) == [32]


def test_a_few_slow_calls_do_not_hold_it_up():
    concurrency = Concurrency()
    for _ in range(5):
        answer(concurrency, 32)
    before = concurrency.limit
    for i in range(before):
        concurrency.came_back(30 if i % 10 == 0 else 0.2)
    assert concurrency.limit > before


@pytest.mark.parametrize(("refused", "limit"), [(4, 64), (5, 16)], ids=["one in eight", "one in six"])
def test_one_in_seven_is_too_many(refused, limit):
    concurrency = Concurrency(32, 256)
    answer(concurrency, 32 - refused)
    refuse(concurrency, refused)
    assert concurrency.limit == limit


def test_a_number_of_the_user_is_where_it_begins_and_never_exceeded():
    concurrency = Concurrency(40, 40)
    assert limits_of_rounds(concurrency, 5) == [40] * 5
    refuse(concurrency, 4)
    assert concurrency.limit == 20
    assert max(limits_of_rounds(concurrency, 30)) == 40 == concurrency.limit


def test_a_number_below_the_first_one_is_kept():
    assert Concurrency(FIRST, 3).limit == 3


@pytest.mark.parametrize("first", [1, 8, 64, 256, 2048])
@pytest.mark.parametrize("seed", range(3))
def test_chance_refusals_leave_it_near_the_most(first, seed):
    most = max(MOST, first)
    chance, concurrency, seen = random.Random(seed), Concurrency(first, most), []
    for _ in range(60_000):
        if chance.random() < 0.05:
            concurrency.pushed_back()
        else:
            concurrency.came_back(chance.uniform(0.1, 0.3))
        seen.append(concurrency.limit)
    settled = seen[30_000:]
    assert sum(settled) / len(settled) > 0.9 * most


@pytest.mark.parametrize("share", [0.9, 0.99, 1])
@pytest.mark.parametrize("first", [8, 256, 2048])
def test_an_endpoint_that_refuses_nearly_all_gets_one_call_at_a_time_soon(share, first):
    chance, concurrency = random.Random(0), Concurrency(first, first)
    for _ in range(100 + 3 * first):  # twice as many as are in flight, and some that come back
        if chance.random() < share:
            concurrency.pushed_back()
        else:
            concurrency.came_back(0.2)
    assert concurrency.limit == 1


@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.floats(0, 60) | st.none(), max_size=400))
def test_the_limit_stays_between_one_and_the_most(first, most, calls):
    concurrency = Concurrency(first, most)
    for latency in calls:
        concurrency.pushed_back() if latency is None else concurrency.came_back(latency)
        assert 1 <= concurrency.limit <= most


class Size:
    """A limit that tests set."""

    def __init__(self, limit):
        self.limit = limit


async def settle():
    for _ in range(4):
        await asyncio.sleep(0)


async def test_lines_are_given_in_the_order_in_which_they_were_asked_for():
    lines, order = Lines(Size(1)), []
    assert lines.take_at_once()

    async def take(number):
        await lines.take()
        order.append(number)
        lines.free()

    tasks = [asyncio.create_task(take(number)) for number in range(5)]
    await settle()
    assert not lines.take_at_once()
    lines.free()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    assert lines.take_at_once()


async def test_nobody_overtakes_those_who_wait():
    size = Size(1)
    lines = Lines(size)
    await lines.take()
    waiting = asyncio.create_task(lines.take())
    await settle()
    size.limit = 2
    assert not lines.take_at_once()
    lines.free()
    await waiting
    assert lines.take_at_once()


async def test_a_limit_that_has_grown_lets_several_through_and_one_that_has_shrunk_none():
    size = Size(1)
    lines = Lines(size)
    await lines.take()
    waiting = [asyncio.create_task(lines.take()) for _ in range(4)]
    await settle()
    size.limit = 3
    lines.free()
    await settle()
    assert [task.done() for task in waiting] == [True, True, True, False]
    size.limit = 1
    lines.free()
    lines.free()
    await settle()
    assert not waiting[3].done()
    lines.free()
    await asyncio.wait_for(waiting[3], 10)


async def test_a_line_that_was_given_to_somebody_cancelled_goes_to_the_next():
    lines = Lines(Size(1))
    await lines.take()
    gone, stays = asyncio.create_task(lines.take()), asyncio.create_task(lines.take())
    await settle()
    lines.free()
    gone.cancel()
    await settle()
    assert gone.cancelled()
    assert stays.done()


steps = st.lists(
    st.sampled_from(["take", "free", "breath"]) | st.tuples(st.just("cancel"), st.integers(0, 9)), max_size=80
)


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 4), steps)
def test_no_line_is_lost_or_doubled_under_any_interleaving(limit, steps):
    async def play():
        lines, tasks = Lines(Size(limit)), deque()
        given, freed, number = [], 0, 0

        async def take(number):
            await lines.take()
            given.append(number)

        for step in steps:
            if step == "take":
                tasks.append(asyncio.create_task(take(number)))
                number += 1
            elif step == "free" and len(given) > freed:
                lines.free()
                freed += 1
            elif step == "breath":
                await asyncio.sleep(0)
            elif isinstance(step, tuple) and tasks:
                tasks[step[1] % len(tasks)].cancel()
            assert len(given) - freed <= limit
        await settle()
        assert given == sorted(given), "first come, first served"
        waiting = [task for task in tasks if not task.done()]
        taken = len(given) - freed
        assert taken == limit or not waiting, "nobody waits for a line that is free"
        for task in waiting:
            task.cancel()
        await settle()
        for _ in range(taken):
            lines.free()
        assert [lines.take_at_once() for _ in range(limit + 1)] == [True] * limit + [False]

    asyncio.run(play())
