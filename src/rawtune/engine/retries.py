"""When to call again after a failed call. Decisions only: the engine does the waiting."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rawtune.errors import RateLimited, Retryable, TeacherError

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_LONGEST_RETRY_AFTER = 600.0
"""Whoever asks for more patience (a daily quota) is not waited for; a later run takes it up."""


@dataclass(slots=True)
class Retries:
    """Decides after each failed call whether there is a next try, and when.

    Back-off is exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015); a Retry-After of
    the endpoint is obeyed instead. A 429 is the endpoint's way to set the pace and no fault of the call: for as long
    as others come back it costs none of the call's ``attempts``, or three requests a minute would fail most of them.
    """

    attempts: int
    chance: random.Random = field(default_factory=random.Random)
    clock: Callable[[], float] = time.monotonic
    _last_answer: float = 0.0

    def __post_init__(self) -> None:
        self._last_answer = self.clock()

    def came_back(self) -> None:
        """A call, any call, was answered."""
        self._last_answer = self.clock()

    def counts(self, error: TeacherError) -> bool:
        """Whether this failure uses up one of the call's attempts."""
        return not isinstance(error, RateLimited) or self.clock() - self._last_answer > _LONGEST_RETRY_AFTER

    def is_too_long(self, error: Retryable) -> bool:
        """Whether the endpoint asks for more patience than a run has, as for a daily quota."""
        return error.retry_after is not None and error.retry_after > _LONGEST_RETRY_AFTER

    def wait_after(self, error: TeacherError, failures: int, tries: int) -> float | None:
        """Seconds until the next try, or None for none.

        ``failures`` are the tries that counted, ``tries`` all that were made, this one included.
        """
        if not isinstance(error, Retryable) or failures >= self.attempts:
            return None
        if error.retry_after is None:
            return self.chance.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(tries, 10)))
        if self.is_too_long(error):
            return None
        # Spread a little, or all that were told the same second come back at once.
        return error.retry_after + self.chance.uniform(0, _FIRST_WAIT)
