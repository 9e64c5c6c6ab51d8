"""Replies made durable in groups: one commit serves all that arrived within a tenth of a second."""

import asyncio
from dataclasses import replace

from rawtune.config import Price
from rawtune.ledger.ledger import Ledger
from rawtune.records import Reply, Request


class DurableReplies:
    """The engine's store of replies, over a ledger.

    ``put`` returns only when its group is committed, so that nothing is parsed that a crash could take away. A group is
    committed after ``delay`` seconds or at ``size`` replies, whichever comes first.
    """

    def __init__(self, ledger: Ledger, price: Price | None = None, delay: float = 0.1, size: int = 256) -> None:
        self._ledger = ledger
        self._price = price
        self._delay = delay
        self._size = size
        self._stored = ledger.reply_keys()
        self._group: list[tuple[Request, Reply]] = []
        self._committed: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def get(self, request: Request) -> Reply | None:
        """The stored reply to this request."""
        key = request.key
        return self._ledger.reply(key) if key in self._stored else None

    async def put(self, request: Request, reply: Reply) -> Reply:
        """Store a reply with its cost, and return it so; raises ``StorageFull``."""
        loop = asyncio.get_running_loop()
        priced = replace(reply, cost=self._cost(reply))
        if self._committed is None:
            self._committed = loop.create_future()
            self._timer = loop.call_later(self._delay, self._commit)
        committed = self._committed
        self._group.append((request, priced))
        if len(self._group) >= self._size:
            self._commit()
        # One waiter's cancellation must not take the group's future from the others.
        await asyncio.shield(committed)
        return priced

    def flush(self) -> None:
        """Commit at once what is waiting; raises ``StorageFull`` here, as nobody may be left to wait for it."""
        if self._group and (error := self._commit()):
            raise error

    def _commit(self) -> Exception | None:
        group, committed, self._group, self._committed = self._group, self._committed, [], None
        if self._timer:
            self._timer.cancel()
        try:
            self._ledger.save_replies(group)
        except Exception as error:  # handed to every waiter of the group
            if committed and not committed.done():
                committed.set_exception(error)
                committed.exception()  # seen: the waiters may all have been cancelled
            return error
        self._stored.update(request.key for request, _ in group)
        if committed and not committed.done():
            committed.set_result(None)
        return None

    def _cost(self, reply: Reply) -> float | None:
        if self._price is None:
            return None
        return (reply.prompt_tokens * self._price.input + reply.completion_tokens * self._price.output) / 1_000_000
