"""Findings as SARIF 2.1.0 (OASIS), which code hosts show beside a change; written as the rows come."""

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rawtune.linter.lint import Checked
from rawtune.linter.report import dump
from rawtune.verification.rule import Rule
from rawtune.verification.rulebook import RULES

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(path: Path, rows: Iterable[Checked]) -> Iterator[str]:
    """Pieces of one SARIF log. A finding's place is its row's line; the characters are in ``properties``."""
    driver = {
        "name": "rawtune",
        "version": version("rawtune"),
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    yield f'{{"$schema": "{_SCHEMA}", "version": "2.1.0", "runs": [{{"tool": {dump({"driver": driver})}, '
    yield '"columnKind": "unicodeCodePoints", "results": ['
    separator = ""
    for checked in rows:
        for result in _results(path, checked):
            yield f"{separator}\n{dump(result)}"
            separator = ","
    yield "\n]}]}\n"


def _rule(rule: Rule) -> dict[str, Any]:
    summary, _, rest = rule.page.partition("\n")
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": rest.strip() or summary},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _results(path: Path, checked: Checked) -> Iterator[dict[str, Any]]:
    record = checked.record
    file = quote((path / record.file if record.file else path).as_posix())
    for finding in checked.findings:
        location: dict[str, Any] = {"artifactLocation": {"uri": file}}
        if record.line:
            location["region"] = {"startLine": record.line}
        yield {
            "ruleId": finding.code,
            "level": finding.severity.value,
            "message": {"text": finding.message},
            "locations": [{"physicalLocation": location}],
            "properties": {
                "row": record.number,
                "column": finding.column,
                "start": finding.start,
                "end": finding.end,
                "fixable": finding.fixable,
            },
        }
