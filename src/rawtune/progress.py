"""How long work reports on itself; the command line draws it, a library caller may ignore it."""

from typing import Protocol


class Progress(Protocol):
    """Receives what a stage wants to show. Implementations must be cheap: they are called per row."""

    def begin(self, stage: str) -> None:
        """A stage starts."""

    def say(self, line: str) -> None:
        """One line for the reader, plain text."""

    def advance(self, done: int, total: int, note: str = "") -> None:
        """``done`` of ``total`` units are finished; ``note`` is a short state such as ``loss 2.31``."""


class Silent:
    """A Progress that shows nothing."""

    def begin(self, stage: str) -> None:
        """Ignore it."""

    def say(self, line: str) -> None:
        """Ignore it."""

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Ignore it."""
