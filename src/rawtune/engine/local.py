"""Many conversations with a teacher at once, in one event loop.

A conversation is a generator: it yields a ``Request``, is sent the ``Reply``, and returns its result. The engine finds
each reply, in the store or from the teacher, and sends nothing on before it is durable. So an interruption loses no
reply, and the same conversations, run again, replay from the store what was already paid for.
"""

import asyncio
import gc
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rawtune.engine.calls import Calls, Stopped
from rawtune.errors import TeacherError
from rawtune.records import Reply, Request

T = TypeVar("T")
Conversation = Generator[Request, Reply, T]
OnResult = Callable[[str, T | TeacherError, tuple[str, ...]], None]
"""Called once for each conversation: its name, its result or the error that ended it, the keys of its replies."""
_ALLOCATIONS = 500_000
"""Objects, between two collections of garbage."""


async def converse(
    conversations: Iterable[tuple[str, Callable[[], Conversation[T]]]], calls: Calls, on_result: OnResult[T]
) -> None:
    """Work all conversations off, as many at a time as ``calls`` allows.

    As many conversations are begun as calls may be in flight, and others, up to as many again, in place of those that
    wait for their next try; the rest is begun when its turn comes.

    A conversation whose call fails for good ends with the error, and the others go on. Where every other call would
    fail, too (bad key, unknown model, endpoint down), it stops the run (``Calls.stop``). Of a run that is stopped,
    conversations whose call was in flight go on to their end if they need no other; the others bring no result.
    """
    source = iter(conversations)
    workers = 0
    all_begun = False

    async def work() -> None:
        nonlocal workers, all_begun
        for name, begin in source:
            keys: list[str] = []
            replies = calls.traffic.replies
            try:
                result: T | TeacherError = await _follow(begin(), calls, keys, hire)
            except Stopped:
                break
            except TeacherError as error:
                if calls.in_vain(error):
                    calls.stop(error)  # what is in flight may be paid already: it comes home
                    break
                result = error
            on_result(name, result, tuple(keys))
            if calls.traffic.replies == replies:  # what replays from the store waits for nothing: let Ctrl-C in
                await asyncio.sleep(0)
            if calls.stopped or workers > wanted():
                break
            hire()
        else:
            all_begun = True
        workers -= 1

    def wanted() -> int:
        return calls.limit + min(calls.resting, calls.limit)

    def hire() -> None:
        nonlocal workers
        while workers < wanted() and not all_begun:
            workers += 1
            group.create_task(work())

    try:
        with _few_collections():
            async with asyncio.TaskGroup() as group:
                hire()
    except ExceptionGroup as errors:  # the first one stopped the others
        raise errors.exceptions[0] from None


@contextmanager
def _few_collections() -> Iterator[None]:
    """Collect garbage less often: there are hardly any cycles, and all that thousands of calls hold is gone through."""
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _follow(conversation: Conversation[T], calls: Calls, keys: list[str], on_rest: Callable[[], None]) -> T:
    try:
        request = next(conversation)
        while True:
            reply = await calls.reply(request, on_rest)
            keys.append(request.key)
            request = conversation.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result
