import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.simulation import PRICE, WORD, Endpoint, ask, down, now, open_calls, reply_all, simulate

from rawtune.engine.budget import Budget
from rawtune.engine.concurrency import Concurrency
from rawtune.engine.rate import RateLimit
from rawtune.errors import (
    CallRejected,
    EndpointDown,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    TeacherError,
)


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


class Metered(Endpoint):
    """Each call takes the tokens that ``taken`` holds for its text."""

    def __init__(self, taken, faults, seconds):
        super().__init__(faults, seconds)
        self.taken = taken

    async def complete(self, request):
        reply = await super().complete(request)
        return replace(reply, completion_tokens=self.taken[request.messages[0].content])


@settings(deadline=None)
@given(
    st.integers(1, 40),
    st.integers(600, 6_000),
    # Of each call its length, how much of its estimate it takes (%), after how many seconds it is wanted, if it fails.
    st.lists(
        st.tuples(st.integers(1, 800), st.integers(0, 100), st.floats(0, 40), st.booleans()), min_size=1, max_size=30
    ),
    st.sampled_from((0.5, 20.0, 90.0)),
)
def test_no_minute_holds_more_than_either_of_two_limits(requests, tokens, wanted, seconds):
    texts = [chr(0x4E00 + number) * length for number, (length, *_) in enumerate(wanted)]  # a sign is a token
    estimates = {text: len(text) + 500 for text in texts}
    taken = {text: estimates[text] * call[1] // 100 for text, call in zip(texts, wanted, strict=True)}
    failing = {text for text, call in zip(texts, wanted, strict=True) if call[3]}
    endpoint = Metered(taken, {text: [down(500)] for text in failing}, seconds)

    async def work():
        calls = open_calls(endpoint, limit=8, requests=RateLimit(requests), tokens=RateLimit(tokens))

        async def ask_after(pause, text):
            await asyncio.sleep(pause)
            return await calls.reply(ask(text))

        await asyncio.gather(*(ask_after(call[2], text) for text, call in zip(texts, wanted, strict=True)))

    simulate(work())
    sent = []
    for at, text in endpoint.sent:
        sent.append((at, estimates[text] if text in failing else taken[text]))  # what failed may have taken all
        failing.discard(text)
    assert len(sent) == len(texts) + sum(call[3] for call in wanted)
    for begin, _ in sent:
        within = [amount for at, amount in sent if begin <= at < begin + 60]
        assert len(within) <= requests
        assert sum(within) <= tokens or len(within) == 1


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
