"""Calls to teachers: requests with their raw replies, what was paid, and what an endpoint holds to."""

import json
from collections.abc import Iterable, Iterator

from sqlalchemy import bindparam, func, select, true, update
from sqlalchemy.dialects.sqlite import insert

from rawtune.ledger import tables
from rawtune.ledger.database import Database
from rawtune.ledger.mapping import BY_HAND, CHUNK, REPLY, Part, chunks, columns, reply_of
from rawtune.records import Message, Parameters, Reply, ReplyForm, Request


class Calls(Part):
    """The calls of a project."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        reply = select(*columns(tables.calls, REPLY))
        self._find_reply = database.prepared(reply.where(tables.calls.c.key == bindparam("key"), tables.answering))

    def reply(self, key: str) -> Reply | None:
        """The reply that answers the request with this key."""
        rows = self._find_reply([(key,)])
        return reply_of(rows[0]) if rows else None

    def answered(self) -> Iterator[str]:
        """The keys of all requests that have a reply."""
        with self._database.read() as connection:
            query = select(tables.calls.c.key).where(tables.answering)
            yield from connection.scalars(query.execution_options(yield_per=CHUNK))

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
        return request, reply_of([getattr(row, name) for name in REPLY])

    def spent(self) -> tuple[int, float | None]:
        """Calls ever made and what they cost together; None where no price was known."""
        with self._database.read() as connection:
            row = connection.execute(select(func.count(), func.sum(tables.calls.c.cost))).one()
        return int(row[0]), row[1]

    def unpriced(self) -> int:
        """How many calls brought a reply of unknown price: beside priced ones, ``spent`` is only the least it was."""
        table = tables.calls
        with self._database.read() as connection:
            query = select(func.count()).where(table.c.status == tables.REPLIED, table.c.cost.is_(None))
            return connection.scalar(query) or 0

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
            for ids in chunks(passage_ids):
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
