"""Ctrl-C once: send nothing more, bring home what is in flight. Twice: stop at once. Both can be gone on with later."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rawtune.engine.calls import Calls
from rawtune.errors import Interrupted


@contextmanager
def draining(calls: Calls, say: Callable[[str], None]) -> Iterator[None]:
    """Within the block, SIGINT and SIGTERM stop ``calls``; a second one raises ``KeyboardInterrupt``.

    Signals reach the main thread alone; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    signals = 0

    def receive(*_: object) -> None:
        nonlocal signals
        signals += 1
        # From the loop, not from within whatever the signal interrupted; this also wakes a loop that waits.
        loop.call_soon_threadsafe(drain if signals == 1 else halt)

    def drain() -> None:
        say(f"stopping: {calls.traffic.in_flight} calls in flight are brought home; press Ctrl-C again to stop at once")
        calls.stop(Interrupted("interrupted", "run the same command again: it goes on from here"))

    def halt() -> None:
        if task:
            task.cancel()

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except asyncio.CancelledError:
        if signals > 1:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
