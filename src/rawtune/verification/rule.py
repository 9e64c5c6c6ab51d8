"""What a rule is: a code, a name, and a function from a row to the spots where something is wrong with it.

A rule's docstring is its page in the docs: what it finds, why that harms, and rows that it finds (``Bad:``) and leaves
alone (``Good:``), which the tests hold it to. Its keyword-only arguments are its options in rawtune.yaml.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from rawtune.records import Severity


class Row(NamedTuple):
    """One question with its answer, under check. There may be millions.

    ``columns`` name the two where they are shown. Empty, or None, is what is not known: the ``concept`` that the row is
    about, the ``language`` asked for (``zh`` or ``en``), the ``passage`` that the answer was made from (empty: there is
    a source, and no passage of it fits), the ``split`` that the row belongs to, its ``number``. ``closed`` says whether
    the form of the reply shows where its answer ends, None that there is no reply to tell. In a conversation
    ``earlier`` is what was said before the question, and ``goes_on`` says that more is to come: among other rows it is
    compared once, as a whole, at its last turn.
    """

    question: str
    answer: str
    columns: tuple[str, str] = ("question", "answer")
    concept: str = ""
    language: str = ""
    passage: str | None = None
    split: str = ""
    closed: bool | None = None
    number: int = 0
    earlier: str = ""
    goes_on: bool = False

    @property
    def asked(self) -> str:
        """The question as it is to be compared: with what was said before, without which it may mean anything."""
        return f"{self.earlier}\n{self.question}" if self.earlier else self.question


class Column(IntEnum):
    """Which of a row's two texts."""

    QUESTION = 0
    ANSWER = 1


class Spot(NamedTuple):
    """Where something is wrong: characters ``start:end`` of ``column``, and of the passage ``source``.

    ``message`` is what can be said of the column, or with None of the row: "holds an odd number of quotes".
    """

    message: str
    column: Column | None
    start: int
    end: int
    source: tuple[int, int] = (0, 0)


class Scope(StrEnum):
    """What a rule must know beside the row: its function's second argument."""

    ROW = "row"  # nothing
    PASSAGE = "passage"  # the weights of words over all passages; asked only about rows with a passage
    NO_PASSAGE = "no passage"  # nothing; asked only about rows for which no passage of the source was found
    ROWS = "rows"  # what was seen in all rows
    READER = "reader"  # why a file's reader could not read the row
    JUDGE = "judge"  # the judge's verdict on the row; asked only once there is one


Fix = Callable[[str], str]
"""A text to the same text without the fault, its meaning unchanged."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with a row."""

    code: str
    name: str
    check: Callable[..., Iterable[Spot]]
    scope: Scope
    severity: Severity
    fix: Fix | None
    private: bool = False
    """Whether what it finds must not be shown."""

    @property
    def page(self) -> str:
        """What it finds, why, and examples."""
        return inspect.getdoc(self.check) or ""

    @property
    def options(self) -> dict[str, Any]:
        """Its options with their defaults."""
        parameters = inspect.signature(self.check).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def rule(
    code: str,
    name: str,
    scope: Scope = Scope.ROW,
    *,
    severity: Severity = Severity.ERROR,
    fix: Fix | None = None,
    private: bool = False,
) -> Callable[[Callable[..., Iterable[Spot]]], Rule]:
    """Make a rule of a function."""
    return lambda check: Rule(code, name, check, scope, severity, fix, private)
