"""An endpoint, a store and a clock on which no test waits: simulated seconds pass as soon as nobody has work left."""

import asyncio
import random
import selectors
from types import SimpleNamespace
from unittest import mock

from rawtune.config import Price
from rawtune.engine.budget import Budget
from rawtune.engine.calls import Calls
from rawtune.engine.circuit import Circuit
from rawtune.engine.concurrency import Concurrency
from rawtune.engine.retries import Retries
from rawtune.errors import EndpointDown, Interrupted
from rawtune.records import Message, Reply, Request

PRICE = Price(input=0, output=1000)  # 800 tokens of reply, the dearest, cost 0.8
WORD = Interrupted("interrupted")


class _Jump(selectors.DefaultSelector):
    """Where a loop would wait for its next timer, time jumps there."""

    now = 1000.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("everybody waits for everybody: nothing would ever happen again")
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self):
        return self._jump.now


def simulate(work):
    """Run a coroutine to its end in simulated time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        clock = SimpleNamespace(monotonic=runner.get_loop().time, perf_counter=runner.get_loop().time)
        with mock.patch("rawtune.engine.calls.time", clock):
            return runner.run(work)


def now():
    return asyncio.get_running_loop().time()


def ask(text):
    return Request("m", (Message("user", text),))


def down(status=0, sent=True):
    return EndpointDown("down", status=status, sent=sent)


class Store:
    """Takes ``seconds`` to make a reply durable; what is in ``kept`` is."""

    def __init__(self, kept=(), seconds=0.0):
        self.kept = dict(kept)
        self.failures = []  # (text, error, attempt, latency, cost)
        self.seconds = seconds

    def get(self, request):
        return self.kept.get(request.key)

    async def put(self, request, reply):
        await asyncio.sleep(self.seconds)
        self.kept[request.key] = reply

    def put_failure(self, request, error, attempt, latency, cost):
        self.failures.append((request.messages[0].content, error, attempt, latency, cost))


class Endpoint:
    """A teacher that answers ``text`` with ``text.`` after ``seconds``, and after the faults scripted for it.

    ``always`` is raised instead, where given, until it is taken away.
    """

    name = "test:"
    writes_freely = True
    forms = ()
    at_once = None

    def __init__(self, faults=None, seconds=1.0, usage=(0, 0), always=None):
        self.faults = faults or {}
        self.seconds = seconds
        self.usage = usage
        self.always = always
        self.sent = []  # (when, text)
        self.answered = []
        self.broken_off = 0
        self.in_flight = self.most_in_flight = 0

    @property
    def texts(self):
        return [text for _, text in self.sent]

    async def complete(self, request):
        text = request.messages[0].content
        self.sent.append((now(), text))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        finally:
            self.in_flight -= 1
        if self.always:
            raise self.always
        if faults := self.faults.get(text):
            raise faults.pop(0)
        self.answered.append(text)
        return Reply(text + ".", "stop", *self.usage, latency=self.seconds)

    async def close(self):
        pass


def open_calls(endpoint, store=None, *, limit=4, attempts=3, budget=None, said=None, **limits):
    """``Calls`` on the running loop's clock. ``limit`` is the user's number, or a ``Concurrency``."""
    return Calls(
        endpoint,
        Store() if store is None else store,
        concurrency=limit if isinstance(limit, Concurrency) else Concurrency(limit, limit),
        retries=Retries(attempts, random.Random(0), clock=asyncio.get_running_loop().time),
        circuit=Circuit([].append if said is None else said.append, clock=asyncio.get_running_loop().time),
        budget=budget or Budget(None, None, 0, 800),
        **limits,
    )


async def reply_all(calls, texts):
    """What became of each request when all are made at once."""
    return await asyncio.gather(*(calls.reply(ask(text)) for text in texts), return_exceptions=True)
