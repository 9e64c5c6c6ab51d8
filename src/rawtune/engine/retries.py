"""When to call again, and when to stop calling altogether. Decisions only: the engine does the waiting."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rawtune.errors import EndpointDown, KeyRejected, ModelNotFound, Retryable, TeacherError

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 60.0
_LONGEST_RETRY_AFTER = 600.0
"""Whoever asks for more patience (a daily quota) is not waited for: the call fails, and a later run takes it up."""
_DOWN_AFTER = 10
"""Calls in a row, of any passages, that find the endpoint down until it is taken to be down for all."""
_RESTART = 30.0
"""Seconds for which an endpoint that has answered in this run may be away, as when it is started anew."""


@dataclass(slots=True)
class Retries:
    """Decides after each failed call, and notices when calling is in vain for everybody.

    Back-off is exponential with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015); a Retry-After of
    the endpoint is obeyed instead.
    """

    attempts: int
    chance: random.Random = field(default_factory=random.Random)
    clock: Callable[[], float] = time.monotonic
    _answered: bool = False
    _down_in_a_row: int = 0
    _down_since: float = 0.0
    _down_for_good: bool = False

    def succeeded(self) -> None:
        """A call came back."""
        self._answered = True
        self._down_in_a_row = 0

    def wait_after(self, error: TeacherError, attempt: int) -> float | None:
        """Seconds until the next try after the failed ``attempt`` (from 1); None if there should be none."""
        self._watch(error)
        if not isinstance(error, Retryable) or attempt >= self.attempts or self.in_vain(error):
            return None
        if error.retry_after is None:
            return self.chance.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt))
        if error.retry_after > _LONGEST_RETRY_AFTER:
            return None
        # Spread a little, or all that were told the same second come back at once.
        return error.retry_after + self.chance.uniform(0, _FIRST_WAIT)

    def in_vain(self, error: TeacherError) -> bool:
        """Whether every other call would fail, too: a bad key, an unknown model, an endpoint that is down."""
        return isinstance(error, KeyRejected | ModelNotFound) or (
            self._down_for_good and isinstance(error, EndpointDown)
        )

    def _watch(self, error: TeacherError) -> None:
        if not isinstance(error, EndpointDown):
            self._down_in_a_row = 0
            return
        if self._down_in_a_row == 0:
            self._down_since = self.clock()
        self._down_in_a_row += 1
        patience = _RESTART if self._answered else 0.0
        if self._down_in_a_row >= _DOWN_AFTER and self.clock() - self._down_since >= patience:
            self._down_for_good = True
