"""Records as rows of the tables, and back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar

import orjson
from sqlalchemy import ColumnElement, Table, bindparam
from sqlalchemy.dialects.sqlite import Insert, insert

from rawtune.ledger.database import Database
from rawtune.records import Example, Finding, History, Origin, Outcome, Passage, Reply, Severity, Split, State, Suite

T = TypeVar("T")
BY_HAND = "by hand"
"""Made the outcomes that a person wrote: they last, whatever the settings become."""
CHUNK = 256
"""Rows read or written at once."""
PASSAGE = Passage.__match_args__
REPLY = Reply.__match_args__
EXAMPLE = Example.__match_args__
OUTCOME = ("passage_id", "made_by", "state", "reason", "repairs", "replies", "findings")
"""Columns in the order of the records' fields, and of the tables."""


class Part:
    """One part of what a ledger remembers; all parts share its file."""

    def __init__(self, database: Database) -> None:
        self._database = database


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of at most ``CHUNK`` items, in order."""
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


def fields(record: Any, **more: Any) -> dict[str, Any]:
    """A record's fields by name. ``dataclasses.asdict`` would copy every value, which costs ten times as much."""
    fields = {name: getattr(record, name) for name in record.__match_args__}
    fields.update(more)
    return fields


def values(record: Any) -> tuple[Any, ...]:
    """A record's fields, in order."""
    return _getter(record.__match_args__)(record)


@lru_cache
def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*names)


def ended_row(outcome: Outcome, made_by: str) -> tuple[Any, ...]:
    """An outcome as a row of its table."""
    by_hand = outcome.example is not None and outcome.example.origin is Origin.EDITED
    parts = (
        orjson.dumps(part).decode() if part else "[]" for part in (outcome.repairs, outcome.replies, outcome.findings)
    )
    return outcome.passage_id, BY_HAND if by_hand else made_by, outcome.state.value, outcome.reason, *parts


def example_row(example: Example) -> tuple[Any, ...]:
    """A row as one of its table, but for its position."""
    *others, history = values(example)
    return *others, history_text(history)


def history_text(history: History) -> str:
    """Earlier turns as the text of their column."""
    return orjson.dumps(history).decode() if history else "[]"


def history_of(text: str) -> History:
    """Earlier turns from the text of their column; nearly all rows have none."""
    return () if text == "[]" else tuple((question, answer) for question, answer in orjson.loads(text))


def named(table: Table, *columns: str) -> Insert:
    """An insertion whose parameters are these columns."""
    return insert(table).values({name: bindparam(name) for name in columns})


def columns(table: Table, names: Sequence[str]) -> list[ColumnElement[Any]]:
    """The columns of these names."""
    return [table.c[name] for name in names]


def reply_of(values: Sequence[Any]) -> Reply:
    """A reply from its columns."""
    fields = dict(zip(REPLY, values, strict=True))
    fields["estimated"] = bool(fields["estimated"])
    return Reply(**fields)


def passage_of(values: Sequence[Any]) -> Passage:
    """A passage from its columns."""
    id, document, sha256, start, end, text, split = values
    return Passage(id, document, sha256, start, end, text, Split(split))


def outcome_of(passage_id: str, values: Sequence[Any], example: Example | None) -> Outcome:
    """An outcome from its columns from ``state`` on, and its row."""
    state, reason, *parts = values
    repairs, replies, findings = (orjson.loads(part) if part != "[]" else () for part in parts)
    found = tuple(map(_finding_of, findings))
    return Outcome(passage_id, State(state), example, found, reason, tuple(repairs), tuple(replies))


def _finding_of(fields: dict[str, Any]) -> Finding:
    return Finding(**{**fields, "severity": Severity(fields.get("severity", Severity.ERROR))})


def example_of(values: Sequence[Any]) -> Example:
    """A row from its columns."""
    id, passage, split, concept, question, answer, origin, teacher, prompt, parent, template, suite, history = values
    return Example(
        id,
        passage,
        Split(split),
        concept,
        question,
        answer,
        Origin(origin),
        teacher,
        prompt,
        parent,
        template,
        Suite(suite) if suite else None,
        history_of(history),
    )
