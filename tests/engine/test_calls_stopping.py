import asyncio

import pytest
from tests.engine.simulation import PRICE, WORD, Endpoint, Store, ask, down, now, open_calls, reply_all, simulate

from rawtune.engine.budget import Budget
from rawtune.engine.calls import Stopped
from rawtune.engine.rate import RateLimit
from rawtune.errors import (
    BudgetReached,
    RateLimited,
)


@pytest.mark.parametrize(
    ("why", "options"),
    [
        ("a line", {"limit": 1}),
        ("its turn", {"requests": RateLimit(1)}),
        ("money", {"budget": Budget(1, PRICE, 0, 800)}),
    ],
)
def test_what_waits_is_not_sent_any_more_and_what_is_in_flight_comes_home(why, options):
    async def work():
        store, endpoint = Store(seconds=3), Endpoint(seconds=10)
        calls = open_calls(endpoint, store, **options)
        ends = asyncio.create_task(reply_all(calls, "ab"))
        await asyncio.sleep(5)
        calls.stop(WORD)
        a, b = await ends
        assert a.text == "a."
        assert type(b) is Stopped
        assert endpoint.texts == ["a"]
        assert list(store.kept) == [ask("a").key]
        assert calls.stopped is WORD
        calls.stop(BudgetReached("later"))
        assert calls.stopped is WORD, "the first reason is the reason"
        with pytest.raises(Stopped):
            await calls.reply(ask("c"))

    simulate(work())


@pytest.mark.parametrize("limit", [1, 4])
def test_what_waits_for_its_next_try_is_not_sent_any_more(limit):
    async def work():
        endpoint = Endpoint({"a": [RateLimited("busy", retry_after=100)]})
        calls = open_calls(endpoint, limit=limit)
        call = asyncio.create_task(calls.reply(ask("a")))
        await asyncio.sleep(5)
        calls.stop(WORD)
        with pytest.raises(Stopped):
            await call
        assert now() == 1005

    simulate(work())


def test_what_waits_for_the_endpoint_to_come_back_is_not_sent_any_more():
    async def work():
        endpoint = Endpoint(seconds=0.1)
        calls = open_calls(endpoint, limit=16)
        await calls.reply(ask("first"))
        endpoint.always = down()
        ends = asyncio.create_task(reply_all(calls, [str(i) for i in range(16)]))
        await asyncio.sleep(20)
        sent = len(endpoint.sent)
        calls.stop(WORD)
        assert {type(end) for end in await ends} == {Stopped}
        assert (len(endpoint.sent), now()) == (sent, 1020.1)

    simulate(work())


def test_those_that_share_a_call_which_is_not_sent_any_more_are_stopped_too():
    async def work():
        calls = open_calls(Endpoint(seconds=10), limit=1)
        ends = asyncio.create_task(reply_all(calls, "abbb"))
        await asyncio.sleep(5)
        calls.stop(WORD)
        assert [type(end) for end in (await ends)[1:]] == [Stopped] * 3

    simulate(work())


def test_whoever_was_stopped_can_go_on_with_other_things():
    async def work():
        calls = open_calls(Endpoint({"a": [RateLimited("busy", retry_after=100)]}))
        asyncio.get_running_loop().call_later(5, calls.stop, WORD)
        with pytest.raises(Stopped):
            await calls.reply(ask("a"))
        assert asyncio.current_task().cancelling() == 0

    simulate(work())
