import asyncio
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rawtune.engine import local
from rawtune.engine.local import converse
from rawtune.errors import (
    AccountingError,
    CallRejected,
    EndpointDown,
    KeyRejected,
    ModelNotFound,
    RateLimited,
    StorageFull,
    TeacherError,
)
from rawtune.llm.scripted import Scripted
from rawtune.records import Message, Reply, Request


def ask(text):
    return Request("m", (Message("user", text),))


def one_call(text):
    def conversation():
        reply = yield ask(text)
        return reply.text

    return conversation


def dialogue(name, turns):
    """A conversation in which each question holds the last answer."""

    def conversation():
        said = name
        for _ in range(turns):
            said = (yield ask(said)).text
        return said

    return conversation


class Replies:
    """A store that takes its time; what is in ``kept`` is durable."""

    def __init__(self, kept=()):
        self.kept = dict(kept)
        self.ten = asyncio.Event()

    def get(self, request):
        return self.kept.get(request.key)

    async def put(self, request, reply):
        await asyncio.sleep(0)
        self.kept[request.key] = reply
        if len(self.kept) >= 10:
            self.ten.set()
        return reply


class Teacher:
    """Answers ``text`` with ``text + '.'`` after the faults that are scripted for it."""

    name = "test:"
    writes_freely = True

    def __init__(self, faults=None, ticks=1):
        self.faults = faults or {}
        self.ticks = ticks
        self.calls = []
        self.in_flight = self.most_in_flight = 0

    async def complete(self, request):
        text = request.messages[0].content
        self.calls.append(text)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            for _ in range(self.ticks):
                await asyncio.sleep(0)
            if faults := self.faults.get(text):
                raise faults.pop(0)
        finally:
            self.in_flight -= 1
        return Reply(text + ".")

    async def close(self):
        pass


@pytest.fixture(autouse=True)
def waited(monkeypatch):
    """Nobody really waits between two tries."""
    seconds = []

    class NoWaiting:
        def __getattr__(self, name):
            return getattr(asyncio, name)

        async def sleep(self, delay):
            seconds.append(delay)
            await asyncio.sleep(0)

    monkeypatch.setattr(local, "asyncio", NoWaiting())
    return seconds


async def work(conversations, teacher, replies=None, concurrency=4, attempts=3):
    results = []
    await converse(
        conversations,
        teacher,
        Replies() if replies is None else replies,
        concurrency=concurrency,
        attempts=attempts,
        on_result=lambda *result: results.append(result),
    )
    return results


async def test_every_conversation_brings_its_result_and_the_keys_of_its_replies():
    conversations = [("蒙", dialogue("蒙", 3)), ("none", dialogue("none", 0)), ("乾", dialogue("乾", 1))]
    results = {name: (result, keys) for name, result, keys in await work(conversations, Teacher())}
    assert results["蒙"] == ("蒙...", tuple(ask(text).key for text in ("蒙", "蒙.", "蒙..")))
    assert results["none"] == ("none", ())
    assert results["乾"][0] == "乾."


async def test_a_reply_is_durable_before_the_conversation_sees_it():
    replies = Replies()

    def conversation():
        reply = yield ask("蒙")
        assert replies.kept[ask("蒙").key] == reply
        return reply.attempts

    ((_, attempts, _),) = await work([("a", conversation)], Teacher({"蒙": [RateLimited("busy")]}), replies)
    assert attempts == 2


async def test_a_stored_reply_is_not_paid_for_again():
    replies, teacher = Replies(), Teacher()
    first = await work([("a", dialogue("蒙", 2))], teacher, replies)
    assert await work([("a", dialogue("蒙", 2))], teacher, replies) == first
    assert teacher.calls == ["蒙", "蒙."]


async def test_identical_requests_in_flight_share_one_call():
    teacher = Teacher(ticks=20)
    results = await work([(str(i), one_call("蒙")) for i in range(4)], teacher)
    assert [result for _, result, _ in results] == ["蒙."] * 4
    assert teacher.calls == ["蒙"]


