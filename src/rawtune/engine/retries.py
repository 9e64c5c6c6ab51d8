"""When to call again, and when to stop calling altogether. Decisions only: the engine does the waiting."""

import random
from dataclasses import dataclass, field

from rawtune.errors import EndpointDown, KeyRejected, ModelNotFound, Retryable, TeacherError

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_DOWN_AFTER = 10
"""Calls in a row, of any passages, that find the endpoint down until it is taken to be down for all."""


@dataclass(slots=True)
class Retries:
    """Decides after each failed call, and notices when calling is in vain for everybody.

    Back-off is exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015); a Retry-After of
    the endpoint is obeyed instead.
    """

    attempts: int
    chance: random.Random = field(default_factory=random.Random)
    _down_in_a_row: int = 0

    def succeeded(self) -> None:
        """A call came back."""
        self._down_in_a_row = 0

    def wait_after(self, error: TeacherError, attempt: int) -> float | None:
        """Seconds until the next try after the failed ``attempt`` (from 1); None if there should be none."""
        self._down_in_a_row = self._down_in_a_row + 1 if isinstance(error, EndpointDown) else 0
        if not isinstance(error, Retryable) or attempt >= self.attempts:
            return None
        if error.retry_after is not None:
            # Spread a little, or all that were told the same second come back at once.
            return error.retry_after + self.chance.uniform(0, _FIRST_WAIT)
        return self.chance.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt))

    def in_vain(self, error: TeacherError) -> bool:
        """Whether every other call would fail, too: a bad key, an unknown model, an endpoint that is down."""
        down = isinstance(error, EndpointDown) and self._down_in_a_row >= _DOWN_AFTER
        return down or isinstance(error, KeyRejected | ModelNotFound)
