"""Every rule's page holds examples, and the rule does on them what its page says."""

import re

import pytest

from rawtune.config import Verification
from rawtune.errors import ConfigError
from rawtune.records import Severity
from rawtune.verification.rule import Row, Scope
from rawtune.verification.rulebook import RULES, Checker

ROW_RULES = [code for code, rule in RULES.items() if rule.scope is Scope.ROW]


def examples(code: str, heading: str) -> list[Row]:
    """The rows under a heading of a rule's page: ``question | answer``."""
    _, _, behind = RULES[code].page.partition(f"\n{heading}:\n")
    lines = re.match(r"(?:    .*\n?)+", behind)
    assert lines, f"{code} has no {heading} examples"
    rows = [[cell.strip() for cell in line.split(" | ")] for line in lines.group().strip().splitlines()]
    return [Row(*cells[:2], columns=("content", "summary")) for cells in rows]


@pytest.mark.parametrize("code", ROW_RULES)
def test_every_bad_example_is_found_by_its_rule_within_the_text(code):
    checker = Checker(Verification(select=(code,)))
    for row in examples(code, "Bad"):
        findings = checker.check(row)
        assert findings, row
        for finding in findings:
            text = row.question if finding.column == "content" else row.answer
            assert finding.code == code
            assert 0 <= finding.start <= finding.end <= len(text)
            assert finding.start < finding.end or not text


@pytest.mark.parametrize("code", ROW_RULES)
def test_no_good_example_is_found_by_any_rule_of_its_family(code):
    checker = Checker(Verification(select=(code[:3],)))
    for row in examples(code, "Good"):
        assert checker.check(row) == [], row


@pytest.mark.parametrize("code", RULES)
def test_a_rule_has_a_name_and_a_page_with_a_summary(code):
    assert re.fullmatch(r"RT\d{3}", code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", RULES[code].name)
    assert RULES[code].page.splitlines()[0].endswith((".", "。"))


def test_only_what_the_rules_of_privacy_find_must_not_be_shown():
    assert {code for code, rule in RULES.items() if rule.private} == {"RT701", "RT702", "RT703", "RT704", "RT705"}


@pytest.mark.parametrize(
    ("select", "ignore", "found"),
    [
        (("RT",), (), {"RT103", "RT106"}),
        (("RT",), ("RT103",), {"RT106"}),
        (("RT103",), ("RT1",), {"RT103"}),
        (("RT1",), ("RT1",), set()),
    ],
)
def test_the_longest_code_decides_what_is_chosen(select, ignore, found):
    checker = Checker(Verification(select=select, ignore=ignore))
    assert {finding.code for finding in checker.check(Row("{Meng}", "Meng is a"))} == found


def test_the_severity_of_a_rule_is_the_users():
    checker = Checker(Verification(select=("RT106",), severity={"RT106": Severity.WARNING}))
    assert [finding.severity for finding in checker.check(Row("Meng", "Meng is a"))] == [Severity.WARNING]


def test_every_setting_that_does_not_exist_is_named():
    settings = Verification(
        select=("RT1", "XX"), ignore=("RT999",), severity={"RT0": Severity.ERROR}, options={"RT106": {"most": 3}}
    )
    with pytest.raises(ConfigError) as caught:
        Checker(settings)
    for part in ("'XX'", "'RT999'", "'RT0'", "RT106 has no option 'most'"):
        assert part in caught.value.message
