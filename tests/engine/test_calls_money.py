import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.simulation import PRICE, WORD, Endpoint, Store, ask, down, open_calls, reply_all, simulate

from rawtune.engine.budget import Budget
from rawtune.engine.calls import Stopped
from rawtune.engine.local import converse
from rawtune.engine.rate import RateLimit
from rawtune.errors import (
    BudgetReached,
    RateLimited,
)


@settings(deadline=None)
@given(
    st.floats(0, 5),
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(1, 1200), st.sampled_from([None, "429", "500", "time-out"])), max_size=20),
)
def test_the_budget_is_exceeded_by_no_more_than_the_calls_in_flight(cap, limit, script):
    """Replies of up to one and a half times what was to be the longest; the endpoint keeps the books."""
    excess = 0.0

    class Dear(Endpoint):
        async def complete(self, request):
            nonlocal excess
            assert budget.spent + budget.reserved <= cap + excess + 1e-9, "sent although it did not fit"
            tokens, _ = script[int(request.messages[0].content)]
            reply = replace(await super().complete(request), completion_tokens=tokens)
            excess += max(0, tokens - 800) / 1000
            return reply

    async def work():
        await converse_all(calls_of := open_calls(endpoint, limit=limit, budget=budget), len(script))
        return calls_of

    kinds = {"429": RateLimited("busy"), "500": down(500), "time-out": down()}
    budget = Budget(cap, PRICE, 0, 800)
    endpoint = Dear({str(i): [kinds[kind]] for i, (_, kind) in enumerate(script) if kind})
    calls = simulate(work())
    assert budget.spent <= cap + excess + 1e-9
    assert budget.reserved == 0
    if calls.stopped:
        assert isinstance(calls.stopped, BudgetReached)
        assert budget.spent + 0.8 > cap, "nor was it stopped too early"
    else:
        assert len(endpoint.answered) == len(script)


async def converse_all(calls, number):
    def conversation(text):
        return (yield ask(text)).text

    await converse(((str(i), lambda i=i: conversation(str(i))) for i in range(number)), calls, lambda *_: None)


def test_a_call_waits_while_calls_in_flight_may_free_money():
    async def work():
        endpoint = Endpoint(usage=(0, 100))
        calls = open_calls(endpoint, budget=Budget(1, PRICE, 0, 800), limit=4)
        ends = await reply_all(calls, "abcd")
        assert [at for at, _ in endpoint.sent] == [1000, 1001, 1002], "one of the dearest at a time"
        assert [type(end) is Stopped for end in ends] == [False, False, False, True]
        assert calls.budget.spent == pytest.approx(0.3)
        assert isinstance(calls.stopped, BudgetReached)
        assert "budget of 1 " in calls.stopped.message
        assert "synthesis.budget" in calls.stopped.hint

    simulate(work())


def test_money_set_aside_by_a_call_that_waits_for_its_turn_is_waited_for():
    async def work():
        endpoint = Endpoint(usage=(0, 10))
        calls = open_calls(endpoint, budget=Budget(0.9, PRICE, 0, 800), requests=RateLimit(1))
        assert [reply.text for reply in await reply_all(calls, "abcd")] == ["a.", "b.", "c.", "d."]

    simulate(work())


def test_a_raised_cap_lets_the_next_run_go_on_from_there():
    async def run(store, cap, spent):
        endpoint = Endpoint(usage=(0, 500))
        calls = open_calls(endpoint, store, budget=Budget(cap, PRICE, spent, 800))
        await reply_all(calls, "abcdef")
        return endpoint.texts, calls.budget.spent, calls.stopped

    store = Store()
    first, spent, stopped = simulate(run(store, 2, 0))
    assert isinstance(stopped, BudgetReached)
    assert spent == pytest.approx(1.5)
    again, spent, stopped = simulate(run(store, 2, spent))
    assert (again, isinstance(stopped, BudgetReached)) == ([], True)
    second, spent, stopped = simulate(run(store, 20, spent))
    assert stopped is None
    assert sorted(first + second) == list("abcdef")
    assert spent == pytest.approx(3)


def test_what_waits_and_is_stopped_or_cancelled_sets_its_money_free():
    async def work():
        budget = Budget(10, PRICE, 0, 800)
        calls = open_calls(Endpoint(usage=(0, 10)), budget=budget, requests=RateLimit(1))
        first, second, third = (asyncio.create_task(calls.reply(ask(text))) for text in "abc")
        await asyncio.sleep(2)
        assert budget.reserved == pytest.approx(1.6)
        second.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert budget.reserved == pytest.approx(0.8)
        calls.stop(WORD)
        await asyncio.wait([first, second, third])
        assert (budget.reserved, budget.spent) == (0, pytest.approx(0.01))

    simulate(work())


def test_a_call_broken_off_counts_as_the_dearest():
    async def work():
        calls = open_calls(Endpoint(), budget=Budget(10, PRICE, 0, 800))
        call = asyncio.create_task(calls.reply(ask("a")))
        await asyncio.sleep(0.5)
        call.cancel()
        await asyncio.wait([call])
        assert (calls.budget.spent, calls.traffic.in_flight) == (pytest.approx(0.8), 0)

    simulate(work())
