"""Requests to durable replies: found in the store, or sent at the pace that endpoint, limits and budget allow."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from rawtune.engine.budget import Budget
from rawtune.engine.circuit import Circuit
from rawtune.engine.concurrency import Concurrency, Lines
from rawtune.engine.rate import RateLimit
from rawtune.engine.retries import Retries
from rawtune.errors import (
    BudgetReached,
    EndpointDown,
    KeyRejected,
    ModelNotFound,
    QuotaExhausted,
    RateLimited,
    RawtuneError,
    TeacherError,
)
from rawtune.llm.teacher import Teacher
from rawtune.llm.tokens import estimate_tokens
from rawtune.records import Reply, Request

T = TypeVar("T")

_OVERLOADED = 503
_REPLY_TOKENS = 500
"""Taken for a reply's length, against the limit of tokens a minute, until its own is known."""


class ReplyStore(Protocol):
    """Where calls are kept."""

    def get(self, request: Request) -> Reply | None:
        """The stored reply to a request with the same key."""

    async def put(self, request: Request, reply: Reply) -> None:
        """Make a reply durable; returns once it is."""

    def put_failure(
        self, request: Request, error: TeacherError, attempt: int, latency: float, cost: float | None
    ) -> None:
        """Note a call that brought no reply; it is made durable with the replies that come next."""


@dataclass(slots=True)
class Traffic:
    """What went over the line in this run; what it cost, the budget knows."""

    in_flight: int = 0
    replies: int = 0
    failures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False  # at least one reply came without usage, so the tokens are in part estimates


class Stopped(Exception):
    """The call was not made, as the run is being stopped."""


