import asyncio

import pytest
from tests.engine.simulation import now, simulate

from rawtune.engine.circuit import Circuit
from rawtune.errors import CallRejected, EndpointDown, RateLimited

DOWN = EndpointDown("http://127.0.0.1:1/v1: refused")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def fail(circuit, times):
    for _ in range(times):
        circuit.failed(DOWN)


def opened(clock, said=None):
    """A circuit whose endpoint has answered before it went down."""
    circuit = Circuit([].append if said is None else said.append, clock)
    circuit.came_back()
    fail(circuit, 10)
    return circuit


def test_opens_at_the_tenth_in_a_row_and_says_so_once():
    said = []
    circuit = Circuit(said.append, Clock())
    circuit.came_back()
    fail(circuit, 9)
    assert not circuit.is_open
    assert said == []
    fail(circuit, 1)
    assert circuit.is_open
    fail(circuit, 20)
    assert len(said) == 1
    assert "no answer" in said[0]
    assert "127.0.0.1:1" not in said[0], "what the endpoint said may quote a passage, and this is logged"
    assert "120 s" in said[0]
    assert not circuit.given_up


@pytest.mark.parametrize("sign", [RateLimited("429"), CallRejected("400"), None], ids=["429", "400", "reply"])
def test_any_answer_ends_the_row_and_closes(sign):
    def answer(circuit):
        circuit.failed(sign) if sign else circuit.came_back()

    said = []
    circuit = Circuit(said.append, Clock())
    fail(circuit, 9)
    answer(circuit)
    fail(circuit, 9)
    assert not circuit.is_open
    fail(circuit, 1)
    assert circuit.is_open
    answer(circuit)
    assert not circuit.is_open
    assert not circuit.given_up
    assert said[1:] == ["the endpoint is back"]
    answer(circuit)
    assert len(said) == 2, "said once"


def test_an_endpoint_that_never_answered_is_given_up_at_once():
    said = []
    circuit = Circuit(said.append, Clock())
    fail(circuit, 9)
    assert not circuit.given_up
    fail(circuit, 1)
    assert circuit.given_up
    assert said == [], "the error says it"


def test_an_endpoint_that_answered_may_be_away_for_two_minutes():
    clock = Clock()
    circuit = opened(clock)
    clock.now += 119
    fail(circuit, 1)
    assert not circuit.given_up
    clock.now += 1
    fail(circuit, 1)
    assert circuit.given_up


def test_the_two_minutes_begin_with_the_first_failure_of_the_row():
    clock = Clock()
    circuit = opened(clock)
    clock.now += 100
    circuit.came_back()
    clock.now += 100
    fail(circuit, 10)
    assert not circuit.given_up
    clock.now += 119
    fail(circuit, 1)
    assert not circuit.given_up


def test_closed_it_holds_nobody():
    circuit = Circuit([].append, Clock())
    with pytest.raises(StopIteration):
        circuit.wait().send(None)


def test_open_it_lets_one_try_through_at_a_time_ever_more_seldom():
    async def work():
        circuit = opened(asyncio.get_running_loop().time)
        started, tries = now(), []

        async def call():
            await circuit.wait()
            if circuit.is_open and not circuit.given_up:
                tries.append(now() - started)
                await asyncio.sleep(0.5)
                circuit.failed(DOWN)

        async with asyncio.TaskGroup() as group:
            for _ in range(50):
                group.create_task(call())
        return tries, now() - started

    tries, gave_up = simulate(work())
    pauses = [later - earlier for earlier, later in zip([0, *tries], tries, strict=False)]
    assert pauses[:7] == pytest.approx([1, 1, 2, 4, 8, 15, 15])
    assert pauses[7:] == pytest.approx([15] * len(pauses[7:]))
    assert 120 <= gave_up <= 136
    assert gave_up == tries[-1] + 0.5, "then all others are let go at once"


def test_an_answer_wakes_all():
    async def work():
        circuit = opened(asyncio.get_running_loop().time)
        woken = []

        async def call():
            await circuit.wait()
            woken.append(now())

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(call())
            await asyncio.sleep(0.5)
            assert woken == []
            answered = now()
            circuit.came_back()
        return woken, answered

    woken, answered = simulate(work())
    assert woken == [answered] * 20


def test_it_can_close_and_open_again_and_begins_its_pauses_anew():
    async def work():
        clock = asyncio.get_running_loop().time
        circuit = opened(clock)
        for _ in range(4):
            await circuit.wait()
            circuit.failed(DOWN)
        circuit.came_back()
        fail(circuit, 10)
        started = now()
        await circuit.wait()
        return now() - started

    assert simulate(work()) == pytest.approx(1)


def test_a_waiter_that_is_cancelled_leaves_the_others_waiting():
    async def work():
        circuit = opened(asyncio.get_running_loop().time)
        gone, stays = asyncio.create_task(circuit.wait()), asyncio.create_task(circuit.wait())
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.sleep(0.1)
        assert gone.cancelled()
        assert not stays.done()
        circuit.came_back()
        await stays

    simulate(work())
