"""How passages ended: rows, findings, counts."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import func, select, true, update

from rawtune.ledger import tables
from rawtune.ledger.mapping import (
    BY_HAND,
    CHUNK,
    EXAMPLE,
    OUTCOME,
    PASSAGE,
    Part,
    chunks,
    columns,
    example_of,
    outcome_of,
    passage_of,
)
from rawtune.records import Origin, Outcome, Passage, State
from rawtune.synthesis.forecast import Usage


class Tally(NamedTuple):
    """Passages counted by how they ended and by who made their rows, and the identity of these rows."""

    states: Counter[State]
    origins: Counter[Origin]
    most_frequent_failure: str
    rows: str

    @property
    def settled(self) -> int:
        """Passages that need not be asked again."""
        return self.states.total() - self.states[State.FAILED]


class Outcomes(Part):
    """The outcomes of a project's passages."""

    def endings(self, *states: State, made_by: Iterable[str] = ()) -> Iterator[tuple[Passage, Outcome]]:
        """Current passages with how they ended, in order; only those that ended so, if ``states`` are named.

        With ``made_by`` only endings made by one of these, or by hand; an empty one stands for those that are to be
        made anew.
        """
        table, passages, rows = tables.outcomes, tables.passages, tables.examples
        ended = columns(table, OUTCOME[2:])
        query = (
            select(*columns(passages, PASSAGE), *ended, *columns(rows, EXAMPLE))
            .select_from(passages)
            .join(table, table.c.passage_id == passages.c.id)
            .outerjoin(rows, (rows.c.passage_id == passages.c.id) & rows.c.parent.is_(None))
            .where(passages.c.current)
            .order_by(passages.c.position)
        )
        if states:
            query = query.where(table.c.state.in_([state.value for state in states]))
        if made_by := list(made_by):
            query = query.where(table.c.made_by.in_([*made_by, BY_HAND]))
        first, last = len(PASSAGE), len(PASSAGE) + len(ended)
        for chunk in self._database.stream(query, CHUNK):
            for row in chunk:
                passage = passage_of(row[:first])
                yield passage, outcome_of(passage.id, row[first:last], example_of(row[last:]) if row[last] else None)

    def tally(self, made_by: str) -> Tally:
        """How the current passages ended under ``made_by``, counted."""
        table, passages, rows = tables.outcomes, tables.passages, tables.examples
        ours = passages.c.current & table.c.made_by.in_((made_by, BY_HAND))
        joined = table.join(passages, passages.c.id == table.c.passage_id)
        states = select(table.c.state, func.count()).select_from(joined).where(ours).group_by(table.c.state)
        kept = (rows.c.passage_id == passages.c.id) & rows.c.parent.is_(None) & (table.c.state == State.KEPT.value)
        with_rows = joined.join(rows, kept)
        origins = select(rows.c.origin, func.count()).select_from(with_rows).where(ours).group_by(rows.c.origin)
        reason = (
            select(table.c.reason)
            .select_from(joined)
            .where(ours, table.c.state == State.FAILED.value)
            .group_by(table.c.reason)
            .order_by(func.count().desc())
            .limit(1)
        )
        ids = select(rows.c.id).select_from(with_rows).where(ours).order_by(passages.c.position)
        digest = hashlib.sha256()
        with self._database.read() as connection:
            by_state = Counter({State(state): count for state, count in connection.execute(states)})
            by_origin = Counter({Origin(origin): count for origin, count in connection.execute(origins)})
            for id in connection.scalars(ids.execution_options(yield_per=CHUNK)):
                digest.update(f"{id}\n".encode())
            return Tally(by_state, by_origin, connection.scalar(reason) or "", digest.hexdigest()[:16])

    def per_file(self, made_by: str) -> Iterator[tuple[str, dict[State | None, int]]]:
        """Each raw file with how many of its passages ended how; None counts those that are still to be asked."""
        table, passages = tables.outcomes, tables.passages
        ours = (table.c.passage_id == passages.c.id) & table.c.made_by.in_((made_by, BY_HAND))
        query = (
            select(passages.c.document, table.c.state, func.count())
            .select_from(passages.outerjoin(table, ours))
            .where(passages.c.current)
            .group_by(passages.c.document, table.c.state)
            .order_by(passages.c.document)
        )
        with self._database.read() as connection:
            for document, found in groupby(connection.execute(query).all(), key=itemgetter(0)):
                yield document, {State(state) if state else None: count for _, state, count in found}

    def usage(self, made_by: str, most: int) -> list[Usage]:
        """What some settled passages took, replies only: at most ``most`` of them, in no order."""
        table, calls = tables.outcomes, tables.calls
        sums = [func.sum(calls.c[name]) for name in ("prompt_tokens", "completion_tokens", "cost", "latency")]
        some = (
            select(table).where(table.c.made_by == made_by, table.c.state != State.FAILED.value).limit(most).subquery()
        )
        keys = func.json_each(some.c.replies).table_valued("value")
        query = (
            select(*sums, func.count())
            .select_from(some.join(keys, true()).join(calls, calls.c.key == keys.c.value))
            .where(tables.answering)
            .group_by(some.c.passage_id)
        )
        with self._database.read() as connection:
            return [Usage(*tuple(row)) for row in connection.execute(query)]

    def forget_endings(self, passage_ids: Iterable[str]) -> None:
        """Let these passages be brought to an end anew, from the replies that are stored."""
        table = tables.outcomes
        with self._database.write() as connection:
            for ids in chunks(passage_ids):
                connection.execute(update(table).where(table.c.passage_id.in_(ids)).values(made_by=""))

    def count_repaired(self) -> int:
        """How many current passages have a row whose reply had to be mended."""
        table, passages = tables.outcomes, tables.passages
        repaired = (table.c.state == State.KEPT.value) & (func.json_array_length(table.c.repairs) > 0)
        query = select(func.count()).select_from(table.join(passages, passages.c.id == table.c.passage_id))
        with self._database.read() as connection:
            return connection.scalar(query.where(passages.c.current, repaired)) or 0