class Calls:
    """Requests in, durable replies out. Requests with one key that are in flight together share one call.

    A call is in flight until its reply is durable, so that a kill costs no more calls than may be in flight.
    """

    def __init__(
        self,
        teacher: Teacher,
        store: ReplyStore,
        *,
        concurrency: Concurrency,
        retries: Retries,
        circuit: Circuit,
        budget: Budget,
        requests: RateLimit | None = None,
        tokens: RateLimit | None = None,
    ) -> None:
        self.traffic = Traffic()
        self.budget = budget
        self.stopped: RawtuneError | None = None
        self.resting = 0  # calls that wait for their next try
        self._teacher = teacher
        self._store = store
        self._concurrency = concurrency
        self._lines = Lines(concurrency)
        self._retries = retries
        self._circuit = circuit
        self._requests = requests
        self._tokens = tokens
        self._shared: dict[str, asyncio.Future[Reply] | None] = {}
        self._not_sent: set[asyncio.Task[object]] = set()
        self._settled = asyncio.Event()

    @property
    def limit(self) -> int:
        """How many calls may be in flight just now."""
        return self._concurrency.limit

    def stop(self, reason: RawtuneError) -> None:
        """Send nothing any more: calls in flight come home, all others end with ``Stopped`` at once."""
        self.stopped = self.stopped or reason
        for task in self._not_sent:
            task.cancel()

    def in_vain(self, error: TeacherError) -> bool:
        """Whether every other call would fail, too: a bad key, an unknown model, no money, an endpoint that is gone."""
        return (
            isinstance(error, KeyRejected | ModelNotFound | QuotaExhausted)
            or (self._circuit.given_up and isinstance(error, EndpointDown))
            or (isinstance(error, RateLimited) and self._retries.is_too_long(error))
        )

    async def reply(self, request: Request, on_rest: Callable[[], None] | None = None) -> Reply:
        """The durable reply to a request.

        ``on_rest`` is called whenever the call rests until its next try, and others may use its line.
        Raises a ``TeacherError`` once its tries are used up, ``Stopped`` if it is not sent any more.
        """
        if stored := self._store.get(request):
            return stored
        key = request.key
        if key in self._shared:
            shared = self._shared[key] or asyncio.get_running_loop().create_future()
            self._shared[key] = shared
            return await asyncio.shield(shared)
        self._shared[key] = None
        try:
            reply = await self._call(request, on_rest)
        except BaseException as error:
            if waiting := self._shared.pop(key):
                waiting.set_exception(error if isinstance(error, Exception) else Stopped())
                waiting.exception()  # seen: those who share it may be gone
            raise
        if waiting := self._shared.pop(key):
            waiting.set_result(reply)
        return reply

    async def _call(self, request: Request, on_rest: Callable[[], None] | None) -> Reply:
        """Try until there is a reply, or until there is no point in it."""
        asked = 0
        if self._tokens or self.budget.price:
            asked = sum(estimate_tokens(message.content) for message in request.messages)
        tries = failures = 0
        while True:
            await self._take_line()
            try:
                tries += 1
                return await self._try(request, asked, tries)
            except TeacherError as error:
                if self._retries.counts(error) and not self._circuit.is_open:
                    failures += 1
                wait = self._retries.wait_after(error, failures, tries)
                if wait is None or self.in_vain(error):
                    raise
                if self.limit == 1:  # nobody else would fare better meanwhile
                    await self._before_sending(asyncio.sleep(wait))
                    wait = 0.0
            finally:
                self._lines.free()
            self.resting += 1
            if on_rest:
                on_rest()
            try:
                await self._before_sending(asyncio.sleep(wait))
            finally:
                self.resting -= 1

    async def _try(self, request: Request, asked: int, tries: int) -> Reply:
        """One call, and what it means for the others."""
        reserved = await self._reserve(asked)
        try:
            used = await self._keep_pace(asked)  # after the wait for money: what it lets through goes at once
        except BaseException:
            self._settle(reserved, None)
            raise
        self.traffic.in_flight += 1
        started = time.perf_counter()
        cost: float | None = reserved  # what is broken off may have to be paid
        said = 0
        try:
            reply = await self._teacher.complete(request)
            said = reply.completion_tokens
            cost = self.budget.cost(reply.prompt_tokens, reply.completion_tokens)
            if tries > 1 or cost is not None:
                reply = replace(reply, attempts=tries, cost=cost)
            self._came_back(reply, used)
            await self._store.put(request, reply)
            return reply
        except TeacherError as error:
            cost = self.budget.cost_of_failure(error, asked)
            self._failed(error)
            self._store.put_failure(request, error, tries, time.perf_counter() - started, cost)
            raise
        finally:
            self.traffic.in_flight -= 1
            self._settle(reserved, cost, said)

    def _settle(self, reserved: float, cost: float | None, said: int = 0) -> None:
        self.budget.settle(reserved, cost, said)
        self._settled.set()  # wakes all who wait for money
        self._settled.clear()

    def _came_back(self, reply: Reply, used: list[float] | None) -> None:
        self.traffic.replies += 1
        self.traffic.prompt_tokens += reply.prompt_tokens
        self.traffic.completion_tokens += reply.completion_tokens
        self.traffic.estimated |= reply.estimated
        self._retries.came_back()
        self._circuit.came_back()
        self._concurrency.came_back(reply.latency)
        if self._tokens and used:
            self._tokens.correct(used, reply.prompt_tokens + reply.completion_tokens)

    def _failed(self, error: TeacherError) -> None:
        self.traffic.failures += 1
        self._circuit.failed(error)
        overloaded = isinstance(error, EndpointDown) and error.sent and error.status in (0, _OVERLOADED)
        if overloaded or isinstance(error, RateLimited):
            self._concurrency.pushed_back()

    async def _take_line(self) -> None:
        if self.stopped:
            raise Stopped
        if not self._lines.take_at_once():
            await self._before_sending(self._lines.take())

    async def _keep_pace(self, asked: int) -> list[float] | None:
        """Wait until circuit and limits let this call through; its entry in the log of tokens."""
        if self._circuit.is_open:
            await self._before_sending(self._circuit.wait())
        if not self._requests and not self._tokens:
            return None
        now = at = time.monotonic()
        amounts = ((self._tokens, asked + _REPLY_TOKENS), (self._requests, 1))
        limits = [(limit, amount) for limit, amount in amounts if limit]
        # Each may put it off beyond what the other allowed; both must log the time at which the call really goes.
        while (later := max(limit.earliest(amount, at) for limit, amount in limits)) > at:
            at = later
        entries = {limit: limit.admit(amount, at) for limit, amount in limits}
        used = entries[self._tokens] if self._tokens else None
        if at > now:
            await self._before_sending(asyncio.sleep(at - now))
        return used

    async def _reserve(self, asked: int) -> float:
        """Wait until the call fits into the budget; when nothing is reserved that could be freed, stop the run."""
        while (reserved := self.budget.reserve(asked)) is None:
            if self.budget.reserved == 0:
                self.stop(
                    BudgetReached(
                        f"the budget of {self.budget.cap:g} does not allow another call"
                        f" ({self.budget.spent:.4f} are spent)",
                        "raise synthesis.budget and run the same command again: it goes on from here",
                    )
                )
                raise Stopped
            await self._before_sending(self._settled.wait())
        return reserved

    async def _before_sending(self, wait: Coroutine[Any, Any, T]) -> T:
        """Wait for something, unless the run is stopped meanwhile."""
        if self.stopped:
            wait.close()
            raise Stopped
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - every coroutine runs in one
        self._not_sent.add(task)
        try:
            return await wait
        except asyncio.CancelledError:
            if self.stopped:
                task.uncancel()
                raise Stopped from None
            raise
        finally:
            self._not_sent.discard(task)
