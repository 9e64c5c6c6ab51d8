"""Progress on standard error: a live bar in a terminal, plain lines elsewhere."""

import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.prompt import Confirm

from rawtune.pipeline import STAGES
from rawtune.printable import ONE_LINE, printable

_SECONDS_BETWEEN_LINES = 5.0


class Terminal:
    """Draws the progress of a run. Use it in a ``with`` block, so that the bar is taken down.

    With ``details`` it prints everything, such as each row as it comes; with ``yes`` it answers every question so.
    What it is given to say may quote models and files: it is made ``printable`` here.
    """

    def __init__(self, details: bool = False, yes: bool = False) -> None:
        self._details = details
        self._yes = yes
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
        self._started: tuple[float, int] | None = None
        self._last = (0, 0)  # done and total

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def begin(self, stage: str) -> None:
        """Announce a stage; work outside a project shows its progress alone."""
        self._stage = stage
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._next_line = 0.0
        self._started = None
        if stage in STAGES:
            self._console.print(f"[{STAGES.index(stage) + 1}/{len(STAGES)}] {stage}", style="bold")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(printable(line))

    def detail(self, line: Callable[[], str]) -> None:
        """Print a line for those who asked to see everything."""
        if self._details:
            self._console.print(printable(line()))

    def ask(self, question: str) -> bool:
        """Ask at the terminal; without one, only ``yes`` goes on."""
        if self._yes:
            return True
        if not (self._console.is_terminal and sys.stdin.isatty()):
            return False
        self._bar.stop()
        # The run drains its calls on Ctrl-C; a question in the way would never let it.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._yes = Confirm.ask(printable(question), console=self._console, default=False)
            return self._yes
        finally:
            signal.signal(signal.SIGINT, before)
            self._bar.start()

    def advance(self, done: int, total: int, note: str = "") -> None:
        """Move the bar; without a terminal, print a line every few seconds and at the end."""
        note = printable(note, ONE_LINE)
        if self._console.is_terminal:
            if self._task is None:
                self._task = self._bar.add_task(self._stage, total=total, note=note)
            self._bar.update(self._task, completed=done, total=total, note=note)
        elif done == total or time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            self._console.print(f"  {done}/{total} {note}{self._time_left(done, total)}".rstrip())

    def _time_left(self, done: int, total: int) -> str:
        """As the bar of a terminal shows it, for plain lines: from the pace since the first of them."""
        now = time.monotonic()
        if self._started is None or done < self._last[0] or total != self._last[1]:  # the first line, or other work
            self._started = now, done
        self._last = done, total
        began, first = self._started
        if done in (first, total):
            return ""
        left = timedelta(seconds=round((now - began) / (done - first) * (total - done)))
        return f" · {left} left"
