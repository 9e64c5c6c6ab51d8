"""All rules, and a check of rows by those that the user chose."""

from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rawtune.config import Verification
from rawtune.errors import ConfigError
from rawtune.records import Finding, Severity
from rawtune.verification.rule import Column, Row, Rule, Scope, Spot
from rawtune.verification.rules import (
    content,
    duplicates,
    ending,
    escapes,
    form,
    grounding,
    judge,
    language,
    leakage,
    privacy,
    secret,
    templates,
    unreadable,
    unsourced,
)
from rawtune.verification.rules.judge import Verdict

_FAMILIES = (
    *(
        unreadable,
        unsourced,
        form,
        escapes,
        duplicates,
        leakage,
        templates,
        judge,
        ending,
        content,
        language,
        privacy,
        secret,
        grounding,
    ),
)

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in sorted(
        (value for family in _FAMILIES for value in vars(family).values() if isinstance(value, Rule)),
        key=lambda rule: rule.code,
    )
}
"""Every rule by its code, in order."""


_Step = tuple[Rule, Severity, Callable[..., Iterable[Spot]]]


class Checker:
    """The chosen rules, with their options and severities; ``check`` says what is wrong with one row.

    ``weights`` is what the rules of a passage need, ``seen`` what those need that judge a row among all others; without
    them, these rules are left out. Those of a judge are asked by ``judged``, once it has given its verdict, those of a
    file's reader by ``unread``. Raises ``ConfigError`` naming every code, option or value that does not exist.
    """

    def __init__(self, settings: Verification, weights: Any = None, seen: Any = None) -> None:
        _validate(settings)
        context = {Scope.PASSAGE: weights, Scope.ROWS: seen}
        self.rules = tuple(
            rule
            for rule in RULES.values()
            if chosen(rule.code, settings) and (rule.scope not in context or context[rule.scope] is not None)
        )
        steps: dict[Scope, list[_Step]] = {scope: [] for scope in Scope}
        for rule in self.rules:
            options = settings.options.get(rule.code, {})
            check = partial(rule.check, **options) if options else rule.check
            if rule.scope in context:
                check = _given(check, context[rule.scope])
            steps[rule.scope].append((rule, settings.severity.get(rule.code, rule.severity), check))
        self._of_readers, self._of_judges = steps[Scope.READER], steps[Scope.JUDGE]
        self._alone, self._without_passage = steps[Scope.ROW], steps[Scope.ROWS]
        self._with_passage = steps[Scope.ROWS] + steps[Scope.PASSAGE]
        self._unsourced = steps[Scope.ROWS] + steps[Scope.NO_PASSAGE]
        self._fixes = [(rule.fix, check) for rule, _, check in steps[Scope.ROW] if rule.fix]

    def check(self, row: Row, alone: Iterable[Finding] | None = None) -> list[Finding]:
        """All findings, in the order of the codes; the rules of a passage only where the row has one.

        ``alone`` is what the method of that name said of the row, if it was asked before.
        """
        steps = self._with_passage if row.passage else self._without_passage if row.passage is None else self._unsourced
        found = [*(self.alone(row) if alone is None else alone), *_found(steps, row)]
        return sorted(found, key=_code) if len(found) > 1 else found

    def alone(self, row: Row) -> list[Finding]:
        """What the rules find that know nothing but the row: neither a passage nor other rows."""
        return _found(self._alone, row)

    def judged(self, row: Row, verdict: Verdict) -> list[Finding]:
        """What the judge's verdict on the row amounts to, in the order of the codes."""
        return [_finding(rule, level, spot, row) for rule, level, ask in self._of_judges for spot in ask(row, verdict)]

    def unread(self, row: Row, fault: str) -> list[Finding]:
        """What it amounts to that the row could not be read."""
        return [_finding(rule, level, spot, row) for rule, level, ask in self._of_readers for spot in ask(row, fault)]

    def mended(self, row: Row) -> tuple[str, str]:
        """Question and answer after the safe fixes of those rules that find a fault in them."""
        for fix, check in self._fixes:
            columns = {spot.column for spot in check(row)}
            if Column.QUESTION in columns:
                row = row._replace(question=fix(row.question))
            if Column.ANSWER in columns:
                row = row._replace(answer=fix(row.answer))
        return row.question, row.answer


def _found(steps: list[_Step], row: Row) -> list[Finding]:
    return [_finding(rule, severity, spot, row) for rule, severity, check in steps for spot in check(row)]


_code = attrgetter("code")


def _given(check: Callable[..., Iterable[Spot]], context: Any) -> Callable[[Row], Iterable[Spot]]:
    return lambda row: check(row, context)


def _finding(rule: Rule, severity: Severity, spot: Spot, row: Row) -> Finding:
    if spot.column is None:
        return Finding(rule.code, f"the row {spot.message}", severity=severity)
    column = row.columns[spot.column]
    text = row.answer if spot.column else row.question
    return Finding(
        rule.code,
        f"'{column}' {spot.message}",
        column,
        spot.start,
        spot.end,
        severity,
        rule.fix is not None and rule.fix(text) != text,
        *spot.source,
    )


def chosen(code: str, settings: Verification) -> bool:
    """Whether a rule is on: the longest beginning of its code that is named decides; ignored wins a draw."""
    selected = max((len(start) for start in settings.select if code.startswith(start)), default=0)
    ignored = max((len(start) for start in settings.ignore if code.startswith(start)), default=0)
    return selected > ignored


def _validate(settings: Verification) -> None:
    faults = [
        f"verification: no rule's code begins with '{start}'"
        for start in (*settings.select, *settings.ignore)
        if not any(code.startswith(start) for code in RULES)
    ]
    for code in (*settings.severity, *settings.options):
        if code not in RULES:
            faults.append(f"verification: there is no rule '{code}'")
    for code, options in settings.options.items():
        known = RULES[code].options if code in RULES else {}
        for name, value in options.items():
            if code in RULES and name not in known:
                faults.append(f"verification: {code} has no option '{name}'; it has: {', '.join(known) or 'none'}")
            elif name in known and not _is_like(value, known[name]):
                faults.append(f"verification: {code} {name}: {value!r} is not like its default, {known[name]!r}")
    if faults:
        raise ConfigError("\n".join(faults), "list the rules with: rawtune check --explain all")


def _is_like(value: Any, default: Any) -> bool:
    try:
        TypeAdapter(type(default)).validate_python(value, strict=not isinstance(default, tuple))
    except ValidationError:
        return False
    return True
