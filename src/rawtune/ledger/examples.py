"""Rows: as synthesised, and varied into questions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, repeat
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.sqlite import insert

from rawtune.dataset.entry import Entry, Source
from rawtune.ledger import tables
from rawtune.ledger.mapping import EXAMPLE, Part, columns, example_of, fields, history_of, history_text
from rawtune.records import NEVER_TRAINED, Example, History, State, Suite

_ENTRIES = 256
"""Rows of a dataset read at once; of more, the processor's cache holds too little."""
_ENTRY = partial(tuple.__new__, Entry)
"""``Entry`` of a tuple, without the step of Python that ``Entry._make`` takes."""
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
        return self._entries(tables.examples.c.suite.is_(None))

    def held_out_rows(self) -> Iterator[Entry]:
        """The varied rows that are only ever asked, suite by suite, in order; as ``dataset_rows``."""
        for suite in NEVER_TRAINED:
            yield from self.asked_rows(suite)

    def asked_rows(self, suite: Suite) -> Iterator[Entry]:
        """Those of ``held_out_rows`` that are of one suite."""
        return self._entries(tables.examples.c.suite == suite.value)

    def _entries(self, condition: ColumnElement[bool]) -> Iterator[Entry]:
        """Rows in the order in which they were saved, which is that of the passages, as it costs no sorting.

        There may be millions, so Python takes few steps for each: columns are joined to entries, and what the rows of
        one parent share comes as one text, looked up once in a chunk.
        """
        rows = tables.examples.c
        shared = func.json_array(rows.passage_id, *(rows[name] for name in _OF_SOURCE))
        history = [rows.history] if self.has_history() else []
        query = select(rows.id, rows.question, rows.answer, rows.template, shared, *history)
        in_order = query.where(rows.parent.is_not(None), condition).order_by(literal_column("examples.rowid"))
        passages = tables.passages.c
        place = select(passages.id, *(passages[name] for name in _OF_PASSAGE))
        find = self._database.prepared(place.where(passages.id == bindparam("id"), passages.current))
        return chain.from_iterable(_with_sources(chunk, find) for chunk in self._database.stream(in_order, _ENTRIES))

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
        for chunk in self._database.stream(query, _ENTRIES):
            yield from map(example_of, chunk)


def _with_sources(chunk: Sequence[tuple[Any, ...]], find: Callable[..., list[tuple[Any, ...]]]) -> list[Entry]:
    """Entries of those rows whose passage is current."""
    id, question, answer, template, shared, *history = zip(*chunk, strict=True)
    histories: Iterable[History] = map(history_of, *history) if history else repeat((), len(chunk))
    made = {text: orjson.loads(text) for text in set(shared)}
    places = {id: place for id, *place in find({(passage,) for passage, *_ in made.values()})}
    sources = {
        text: Source(*fields, *places[passage]) for text, (passage, *fields) in made.items() if passage in places
    }
    entries = map(_ENTRY, zip(id, question, answer, template, map(sources.get, shared), histories, strict=True))
    return [*entries] if len(sources) == len(made) else [entry for entry in entries if entry.source]
