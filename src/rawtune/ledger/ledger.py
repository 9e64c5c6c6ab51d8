"""What a project remembers. Records go in and come out; no other package writes SQL."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, cast, delete, select
from sqlalchemy.dialects.sqlite import insert

from rawtune.ledger import tables
from rawtune.ledger.calls import Calls
from rawtune.ledger.database import Database
from rawtune.ledger.examples import Examples
from rawtune.ledger.feedback import Verdicts
from rawtune.ledger.mapping import EXAMPLE, OUTCOME, REPLY, ended_row, example_row, named, values
from rawtune.ledger.outcomes import Outcomes
from rawtune.ledger.passages import Passages
from rawtune.records import Outcome, Reply, Request


class StageRecord(NamedTuple):
    """A stage that was completed: what it was made from, what came out, and how long it took (seconds)."""

    inputs: dict[str, str]
    output: str
    product: str
    summary: dict[str, Any]
    seconds: float
    finished: str


class Ledger(Passages, Calls, Outcomes, Examples, Verdicts):
    """One project's memory in one SQLite file."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path))
        prepared, rows = self._database.prepared, tables.examples
        calls = named(tables.calls, "key", "request", *REPLY, "retired").on_conflict_do_nothing()
        # A request is the text that its bytes are: spares making a str of them first.
        self._insert_calls = prepared(calls.values(request=cast(bindparam("request"), Text)))
        self._delete_rows = prepared(delete(rows).where(rows.c.passage_id == bindparam("passage_id")))
        self._insert_rows = prepared(named(rows, *EXAMPLE, "position"))
        upsert = named(tables.outcomes, *OUTCOME)
        changed = {name: upsert.excluded[name] for name in OUTCOME[1:]}
        self._upsert_outcomes = prepared(upsert.on_conflict_do_update(["passage_id"], set_=changed))

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def save(self, calls: Iterable[tuple[Request, Reply]], outcomes: Iterable[Outcome] = (), made_by: str = "") -> None:
        """Commit calls, and how passages ended with their rows, together.

        A request that is answered already keeps its reply; an outcome replaces what its passage had before, and the
        last one of a passage counts.
        """
        with self._database.write_prepared():
            if called := [(r.key, r.canonical, *values(reply), False) for r, reply in calls]:
                self._insert_calls(called)
            if ended := list({outcome.passage_id: outcome for outcome in outcomes}.values()):
                self._delete_rows([(outcome.passage_id,) for outcome in ended])
                self._upsert_outcomes([ended_row(outcome, made_by) for outcome in ended])
                self._insert_rows([(*example_row(outcome.example), 0) for outcome in ended if outcome.example])

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
