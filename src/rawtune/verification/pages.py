"""The pages of the rules, as text: what each finds, why, examples, options."""

from rawtune.verification.rule import Rule
from rawtune.verification.rulebook import RULES


def page(code: str) -> str:
    """One rule's page, or the lines of all whose codes begin so; empty if there is none."""
    if code in RULES:
        return _page(RULES[code])
    return "\n".join(_line(rule) for rule in RULES.values() if code and rule.code.startswith(code))


def pages() -> str:
    """All rules, a line each."""
    return "\n".join(map(_line, RULES.values()))


def _line(rule: Rule) -> str:
    fixable = "fixable" if rule.fix else ""
    return f"{rule.code} {rule.name:<22} {rule.severity.value:<8}{fixable:<8}{rule.page.splitlines()[0]}"


def _page(rule: Rule) -> str:
    head = f"{rule.code} {rule.name} ({rule.severity.value}{', fixable' if rule.fix else ''})"
    options = "".join(f"\n    {name}: {value!r}" for name, value in rule.options.items())
    return f"{head}\n\n{rule.page}" + (f"\n\nOptions:{options}" if options else "")
