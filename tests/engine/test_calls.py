import asyncio
from dataclasses import replace

import pytest
from tests.engine.simulation import PRICE, WORD, Endpoint, Store, ask, down, open_calls, reply_all, simulate

from rawtune.engine.budget import Budget
from rawtune.engine.calls import Stopped
from rawtune.errors import (
    CallRejected,
    RateLimited,
    StorageFull,
)


def test_a_reply_is_durable_before_it_is_seen():
    async def work():
        store = Store(seconds=5)
        calls = open_calls(Endpoint(), store)
        reply = await calls.reply(ask("蒙"))
        assert store.kept == {ask("蒙").key: reply}
        assert reply.text == "蒙."
        assert calls.traffic.replies == 1

    simulate(work())


def test_a_stored_reply_is_not_asked_for_again_even_when_the_run_is_stopped():
    async def work():
        store, endpoint = Store(), Endpoint()
        calls = open_calls(endpoint, store)
        first = await calls.reply(ask("蒙"))
        calls.stop(WORD)
        assert await calls.reply(ask("蒙")) == first
        assert endpoint.texts == ["蒙"]

    simulate(work())


def test_a_call_is_in_flight_until_its_reply_is_durable():
    async def work():
        store, endpoint = Store(seconds=10), Endpoint(seconds=1)
        calls = open_calls(endpoint, store, limit=2)
        waiting = asyncio.create_task(reply_all(calls, "abcd"))
        await asyncio.sleep(5)
        assert endpoint.texts == ["a", "b"]
        assert calls.traffic.in_flight == 2
        await asyncio.sleep(7)
        assert endpoint.texts == ["a", "b", "c", "d"]
        await waiting
        assert calls.traffic.in_flight == 0

    simulate(work())


def test_the_stored_reply_tells_attempts_and_cost():
    async def work():
        endpoint = Endpoint({"蒙": [down(500), RateLimited("busy")]}, usage=(10, 100))
        store = Store()
        await open_calls(endpoint, store, budget=Budget(None, PRICE, 0, 800)).reply(ask("蒙"))
        (reply,) = store.kept.values()
        assert (reply.attempts, reply.cost) == (3, pytest.approx(0.1))
        assert (reply.prompt_tokens, reply.completion_tokens) == (10, 100)

    simulate(work())


def test_a_failed_call_is_noted_with_what_it_may_have_cost():
    async def work():
        rejected, store = CallRejected("odd"), Store()
        unanswered, unsent = down(), down(sent=False)
        endpoint = Endpoint({"蒙": [unanswered, unsent, rejected]}, seconds=2)
        calls = open_calls(endpoint, store, budget=Budget(None, PRICE, 0, 800), attempts=5)
        with pytest.raises(CallRejected) as caught:
            await calls.reply(ask("蒙"))
        assert caught.value is rejected
        assert store.failures == [
            ("蒙", unanswered, 1, 2, pytest.approx(0.8)),
            ("蒙", unsent, 2, 2, 0),
            ("蒙", rejected, 3, 2, 0),
        ]
        assert calls.budget.spent == pytest.approx(0.8)
        assert calls.traffic.failures == 3
        assert store.kept == {}

    simulate(work())


def test_traffic_adds_up():
    async def work():
        class Guessing(Endpoint):
            async def complete(self, request):
                reply = await super().complete(request)
                return replace(reply, estimated=reply.text == "c.")

        calls = open_calls(Guessing(usage=(7, 3)))
        await reply_all(calls, "ab")
        assert (calls.traffic.prompt_tokens, calls.traffic.completion_tokens) == (14, 6)
        assert not calls.traffic.estimated
        await reply_all(calls, "c")
        await reply_all(calls, "d")
        assert (calls.traffic.replies, calls.traffic.estimated) == (4, True)

    simulate(work())


def test_a_full_disk_ends_the_call_and_those_that_share_it():
    async def work():
        class Full(Store):
            async def put(self, request, reply):
                raise StorageFull("disk")

        calls = open_calls(Endpoint(), Full(), limit=1)
        assert [type(end) for end in await reply_all(calls, "蒙蒙")] == [StorageFull] * 2
        assert calls.traffic.in_flight == 0
        assert type((await reply_all(calls, "乾"))[0]) is StorageFull, "the line was given back"

    simulate(work())


def test_identical_requests_share_one_call():
    async def work():
        endpoint = Endpoint()
        replies = await reply_all(open_calls(endpoint), "蒙蒙蒙蒙")
        assert endpoint.texts == ["蒙"]
        assert len({id(reply) for reply in replies}) == 1
        assert replies[0].text == "蒙."

    simulate(work())


def test_a_shared_call_that_fails_fails_for_all_and_may_be_made_again():
    async def work():
        endpoint, error = Endpoint({"蒙": [CallRejected("odd")]}), CallRejected
        calls = open_calls(endpoint)
        assert [type(end) for end in await reply_all(calls, "蒙蒙蒙")] == [error] * 3
        assert endpoint.texts == ["蒙"]
        assert (await calls.reply(ask("蒙"))).text == "蒙."

    simulate(work())


def test_a_shared_call_that_is_cancelled_leaves_nobody_waiting():
    async def work():
        endpoint = Endpoint()
        calls = open_calls(endpoint)
        first, *others = (asyncio.create_task(calls.reply(ask("蒙"))) for _ in range(3))
        await asyncio.sleep(0.5)
        first.cancel()
        ends = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError, Stopped, Stopped]
        assert (await calls.reply(ask("蒙"))).text == "蒙."
        assert endpoint.texts == ["蒙", "蒙"]

    simulate(work())


def test_one_of_those_that_share_a_call_may_leave():
    async def work():
        calls = open_calls(Endpoint())
        first, second, third = (asyncio.create_task(calls.reply(ask("蒙"))) for _ in range(3))
        await asyncio.sleep(0.5)
        second.cancel()
        assert (await first) is (await third)
        assert second.cancelled()

    simulate(work())
