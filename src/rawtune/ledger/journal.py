"""What a run of the teacher writes, committed in groups: calls first, and how passages ended."""

import asyncio

from rawtune.errors import TeacherError
from rawtune.ledger.ledger import Ledger
from rawtune.ledger.tables import REPLIED
from rawtune.log import Log
from rawtune.records import Outcome, Reply, Request

_GROUP = 256
"""Calls, or outcomes, committed at once, at most."""
_OUTCOMES_WAIT = 1.0
"""Seconds that outcomes wait for calls to be committed with; losing some costs nothing, their replies are stored."""


class Journal:
    """The engine's store, over a ledger. ``made_by`` is the identity under which outcomes are recorded.

    ``put`` returns only when its reply is committed, so that nothing is parsed that a crash could take away. A group is
    what came in during one pass of the event loop: the slower the disk, or the busier the processor, the more that is.
    To wait for more would hold up the calls, and those that waited together would for ever go and come back together.
    """

    def __init__(self, ledger: Ledger, made_by: str, log: Log) -> None:
        self._ledger = ledger
        self._made_by = made_by
        self._log = log
        self._calls: list[tuple[Request, Reply]] = []
        self._outcomes: list[Outcome] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._error: Exception | None = None
        self._answered = {_short(key) for key in ledger.answered()}

    def get(self, request: Request) -> Reply | None:
        """The stored reply to this request."""
        return self._ledger.reply(request.key) if _short(request.key) in self._answered else None

    async def put(self, request: Request, reply: Reply) -> None:
        """Store a reply; raises ``StorageFull``."""
        committed = asyncio.get_running_loop().create_future()
        self._waiting.append(committed)
        self._add(request, reply)
        await committed

    def put_failure(
        self, request: Request, error: TeacherError, attempt: int, latency: float, cost: float | None
    ) -> None:
        """Store a call that brought no reply, with what was said instead."""
        # An endpoint may say 200 and yet send none: stored as such, it would answer the request for good.
        status = 0 if error.status == REPLIED else error.status
        failure = Reply(
            error.message, "error", estimated=True, latency=latency, attempts=attempt, cost=cost, status=status
        )
        self._add(request, failure)
        self._log.write(
            "failed call", kind=type(error).__name__, status=status, attempt=attempt, seconds=round(latency, 3)
        )

    def end(self, outcome: Outcome) -> None:
        """Record how a passage ended."""
        self._outcomes.append(outcome)
        if len(self._outcomes) >= _GROUP:
            self._commit()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_OUTCOMES_WAIT, self._commit)

    def flush(self) -> None:
        """Commit at once what is waiting; raises ``StorageFull`` here, as nobody may be left to wait for it."""
        self._commit()
        if self._error:
            raise self._error

    def _add(self, request: Request, reply: Reply) -> None:
        self._calls.append((request, reply))
        if len(self._calls) >= _GROUP:
            self._commit()
        elif not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._commit)

    def _commit(self) -> None:
        calls, outcomes, waiting = self._calls, self._outcomes, self._waiting
        self._calls, self._outcomes, self._waiting = [], [], []
        self._scheduled = False
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not calls and not outcomes:
            return
        try:
            self._ledger.save(calls, outcomes, self._made_by)
        except Exception as error:
            self._error = error  # what nobody waits for is not to vanish unnoticed: ``flush`` raises it
            for committed in waiting:
                if not committed.done():
                    committed.set_exception(error)
            return
        self._answered.update(_short(request.key) for request, reply in calls if reply.status == REPLIED)
        for committed in waiting:
            if not committed.done():
                committed.set_result(None)


def _short(key: str) -> int:
    """Enough of a key to tell that it has no reply, in a third of the memory; where it may, the ledger is asked."""
    return int(key[:15], 16)
