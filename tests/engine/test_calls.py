import asyncio
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.simulation import Endpoint, Store, ask, now, open_calls, simulate

from rawtune.config import Price
from rawtune.engine.budget import Budget
from rawtune.engine.calls import Stopped
from rawtune.engine.concurrency import Concurrency
from rawtune.engine.local import converse
from rawtune.engine.rate import RateLimit
from rawtune.errors import (
    BudgetReached,
    CallRejected,
    EndpointDown,
    Interrupted,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    StorageFull,
    TeacherError,
)

PRICE = Price(input=0, output=1000)  # 800 tokens of reply, the dearest, cost 0.8
WORD = Interrupted("interrupted")


def down(status=0, sent=True):
    return EndpointDown("down", status=status, sent=sent)


async def reply_all(calls, texts):
    """What became of each request when all are made at once."""
    return await asyncio.gather(*(calls.reply(ask(text)) for text in texts), return_exceptions=True)


# The reply and its way to the store


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


# Identical requests


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


# Pace


def test_never_more_in_flight_than_allowed():
    async def work():
        endpoint = Endpoint()
        await reply_all(open_calls(endpoint, limit=3), [str(i) for i in range(20)])
        assert endpoint.most_in_flight == 3
        assert now() == 1000 + 7, "and never fewer while there is work"

    simulate(work())


def test_the_number_in_flight_grows_where_it_is_to_be_found_out():
    async def work():
        endpoint = Endpoint()
        calls = open_calls(endpoint, limit=Concurrency(8, 64))
        await reply_all(calls, [str(i) for i in range(400)])
        assert endpoint.most_in_flight == calls.limit == 64

    simulate(work())


@pytest.mark.parametrize("error", [RateLimited("429"), down(), down(503)], ids=["429", "time-out", "503"])
def test_it_shrinks_when_the_endpoint_has_too_much_to_do(error):
    async def work():
        texts = [str(i) for i in range(8)]
        calls = open_calls(Endpoint({text: [error] for text in texts}), limit=8)
        await reply_all(calls, texts)
        assert calls.limit < 8

    simulate(work())


@pytest.mark.parametrize("error", [down(500), down(sent=False), down(200), CallRejected("odd")])
def test_other_failures_do_not_shrink_it(error):
    async def work():
        texts = [str(i) for i in range(8)]
        calls = open_calls(Endpoint({text: [error] for text in texts}), limit=8)
        await reply_all(calls, texts)
        assert calls.limit == 8

    simulate(work())


def test_others_use_the_line_while_a_refused_call_waits():
    async def work():
        endpoint = Endpoint({text: [RateLimited("busy", retry_after=100)] for text in "ab"})
        await reply_all(open_calls(endpoint, limit=2), "abcd")
        assert endpoint.sent[:4] == [(1000, "a"), (1000, "b"), (1001, "c"), (1001, "d")]
        assert sorted(endpoint.texts[4:]) == ["a", "b"]

    simulate(work())


def test_where_one_call_is_allowed_a_refused_one_keeps_the_others_waiting():
    async def work():
        endpoint = Endpoint({"a": [RateLimited("busy", retry_after=100)]})
        await reply_all(open_calls(endpoint, limit=1), "abc")
        assert endpoint.texts[0] == "a"
        assert endpoint.sent[1][0] >= 1100, "nobody was sent into the same wall"
        assert sorted(endpoint.texts) == ["a", "a", "b", "c"]
        assert endpoint.sent[3][0] < 1105, "nor does it wait twice"

    simulate(work())


def test_requests_a_minute_hold_for_repeated_calls_too():
    async def work():
        texts = [str(i) for i in range(30)]
        endpoint = Endpoint({text: [down(500)] for text in texts[1::3]}, usage=(5, 5))
        await reply_all(open_calls(endpoint, limit=30, requests=RateLimit(10)), texts)
        assert len(endpoint.sent) == 40
        for begin, _ in endpoint.sent:
            assert sum(begin <= at < begin + 60 for at, _ in endpoint.sent) <= 10

    simulate(work())


def test_requests_a_minute_hold_where_calls_wait_for_money():
    async def work():
        budget = Budget(1.7, PRICE, 0, 800)  # two of the dearest at a time
        endpoint = Endpoint(usage=(0, 1), seconds=100)
        await reply_all(open_calls(endpoint, limit=8, budget=budget, requests=RateLimit(3)), [str(i) for i in range(8)])
        assert len(endpoint.sent) == 8
        for begin, _ in endpoint.sent:
            assert sum(begin <= at < begin + 60 for at, _ in endpoint.sent) <= 3

    simulate(work())


