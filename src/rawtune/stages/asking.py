"""A teacher asked about many things: what is stored is not asked for again, and what fails is counted, with why."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

from rawtune.engine import loop
from rawtune.errors import BudgetReached, RawtuneError, TeacherError
from rawtune.records import Reply, Request
from rawtune.stages.session import open_session
from rawtune.stages.stage import Work

T = TypeVar("T")
Talk = Callable[[], Generator[Request, Reply, T]]
"""Begins a conversation; it may be begun more than once."""


@dataclass(slots=True)
class Asked(Generic[T]):
    """What came of conversations, by name: the results of those that ended, the errors of those that failed.

    ``stopped`` is why the others have neither: every call would have failed, or the budget is spent.
    """

    results: dict[str, T] = field(default_factory=dict)
    failures: dict[str, TeacherError] = field(default_factory=dict)
    stopped: TeacherError | BudgetReached | None = None

    def whole(self, undone: str) -> dict[str, T]:
        """All results, if nothing failed, else ``RawtuneError``: so many of all, ``undone``, and why most often."""
        if self.stopped:
            raise self.stopped
        if self.failures:
            (reason, _), *_ = Counter(error.message for error in self.failures.values()).most_common(1)
            raise RawtuneError(
                f"{len(self.failures)} of {len(self.results) + len(self.failures)} {undone}; most often: {reason}",
                "run the same command again: only these are asked again",
            )
        return self.results


def ask_all(work: Work, made_by: str, talks: Iterable[tuple[str, Talk[T]]], total: int, note: str = "") -> Asked[T]:
    """Bring ``total`` conversations, each under a name of its own, to their ends, and show how far that is.

    Replies are stored, so that running it again asks only what failed; with all of them stored no teacher is opened.
    """
    asked = Asked[T]()

    def take(name: str, result: T | TeacherError, _: tuple[str, ...]) -> None:
        if isinstance(result, TeacherError):
            asked.failures[name] = result
        else:
            asked.results[name] = result
        work.progress.advance(len(asked.results) + len(asked.failures), total, note)

    try:
        _follow(work, made_by, talks, take)
    except (TeacherError, BudgetReached) as error:
        asked.stopped = error
    return asked


def ask_one(work: Work, made_by: str, talk: Talk[T]) -> T:
    """What one conversation comes to. Raises the ``TeacherError`` that ended it."""
    results: list[T | TeacherError] = []

    def take(_: str, result: T | TeacherError, __: tuple[str, ...]) -> None:
        results.append(result)

    _follow(work, made_by, [("", talk)], take)
    (result,) = results
    if isinstance(result, TeacherError):
        raise result
    return result


def say(request: Request) -> Generator[Request, Reply, str]:
    """A conversation of one request: the text of its reply."""
    reply = yield request
    return reply.text.strip()


def unpaid(work: Work, talks: Iterable[Talk[T]]) -> Iterator[Request]:
    """The first request of each conversation that has no stored reply to it."""
    for talk in talks:
        request = next(talk())
        if work.ledger.reply(request.key) is None:
            yield request


def replay(work: Work, talk: Generator[Request, Reply, T]) -> tuple[T | None, tuple[str, ...]]:
    """Follow a conversation for as long as its replies are stored: its result, if it came to one, and their keys."""
    keys: list[str] = []
    try:
        request = next(talk)
        while reply := work.ledger.reply(request.key):
            keys.append(request.key)
            request = talk.send(reply)
    except StopIteration as stop:
        return stop.value, tuple(keys)
    return None, tuple(keys)


def _follow(
    work: Work,
    made_by: str,
    talks: Iterable[tuple[str, Talk[T]]],
    take: Callable[[str, T | TeacherError, tuple[str, ...]], None],
) -> None:
    """What is stored needs neither key nor endpoint: a session is opened for the first conversation that needs one."""

    async def follow(left: Iterable[tuple[str, Talk[T]]]) -> None:
        async with open_session(work, made_by) as session:
            await session.follow(left, take)

    talks = iter(talks)
    for name, talk in talks:
        result, keys = replay(work, talk())
        if result is None:
            loop.run(follow(chain([(name, talk)], talks)))
            break
        take(name, result, keys)
