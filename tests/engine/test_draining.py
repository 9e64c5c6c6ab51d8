import asyncio
import os
import signal
import threading

import pytest
from tests.engine.simulation import Endpoint, Store, ask, open_calls

from rawtune.engine.draining import draining
from rawtune.engine.local import converse
from rawtune.errors import Interrupted

SIGNALS = [signal.SIGINT, signal.SIGTERM]


class Said(list):
    """What was said; ``anything`` tells that there is something."""

    def __init__(self):
        super().__init__()
        self.anything = asyncio.Event()

    def append(self, text):
        super().append(text)
        self.anything.set()


class Hanging(Endpoint):
    """Answers when ``answer`` is set; ``busy`` tells that two calls wait for it."""

    def __init__(self):
        super().__init__(seconds=0)
        self.answer, self.busy = asyncio.Event(), asyncio.Event()

    async def complete(self, request):
        if len(self.sent) == 1:
            self.busy.set()
        self.sent.append((0, request.messages[0].content))
        await self.answer.wait()
        self.sent.pop()
        return await super().complete(request)


def each(names):
    def conversation(name):
        return (yield ask(name)).text

    return ((name, lambda name=name: conversation(name)) for name in names)


async def run(calls, said, done):
    with draining(calls, said.append):
        await converse(each("abcdef"), calls, lambda *result: done.append(result[:2]))


@pytest.fixture(autouse=True)
def handlers():
    """Signals go back to whom they went before, in every case."""

    def before(*_):
        pytest.fail("the signal went past")

    old = {number: signal.signal(number, before) for number in SIGNALS}
    yield
    left = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in old.items():
        signal.signal(number, handler)
    assert set(left.values()) == {before}


@pytest.mark.parametrize("number", SIGNALS)
async def test_the_first_signal_sends_nothing_more_and_brings_home_what_is_in_flight(number):
    endpoint, store, said, done = Hanging(), Store(), Said(), []
    calls = open_calls(endpoint, store, limit=2)
    working = asyncio.create_task(run(calls, said, done))
    await endpoint.busy.wait()
    os.kill(os.getpid(), number)
    await said.anything.wait()
    await asyncio.sleep(0)
    assert isinstance(calls.stopped, Interrupted)
    assert calls.stopped.exit_code == 130
    assert not working.done()
    assert len(said) == 1
    assert "2 calls in flight" in said[0]
    endpoint.answer.set()
    await working
    assert done == [("a", "a."), ("b", "b.")]
    assert sorted(reply.text for reply in store.kept.values()) == ["a.", "b."]


@pytest.mark.parametrize("numbers", [SIGNALS, SIGNALS[::-1], [signal.SIGINT] * 2])
async def test_the_second_one_stops_at_once(numbers):
    endpoint, store, said, done = Hanging(), Store(), [], []
    calls = open_calls(endpoint, store, limit=2)
    caught = []

    async def work():
        try:
            await run(calls, said, done)
        except KeyboardInterrupt as error:  # a task would pass it on to the loop
            caught.append(error)

    working = asyncio.create_task(work())
    await endpoint.busy.wait()
    for number in numbers:
        os.kill(os.getpid(), number)
    await working
    assert len(caught) == 1
    assert done == []
    assert store.kept == {}
    assert calls.traffic.in_flight == 0
    assert len(said) == 1


async def test_a_signal_wakes_a_loop_that_waits():
    endpoint, said, done = Hanging(), Said(), []
    working = asyncio.create_task(run(open_calls(endpoint, limit=2), said, done))
    await endpoint.busy.wait()
    killer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))  # by then the loop has nothing left to do
    killer.start()
    await said.anything.wait()
    endpoint.answer.set()
    await working
    assert [name for name, _ in done] == ["a", "b"]
    killer.join()


async def test_without_a_signal_nothing_is_said_or_stopped():
    said, done = [], []
    calls = open_calls(Endpoint(seconds=0))
    await run(calls, said, done)
    assert (said, len(done), calls.stopped) == ([], 6, None)


async def test_a_cancellation_that_no_signal_caused_stays_one():
    endpoint = Hanging()
    working = asyncio.create_task(run(open_calls(endpoint), [], []))
    await endpoint.busy.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_an_error_within_comes_out_and_puts_the_handlers_back():
    with pytest.raises(ZeroDivisionError), draining(open_calls(Endpoint()), [].append):
        raise ZeroDivisionError


def test_outside_the_main_thread_it_does_nothing():
    before = [signal.getsignal(number) for number in SIGNALS]
    within, done = [], []

    async def work():
        calls = open_calls(Endpoint(seconds=0))
        with draining(calls, [].append):
            within.extend(signal.getsignal(number) for number in SIGNALS)
            await converse(each("ab"), calls, lambda *result: done.append(result))

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    thread.join()
    assert within == before
    assert len(done) == 2
