"""The pages of the rules, as text: what each finds, why, examples, options."""

from rawtune.verification.rule import Rule
from rawtune.verification.rulebook import RULES


def page(code: str) -> str:
    """One rule's page; empty if there is no such rule."""
    return _page(RULES[code]) if code in RULES else ""


def pages() -> str:
    """All rules, a line each."""
    return "\n".join(
        f"{rule.code} {rule.name:<22} {rule.severity.value:<8}{'fixable ' if rule.fix else '        '}"
        f"{rule.page.splitlines()[0]}"
        for rule in RULES.values()
    )


def _page(rule: Rule) -> str:
    head = f"{rule.code} {rule.name} ({rule.severity.value}{', fixable' if rule.fix else ''})"
    options = "".join(f"\n    {name}: {value!r}" for name, value in rule.options.items())
    return f"{head}\n\n{rule.page}" + (f"\n\nOptions:{options}" if options else "")
