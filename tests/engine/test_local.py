import asyncio
import gc
import tracemalloc

import pytest
from tests.engine.simulation import Endpoint, Store, ask, open_calls, simulate

from rawtune.engine.calls import Stopped
from rawtune.engine.concurrency import Concurrency
from rawtune.engine.local import converse
from rawtune.errors import (
    AccountingError,
    CallRejected,
    EndpointDown,
    Interrupted,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    StorageFull,
)
from rawtune.llm.scripted import Scripted
from rawtune.records import Reply


def dialogue(name, turns=1):
    """A conversation in which each question holds the last answer."""

    def conversation():
        said = name
        for _ in range(turns):
            said = (yield ask(said)).text
        return said

    return conversation


def each(names, turns=1):
    return ((name, dialogue(name, turns)) for name in names)


def numbers(n):
    return [str(i) for i in range(n)]


async def work(conversations, endpoint, store=None, limit=4, attempts=3):
    results = []
    calls = open_calls(endpoint, store, limit=limit, attempts=attempts)
    await converse(conversations, calls, lambda *result: results.append(result))
    return results


def test_every_conversation_brings_its_result_and_the_keys_of_its_replies():
    conversations = [("蒙", dialogue("蒙", 3)), ("none", dialogue("none", 0)), ("乾", dialogue("乾", 1))]
    results = {name: (result, keys) for name, result, keys in simulate(work(conversations, Endpoint()))}
    assert results["蒙"] == ("蒙...", tuple(ask(text).key for text in ("蒙", "蒙.", "蒙..")))
    assert results["none"] == ("none", ())
    assert results["乾"][0] == "乾."


def test_garbage_is_collected_as_often_as_before_once_the_work_is_done_or_broke_off():
    before, during = gc.get_threshold(), []

    def watching():
        during.append(gc.get_threshold())
        yield ask("蒙")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        simulate(work([("蒙", watching)], Endpoint()))
    assert during[0][0] > before[0]
    assert gc.get_threshold() == before


def test_nothing_to_do_is_done():
    assert simulate(work([], Endpoint())) == []


def test_what_is_stored_is_replayed_from_there():
    store, endpoint = Store(), Endpoint()
    first = simulate(work(each(["蒙"], 2), endpoint, store))
    assert simulate(work(each(["蒙"], 2), endpoint, store)) == first
    assert endpoint.texts == ["蒙", "蒙."]


@pytest.mark.parametrize(
    ("limit", "faulty", "expected"),
    [(1, [], 1), (5, [], 5), (5, numbers(5), 10), (5, numbers(50)[::2], 10)],
    ids=["one", "many", "all that were begun first", "more than may be in flight"],
)
def test_as_many_are_begun_as_may_be_in_flight_and_others_for_those_that_wait_for_their_next_try(
    limit, faulty, expected
):
    begun = ended = most = 0

    def conversation(name):
        nonlocal ended
        yield ask(name)
        ended += 1

    def source():
        nonlocal begun, most
        for name in numbers(50):
            begun += 1
            most = max(most, begun - ended)
            yield name, lambda name=name: conversation(name)

    endpoint = Endpoint({name: [EndpointDown("broken", retry_after=30, status=500)] for name in faulty})
    assert len(simulate(work(source(), endpoint, limit=limit))) == 50
    assert most == expected
    assert endpoint.most_in_flight == limit
    began, then = endpoint.sent[0][0], endpoint.sent[limit][0]
    assert then - began == endpoint.seconds  # others go at once, however many wait


def test_as_many_are_begun_as_a_growing_limit_can_use():
    endpoint = Endpoint()
    simulate(work(each(numbers(500)), endpoint, limit=Concurrency(8, 64)))
    assert endpoint.most_in_flight == 64


def test_a_limit_that_shrinks_leaves_nobody_out():
    faults = {name: [RateLimited("busy", retry_after=1)] for name in numbers(40)}
    results = simulate(work(each(numbers(200)), Endpoint(faults), limit=Concurrency(32, 32)))
    assert sorted(name for name, *_ in results) == sorted(numbers(200))


def test_memory_does_not_grow_with_the_number_of_conversations():
    class Nothing(Store):
        async def put(self, request, reply):
            pass

    passages = (f"{i} " * 200 for i in range(20_000))
    conversations = ((passage[:10], dialogue(passage)) for passage in passages)
    calls_of = Scripted(script=lambda _: "x" * 2_000)

    async def run():
        calls = open_calls(calls_of, Nothing(), limit=8)
        tracemalloc.start()
        await converse(conversations, calls, lambda *_: None)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert simulate(run()) < 1_000_000 < 20_000 * 3_000 / 50


def test_one_failure_stays_one_failure():
    faults = {"bad": [CallRejected("odd")], "tired": [EndpointDown("500", status=500) for _ in range(3)]}
    endpoint = Endpoint(faults)
    results = {name: result for name, result, _ in simulate(work(each(["bad", "a", "tired", "b"]), endpoint))}
    assert type(results["bad"]) is CallRejected
    assert type(results["tired"]) is EndpointDown
    assert (results["a"], results["b"]) == ("a.", "b.")
    assert (endpoint.texts.count("bad"), endpoint.texts.count("tired")) == (1, 3)


def test_the_keys_of_a_conversation_that_fails_late_are_told():
    ((_, error, keys),) = simulate(work(each(["a"], 3), Endpoint({"a..": [CallRejected("odd")]})))
    assert isinstance(error, CallRejected)
    assert keys == (ask("a").key, ask("a.").key)


