"""Rows: as synthesised, and varied into questions."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, delete, literal_column, select
from sqlalchemy.dialects.sqlite import insert

from rawtune.dataset.entry import Entry, Source
from rawtune.ledger import tables
from rawtune.ledger.mapping import EXAMPLE, Part, columns, example_of, fields, history_of, history_text
from rawtune.records import NEVER_TRAINED, Example, State, Suite

_ENTRIES = 1024
"""Rows of a dataset read at once."""
_OF_PASSAGE = ("document", "document_sha256", "start", "end")
_OF_SOURCE = tuple(name for name in Source._fields if name not in _OF_PASSAGE)


class Examples(Part):
    """The rows of a project."""

    def synthesised(self) -> list[Example]:
        """The kept rows of current passages, before they are varied, in the order of the passages."""
        kept = select(tables.outcomes.c.passage_id).where(tables.outcomes.c.state == State.KEPT.value)
        return list(self._examples(tables.examples.c.parent.is_(None), tables.examples.c.passage_id.in_(kept)))

    def save_questions(self, examples: Iterable[Example]) -> None:
        """Replace all varied rows by these, in this order."""
        rows = [fields(row, position=i, history=history_text(row.history)) for i, row in enumerate(examples)]
        with self._database.write() as connection:
            connection.execute(delete(tables.examples).where(tables.examples.c.parent.is_not(None)))
            if rows:
                connection.execute(insert(tables.examples), rows)

    def training_rows(self) -> Iterator[Example]:
        """The varied rows to train on, in order, streamed."""
        return self._examples(tables.examples.c.parent.is_not(None), tables.examples.c.suite.is_(None))

    def dataset_rows(self) -> Iterator[Entry]:
        """The varied rows to train on, in order, streamed, each with where it came from."""
        yield from self._entries(tables.examples.c.suite.is_(None))

    def held_out_rows(self) -> Iterator[Entry]:
        """The varied rows that are only ever asked, suite by suite, in order; as ``dataset_rows``."""
        for suite in NEVER_TRAINED:
            yield from self.asked_rows(suite)

    def asked_rows(self, suite: Suite) -> Iterator[Entry]:
        """Those of ``held_out_rows`` that are of one suite."""
        yield from self._entries(tables.examples.c.suite == suite.value)

    def _entries(self, condition: ColumnElement[bool]) -> Iterator[Entry]:
        """Rows in the order in which they were saved, which is that of the passages.

        That order costs no sorting, and passages are looked up for some rows at a time: a join would sort all rows.
        """
        rows, passages = tables.examples.c, tables.passages
        names = ("id", "question", "answer", "template", "history", "passage_id", *_OF_SOURCE)
        query = select(*(rows[name] for name in names)).where(rows.parent.is_not(None), condition)
        places = select(passages.c.id, passages.c.current, *(passages.c[name] for name in _OF_PASSAGE))
        known: tuple[Any, ...] = ()
        source: Source | None = None
        for chunk in self._database.stream(query.order_by(literal_column("examples.rowid")), _ENTRIES):
            with self._database.read() as connection:
                found = connection.execute(places.where(passages.c.id.in_({row[5] for row in chunk})))
                current = {id: tuple(place) for id, is_current, *place in found if is_current}
            for row in chunk:
                if (made := row[5:]) != known:
                    known, place = made, current.get(made[0])
                    source = Source(*made[1:], *place) if place else None
                if source:
                    yield Entry(row[0], row[1], row[2], row[3], source, history_of(row[4]))

    def has_history(self) -> bool:
        """Whether any varied row has earlier turns."""
        rows = tables.examples.c
        query = select(rows.id).where(rows.parent.is_not(None), rows.history != history_text(()))
        with self._database.read() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def suite(self, suite: Suite) -> list[Example]:
        """The held-out rows of one suite, in order."""
        return list(self._examples(tables.examples.c.suite == suite.value))

    def _examples(self, *conditions: Any) -> Iterator[Example]:
        table, current = tables.examples, tables.passages
        query = (
            select(*columns(table, EXAMPLE))
            .select_from(table)
            .join(current, current.c.id == table.c.passage_id)
            .where(current.c.current, *conditions)
            .order_by(current.c.position, table.c.position)
        )
        for chunk in self._database.stream(query, _ENTRIES):
            yield from map(example_of, chunk)
