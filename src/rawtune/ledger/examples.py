"""Rows: as synthesised, and varied into questions."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, case, delete, func, literal_column, select
from sqlalchemy.dialects.sqlite import insert

from rawtune.dataset.entry import Entry, Group, Source
from rawtune.ledger import tables
from rawtune.ledger.mapping import EXAMPLE, Part, columns, example_of, fields, history_of, history_text
from rawtune.records import NEVER_TRAINED, Example, History, State, Suite

_READ = 256
"""Rows read at once; of more, the processor's cache holds too little."""
_OF_PASSAGE = ("document", "document_sha256", "start", "end")
_OF_SOURCE = tuple(name for name in Source._fields if name not in _OF_PASSAGE)
_AS_BEFORE = ""
"""Instead of what the rows of a group share: it is that of the row before."""


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

    def dataset_groups(self) -> Iterator[Group]:
        """The varied rows to train on, in order, streamed, with where they came from."""
        return self._groups(tables.examples.c.suite.is_(None))

    def dataset_rows(self) -> Iterator[Entry]:
        """The rows of ``dataset_groups``."""
        return chain.from_iterable(map(Group.rows, self.dataset_groups()))

    def held_out_groups(self) -> Iterator[Group]:
        """The varied rows that are only ever asked, suite by suite, in order; as ``dataset_groups``."""
        return chain.from_iterable(map(self._asked, NEVER_TRAINED))

    def held_out_rows(self) -> Iterator[Entry]:
        """The rows of ``held_out_groups``."""
        return chain.from_iterable(map(Group.rows, self.held_out_groups()))

    def asked_rows(self, suite: Suite) -> Iterator[Entry]:
        """Those of ``held_out_rows`` that are of one suite."""
        return chain.from_iterable(map(Group.rows, self._asked(suite)))

    def _asked(self, suite: Suite) -> Iterator[Group]:
        return self._groups(tables.examples.c.suite == suite.value)

    def _groups(self, condition: ColumnElement[bool]) -> Iterator[Group]:
        """Rows in the order in which they were saved, which is that of the passages, as it costs no sorting.

        There may be millions, most of which share all but their question with the row before: SQLite compares the two,
        and tells of an answer or of what a group shares only what is new.
        """
        rows, passages = tables.examples.c, tables.passages.c
        row_before = tables.examples.alias("before")
        answer = func.nullif(rows.answer, row_before.c.answer)
        same = (rows[name].is_not_distinct_from(row_before.c[name]) for name in ("passage_id", "history", *_OF_SOURCE))
        of_passage = (passages[name] for name in _OF_PASSAGE)
        anew = func.json_array(rows.answer, rows.history, *(rows[name] for name in _OF_SOURCE), *of_passage)
        current = select(anew).where(passages.id == rows.passage_id, passages.current).scalar_subquery()
        shared = case((and_(*same), _AS_BEFORE), else_=current)
        query = (
            select(rows.id, rows.question, answer, rows.template, shared)
            .join_from(tables.examples, row_before, literal_column("before.rowid = examples.rowid - 1"), isouter=True)
            .where(rows.parent.is_not(None), condition)
            .order_by(literal_column("examples.rowid"))
        )
        return _grouped(self._database.stream(query, _READ))

    def has_history(self) -> bool:
        """Whether any row has earlier turns."""
        with self._database.read() as connection:
            return connection.execute(select(tables.examples.c.id).where(tables.has_history)).first() is not None

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
        for chunk in self._database.stream(query, _READ):
            yield from map(example_of, chunk)


def _grouped(chunks: Iterable[Sequence[tuple[Any, ...]]]) -> Iterator[Group]:
    """Groups of rows as ``Examples._groups`` reads them, but for those whose passage is no longer current."""
    source: Source | None = None
    history: History = ()
    answer = ""
    for chunk in chunks:
        ids, questions, new_answers, templates, shared = zip(*chunk, strict=True)
        starts = [at for at in range(1, len(chunk)) if shared[at] != _AS_BEFORE]
        for start, end in pairwise([0, *starts, len(chunk)]):
            if shared[start] is None:
                source = None
            elif shared[start] != _AS_BEFORE:
                answer, turns, *fields = orjson.loads(shared[start])
                source, history = Source(*fields), history_of(turns)
            if source is not None:
                answers = []
                for new in new_answers[start:end]:
                    answer = answer if new is None else new
                    answers.append(answer)
                yield Group(ids[start:end], questions[start:end], answers, templates[start:end], source, history)
