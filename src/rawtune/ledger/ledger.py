"""What a project remembers. Records go in and come out; no other module writes SQL."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import Insert, insert

from rawtune.dataset.entry import Entry, Source
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
    ReplyForm,
    Request,
    Severity,
    Split,
    State,
    Suite,
)
from rawtune.synthesis.forecast import Usage

T = TypeVar("T")
HoldOut = Callable[[Sequence[str], Mapping[str, int], int, int], Iterable[str]]
"""Ids of new texts, copies of texts, passages held out already, all passages; to the ids of texts to hold out."""

BY_HAND = "by hand"
"""Made the outcomes that a person wrote: they last, whatever the settings become."""
_CHUNK = 256
"""Rows read or written at once."""
_ENTRIES = 1024
"""Rows of a dataset read at once."""
_ID = 16
"""Characters of a passage's id, without the number of a copy."""
_PASSAGE = Passage.__match_args__
_REPLY = Reply.__match_args__
_EXAMPLE = Example.__match_args__
_OF_PASSAGE = ("document", "document_sha256", "start", "end")
_OF_SOURCE = tuple(name for name in Source._fields if name not in _OF_PASSAGE)
_OUTCOME = ("passage_id", "made_by", "state", "reason", "repairs", "replies", "findings")
"""Columns in the order of the records' fields, and of the tables."""


class StageRecord(NamedTuple):
    """A stage that was completed: what it was made from, what came out, and how long it took (seconds)."""

    inputs: dict[str, str]
    output: str
    product: str
    summary: dict[str, Any]
    seconds: float
    finished: str


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


