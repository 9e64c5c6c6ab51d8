"""What users said of answers, and what became of it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.sqlite import insert

from rawtune.ledger import tables
from rawtune.ledger.mapping import Part
from rawtune.records import Example, Message, Origin, Split, content_hash

TEMPLATE = "feedback"
"""Stands for the question template of rows whose question a user asked, or wrote into a file."""


def row_id(passage_id: str, question: str, answer: str) -> str:
    """Identity of the row that a user's question becomes, whichever model or file answered it."""
    return content_hash([passage_id, TEMPLATE, question, answer])


class Verdict(StrEnum):
    """What a user said of an answer."""

    GOOD = "good"
    BAD = "bad"


class Fate(StrEnum):
    """What became of a user's verdict."""

    NEW = "new"  # not looked at since it was given
    TAKEN = "taken"
    HERE = "already here"
    HELD_OUT = "held out"
    NO_PASSAGE = "no passage"
    REFUSED = "refused"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Feedback:
    """A user's verdict on an answer that ``model``, or a file of that name, gave after ``history``, and how it ended.

    ``correction`` is the answer that it should have given, empty if the user named none. Of one that was taken,
    ``row`` is the answer to train on and ``author`` who wrote it.
    """

    model: str
    question: str
    answer: str
    verdict: Verdict
    correction: str = ""
    history: tuple[Message, ...] = ()
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="microseconds"))
    fate: Fate = Fate.NEW
    reason: str = ""
    passage_id: str = ""
    row: str = ""
    author: str = ""

    @property
    def id(self) -> str:
        """Identity of the answer spoken of: the last verdict on it counts."""
        return content_hash([self.model, [asdict(turn) for turn in self.history], self.question, self.answer])

    def to_train_on(self, parent: Example) -> Example:
        """The row that it adds to ``parent``, the row of its passage."""
        by_person = self.verdict is Verdict.GOOD or self.correction
        return replace(
            parent,
            id=row_id(parent.passage_id, self.question, self.row),
            question=self.question,
            answer=self.row,
            origin=Origin.EDITED if by_person else Origin.WRITTEN,
            teacher=self.author,
            parent=parent.id,
            template=TEMPLATE,
        )


class Verdicts(Part):
    """The feedback that a project has got."""

    def save_feedback(self, *given: Feedback) -> None:
        """Keep verdicts, each instead of an earlier one on the same answer.

        The same one again changes nothing, unless something else than a row became of it.
        """
        table = tables.feedback
        statement = insert(table)
        new = statement.excluded
        other = or_(
            table.c.verdict != new.verdict,
            table.c.correction != new.correction,
            (table.c.fate != Fate.NEW.value) & (table.c.fate != Fate.TAKEN.value),
        )
        values = {column.name: new[column.name] for column in table.columns}
        with self._database.write() as connection:
            if given:
                statement = statement.on_conflict_do_update(["id"], set_=values, where=other)
                connection.execute(statement, [_columns(one) for one in given])

    def feedback(self) -> list[Feedback]:
        """All of it, the oldest first."""
        table = tables.feedback
        with self._database.read() as connection:
            return [_feedback(row._asdict()) for row in connection.execute(select(table).order_by(table.c.created))]

    def end_feedback(self, ended: Iterable[Feedback]) -> None:
        """Record what became of feedback; of one whose verdict has changed meanwhile, nothing."""
        table = tables.feedback
        with self._database.write() as connection:
            for one in ended:
                same = (table.c.id == one.id) & (table.c.created == one.created)
                connection.execute(update(table).where(same).values(_columns(one)))

    def feedback_rows(self, parents: Iterable[Example]) -> list[Example]:
        """The rows to train on of the feedback that was taken, for passages that are trained on and have a row."""
        rows = {row.passage_id: row for row in parents if row.split is Split.TRAIN}
        taken = (one for one in self.feedback() if one.fate is Fate.TAKEN and one.passage_id in rows)
        return [one.to_train_on(rows[one.passage_id]) for one in taken]


def _columns(given: Feedback) -> dict[str, Any]:
    return {"id": given.id, **asdict(given)}


def _feedback(values: dict[str, Any]) -> Feedback:
    del values["id"]
    turns = tuple(Message(**turn) for turn in values.pop("history"))
    verdict, fate = Verdict(values.pop("verdict")), Fate(values.pop("fate"))
    return Feedback(**values, history=turns, verdict=verdict, fate=fate)
