"""A circuit breaker: while the endpoint is down, one call at a time finds out whether it is back."""

import asyncio
import time
from collections.abc import Callable

from rawtune.errors import EndpointDown, TeacherError

_DOWN_AFTER = 10
"""Calls in a row, of any passages, that find the endpoint down until it is taken to be down for all."""
_PATIENCE = 120.0
"""Seconds for which an endpoint that has answered in this run may be away, as when it is started anew."""
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 15.0


class Circuit:
    """Closed in good times. Open, it lets one call through now and then, and makes all others wait.

    It opens when ten calls in a row find the endpoint down (Nygard, "Release It!", 2007), and it is given up when an
    endpoint that never answered is down, or one that did stays away for two minutes.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.is_open = False
        self.given_up = False
        self._say = say
        self._clock = clock
        self._answered = False
        self._in_a_row = 0
        self._down_since = 0.0
        self._wait = _FIRST_WAIT
        self._next_try = 0.0
        self._closed: asyncio.Future[None] | None = None

    def came_back(self) -> None:
        """A call was answered, be it with a refusal."""
        self._answered = True
        self._in_a_row = 0
        if self.is_open:
            self.is_open = False
            self._say("the endpoint is back")
            self._wake()

    def failed(self, error: TeacherError) -> None:
        """A call found the endpoint down; any other error is an answer."""
        if not isinstance(error, EndpointDown):
            self.came_back()
            return
        if self._in_a_row == 0:
            self._down_since = self._clock()
        self._in_a_row += 1
        away = self._clock() - self._down_since
        if self._in_a_row >= _DOWN_AFTER:
            self.given_up = not self._answered or away >= _PATIENCE
            if not self.is_open and not self.given_up:
                self._say(f"the endpoint is down ({_what(error)}); waiting up to {_PATIENCE:.0f} s for it")
                self._wait = _FIRST_WAIT
                self._next_try = self._clock() + self._wait
            self.is_open = True
            if self.given_up:
                self._wake()

    async def wait(self) -> None:
        """Return at once while closed; else when it is this call's turn to try, or when the endpoint is back."""
        while self.is_open and not self.given_up:
            now = self._clock()
            if now >= self._next_try:
                self._next_try = now + self._wait
                self._wait = min(_LONGEST_WAIT, 2 * self._wait)
                return
            if self._closed is None:
                self._closed = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._closed], timeout=self._next_try - now)

    def _wake(self) -> None:
        if self._closed is not None:
            self._closed.set_result(None)
            self._closed = None


def _what(error: EndpointDown) -> str:
    """What was found, without what the endpoint said: that may quote a passage."""
    return f"HTTP {error.status}" if error.status else "no answer" if error.sent else "no connection"