@pytest.mark.parametrize("fatal", [KeyRejected("key"), ModelNotFound("model"), QuotaExhausted("money")])
def test_what_would_fail_every_call_stops_the_run(fatal):
    async def run():
        endpoint, done = Endpoint({"3": [fatal]}), []
        calls = open_calls(endpoint, limit=2)
        await converse(each(numbers(100)), calls, lambda name, *_: done.append(name))
        assert calls.stopped is fatal
        assert endpoint.broken_off == 0, "what was in flight may be paid already: it came home"
        assert len(endpoint.sent) <= 6
        assert "3" not in done
        assert {"0", "1"} <= set(done)
        assert endpoint.in_flight == 0

    simulate(run())


def test_an_endpoint_that_is_down_stops_the_run_and_fails_nobody():
    async def run():
        endpoint, done = Endpoint(always=EndpointDown("http://127.0.0.1:1/v1: refused", sent=False)), []
        calls = open_calls(endpoint, limit=8, attempts=5)
        await converse(each(numbers(1000)), calls, lambda *result: done.append(result))
        assert "127.0.0.1:1" in calls.stopped.message
        assert done == []
        assert 10 <= len(endpoint.sent) <= 10 + 8, "only what was on the way comes on top"

    simulate(run())


def test_an_endpoint_that_stays_away_stops_the_run_and_fails_nobody():
    async def run():
        endpoint, done = Endpoint(seconds=0.1), []
        calls = open_calls(endpoint, limit=8, attempts=5)
        loop = asyncio.get_running_loop()
        loop.call_later(1, setattr, endpoint, "always", EndpointDown("gone", sent=False))
        await converse(each(numbers(1000)), calls, lambda *result: done.append(result))
        assert calls.stopped.message == "gone"
        assert len(done) == len(endpoint.answered)
        assert not [result for _, result, _ in done if isinstance(result, EndpointDown)]
        assert 120 <= loop.time() - 1001 <= 140
        assert endpoint.broken_off <= 1, "those who waited for it are not let loose on it"

    simulate(run())


@pytest.mark.parametrize("error", [StorageFull("disk"), AccountingError("sum"), ZeroDivisionError("bug")])
def test_an_error_that_is_not_the_teachers_comes_out_as_it_is(error):
    class Full(Store):
        async def put(self, request, reply):
            raise error

    with pytest.raises(type(error)) as caught:
        simulate(work(each(numbers(20)), Endpoint(), Full()))
    assert caught.value is error


@pytest.mark.parametrize("place", ["source", "on_result"])
def test_so_does_an_error_of_the_caller(place):
    error = StorageFull("disk")

    def fail(*_):
        raise error

    def source():
        yield from each(["a", "b"])
        if place == "source":
            fail()

    async def run():
        await converse(source(), open_calls(Endpoint()), fail if place == "on_result" else lambda *_: None)

    with pytest.raises(StorageFull) as caught:
        simulate(run())
    assert caught.value is error


def test_cancelled_in_the_middle_it_keeps_what_came_back_and_goes_on_from_there():
    store, first, second = Store(), Endpoint(), Endpoint()

    async def run():
        run = asyncio.create_task(work(each(numbers(30), 2), first, store, limit=3))
        await asyncio.sleep(5.5)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert first.in_flight == 0

    simulate(run())
    paid = len(store.kept)
    assert paid == 15
    results = simulate(work(each(numbers(30), 2), second, store))
    assert sorted(result for _, result, _ in results) == sorted(f"{name}.." for name in numbers(30))
    assert len(second.sent) == 60 - paid


def test_a_run_that_is_stopped_ends_what_needs_no_further_call():
    async def run():
        results, store = [], Store({ask("0.").key: Reply("0..")})
        calls = open_calls(endpoint, store, limit=3)
        asyncio.get_running_loop().call_later(0.5, calls.stop, Interrupted("interrupted"))
        await converse(each(numbers(30), 2), calls, lambda *result: results.append(result))
        assert [(name, result) for name, result, _ in results] == [("0", "0..")]
        assert {ask(name).key for name in "012"} <= store.kept.keys(), "the others' replies are kept"

    endpoint = Endpoint()
    simulate(run())
    assert endpoint.texts == ["0", "1", "2"]


def test_a_run_that_was_stopped_begins_little():
    begun = []

    def source():
        for name, conversation in each(numbers(1000)):
            begun.append(name)
            yield name, conversation

    async def run():
        calls = open_calls(Endpoint(), limit=4)
        calls.stop(Interrupted("interrupted"))
        await converse(source(), calls, lambda *_: pytest.fail("there is no result"))
        with pytest.raises(Stopped):
            await calls.reply(ask("a"))

    simulate(run())
    assert len(begun) <= 2 * 4


def test_a_run_that_only_replays_can_be_interrupted():
    begun = []

    def source():
        for name in numbers(10_000):
            begun.append(name)
            yield name, dialogue("a")

    async def run():
        replay = asyncio.create_task(work(source(), Endpoint(), Store({ask("a").key: Reply("a.")}), limit=64))
        for _ in range(4):
            await asyncio.sleep(0)
        replay.cancel()
        with pytest.raises(asyncio.CancelledError):
            await replay

    simulate(run())
    assert 0 < len(begun) <= 4 * 2 * 64
