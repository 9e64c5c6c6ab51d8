"""What a check writes: the file with its safe fixes, or without its bad rows, and these rows by themselves."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from rawtune.dataset.rows import Record, Rows, Writer
from rawtune.errors import UsageError
from rawtune.linter.lint import Checked, Lint
from rawtune.verification.rule import Row


class Output:
    """The files that a check leaves behind; use it in a ``with`` block, and give it every row.

    ``kept`` takes the rows, with safe fixes if ``fix``; where there is a ``quarantine``, it takes those with an error
    instead, as they were. Both appear when all is written.
    """

    def __init__(self, lint: Lint, kept: Path | None, quarantine: Path | None, fix: bool) -> None:
        for path in (kept, quarantine):
            if path and path.is_dir():
                raise UsageError(f"{path}: is a folder", "name a file")
            if path and not path.parent.is_dir():
                raise UsageError(f"{path}: there is no folder {path.parent}", "make it first, or name another file")
        self.fixed = self.quarantined = self.written = 0
        self._lint = lint
        self._paths = kept, quarantine
        self._fix = fix
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

    def take(self, checked: Checked) -> Checked:
        """Write one row; what is left to say of it, once what could be fixed is fixed."""
        if self._fix and any(finding.fixable for finding in checked.findings):
            checked = self._mended(checked)
        if self._quarantine and checked.failed:
            self.quarantined += 1
            self._quarantine.write(checked.record)
        elif self._kept:
            self.written += 1
            self._kept.write(checked.record)
        return checked

    def _mended(self, checked: Checked) -> Checked:
        record = mend(self._lint, checked.record)
        if record is checked.record:
            return checked
        self.fixed += 1
        return self._lint.check(record)


def mend(lint: Lint, record: Record) -> Record:
    """A record with the safe fixes of the chosen rules made in all its texts; itself if there is none to make."""
    rows: Rows = lint.rows
    for number, turn in enumerate(record.turns):
        row = Row(turn.question, turn.answer, (turn.question_column, turn.answer_column))
        question, answer = lint.checker.mended(row)
        if (question, answer) != (turn.question, turn.answer):
            record = rows.replace_texts(record, number, question, answer)
    return record
