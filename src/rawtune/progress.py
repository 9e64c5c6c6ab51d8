"""How long work reports on itself; the command line draws it, a library caller may ignore it."""

from collections.abc import Callable
from typing import Protocol


class Progress(Protocol):
    """Receives what a stage wants to show. Implementations must be cheap: they are called per row."""

    def begin(self, stage: str) -> None:
        """A stage starts."""

    def say(self, line: str) -> None:
        """One line for the reader, plain text."""

    def detail(self, line: Callable[[], str]) -> None:
        """A line for the reader who asked to see everything, such as each row as it comes; else it is never made."""

    def ask(self, question: str) -> bool:
        """Put a question to the reader; False where nobody can answer."""

    def advance(self, done: int, total: int, note: str = "") -> None:
        """``done`` of ``total`` units are finished; ``note`` is a short state such as ``loss 2.31``."""


class Silent:
    """A Progress that shows nothing."""

    def begin(self, stage: str) -> None:
        """Ignore it."""

    def say(self, line: str) -> None:
        """Ignore it."""

    def detail(self, line: Callable[[], str]) -> None:
        """Ignore it."""

    def ask(self, question: str) -> bool:
        """Nobody is there to say yes."""
        return False

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Ignore it."""