def sent_within_a_minute(usage):
    async def work():
        endpoint = Endpoint(usage=usage)
        calls = open_calls(endpoint, limit=4, tokens=RateLimit(6_000))
        gone = asyncio.create_task(reply_all(calls, [str(i) for i in range(100)]))
        await asyncio.sleep(60)
        sent = len(endpoint.sent)
        calls.stop(WORD)
        await gone
        return sent

    return simulate(work())


def test_tokens_a_minute_are_counted_by_usage():
    assert 40 <= sent_within_a_minute((50, 50)) <= 60, "the estimate of 500 each would allow 12"
    assert 5 <= sent_within_a_minute((500, 500)) <= 8


def test_an_open_circuit_holds_calls_back_and_costs_no_attempts():
    async def work():
        said, endpoint = [], Endpoint(seconds=0.1)
        calls = open_calls(endpoint, limit=8, attempts=2, said=said)
        await calls.reply(ask("first"))
        endpoint.always = down(sent=False)
        waiting = asyncio.create_task(reply_all(calls, [str(i) for i in range(20)]))
        await asyncio.sleep(100)
        assert len(endpoint.sent) <= 1 + 10 + 8 + 12, "ten, those on the way, and a try now and then"
        assert len(said) == 1
        endpoint.always = None
        assert [reply.text for reply in await waiting] == [f"{i}." for i in range(20)]
        assert said[1:] == ["the endpoint is back"]

    simulate(work())


def test_an_endpoint_that_never_answered_makes_every_call_vain():
    async def work():
        endpoint = Endpoint(always=down(sent=False))
        calls = open_calls(endpoint, limit=8, attempts=100)
        await reply_all(calls, [str(i) for i in range(10)])
        assert calls.in_vain(endpoint.always)
        assert not calls.in_vain(RateLimited("busy"))

    simulate(work())


@pytest.mark.parametrize("error", [KeyRejected("key"), ModelNotFound("model"), QuotaExhausted("money")])
def test_some_errors_make_every_call_vain(error):
    async def work():
        assert open_calls(Endpoint()).in_vain(error)

    simulate(work())


@pytest.mark.parametrize("error", [CallRejected("odd"), RateLimited("busy"), down(), TeacherError("?")])
def test_most_do_not(error):
    async def work():
        assert not open_calls(Endpoint()).in_vain(error)

    simulate(work())


def test_refusals_for_haste_use_up_no_attempts():
    async def work():
        endpoint = Endpoint({"a": [RateLimited("busy", retry_after=5) for _ in range(50)]})
        assert (await open_calls(endpoint, attempts=2).reply(ask("a"))).attempts == 51

    simulate(work())


def test_nor_do_they_in_hours_in_which_others_come_back():
    async def work():
        endpoint = Endpoint({"a": [RateLimited("busy", retry_after=500) for _ in range(10)]})
        calls = open_calls(endpoint, attempts=1)
        refused = asyncio.create_task(calls.reply(ask("a")))
        for i in range(50):
            await calls.reply(ask(str(i)))
            await asyncio.sleep(100)
        assert (await refused).attempts == 11
        endpoint.faults["b"] = [RateLimited("busy", retry_after=500) for _ in range(10)]
        with pytest.raises(RateLimited):
            await calls.reply(ask("b"))

    simulate(work())


def test_faults_of_the_endpoint_do():
    async def work():
        endpoint = Endpoint({"a": [down(500) for _ in range(5)]})
        with pytest.raises(EndpointDown):
            await open_calls(endpoint, attempts=3).reply(ask("a"))
        assert len(endpoint.sent) == 3

    simulate(work())


# Money


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


# Stopping


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
        calls.stop(WORD)
        assert {type(end) for end in await ends} == {Stopped}

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


# All at once