class Ledger:
    """One project's memory in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        prepared = self._database.prepared
        calls, rows = tables.calls, tables.examples
        reply = select(*_columns(calls, _REPLY))
        self._find_reply = prepared(reply.where(calls.c.key == bindparam("key"), tables.answering))
        upsert = _named(tables.passages, *_PASSAGE, "position", "current")
        # A passage's text and split never change: one is its id, the other is frozen.
        moved = {name: upsert.excluded[name] for name in (*_PASSAGE[1:5], "position", "current")}
        self._upsert_passages = prepared(upsert.on_conflict_do_update(["id"], set_=moved))
        self._insert_calls = prepared(_named(calls, "key", "request", *_REPLY, "retired").on_conflict_do_nothing())
        self._delete_rows = prepared(delete(rows).where(rows.c.passage_id == bindparam("passage_id")))
        self._insert_rows = prepared(_named(rows, *_EXAMPLE, "position"))
        upsert = _named(tables.outcomes, *_OUTCOME)
        changed = {name: upsert.excluded[name] for name in _OUTCOME[1:]}
        self._upsert_outcomes = prepared(upsert.on_conflict_do_update(["passage_id"], set_=changed))

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    # Passages

    def save_passages(self, passages: Iterable[Passage], hold_out: HoldOut | None = None) -> None:
        """Make these the current passages, in this order; all of them or, if the iterable raises, none.

        A passage that was ever here keeps its split. Of those that are new, ``hold_out`` names the texts to be held
        out; it is given the ids of new texts, how many copies some of them have, how many passages are held out
        already, and how many there are in all. Copies (``ID-2``) go where their text goes.
        """
        table = tables.passages
        new: list[str] = []
        copies: Counter[str] = Counter()
        position = 0
        with self._database.write() as connection:
            connection.execute(update(table).values(current=False))
            for chunk in _chunks(passages):
                ids = [passage.id for passage in chunk]
                known = set(connection.scalars(select(table.c.id).where(table.c.id.in_(ids))))
                new += [id for id in ids if id not in known and "-" not in id]
                copies.update(id.partition("-")[0] for id in ids if "-" in id)
                self._upsert_passages([(*_values(passage), position + i, True) for i, passage in enumerate(chunk)])
                position += len(chunk)
            if hold_out is None:
                return
            _give_copies_their_split(connection, copies)
            held = connection.scalar(select(func.count()).where(table.c.current, table.c.split == Split.HELD_OUT.value))
            for names in _chunks(hold_out(new, copies, held or 0, position)):
                connection.execute(update(table).where(table.c.id.in_(names)).values(split=Split.HELD_OUT.value))
            _give_copies_their_split(connection, copies)

    def splits(self) -> Iterator[tuple[str, Split]]:
        """The current passages' ids and splits, in order."""
        table = tables.passages
        query = select(table.c.id, table.c.split).where(table.c.current).order_by(table.c.position)
        with self._database.read() as connection:
            for id, split in connection.execute(query.execution_options(yield_per=_CHUNK)):
                yield id, Split(split)

    def passages(self) -> Iterator[Passage]:
        """The current passages, in order."""
        table = tables.passages
        yield from self._passages(select(*_columns(table, _PASSAGE)).where(table.c.current).order_by(table.c.position))

    def passage(self, number: int) -> Passage | None:
        """The current passage of this number, counted from 1."""
        table = tables.passages
        query = select(*_columns(table, _PASSAGE)).where(table.c.current).order_by(table.c.position)
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
            _unsettled(select(*_columns(table, _PASSAGE), table.c.position), made_by)
            .order_by(table.c.position)
            .limit(_CHUNK)
        )
        while True:
            with self._database.read() as connection:
                page = connection.execute(query.where(table.c.position > last)).all()
            if not page:
                return
            last = page[-1].position
            yield from (_passage(row[:-1]) for row in page)

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
            select(*_columns(table, _PASSAGE))
            .join(ranked, ranked.c.id == table.c.id)
            .where(due(ranked.c.rank + 1) > due(ranked.c.rank))
            .order_by(table.c.position)
        )
        return list(self._passages(query))

    def _passages(self, query: Select[Any]) -> Iterator[Passage]:
        with self._database.read() as connection:
            yield from map(_passage, connection.execute(query.execution_options(yield_per=_CHUNK)))

    # Calls

    def reply(self, key: str) -> Reply | None:
        """The reply that answers the request with this key."""
        rows = self._find_reply([(key,)])
        return _reply(rows[0]) if rows else None

    def answered(self) -> Iterator[str]:
        """The keys of all requests that have a reply."""
        with self._database.read() as connection:
            query = select(tables.calls.c.key).where(tables.answering)
            yield from connection.scalars(query.execution_options(yield_per=_CHUNK))

    def exchange(self, key: str) -> tuple[Request, Reply]:
        """The last reply to a request, with the request; raises ``KeyError`` if there is none of this key."""
        table = tables.calls
        query = select(table).where(table.c.key == key, table.c.status == tables.REPLIED)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(table.c.id.desc()).limit(1)).one_or_none()
        if row is None:
            raise KeyError(key)
        stored = json.loads(row.request)
        request = Request(
            stored["model"],
            tuple(Message(message["role"], message["content"]) for message in stored["messages"]),
            Parameters(**{**stored["parameters"], "stop": tuple(stored["parameters"]["stop"])}),
            stored["schema"],
        )
        return request, _reply([getattr(row, name) for name in _REPLY])

    def save(self, calls: Iterable[tuple[Request, Reply]], outcomes: Iterable[Outcome] = (), made_by: str = "") -> None:
        """Commit calls, and how passages ended with their rows, together.

        A request that is answered already keeps its reply; an outcome replaces what its passage had before, and the
        last one of a passage counts.
        """
        with self._database.write_prepared():
            if called := [(r.key, r.canonical.decode(), *_values(reply), False) for r, reply in calls]:
                self._insert_calls(called)
            if ended := list({outcome.passage_id: outcome for outcome in outcomes}.values()):
                self._delete_rows([(outcome.passage_id,) for outcome in ended])
                self._upsert_outcomes([_ended(outcome, made_by) for outcome in ended])
                self._insert_rows([(*_values(outcome.example), 0) for outcome in ended if outcome.example])

    def spent(self) -> tuple[int, float | None]:
        """Calls ever made and what they cost together; None where no price was known."""
        with self._database.read() as connection:
            row = connection.execute(select(func.count(), func.sum(tables.calls.c.cost))).one()
        return int(row[0]), row[1]

    def ask_anew(self, passage_ids: Iterable[str] | None = None) -> None:
        """Let these passages, or all but those with a row by hand, be asked anew: their replies answer no request more.

        A passage that is already waiting for that keeps the replies that it has got since.
        """
        table, outcomes = tables.calls, tables.outcomes
        retired = update(table).where(tables.answering).values(retired=True)
        with self._database.write() as connection:
            if passage_ids is None:
                connection.execute(retired)
                connection.execute(update(outcomes).where(outcomes.c.made_by != BY_HAND).values(made_by=""))
                return
            for ids in _chunks(passage_ids):
                settled = outcomes.c.passage_id.in_(ids) & (outcomes.c.made_by != "")
                keys = func.json_each(outcomes.c.replies).table_valued("value")
                used = select(keys.c.value).select_from(outcomes.join(keys, true())).where(settled)
                connection.execute(retired.where(table.c.key.in_(used)))
                connection.execute(update(outcomes).where(settled).values(made_by=""))

    def reply_form(self, model: str) -> ReplyForm | None:
        """The strictest form of reply that this endpoint was found to hold to."""
        with self._database.read() as connection:
            table = tables.endpoints
            found = connection.scalar(select(table.c.reply_form).where(table.c.model == model))
        return ReplyForm(found) if found else None

    def save_reply_form(self, model: str, form: ReplyForm) -> None:
        """Remember what an endpoint holds to."""
        with self._database.write() as connection:
            statement = insert(tables.endpoints).values(model=model, reply_form=form.value)
            connection.execute(statement.on_conflict_do_update(["model"], set_={"reply_form": form.value}))

    # Outcomes and the rows that came of them

    def endings(self, *states: State, made_by: Iterable[str] = ()) -> Iterator[tuple[Passage, Outcome]]:
        """Current passages with how they ended, in order; only those that ended so, if ``states`` are named.

        With ``made_by`` only endings made by one of these, or by hand; an empty one stands for those that are to be
        made anew.
        """
        table, passages, rows = tables.outcomes, tables.passages, tables.examples
        ended = _columns(table, _OUTCOME[2:])
        query = (
            select(*_columns(passages, _PASSAGE), *ended, *_columns(rows, _EXAMPLE))
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
        first, last = len(_PASSAGE), len(_PASSAGE) + len(ended)
        with self._database.read() as connection:
            for row in connection.execute(query.execution_options(yield_per=_CHUNK)):
                passage = _passage(row[:first])
                state, reason, repairs, replies, findings = row[first:last]
                yield (
                    passage,
                    Outcome(
                        passage.id,
                        State(state),
                        _example(row[last:]) if row[last] else None,
                        tuple(_finding(finding) for finding in findings),
                        reason,
                        tuple(repairs),
                        tuple(replies),
                    ),
                )

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
            for id in connection.scalars(ids.execution_options(yield_per=_CHUNK)):
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
            for ids in _chunks(passage_ids):
                connection.execute(update(table).where(table.c.passage_id.in_(ids)).values(made_by=""))

    def synthesised(self) -> list[Example]:
        """The kept rows of current passages, before they are varied, in the order of the passages."""
        kept = select(tables.outcomes.c.passage_id).where(tables.outcomes.c.state == State.KEPT.value)
        return self._examples(tables.examples.c.parent.is_(None), tables.examples.c.passage_id.in_(kept))

    def save_questions(self, examples: Iterable[Example]) -> None:
        """Replace all varied rows by these, in this order."""
        rows = [_fields(example, position=i) for i, example in enumerate(examples)]
        with self._database.write() as connection:
            connection.execute(delete(tables.examples).where(tables.examples.c.parent.is_not(None)))
            if rows:
                connection.execute(insert(tables.examples), rows)

    def training_rows(self) -> list[Example]:
        """The varied rows to train on, in order."""
        return self._examples(tables.examples.c.parent.is_not(None), tables.examples.c.suite.is_(None))

    def dataset_rows(self) -> Iterator[Entry]:
        """The varied rows to train on, in order, streamed, each with where it came from."""
        yield from self._entries(tables.examples.c.suite.is_(None))

    def held_out_rows(self) -> Iterator[Entry]:
        """The varied rows that are only ever asked, suite by suite, in order; as ``dataset_rows``."""
        for suite in (Suite.PHRASING, Suite.CONCEPT):
            yield from self._entries(tables.examples.c.suite == suite.value)

    def _entries(self, condition: ColumnElement[bool]) -> Iterator[Entry]:
        """Rows in the order in which they were saved, which is that of the passages.

        That order costs no sorting, and passages are looked up for some rows at a time: a join would sort all rows.
        """
        rows, passages = tables.examples.c, tables.passages
        names = ("id", "question", "answer", "template", "passage_id", *_OF_SOURCE)
        query = select(*(rows[name] for name in names)).where(rows.parent.is_not(None), condition)
        places = select(passages.c.id, passages.c.current, *(passages.c[name] for name in _OF_PASSAGE))
        known: tuple[Any, ...] = ()
        source: Source | None = None
        for chunk in self._database.stream(query.order_by(literal_column("examples.rowid")), _ENTRIES):
            with self._database.read() as connection:
                found = connection.execute(places.where(passages.c.id.in_({row[4] for row in chunk})))
                current = {id: tuple(place) for id, is_current, *place in found if is_current}
            for row in chunk:
                if (made := row[4:]) != known:
                    known, place = made, current.get(made[0])
                    source = Source(*made[1:], *place) if place else None
                if source:
                    yield Entry(row[0], row[1], row[2], row[3], source)

    def count_repaired(self) -> int:
        """How many current passages have a row whose reply had to be mended."""
        table, passages = tables.outcomes, tables.passages
        repaired = (table.c.state == State.KEPT.value) & (func.json_array_length(table.c.repairs) > 0)
        query = select(func.count()).select_from(table.join(passages, passages.c.id == table.c.passage_id))
        with self._database.read() as connection:
            return connection.scalar(query.where(passages.c.current, repaired)) or 0

    def suite(self, suite: Suite) -> list[Example]:
        """The held-out rows of one suite, in order."""
        return self._examples(tables.examples.c.suite == suite.value)

    def _examples(self, *conditions: Any) -> list[Example]:
        table, current = tables.examples, tables.passages
        query = (
            select(*_columns(table, _EXAMPLE))
            .select_from(table)
            .join(current, current.c.id == table.c.passage_id)
            .where(current.c.current, *conditions)
            .order_by(current.c.position, table.c.position)
        )
        with self._database.read() as connection:
            return [_example(row) for row in connection.execute(query)]

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


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _give_copies_their_split(connection: Connection, copies: Counter[str]) -> None:
    if not copies:
        return
    table, text = tables.passages, tables.passages.alias()
    split = select(text.c.split).where(text.c.id == func.substr(table.c.id, 1, _ID)).scalar_subquery()
    connection.execute(update(table).where(table.c.id.contains("-")).values(split=split))


def _fields(record: Any, **more: Any) -> dict[str, Any]:
    """A record's fields by name. ``dataclasses.asdict`` would copy every value, which costs ten times as much."""
    fields = {name: getattr(record, name) for name in record.__match_args__}
    fields.update(more)
    return fields


def _values(record: Any) -> list[Any]:
    return [getattr(record, name) for name in record.__match_args__]


def _ended(outcome: Outcome, made_by: str) -> tuple[Any, ...]:
    """An outcome as a row of its table."""
    by_hand = outcome.example is not None and outcome.example.origin is Origin.EDITED
    parts = (to_json(part).decode() for part in (outcome.repairs, outcome.replies, outcome.findings))
    return outcome.passage_id, BY_HAND if by_hand else made_by, outcome.state.value, outcome.reason, *parts


def _named(table: Table, *columns: str) -> Insert:
    """An insertion whose parameters are these columns."""
    return insert(table).values({name: bindparam(name) for name in columns})


def _columns(table: Table, names: Sequence[str]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]


def _unsettled(query: Select[Any], made_by: str) -> Select[Any]:
    """Passages without an outcome that lasts: made by this, or by hand, and no failure."""
    table, passages = tables.outcomes, tables.passages
    lasting = (
        (table.c.passage_id == passages.c.id)
        & table.c.made_by.in_((made_by, BY_HAND))
        & (table.c.state != State.FAILED.value)
    )
    return query.select_from(passages.outerjoin(table, lasting)).where(passages.c.current, table.c.passage_id.is_(None))


def _reply(values: Sequence[Any]) -> Reply:
    fields = dict(zip(_REPLY, values, strict=True))
    fields["estimated"] = bool(fields["estimated"])
    return Reply(**fields)


def _passage(values: Sequence[Any]) -> Passage:
    id, document, sha256, start, end, text, split = values
    return Passage(id, document, sha256, start, end, text, Split(split))


def _finding(fields: dict[str, Any]) -> Finding:
    return Finding(**{**fields, "severity": Severity(fields.get("severity", Severity.ERROR))})


def _example(values: Sequence[Any]) -> Example:
    fields = dict(zip(_EXAMPLE, values, strict=True))
    fields["split"] = Split(fields["split"])
    fields["origin"] = Origin(fields["origin"])
    fields["suite"] = Suite(fields["suite"]) if fields["suite"] else None
    return Example(**fields)
