"""The examples on the pages of rules that judge a row among others, and the pages themselves."""

import re

import pytest

from rawtune.config import Verification
from rawtune.verification.pages import page, pages
from rawtune.verification.rule import Row, Scope
from rawtune.verification.rulebook import RULES, Checker
from rawtune.verification.seen import Seen

AMONG_ROWS = [code for code, rule in RULES.items() if rule.scope is Scope.ROWS]


def examples(code: str, heading: str) -> list[Row]:
    """The rows under a heading of a rule's page: question, answer and, where they matter, concept and split."""
    _, _, behind = RULES[code].page.partition(f"\n{heading}:\n")
    lines = re.match(r"(?:    .*\n?)+", behind)
    assert lines, f"{code} has no {heading} examples"
    rows = []
    for number, line in enumerate(lines.group().strip().splitlines(), 1):
        question, answer, concept, split = [*(cell.strip() for cell in line.split(" | ")), "", ""][:4]
        rows.append(Row(question, answer, concept=concept, split=split, number=number))
    return rows


def found(code: str, rows: list[Row]) -> list[str]:
    checker = Checker(Verification(select=(code,)), seen=Seen.gather(lambda: rows))
    return [finding.code for row in rows for finding in checker.check(row)]


@pytest.mark.parametrize("code", AMONG_ROWS)
def test_bad_examples_are_found_and_good_ones_are_not(code):
    assert set(found(code, examples(code, "Bad"))) == {code}
    assert found(code, examples(code, "Good")) == []


def test_every_rule_can_be_explained_and_is_listed():
    for code, rule in RULES.items():
        assert page(code).startswith(f"{code} {rule.name} ({rule.severity}")
        assert f"{code} {rule.name}" in pages()
    assert "Options:\n    likeness: 0.9" in page("RT402")
    assert page("RT999") == ""
