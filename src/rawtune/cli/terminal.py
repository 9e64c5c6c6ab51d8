"""Progress on standard error: a live bar in a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from rawtune.pipeline import STAGES

_SECONDS_BETWEEN_LINES = 5.0


class Terminal:
    """Draws the progress of a run. Use it in a ``with`` block, so that the bar is taken down."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._stage = ""
        self._task: TaskID | None = None
        self._next_line = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def begin(self, stage: str) -> None:
        """Announce a stage."""
        self._stage = stage
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._next_line = 0.0
        self._console.print(f"[{list(STAGES).index(stage) + 1}/{len(STAGES)}] {stage}", style="bold")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line)

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Move the bar; without a terminal, print a line every few seconds and at the end."""
        if self._console.is_terminal:
            if self._task is None:
                self._task = self._bar.add_task(self._stage, total=total, note=note)
            self._bar.update(self._task, completed=done, total=total, note=note)
        elif done == total or time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            self._console.print(f"  {done}/{total} {note}".rstrip())