async def test_a_shared_call_that_fails_fails_for_all():
    teacher = Teacher({"蒙": [CallRejected("odd")]}, ticks=20)
    results = await work([(str(i), one_call("蒙")) for i in range(3)], teacher)
    assert [type(result) for _, result, _ in results] == [CallRejected] * 3
    assert teacher.calls == ["蒙"]


async def test_never_more_calls_in_flight_than_allowed_nor_twice_as_many_conversations_begun():
    begun = ended = 0

    def conversation(name):
        def run():
            nonlocal ended
            yield ask(name)
            ended += 1

        return run

    def source():
        nonlocal begun
        for i in range(50):
            begun += 1
            assert begun - ended <= 2 * 5
            yield str(i), conversation(str(i))

    teacher = Teacher(ticks=3)
    assert len(await work(source(), teacher, concurrency=5)) == 50
    assert teacher.most_in_flight == 5


async def test_calls_go_on_while_replies_are_made_durable():
    class Slow(Replies):
        async def put(self, request, reply):
            if len(teacher.calls) < 4:
                await four.wait()
            return await super().put(request, reply)

    class Counting(Teacher):
        async def complete(self, request):
            reply = await super().complete(request)
            if len(self.calls) == 4:
                four.set()
            return reply

    four, teacher = asyncio.Event(), Counting()
    async with asyncio.timeout(30):
        assert len(await work(((str(i), one_call(str(i))) for i in range(8)), teacher, Slow(), concurrency=2)) == 8
    assert teacher.most_in_flight == 2


async def test_one_failure_stays_one_failure(waited):
    faults = {"bad": [CallRejected("odd")], "tired": [RateLimited("busy", retry_after=7)] * 3}
    teacher = Teacher(faults)
    results = {
        name: result for name, result, _ in await work(((n, one_call(n)) for n in ["bad", "a", "tired", "b"]), teacher)
    }
    assert type(results["bad"]) is CallRejected
    assert type(results["tired"]) is RateLimited
    assert (results["a"], results["b"]) == ("a.", "b.")
    assert (teacher.calls.count("bad"), teacher.calls.count("tired")) == (1, 3)
    assert len([seconds for seconds in waited if 7 <= seconds <= 7.5]) == 2


async def test_the_keys_of_a_conversation_that_fails_late_are_told():
    ((_, error, keys),) = await work([("a", dialogue("a", 3))], Teacher({"a..": [CallRejected("odd")]}))
    assert isinstance(error, CallRejected)
    assert keys == (ask("a").key, ask("a.").key)


@pytest.mark.parametrize("fatal", [KeyRejected("key"), ModelNotFound("model")])
async def test_what_would_fail_every_call_stops_the_run(fatal):
    teacher = Teacher({"3": [fatal]}, ticks=2)
    done = []
    with pytest.raises(type(fatal)) as caught:
        await converse(
            ((str(i), one_call(str(i))) for i in range(100)),
            teacher,
            Replies(),
            concurrency=2,
            attempts=3,
            on_result=lambda name, *_: done.append(name),
        )
    assert caught.value is fatal
    assert len(teacher.calls) <= 6
    assert "3" not in done


async def test_an_endpoint_that_is_down_stops_the_run_and_fails_nobody():
    class Down(Teacher):
        async def complete(self, request):
            self.calls.append(request)
            raise EndpointDown("http://127.0.0.1:1/v1: refused")

    teacher, done = Down(), []
    with pytest.raises(EndpointDown, match=r"127\.0\.0\.1:1"):
        await converse(
            ((str(i), one_call(str(i))) for i in range(1000)),
            teacher,
            Replies(),
            concurrency=8,
            attempts=5,
            on_result=lambda *result: done.append(result),
        )
    assert done == []
    assert 10 <= len(teacher.calls) <= 10 + 2 * 8, "only what was begun comes on top"


