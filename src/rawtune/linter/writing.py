"""What a check writes: the file with its safe fixes, or without its bad rows, and these rows by themselves."""

import os
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rawtune.dataset.rows import Writer
from rawtune.errors import UsageError
from rawtune.linter.lint import Checked, Lint
from rawtune.verification import marks


def targets(
    file: Path, source: Path | None, *, fix: bool, in_place: bool, quarantine: Path | None
) -> tuple[Path | None, Path | None]:
    """Where the rows that are kept and those in quarantine go, each None if it is not to be written.

    Nothing is read or written. Raises ``UsageError`` if a file would be lost: only ``file`` itself is ever replaced.
    """
    kept = None
    if in_place:
        kept = file.resolve()
    elif fix or quarantine:
        named = file if file.name.strip(".") else file.resolve()  # . and .. have no name to add to
        kept = named.with_name(f"{named.stem}.{'fixed' if fix else 'kept'}{named.suffix}")
    if quarantine:
        place = quarantine.resolve()
        for other in filter(None, (file, marks.beside(file), kept, source)):
            if place == other.resolve():
                raise UsageError(f"--quarantine must name another file than {other}", "give it a name of its own")
        for folder in (file, source):
            if folder and folder.is_dir() and folder.resolve() in place.parents:
                raise UsageError(f"{quarantine}: is inside {folder}, which is read", "name a file elsewhere")
    for path in (None if in_place else kept, quarantine):
        if path and os.path.lexists(path):
            raise UsageError(f"{path}: exists already, and may hold rows of an earlier run", "remove or rename it")
        if path and not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}", "make it first, or name another file")
    return kept, quarantine


class Output:
    """The files that a check leaves behind; use it in a ``with`` block, and give it every row.

    ``kept`` takes the rows; where there is a ``quarantine``, it takes those with an error instead. Both appear when all
    is written.
    """

    def __init__(self, lint: Lint, kept: Path | None, quarantine: Path | None) -> None:
        self.fixed = self.quarantined = self.written = 0
        self._lint = lint
        self._paths = kept, quarantine
        self._kept: Writer | None = None
        self._quarantine: Writer | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        rows = self._lint.rows
        with ExitStack() as stack:
            kept, quarantine = self._paths
            self._kept = stack.enter_context(rows.writer(kept)) if kept else None
            self._quarantine = stack.enter_context(rows.writer(quarantine)) if quarantine else None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    def take(self, checked: Checked) -> None:
        """Write one row."""
        if self._quarantine and checked.failed:
            self.quarantined += 1
            self._quarantine.write(checked.record)
        elif self._kept:
            self.written += 1
            self.fixed += checked.fixed
            self._kept.write(checked.record)
