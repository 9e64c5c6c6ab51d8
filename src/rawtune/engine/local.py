"""Many conversations with a teacher at once, in one event loop.

A conversation is a generator: it yields a ``Request``, is sent the ``Reply``, and returns its result. The engine finds
each reply, in the store or from the teacher, and sends nothing on before it is durable. So an interruption loses no
reply, and the same conversations, run again, replay from the store what was already paid for.
"""

import asyncio
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

from rawtune.engine.retries import Retries
from rawtune.errors import TeacherError
from rawtune.llm.teacher import Teacher
from rawtune.records import Reply, Request

T = TypeVar("T")
Conversation = Generator[Request, Reply, T]
OnResult = Callable[[str, T | TeacherError, tuple[str, ...]], None]
"""Called once for each conversation: its name, its result or the error that ended it, the keys of its replies."""


class ReplyStore(Protocol):
    """Where replies are kept."""

    def get(self, request: Request) -> Reply | None:
        """The stored reply to a request with the same key."""

    async def put(self, request: Request, reply: Reply) -> Reply:
        """Make a reply durable; return it as stored, once it is."""


async def converse(
    conversations: Iterable[tuple[str, Callable[[], Conversation[T]]]],
    teacher: Teacher,
    replies: ReplyStore,
    *,
    concurrency: int,
    attempts: int,
    on_result: OnResult[T],
) -> None:
    """Work all conversations off, with at most ``concurrency`` calls in flight.

    Up to twice as many conversations are begun, so that calls go on while other replies are being made durable or other
    calls wait for their next try; the rest is begun when its turn comes.

    A call is tried ``attempts`` times; then its conversation ends with the error and the others go on. Where every
    other call would fail, too (bad key, unknown model, endpoint down), the error is raised and the rest left undone.
    """
    calls = _Calls(teacher, replies, Retries(attempts), concurrency)
    source = iter(conversations)

    async def work() -> None:
        for name, begin in source:
            keys: list[str] = []
            try:
                result: T | TeacherError = await _follow(begin(), calls, keys)
            except TeacherError as error:
                if calls.retries.in_vain(error):
                    raise
                result = error
            on_result(name, result, tuple(keys))
            # Conversations that replay from the store wait for nothing; without this they would shut out Ctrl-C.
            await asyncio.sleep(0)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(2 * concurrency):
                group.create_task(work())
    except ExceptionGroup as errors:  # the first one stopped the others
        raise errors.exceptions[0] from None


async def _follow(conversation: Conversation[T], calls: "_Calls", keys: list[str]) -> T:
    try:
        request = next(conversation)
        while True:
            key = request.key
            reply = await calls.reply(key, request)
            keys.append(key)
            request = conversation.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result


class _Calls:
    """Requests to durable replies. Requests with one key that are in flight together share one call."""

    def __init__(self, teacher: Teacher, replies: ReplyStore, retries: Retries, concurrency: int) -> None:
        self.retries = retries
        self._teacher = teacher
        self._replies = replies
        self._lines = asyncio.Semaphore(concurrency)
        self._in_flight: dict[str, asyncio.Task[Reply]] = {}

    async def reply(self, key: str, request: Request) -> Reply:
        if stored := self._replies.get(request):
            return stored
        task = self._in_flight.get(key)
        if task is None:
            task = self._in_flight[key] = asyncio.create_task(self._call(request))
            task.add_done_callback(lambda _: self._in_flight.pop(key, None))
        return await task

    async def _call(self, request: Request) -> Reply:
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._lines:
                    reply = await self._teacher.complete(request)
            except TeacherError as error:
                wait = self.retries.wait_after(error, attempt)
                if wait is None:
                    raise
                await asyncio.sleep(wait)
            else:
                self.retries.succeeded()
                return await self._replies.put(request, replace(reply, attempts=attempt))
