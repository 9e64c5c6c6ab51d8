"""A file of anyone's making, read and judged row by row, in memory that hardly grows with it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from rawtune.config import Passages, Verification
from rawtune.dataset.layout import Turn, placed
from rawtune.dataset.readers import open_rows
from rawtune.dataset.rows import Record
from rawtune.errors import RawTextError
from rawtune.linter.ahead import Taken, judged_ahead
from rawtune.passages.split import split
from rawtune.progress import Progress, Silent
from rawtune.records import Finding, Passage, Severity
from rawtune.sources import text
from rawtune.verification.concepts import subject
from rawtune.verification.marks import Marks, row_id
from rawtune.verification.rule import Row, Scope
from rawtune.verification.rulebook import RULES, Checker, chosen
from rawtune.verification.seen import Seen
from rawtune.verification.source import Source
from rawtune.verification.weights import Weights

_OF_ANY_TEXT = ("RT101", "RT102", "RT103", "RT105", "RT107", "RT119", "RT701", "RT702", "RT703", "RT704", "RT705")
"""Rules that make sense of a system message, which is neither question nor answer."""
_BETWEEN_NOTES = 2_000
"""Rows between two reports of progress."""
_LARGE = 1 << 22
"""Bytes of a file for which a second process is worth its start."""


class Checked(NamedTuple):
    """One row with what is wrong with it. ``sources`` holds, beside each finding, the passage that it speaks of."""

    record: Record
    findings: tuple[Finding, ...]
    sources: tuple[Passage | None, ...]
    concept: str = ""
    fixed: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


class Lint:
    """The rows of ``path`` under the rules that ``settings`` choose; iterating judges them, once.

    ``columns`` name question and answer where they are not recognised; ``source`` is the text file, or the folder of
    them, that the answers were made from; ``language`` is what they should be in, by default that of each question.
    With ``fix`` every row has the safe fixes of the chosen rules made before anything is judged. With ``ahead`` a large
    file is judged by two processes, if there are two processors. Raises
    ``RawTextError`` or ``ConfigError`` if the file, its source or the settings cannot be used.
    """

    def __init__(
        self,
        path: Path,
        settings: Verification | None = None,
        *,
        columns: tuple[str, str] | None = None,
        source: Path | None = None,
        language: str = "",
        marks: Marks | None = None,
        fix: bool = False,
        progress: Progress | None = None,
        ahead: bool = False,
    ) -> None:
        self._settings = settings = settings or Verification()
        self.rows = open_rows(path, columns)
        self.marks = marks or Marks()
        self._language = language
        self._progress = progress or Silent()
        self._passages = _passages(source) if source else []
        self._source = Source(passage.text for passage in self._passages) if source else None
        weights = Weights(passage.text for passage in self._passages) if source else None
        self._fix = fix
        self._ahead = ahead and self.rows.size >= _LARGE and (os.cpu_count() or 1) > 1
        self._seen = Seen()
        self._checker = Checker(settings, weights, self._seen)
        if any(rule.scope is Scope.ROWS for rule in self._checker.rules):
            self._seen = Seen.gather(lambda: self._all_rows("reading"))
            self._checker = Checker(settings, weights, self._seen)
        codes = tuple(code for code in _OF_ANY_TEXT if chosen(code, settings))
        self._of_systems = Checker(settings.model_copy(update={"select": codes, "ignore": ()}))
        self.notes = [self.rows.note] if self.rows.note else []
        grounded = any(chosen(code, settings) for code, rule in RULES.items() if rule.scope is Scope.PASSAGE)
        if source is None and grounded:
            self.notes.append("without --source no answer was compared with a text: RT2xx left out")

    def __iter__(self) -> Iterator[Checked]:
        """Every row of the file, faulty ones too, in order."""
        records = (Taken(record, fixed, *self._turns(record)) for record, fixed in self._watched("checking"))
        if self._ahead:
            yield from (self._check(taken, alone) for taken, alone in judged_ahead(self._settings, records))
        else:
            yield from map(self._check, records)

    def _check(self, taken: Taken, alone: Sequence[list[Finding]] = ()) -> Checked:
        record, fixed, rows, places = taken
        if record.fault:
            unread = self._checker.unread(Row("", "", self.rows.columns, number=record.number), record.fault)
            return Checked(record, tuple(unread), (None,) * len(unread))
        found: list[tuple[Finding, Passage | None]] = []
        for turn, row, at, before in zip_longest(record.turns, rows, places, alone):
            if findings := self._checker.check(row, before):
                passage = None if at is None else self._passages[at]
                found += [(one, passage if one.source_end else None) for one in placed(findings, turn)]
        for column, told in record.systems:
            of_system = self._of_systems.check(Row(told, "", (column, column), number=record.number))
            found += [(replace(finding, fixable=False), None) for finding in of_system]
        if not found:
            return Checked(record, (), (), record.concept, fixed)
        accepted = self.marks.accepted(record_id(record))
        found = [(finding, passage) for finding, passage in found if finding.code not in accepted]
        concept = record.concept or self._concept(record)
        return Checked(record, tuple(f for f, _ in found), tuple(p for _, p in found), concept, fixed)

    def _turns(self, record: Record) -> tuple[list[Row], list[int | None]]:
        """A row for each turn of a record, and the index of the passage that it was most probably made from."""
        rows, places = [], []
        for turn, earlier, goes_on in _told(record):
            at = self._source.find(turn.question, turn.answer, record.concept) if self._source else None
            row = Row(
                turn.question,
                turn.answer,
                (turn.question_column, turn.answer_column),
                record.concept,
                self._language,
                None if self._source is None else "" if at is None else self._passages[at].text,
                record.split,
                number=record.number,
                earlier=earlier,
                goes_on=goes_on,
            )
            rows.append(row)
            places.append(at)
        return rows, places

    def _all_rows(self, what: str) -> Iterator[Row]:
        """The rows without their passages: enough to see what repeats."""
        for record, _ in self._watched(what):
            for turn, earlier, goes_on in _told(record):
                yield Row(
                    turn.question,
                    turn.answer,
                    concept=record.concept,
                    split=record.split,
                    number=record.number,
                    earlier=earlier,
                    goes_on=goes_on,
                )

    def _concept(self, record: Record) -> str:
        if not record.turns:
            return ""
        turn = record.turns[0]
        row = Row(turn.question, turn.answer)
        group = self._seen.group(row)
        # What like questions share may be any words of theirs; a name leaves a template that others are asked by.
        return subject(turn.question, group.concepts) if self._seen.is_templated(row, group) else ""

    def _mended(self, record: Record) -> Record:
        """A record with the safe fixes made in all its texts; itself if there is none to make."""
        for number, turn in enumerate(record.turns):
            row = Row(turn.question, turn.answer, (turn.question_column, turn.answer_column))
            question, answer = self._checker.mended(row)
            if (question, answer) != (turn.question, turn.answer):
                record = self.rows.replace_texts(record, number, question, answer)
        return record

    def _watched(self, what: str) -> Iterator[tuple[Record, bool]]:
        """Every record, and whether it was fixed."""
        for record in self.rows:
            if record.number % _BETWEEN_NOTES == 0:
                share = min(99, 100 * self.rows.position // max(1, self.rows.size))
                self._progress.advance(share, 100, f"{what}: {record.number:,} rows")
            mended = self._mended(record) if self._fix else record
            yield mended, mended is not record


def _told(record: Record) -> Iterator[tuple[Turn, str, bool]]:
    """Each turn of a record, what was said before it, and whether more is to come."""
    said: list[str] = []
    for number, turn in enumerate(record.turns, 1):
        yield turn, "\n".join(said), number < len(record.turns)
        said += (turn.question, turn.answer)


def record_id(record: Record) -> str:
    """The name of a record in marks."""
    texts = [text for turn in record.turns for text in (turn.question, turn.answer)]
    return row_id(*texts, *(told for _, told in record.systems))


def _passages(source: Path) -> list[Passage]:
    folder = source if source.is_dir() else source.parent
    paths = sorted(source.rglob("*.txt")) if source.is_dir() else [source]
    if not paths or not source.exists():
        raise RawTextError(f"{source}: no text file there", "name a UTF-8 .txt file, or a folder that holds some")
    return list(split(text.read(folder, paths), Passages().max_tokens))
