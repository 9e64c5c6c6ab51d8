"""Nothing is lost, doubled or paid for twice, whatever fails and whenever the run is stopped or killed."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.simulation import PRICE, WORD, Endpoint, Store, ask, down, open_calls, simulate

from rawtune.engine.budget import Budget
from rawtune.engine.local import converse
from rawtune.engine.rate import RateLimit
from rawtune.errors import (
    CallRejected,
    EndpointDown,
    RateLimited,
    TeacherError,
)

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