@pytest.mark.parametrize("error", [StorageFull("disk"), AccountingError("sum"), ZeroDivisionError("bug")])
async def test_an_error_that_is_not_the_teachers_comes_out_as_it_is(error):
    class Full(Replies):
        async def put(self, request, reply):
            raise error

    with pytest.raises(type(error)) as caught:
        await work([(str(i), one_call(str(i))) for i in range(20)], Teacher(), Full())
    assert caught.value is error


async def test_cancelled_in_the_middle_it_keeps_what_came_back_and_goes_on_from_there():
    replies, first, second = Replies(), Teacher(ticks=3), Teacher()
    names = [str(i) for i in range(30)]
    run = asyncio.create_task(work(((n, dialogue(n, 2)) for n in names), first, replies, concurrency=3))
    await replies.ten.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert first.in_flight == 0
    paid = len(replies.kept)
    results = await work(((n, dialogue(n, 2)) for n in names), second, replies)
    assert sorted(result for _, result, _ in results) == sorted(f"{n}.." for n in names)
    assert len(second.calls) == 60 - paid


async def test_a_run_that_only_replays_can_be_interrupted():
    begun = []

    def source():
        for i in range(10_000):
            begun.append(i)
            yield str(i), one_call("a")

    run = asyncio.create_task(work(source(), Teacher(), Replies({ask("a").key: Reply("a.")})))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert 0 < len(begun) < 100


async def test_memory_does_not_grow_with_the_number_of_conversations():
    class Nothing(Replies):
        async def put(self, request, reply):
            return reply

    passages = (f"{i}" * 1000 for i in range(1000))
    tracemalloc.start()
    await converse(
        ((passage[:10], one_call(passage)) for passage in passages),
        Scripted(script=lambda _: "x" * 10_000),
        Nothing(),
        concurrency=8,
        attempts=1,
        on_result=lambda *_: None,
    )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2_000_000 < 1000 * (3_000 + 10_000) / 5


FAULTS = st.sampled_from([RateLimited, EndpointDown, CallRejected])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_conversation_ends_exactly_once_under_any_interleaving_of_faults(data):
    n = data.draw(st.integers(1, 25))
    turns = [data.draw(st.integers(0, 3)) for _ in range(n)]
    # Few different beginnings: many conversations ask the same.
    names = [data.draw(st.sampled_from(["蒙", "a", "b", str(i)])) for i in range(n)]
    asked = {name + "." * turn for name, most in zip(names, turns, strict=True) for turn in range(most)}
    faults = {text: [kind(text) for kind in data.draw(st.lists(FAULTS, max_size=3))] for text in sorted(asked)}
    expected = {text: list(errors) for text, errors in faults.items()}
    teacher = Teacher(faults, ticks=data.draw(st.integers(0, 5)))
    replies = Replies()
    concurrency, attempts = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 4))
    conversations = [(str(i), dialogue(name, turn)) for i, (name, turn) in enumerate(zip(names, turns, strict=True))]
    done = []

    async def run():
        await converse(
            conversations,
            teacher,
            replies,
            concurrency=concurrency,
            attempts=attempts,
            on_result=lambda *result: done.append(result),
        )

    try:
        asyncio.run(run())
    except EndpointDown:
        assert sum(isinstance(error, EndpointDown) for errors in expected.values() for error in errors) >= 10
        assert len({name for name, *_ in done}) == len(done) < n
    else:
        assert sorted(name for name, *_ in done) == sorted(name for name, _ in conversations)
    for name, result, keys in done:
        assert all(key in replies.kept for key in keys)
        if isinstance(result, TeacherError):
            assert type(result) in {type(error) for error in expected[result.message]}
        else:
            assert result == names[int(name)] + "." * turns[int(name)]
    paid = [text for text in teacher.calls if ask(text).key in replies.kept]
    assert len(paid) <= sum(len(expected[text]) + 1 for text in asked), "no reply was paid for twice"
