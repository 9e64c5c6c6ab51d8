"""A limit per minute that holds in every minute, wherever one begins to count."""

from collections import deque

_MINUTE = 61.0
"""Seconds; one more than a minute has, so that a call sent a little late does not meet the next minute's calls."""


class RateLimit:
    """At most ``per_minute`` units (calls, tokens) in any minute, spread evenly over it.

    A sliding log of what was admitted makes the limit strict, where a token bucket would let twice as much through in
    its first minute; the even spread spares endpoints that count by the second. One amount above the whole limit is
    admitted alone, as it could never go otherwise.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._admitted: deque[list[float]] = deque()  # [when, amount], oldest first
        self._used = 0.0
        self._next = 0.0

    def earliest(self, amount: float, now: float) -> float:
        """When ``amount`` may go, on the caller's clock; not before ``now``."""
        while self._admitted and self._admitted[0][0] + _MINUTE <= now:
            self._used -= self._admitted.popleft()[1]
        at = max(now, self._next, self._admitted[-1][0] if self._admitted else now)
        excess = self._used + amount - self.per_minute
        for when, earlier in self._admitted:
            if excess <= 0:
                break
            excess -= earlier
            at = max(at, when + _MINUTE)
        return at

    def admit(self, amount: float, now: float) -> list[float]:
        """Reserve ``amount``; the entry's first number is the time at which it may go."""
        at = self.earliest(amount, now)
        entry = [at, amount]
        self._admitted.append(entry)
        self._used += amount
        self._next = at + 60.0 * amount / self.per_minute
        return entry

    def correct(self, entry: list[float], amount: float) -> None:
        """Put the real amount in place of the one that was estimated when the entry was admitted."""
        if not self._admitted or entry[0] < self._admitted[0][0]:
            return  # so long ago that it counts no more
        self._used += amount - entry[1]
        self._next += 60.0 * (amount - entry[1]) / self.per_minute
        entry[1] = amount
