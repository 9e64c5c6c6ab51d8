"""The one protocol that every teacher follows."""

from typing import Protocol

from rawtune.records import Reply, ReplyForm, Request


class Teacher(Protocol):
    """Answers requests. Safe to call many times at once from one event loop."""

    name: str
    """As the user wrote it, e.g. ``openai:gpt-4o-mini``; stored with every row."""

    writes_freely: bool
    """False for a model too small to compose rows: it is asked to pick sentences instead (see ``synthesis.pick``)."""

    forms: tuple[ReplyForm, ...]
    """In what forms replies may be asked for, the strictest first; whether the endpoint knows them shows when asked."""

    at_once: int | None
    """Calls that it can work on at the same time; None where that is for the endpoint to say."""

    async def complete(self, request: Request) -> Reply:
        """Make one attempt, no retries.

        Raises a ``TeacherError``: ``Retryable`` if the same call may succeed later, ``CallRejected`` if not.
        """

    async def close(self) -> None:
        """Release connections or model memory; the teacher cannot be used afterwards."""
