"""How many calls may be in flight: found out from how the endpoint takes them."""

import asyncio
from collections import deque
from statistics import median

FIRST = 8
"""Calls in flight to begin with, where the number is to be found out."""
MOST = 256
"""Calls in flight at most, where the number is to be found out; whoever wants more says so."""
_ROUND = 16
"""A judgement needs as many calls as are in flight, and at least these."""
_PUSHED = 0.15
"""Share of calls pushed back above which the number is halved. A few are normal: halving at each would end at one."""
_SLOWER = 2.0
"""The number grows for as long as the median latency is below this many times the best seen."""


class Concurrency:
    """The limit of calls in flight: additive increase, multiplicative decrease, by rounds (Chiu and Jain 1989).

    It doubles each round until the endpoint first pushes back (429, overload, time-out), and grows by a quarter after
    that. With ``first`` equal to ``most`` it starts at the user's own number and only comes back to it.
    """

    def __init__(self, first: int = FIRST, most: int = MOST) -> None:
        self.limit = min(first, most)
        self.most = most
        self._pushed_ever = False
        self._best = float("inf")
        self._of_before = 0
        self._new_round()

    def came_back(self, latency: float) -> None:
        """A call was answered after ``latency`` seconds."""
        if self._is_of_before():
            return
        self._latencies.append(latency)
        if len(self._latencies) + self._pushed >= max(_ROUND, self.limit):
            self._judge()

    def pushed_back(self) -> None:
        """A call was refused or left unanswered for want of capacity."""
        if self._is_of_before():
            return
        self._pushed += 1
        # When nearly all are refused, a whole round would be too late.
        if self._pushed >= max(4, len(self._latencies)) or (
            len(self._latencies) + self._pushed >= max(_ROUND, self.limit)
        ):
            self._judge()

    def _judge(self) -> None:
        if self._pushed > _PUSHED * (self._pushed + len(self._latencies)):
            self._pushed_ever = True
            # The calls in flight were sent at the old number: they say nothing about the new one.
            self._of_before = self.limit - 1
            self.limit = max(1, self.limit // 2)
        elif self._latencies and self.limit < self.most:
            latency = median(self._latencies)
            self._best = min(self._best, latency)
            if latency <= _SLOWER * self._best:
                more = max(1, self.limit // 4) if self._pushed_ever else self.limit
                self.limit = min(self.most, self.limit + more)
        self._new_round()

    def _is_of_before(self) -> bool:
        if self._of_before == 0:
            return False
        self._of_before -= 1
        return True

    def _new_round(self) -> None:
        self._latencies: list[float] = []
        self._pushed = 0


class Lines:
    """A semaphore whose size follows ``Concurrency``; first come, first served."""

    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take_at_once(self) -> bool:
        """Take a line if one is free and nobody waits for it."""
        if self._waiting or self._taken >= self._concurrency.limit:
            return False
        self._taken += 1
        return True

    async def take(self) -> None:
        """Wait for a line."""
        if self.take_at_once():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # given and cancelled in one breath
                self.free()
            raise

    def free(self) -> None:
        """Give a line back."""
        self._taken -= 1
        while self._waiting and self._taken < self._concurrency.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._taken += 1
