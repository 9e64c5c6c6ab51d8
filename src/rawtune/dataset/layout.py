"""What a shape of rows is: where in a row the questions and answers stand, and how new texts get there."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from rawtune.records import Finding


class Turn(NamedTuple):
    """One question with its answer, and where in the row they stand, as in ``messages[1].content``.

    ``repeated`` says that the question is that of the turn before, which has another answer to it. ``more`` is the
    column whose text ends the question, if there is one, and the character of the question at which that begins.
    """

    question: str
    answer: str
    question_column: str
    answer_column: str
    repeated: bool = False
    more: tuple[str, int] | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The text of each column."""
        texts = {self.question_column: self.question, self.answer_column: self.answer}
        return {**texts, self.more[0]: self.question[self.more[1] :]} if self.more else texts


class Unreadable(ValueError):
    """Why a row has no question and answer; it becomes the record's ``fault``."""


class Layout(ABC):
    """Where in a row the questions and answers stand."""

    shape: str
    columns: tuple[str, str]
    keys: tuple[str, ...]
    note = ""
    concept = ""
    split = ""
    system = ""

    def turns(self, row: Any) -> tuple[Turn, ...]:
        """The turns of a row; raises ``Unreadable``."""
        if not isinstance(row, Mapping):
            raise Unreadable(f"is {kind_of(row)}, not an object with keys")
        return self._turns(row)

    @abstractmethod
    def _turns(self, row: Mapping[str, Any]) -> tuple[Turn, ...]: ...

    def systems(self, row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """What a row tells the model before its questions: each system message's column and text."""
        text = row.get(self.system) if self.system else None
        return ((self.system, text),) if isinstance(text, str) and text else ()

    def updates(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]:
        """The values of ``row`` that change when a turn gets these texts."""
        new = self._new(row, turn, question, answer)
        return {key: value for key, value in new.items() if row.get(key) != value}

    @abstractmethod
    def _new(self, row: Mapping[str, Any], turn: int, question: str, answer: str) -> dict[str, Any]: ...


def placed(findings: Iterable[Finding], turn: Turn) -> list[Finding]:
    """What is wrong with a turn, each at its own column's characters, and nothing that the turn before told already."""
    told = [finding for finding in findings if not (turn.repeated and finding.column == turn.question_column)]
    if not turn.more:
        return told
    column, begin = turn.more
    return [
        replace(
            finding,
            column=column,
            start=finding.start - begin,
            end=finding.end - begin,
            message=finding.message.replace(f"'{turn.question_column}'", f"'{column}'", 1),
        )
        if finding.column == turn.question_column and finding.start >= begin
        else replace(finding, end=min(finding.end, begin - 1))
        if finding.column == turn.question_column
        else finding
        for finding in told
    ]


def text_of(row: Mapping[str, Any], key: str) -> str:
    """The text under ``key``; raises ``Unreadable``."""
    value = row.get(key)
    if type(value) is str:
        return value
    raise Unreadable(f"'{key}' is {kind_of(value)}, not text" if key in row else f"has no key '{key}'")


def items_of(row: Mapping[str, Any], key: str) -> list[Any]:
    """The list under ``key``; raises ``Unreadable``."""
    value = opened(row.get(key))
    if isinstance(value, list):
        return value
    raise Unreadable(f"'{key}' is {kind_of(value)}, not a list" if key in row else f"has no key '{key}'")


def opened(value: Any) -> Any:
    """The list or object that a cell holds as JSON, as in a CSV; else the value."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def as_it_was(old: Any, value: Any) -> Any:
    """``value`` as JSON text if ``old`` was text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(old, str) and not isinstance(value, str) else value


def kind_of(value: Any) -> str:
    """What a value is, in words for people who do not write Python."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return f"the {'truth value' if isinstance(value, bool) else 'number'} {str(value)[:20]}"
    kinds: dict[type, str] = {str: "text", list: "a list", dict: "an object", bytes: "bytes"}
    name: str = type(value).__name__
    return kinds.get(type(value), name)
