"""What a check found, for people and as JSON; both are written as the rows come."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rawtune.linter.lint import Checked
from rawtune.printable import ONE_LINE, printable
from rawtune.records import Finding, Passage, Severity
from rawtune.verification.rulebook import RULES

_AROUND = 30
"""Characters shown on each side of a span."""
_LONGEST = 120
_OPENING = 3
"""Characters of what is private that are shown."""
_CONCEPTS = 20
"""Concepts that a summary names, those with the most bad rows."""


@dataclass
class Summary:
    """The sums of a check. ``rows`` = clean + only warnings + with errors."""

    rows: int = 0
    rows_with_errors: int = 0
    rows_with_warnings: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    by_concept: Counter[str] = field(default_factory=Counter)
    severities: Counter[Severity] = field(default_factory=Counter)

    def take(self, checked: Checked) -> None:
        """Count one row."""
        self.rows += 1
        if not checked.findings:
            return
        self.rows_with_errors += checked.failed
        self.rows_with_warnings += not checked.failed
        self.by_rule.update(finding.code for finding in checked.findings)
        self.severities.update(finding.severity for finding in checked.findings)
        if checked.concept and checked.failed:
            self.by_concept[checked.concept] += 1

    def as_json(self) -> dict[str, Any]:
        """The sums, by their names."""
        return {
            "errors": self.severities[Severity.ERROR],
            "warnings": self.severities[Severity.WARNING],
            "rows_with_errors": self.rows_with_errors,
            "rows_with_only_warnings": self.rows_with_warnings,
            "rows_clean": self.rows - self.rows_with_errors - self.rows_with_warnings,
            "by_rule": dict(sorted(self.by_rule.items())),
            "by_concept": dict(self.by_concept.most_common(_CONCEPTS)),
        }

    def lines(self) -> Iterator[str]:
        """The sums, for people."""
        for code, n in sorted(self.by_rule.items()):
            yield f"{n:>8} {code} {RULES[code].name}"
        for concept, n in self.by_concept.most_common(_CONCEPTS):
            yield f"{n:>8} bad rows about {concept}"
        yield (
            f"{self.rows:,} rows = {self.rows - self.rows_with_errors - self.rows_with_warnings:,} clean"
            f" + {self.rows_with_warnings:,} with warnings only + {self.rows_with_errors:,} with errors"
        )


def entries(checked: Checked) -> Iterator[dict[str, Any]]:
    """A row's findings as JSON objects."""
    for finding, passage in zip(checked.findings, checked.sources, strict=True):
        entry = {
            "row": checked.record.number,
            "line": checked.record.line,
            "code": finding.code,
            "severity": finding.severity.value,
            "column": finding.column,
            "start": finding.start,
            "end": finding.end,
            "message": finding.message,
            "fixable": finding.fixable,
        }
        if checked.record.file:
            entry["file"] = checked.record.file
        if passage:
            entry["source"] = {
                "file": passage.document,
                "start": passage.start + finding.source_start,
                "end": passage.start + finding.source_end,
                "text": passage.text[finding.source_start : finding.source_end],
            }
        yield entry


def dump(content: Any) -> str:
    """JSON, UTF-8 as it is; half characters, which no UTF-8 can hold, are escaped."""
    text = json.dumps(content, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(content)
    return text


def place(path: Path, checked: Checked) -> str:
    """Where a row stands: file and line, or file and row where a format has no lines."""
    file = path / checked.record.file if checked.record.file else path
    record = checked.record
    return f"{file}:{record.line}" if record.line else f"{file}: row {record.number}"


def describe(path: Path, checked: Checked, mark: tuple[str, str]) -> Iterator[str]:
    """A row's findings, for people; ``mark`` is put around what a finding speaks of."""
    turns = (text for turn in checked.record.turns for text in turn.texts.items())
    texts = dict((*checked.record.systems, *turns))
    for finding in checked.findings:
        if RULES[finding.code].private:
            texts[finding.column] = _masked(texts[finding.column], finding)
    for finding, passage in zip(checked.findings, checked.sources, strict=True):
        yield printable(f"{place(path, checked)}: {finding.severity.value} {finding.code} {finding.message}", ONE_LINE)
        if shown := _shown(texts.get(finding.column, ""), finding.start, finding.end, mark):
            yield f"    {shown}"
        if passage:
            yield f"    {printable(passage.document, ONE_LINE)}: {_source(finding, passage, mark)}"


def _masked(text: str, finding: Finding) -> str:
    """The text with what the finding speaks of made unreadable but for its beginning: it may go into a log."""
    inside = text[finding.start : finding.end]
    return f"{text[: finding.start]}{inside[:_OPENING]}{'*' * (len(inside) - _OPENING)}{text[finding.end :]}"


def _source(finding: Finding, passage: Passage, mark: tuple[str, str]) -> str:
    return _shown(passage.text, finding.source_start, finding.source_end, mark)


def _shown(text: str, start: int, end: int, mark: tuple[str, str]) -> str:
    """The span marked, with a little of what stands around it, on one line."""
    if not text.strip():
        return ""
    inside = text[start:end]
    if len(inside) > _LONGEST:
        inside = f"{inside[: _LONGEST // 2]} … {inside[-_LONGEST // 2 :]}"
    before = f"{'…' if start > _AROUND else ''}{text[max(0, start - _AROUND) : start]}"
    behind = f"{text[end : end + _AROUND]}{'…' if end + _AROUND < len(text) else ''}"
    before, inside, behind = (printable(part, ONE_LINE) for part in (before, inside, behind))
    return f"{before}{mark[0]}{inside}{mark[1]}{behind}"
