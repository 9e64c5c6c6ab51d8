"""What a project remembers. Records go in and come out; no other module writes SQL."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from rawtune.ledger import tables
from rawtune.ledger.database import Database
from rawtune.records import (
    Example,
    Finding,
    Message,
    Origin,
    Outcome,
    Parameters,
    Passage,
    Reply,
    Request,
    Split,
    State,
    Suite,
)


class StageRecord(NamedTuple):
    """A stage that was completed: what it was made from, what came out, and how long it took (seconds)."""

    inputs: dict[str, str]
    output: str
    product: str
    summary: dict[str, Any]
    seconds: float
    finished: str


class Ledger:
    """One project's memory in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    # Passages

    def frozen_splits(self) -> dict[str, Split]:
        """The split of every passage ever read, also of those that have since left the raw text."""
        with self._database.read() as connection:
            rows = connection.execute(select(tables.passages.c.id, tables.passages.c.split))
            return {row.id: Split(row.split) for row in rows}

    def save_passages(self, passages: Iterable[Passage]) -> None:
        """Make these the current passages, in this order."""
        rows = [{**asdict(passage), "position": i, "current": True} for i, passage in enumerate(passages)]
        table = tables.passages
        with self._database.write() as connection:
            connection.execute(update(table).values(current=False))
            statement = insert(table)
            # A passage's text and split never change: one is its id, the other is frozen.
            moved = ("position", "document", "document_sha256", "start", "end", "current")
            statement = statement.on_conflict_do_update(
                [table.c.id], set_={name: statement.excluded[name] for name in moved}
            )
            if rows:
                connection.execute(statement, rows)

    def passages(self) -> list[Passage]:
        """The current passages, in order."""
        table = tables.passages
        with self._database.read() as connection:
            rows = connection.execute(select(table).where(table.c.current).order_by(table.c.position))
            return [Passage(r.id, r.document, r.document_sha256, r.start, r.end, r.text, Split(r.split)) for r in rows]

    # Replies

    def reply(self, key: str) -> Reply | None:
        """The stored reply to the request with this key."""
        with self._database.read() as connection:
            row = connection.execute(select(tables.replies).where(tables.replies.c.key == key)).one_or_none()
        return _reply(row) if row else None

    def reply_keys(self) -> set[str]:
        """The keys of all stored replies."""
        with self._database.read() as connection:
            return set(connection.execute(select(tables.replies.c.key)).scalars())

    def exchange(self, key: str) -> tuple[Request, Reply]:
        """A stored request with its reply; raises ``KeyError`` if there is none of this key."""
        with self._database.read() as connection:
            row = connection.execute(select(tables.replies).where(tables.replies.c.key == key)).one_or_none()
        if row is None:
            raise KeyError(key)
        stored = row.request
        request = Request(
            stored["model"],
            tuple(Message(**message) for message in stored["messages"]),
            Parameters(**{**stored["parameters"], "stop": tuple(stored["parameters"]["stop"])}),
            stored["schema"],
        )
        return request, _reply(row)

    def save_replies(self, group: Iterable[tuple[Request, Reply]]) -> None:
        """Commit a group of replies; one that is already there stays as it is."""
        rows = [{"key": request.key, "request": asdict(request), **asdict(reply)} for request, reply in group]
        with self._database.write() as connection:
            connection.execute(insert(tables.replies).on_conflict_do_nothing(), rows)

    # Outcomes and the rows that came of them

    def save_outcomes(self, made_by: str, outcomes: Iterable[Outcome]) -> None:
        """Record how passages ended, with their rows; replaces what they had before."""
        outcomes = list(outcomes)
        ended = [
            {
                "passage_id": outcome.passage_id,
                "made_by": made_by,
                "state": outcome.state,
                "reason": outcome.reason,
                "repairs": list(outcome.repairs),
                "replies": list(outcome.replies),
                "findings": [asdict(finding) for finding in outcome.findings],
            }
            for outcome in outcomes
        ]
        ids = [outcome.passage_id for outcome in outcomes]
        rows = [_row(outcome.example, 0) for outcome in outcomes if outcome.example]
        with self._database.write() as connection:
            connection.execute(delete(tables.examples).where(tables.examples.c.passage_id.in_(ids)))
            statement = insert(tables.outcomes)
            changed = {column.name: statement.excluded[column.name] for column in tables.outcomes.c}
            connection.execute(statement.on_conflict_do_update(["passage_id"], set_=changed), ended)
            if rows:
                connection.execute(insert(tables.examples), rows)

    def outcomes(self, made_by: str | None = None) -> dict[str, Outcome]:
        """How the current passages ended, in order; only those made by ``made_by`` if given."""
        table, current = tables.outcomes, tables.passages
        query = (
            select(table)
            .join(current, current.c.id == table.c.passage_id)
            .where(current.c.current)
            .order_by(current.c.position)
        )
        if made_by is not None:
            query = query.where(table.c.made_by == made_by)
        kept = {example.passage_id: example for example in self.synthesised()}
        with self._database.read() as connection:
            return {
                row.passage_id: Outcome(
                    row.passage_id,
                    State(row.state),
                    kept.get(row.passage_id),
                    tuple(Finding(**finding) for finding in row.findings),
                    row.reason,
                    tuple(row.repairs),
                    tuple(row.replies),
                )
                for row in connection.execute(query)
            }

    def synthesised(self) -> list[Example]:
        """The rows that current passages became, before they are varied, in the order of the passages."""
        return self._examples(tables.examples.c.parent.is_(None))

    def save_questions(self, examples: Iterable[Example]) -> None:
        """Replace all varied rows by these, in this order."""
        rows = [_row(example, i) for i, example in enumerate(examples)]
        with self._database.write() as connection:
            connection.execute(delete(tables.examples).where(tables.examples.c.parent.is_not(None)))
            if rows:
                connection.execute(insert(tables.examples), rows)

    def training_rows(self) -> list[Example]:
        """The varied rows to train on, in order."""
        return self._examples(tables.examples.c.parent.is_not(None), tables.examples.c.suite.is_(None))

    def suite(self, suite: Suite) -> list[Example]:
        """The held-out rows of one suite, in order."""
        return self._examples(tables.examples.c.suite == suite.value)

    def _examples(self, *conditions: Any) -> list[Example]:
        table, current = tables.examples, tables.passages
        query = (
            select(table)
            .join(current, current.c.id == table.c.passage_id)
            .where(current.c.current, *conditions)
            .order_by(current.c.position, table.c.position)
        )
        with self._database.read() as connection:
            return [
                Example(
                    id=r.id,
                    passage_id=r.passage_id,
                    split=Split(r.split),
                    concept=r.concept,
                    question=r.question,
                    answer=r.answer,
                    origin=Origin(r.origin),
                    teacher=r.teacher,
                    prompt_hash=r.prompt_hash,
                    parent=r.parent,
                    template=r.template,
                    suite=Suite(r.suite) if r.suite else None,
                )
                for r in connection.execute(query)
            ]

    # Answers under comparison

    def answers(self) -> dict[str, str]:
        """Stored answers by key."""
        with self._database.read() as connection:
            return {
                row.key: row.text for row in connection.execute(select(tables.answers.c.key, tables.answers.c.text))
            }

    def save_answers(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Store answers, each with ``key``, ``model``, ``question`` and ``text``."""
        rows = [dict(row) for row in rows]
        with self._database.write() as connection:
            if rows:
                connection.execute(insert(tables.answers).on_conflict_do_nothing(), rows)

    # Stages

    def stage(self, name: str) -> StageRecord | None:
        """The record of a completed stage."""
        table = tables.stages
        with self._database.read() as connection:
            row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
        return StageRecord(row.inputs, row.output, row.product, row.summary, row.seconds, row.finished) if row else None

    def forget_stage(self, name: str) -> None:
        """Take a stage for not completed: it is about to change what its record speaks of."""
        with self._database.write() as connection:
            connection.execute(delete(tables.stages).where(tables.stages.c.name == name))

    def save_stage(self, name: str, record: StageRecord) -> None:
        """Record that a stage was completed; the last thing that a stage's run does."""
        values = record._asdict()
        with self._database.write() as connection:
            statement = insert(tables.stages).values(name=name, **values)
            connection.execute(statement.on_conflict_do_update(["name"], set_=values))

    def spent(self) -> tuple[int, float | None]:
        """Stored calls and what they cost together; None where no price was known."""
        with self._database.read() as connection:
            row = connection.execute(select(func.count(), func.sum(tables.replies.c.cost))).one()
        return int(row[0]), row[1]


def _reply(row: Any) -> Reply:
    return Reply(
        row.text,
        row.finish_reason,
        row.prompt_tokens,
        row.completion_tokens,
        row.estimated,
        row.latency,
        row.attempts,
        row.cost,
    )


def _row(example: Example, position: int) -> dict[str, Any]:
    return {**asdict(example), "position": position}