faults = st.lists(st.sampled_from(["429", "told", "500", "503", "time-out", "unsent", "rejected"]), max_size=4)
scripts = st.lists(
    st.tuples(
        st.sampled_from(["蒙", "乾", "坤", ""]),  # few different beginnings: many ask the same; "" asks its own
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=20,
)
KINDS = {
    "429": lambda: RateLimited("busy"),
    "told": lambda: RateLimited("busy", retry_after=3),
    "500": lambda: down(500),
    "503": lambda: down(503),
    "time-out": down,
    "unsent": lambda: down(sent=False),
    "rejected": lambda: CallRejected("odd"),
}


class Careful(Endpoint):
    """Refuses to be sent what is stored or in flight, and too much at once; takes a different time for each call."""

    def __init__(self, store, limit, chance, script):
        super().__init__()
        self.store, self.limit, self.chance = store, limit, chance
        self.script = iter(script)
        self.open = set()
        self.calls = None

    async def complete(self, request):
        assert request.key not in self.store.kept, "paid for twice"
        assert request.key not in self.open, "asked twice at once"
        assert self.calls.stopped is None, "sent although stopped"
        text = request.messages[0].content
        if text not in self.faults:
            self.faults[text] = [KINDS[kind]() for kind in next(self.script, ())]
        self.open.add(request.key)
        assert self.calls.traffic.in_flight <= self.limit, "too many in flight"
        self.seconds = self.chance.uniform(0, 5)
        try:
            return await super().complete(request)
        finally:
            self.open.discard(request.key)


class Slow(Store):
    def __init__(self, chance):
        super().__init__()
        self.chance = chance

    async def put(self, request, reply):
        self.seconds = self.chance.choice([0, 0.1, 2])
        assert request.key not in self.kept, "stored twice"
        await super().put(request, reply)


def dialogue(first, turns, store):
    said = first
    for _ in range(turns):
        request = ask(said)
        reply = yield request
        assert store.kept[request.key] == reply, "seen before it was durable"
        said = reply.text
    return said


async def run_once(script, store, endpoint, limit, attempts, end, after, options):
    """One run over all conversations, which is stopped or killed ``after`` seconds; what came of each."""
    results = []
    calls = endpoint.calls = open_calls(endpoint, store, limit=limit, attempts=attempts, **options)
    conversations = [
        (str(i), lambda i=i, name=name, turns=turns: dialogue(name or str(i), turns, store))
        for i, (name, turns) in enumerate(script)
    ]
    run = asyncio.create_task(converse(conversations, calls, lambda *result: results.append(result)))
    if end:
        asyncio.get_running_loop().call_later(after, *((calls.stop, WORD) if end == "stop" else (run.cancel,)))
    await asyncio.wait([run])
    error = asyncio.CancelledError() if run.cancelled() else run.exception()
    return calls, results, error


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_every_conversation_is_accounted_for_under_any_interleaving_of_faults_and_stops(data):
    script, limit = data.draw(scripts), data.draw(st.integers(1, 8))
    attempts, end = data.draw(st.integers(1, 4)), data.draw(st.sampled_from([None, "stop", "kill"]))
    after = data.draw(st.floats(0, 30))
    chance = random.Random(data.draw(st.integers()))
    options = {}
    if data.draw(st.booleans()):
        options["requests"] = RateLimit(data.draw(st.integers(20, 200)))
    if data.draw(st.booleans()):
        options["budget"] = Budget(data.draw(st.floats(1, 20)), PRICE, 0, 800)
    store = Slow(chance)
    endpoint = Careful(store, limit, chance, data.draw(st.lists(faults, max_size=40)))
    calls, results, error = simulate(run_once(script, store, endpoint, limit, attempts, end, after, options))

    names = [name for name, *_ in results]
    assert len(set(names)) == len(names), "nobody ends twice"
    if isinstance(error, EndpointDown):
        assert calls.in_vain(error)
    elif isinstance(error, asyncio.CancelledError):
        assert end == "kill"
    else:
        assert error is None
        assert calls.stopped or len(names) == len(script), "nobody is left over"
        assert {ask(text).key for text in endpoint.answered} == store.kept.keys(), "what came home is stored"
    for name, result, keys in results:
        first, turns = script[int(name)]
        assert store.kept.keys() >= set(keys)
        if isinstance(result, TeacherError):
            assert isinstance(result, EndpointDown | CallRejected)
            assert len(keys) < turns
        else:
            assert result == (first or name) + "." * turns
            assert len(keys) == turns
    assert (calls.traffic.in_flight, calls.budget.reserved, endpoint.in_flight) == (0, 0, 0)
    lost = {ask(text).key for text in endpoint.answered} - store.kept.keys()
    assert len(lost) <= limit, "a kill costs no more than may be in flight"
    assert len(store.failures) == calls.traffic.failures
    assert len(endpoint.sent) == calls.traffic.replies + calls.traffic.failures + endpoint.broken_off

    # The same again, without faults: what is missing comes, what was paid for does not.
    paid, endpoint.script = len(store.kept), iter(())
    endpoint.faults.clear()
    endpoint.answered.clear()
    _, results, error = simulate(run_once(script, store, endpoint, limit, 1, None, 0, {}))
    assert error is None
    assert len(results) == len(script)
    assert not any(isinstance(result, TeacherError) for _, result, _ in results)
    assert len(endpoint.answered) == len(store.kept) - paid
