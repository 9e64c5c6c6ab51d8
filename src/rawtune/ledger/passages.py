"""Passages: what the raw text now consists of, and what is still to be asked about."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal_column, select, update

from rawtune.ledger import tables
from rawtune.ledger.database import Database
from rawtune.ledger.mapping import BY_HAND, CHUNK, PASSAGE, Part, chunks, columns, named, passage_of, values
from rawtune.records import Passage, Split, State

HoldOut = Callable[[Iterable[str], Mapping[str, int], int, int], Iterable[str]]
"""Ids of new texts, copies of texts, passages held out already, all passages; to the ids of texts to hold out."""

_ID = 16
"""Characters of a passage's id, without the number of a copy."""


class Passages(Part):
    """The passages of a project."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        upsert = named(tables.passages, *PASSAGE, "position", "current")
        # A passage's text and split never change: one is its id, the other is frozen.
        moved = {name: upsert.excluded[name] for name in (*PASSAGE[1:5], "position", "current")}
        self._upsert_passages = database.prepared(upsert.on_conflict_do_update(["id"], set_=moved))

    def save_passages(self, passages: Iterable[Passage], hold_out: HoldOut | None = None) -> None:
        """Make these the current passages, in this order; all of them or, if the iterable raises, none.

        A passage that was ever here keeps its split. Of those that are new, ``hold_out`` names the texts to be held
        out; it is given the ids of new texts, how many copies some of them have, how many passages are held out
        already, and how many there are in all. Copies (``ID-2``) go where their text goes.
        """
        table = tables.passages
        row: ColumnElement[int] = literal_column("rowid")  # SQLite's own number, in the order of insertion
        copies: Counter[str] = Counter()
        position = 0
        with self._database.write() as connection:
            connection.execute(update(table).values(current=False))
            last = connection.scalar(select(func.max(row)).select_from(table)) or 0
            for chunk in chunks(passages):
                copies.update(passage.id.partition("-")[0] for passage in chunk if "-" in passage.id)
                self._upsert_passages([(*values(passage), position + i, True) for i, passage in enumerate(chunk)])
                position += len(chunk)
            if hold_out is None:
                return
            _give_copies_their_split(connection, copies)
            new = connection.scalars(select(table.c.id).where(row > last, ~table.c.id.contains("-")).order_by(row))
            held = connection.scalar(select(func.count()).where(table.c.current, table.c.split == Split.HELD_OUT.value))
            for names in chunks(hold_out(new, copies, held or 0, position)):
                connection.execute(update(table).where(table.c.id.in_(names)).values(split=Split.HELD_OUT.value))
            _give_copies_their_split(connection, copies)

    def splits(self) -> Iterator[tuple[str, Split]]:
        """The current passages' ids and splits, in order."""
        table = tables.passages
        query = select(table.c.id, table.c.split).where(table.c.current).order_by(table.c.position)
        for id, split in self._rows(query):
            yield id, Split(split)

    def texts(self) -> Iterator[tuple[str, Split, str]]:
        """Id, split and text of all passages that ever were here, copies left out."""
        table = tables.passages.c
        query = select(table.id, table.split, table.text).where(func.length(table.id) <= _ID)
        for id, split, text in self._rows(query):
            yield id, Split(split), text

    def passages(self) -> Iterator[Passage]:
        """The current passages, in order."""
        table = tables.passages
        yield from self._passages(select(*columns(table, PASSAGE)).where(table.c.current).order_by(table.c.position))

    def passage(self, number: int) -> Passage | None:
        """The current passage of this number, counted from 1."""
        table = tables.passages
        query = select(*columns(table, PASSAGE)).where(table.c.current).order_by(table.c.position)
        query = query.offset(number - 1).limit(1)
        return next(self._passages(query), None)

    def count_passages(self) -> int:
        """How many current passages there are."""
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).where(tables.passages.c.current)) or 0

    def documents(self) -> dict[str, str]:
        """The files that the current passages come from, each with its hash."""
        table = tables.passages
        with self._database.read() as connection:
            query = select(table.c.document, table.c.document_sha256).where(table.c.current).distinct()
            return {row.document: row.document_sha256 for row in connection.execute(query)}

    def unsettled(self, made_by: str) -> Iterator[Passage]:
        """Current passages that ``made_by`` brought to no lasting end, in order; a failed one is to be tried again.

        Read in pages, so that endings may be recorded meanwhile.
        """
        table, last = tables.passages, -1
        query = (
            _unsettled(select(*columns(table, PASSAGE), table.c.position), made_by)
            .order_by(table.c.position)
            .limit(CHUNK)
        )
        while True:
            page = [*self._rows(query.where(table.c.position > last))]
            if not page:
                return
            last = page[-1][-1]
            yield from (passage_of(row[:-1]) for row in page)

    def sample_unsettled(self, made_by: str, size: int) -> list[Passage]:
        """``size`` of the unsettled passages, or all if they are fewer, spread evenly over files and their lengths.

        A systematic sample of the passages ordered so is stratified without a choice of strata (Cochran, "Sampling
        Techniques", 1977, chapter 8).
        """
        table = tables.passages
        order = (table.c.document, table.c.end - table.c.start, table.c.id)
        ranked = _unsettled(
            select(
                table.c.id,
                (func.row_number().over(order_by=order) - 1).label("rank"),
                func.count().over().label("total"),
            ),
            made_by,
        ).subquery()

        def due(rank: ColumnElement[int]) -> ColumnElement[int]:
            """The first ``rank`` passages' share of the sample, rounded; in whole numbers, so that none is lost."""
            return (2 * size * rank + ranked.c.total) // (2 * ranked.c.total)

        query = (
            select(*columns(table, PASSAGE))
            .join(ranked, ranked.c.id == table.c.id)
            .where(due(ranked.c.rank + 1) > due(ranked.c.rank))
            .order_by(table.c.position)
        )
        return list(self._passages(query))

    def _passages(self, query: Select[Any]) -> Iterator[Passage]:
        return map(passage_of, self._rows(query))

    def _rows(self, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
        return chain.from_iterable(self._database.stream(query, CHUNK))


def _give_copies_their_split(connection: Connection, copies: Counter[str]) -> None:
    if not copies:
        return
    table, text = tables.passages, tables.passages.alias()
    split = select(text.c.split).where(text.c.id == func.substr(table.c.id, 1, _ID)).scalar_subquery()
    connection.execute(update(table).where(table.c.id.contains("-")).values(split=split))


def _unsettled(query: Select[Any], made_by: str) -> Select[Any]:
    """Passages without an outcome that lasts: made by this, or by hand, and no failure."""
    table, passages = tables.outcomes, tables.passages
    lasting = (
        (table.c.passage_id == passages.c.id)
        & table.c.made_by.in_((made_by, BY_HAND))
        & (table.c.state != State.FAILED.value)
    )
    return query.select_from(passages.outerjoin(table, lasting)).where(passages.c.current, table.c.passage_id.is_(None))
