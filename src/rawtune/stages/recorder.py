"""What becomes of the passages of a run: counted, recorded, logged, and shown as it goes."""

import time
from collections import Counter

from rawtune.errors import TeacherError
from rawtune.records import Outcome, State
from rawtune.stages.session import Session
from rawtune.stages.stage import Work
from rawtune.synthesis.forecast import Forecast

_BETWEEN_NOTES = 0.1
"""Seconds between two reports of progress: a person cannot read faster."""


class Recorder:
    """Takes the ends of conversations. ``counts`` begins with what ended before this run, of ``total`` passages."""

    def __init__(self, work: Work, session: Session, counts: Counter[State], total: int) -> None:
        self.counts = counts
        self.total = total
        self.last_error: TeacherError | None = None
        self._work = work
        self._session = session
        self._failed: set[str] = set()
        self._ended = 0
        self._began = time.monotonic()
        self._next_note = 0.0
        self._expected: float | None = None

    def expect(self, rest: Forecast) -> None:
        """From here on, show what the run will have cost in the end."""
        if rest.cost:
            self._expected = self._session.calls.budget.spent + rest.cost.expected

    def record(self, passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        """One passage of many ended."""
        self._work.progress.detail(lambda: describe(result))
        self._take(passage_id, result, keys)

    def show(self, passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        """One passage of a few ended: everybody is to see it."""
        self._work.progress.say(describe(result))
        self._take(passage_id, result, keys)

    def _take(self, passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        if isinstance(result, TeacherError):
            self.last_error = result
            result = Outcome(passage_id, State.FAILED, reason=result.message, replies=keys)
        if passage_id in self._failed:  # it failed in the pilot and was asked again
            self._failed.discard(passage_id)
            self.counts[State.FAILED] -= 1
        if result.state is State.FAILED:
            self._failed.add(passage_id)
        self.counts[result.state] += 1
        self._ended += 1
        self._session.journal.end(result)
        codes = [finding.code for finding in result.findings]
        self._work.log.write("passage", id=passage_id, state=result.state, rules=codes, calls=len(keys))
        now, done = time.monotonic(), self.counts.total()
        if now >= self._next_note or done == self.total:
            self._next_note = now + _BETWEEN_NOTES
            self._work.progress.advance(done, self.total, self._note(now))

    def _note(self, now: float) -> str:
        traffic, budget = self._session.calls.traffic, self._session.calls.budget
        parts = [", ".join(f"{self.counts[state]} {state}" for state in State), f"{traffic.in_flight} in flight"]
        if (seconds := now - self._began) > 0:
            parts.append(f"{self._ended / seconds:.1f} rows/s")
        tokens = traffic.prompt_tokens + traffic.completion_tokens
        parts.append(f"{'about ' if traffic.estimated else ''}{tokens:,} tokens")
        if budget.price:
            of_about = f" of about {self._expected:.4f}" if self._expected else ""
            parts.append(f"{budget.spent:.4f}{of_about} {budget.price.currency}")
        return " · ".join(parts)


def describe(result: Outcome | TeacherError) -> str:
    """How a passage ended, in lines for the reader."""
    if isinstance(result, TeacherError):
        return f"  failed: {result.message}"
    if result.example is None:
        return f"  quarantined: {result.reason}"
    note = f" (repaired: {', '.join(result.repairs)})" if result.repairs else ""
    return f"  {result.example.concept}{note}\n    {result.example.answer}"
