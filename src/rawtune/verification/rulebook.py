"""All rules, and a check of rows by those that the user chose."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rawtune.config import Verification
from rawtune.errors import ConfigError
from rawtune.records import Finding, Severity
from rawtune.verification import form, judge
from rawtune.verification.judge import Verdict
from rawtune.verification.rule import Row, Rule, Scope, Spot

_FAMILIES = (form, judge)

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in sorted(
        (value for family in _FAMILIES for value in vars(family).values() if isinstance(value, Rule)),
        key=lambda rule: rule.code,
    )
}
"""Every rule by its code, in order."""


class Checker:
    """The chosen rules, with their options and severities; ``check`` says what is wrong with one row.

    ``weights`` is what the rules of a passage need, ``seen`` what those need that judge a row among all others; without
    them, these rules are left out. The judge's rules are asked by ``judged``, once it has given its verdict. Raises
    ``ConfigError`` naming every code, option or value that does not exist.
    """

    def __init__(self, settings: Verification, weights: Any = None, seen: Any = None) -> None:
        _validate(settings)
        context = {Scope.PASSAGE: weights, Scope.ROWS: seen}
        self.rules = tuple(
            rule
            for rule in RULES.values()
            if _chosen(rule.code, settings) and (rule.scope not in context or context[rule.scope] is not None)
        )
        self._steps: list[tuple[Rule, Severity, Callable[[Row], Iterable[Spot]]]] = []
        self._judge_steps: list[tuple[Rule, Severity, Callable[[Row, Verdict], Iterable[Spot]]]] = []
        for rule in self.rules:
            options = settings.options.get(rule.code, {})
            check = partial(rule.check, **options) if options else rule.check
            severity = settings.severity.get(rule.code, rule.severity)
            if rule.scope is Scope.JUDGE:
                self._judge_steps.append((rule, severity, check))
                continue
            if rule.scope in context:
                check = _given(check, context[rule.scope])
            self._steps.append((rule, severity, check))
        self._without_passage = [step for step in self._steps if step[0].scope is not Scope.PASSAGE]

    def check(self, row: Row) -> list[Finding]:
        """All findings, in the order of the codes; the rules of a passage only where the row has one."""
        steps = self._without_passage if row.passage is None else self._steps
        return [_finding(rule, severity, spot, row) for rule, severity, check in steps for spot in check(row)]

    def judged(self, row: Row, verdict: Verdict) -> list[Finding]:
        """What the judge's verdict on the row amounts to, in the order of the codes."""
        return [
            _finding(rule, level, spot, row) for rule, level, ask in self._judge_steps for spot in ask(row, verdict)
        ]


def _given(check: Callable[..., Iterable[Spot]], context: Any) -> Callable[[Row], Iterable[Spot]]:
    return lambda row: check(row, context)


def _finding(rule: Rule, severity: Severity, spot: Spot, row: Row) -> Finding:
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


def _chosen(code: str, settings: Verification) -> bool:
    """The longest beginning of the code that is selected or ignored decides; ignored wins a draw."""
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
