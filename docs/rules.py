"""Write docs/rules.md anew from the docstrings of the rules: python docs/rules.py > docs/rules.md."""

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

from rawtune.synthesis import reply
from rawtune.verification.rulebook import RULES

FAMILIES = {
    "RT1": "form",
    "RT2": "grounding, asked only about rows with a passage",
    "RT3": "language",
    "RT4": "duplicates",
    "RT5": "leakage",
    "RT6": "templates",
    "RT7": "privacy",
}

HEAD = """\
# The rules

[中文](rules.zh-CN.md)

Every rule that `rawtune check` and the stage `verify` know, and every fault that the parser of replies names.
This page is made of the docstrings in the code (`python docs/rules.py > docs/rules.md`).
`rawtune check --explain CODE` prints the page of a rule, `rawtune check --explain all` lists the rules.
How rules are chosen, and what becomes of a finding: [verification](verification.md).

In the examples a row is `question | answer`; behind these come the passage (RT2xx), or the concept and the split
(RT4xx to RT6xx). A rule that judges a row among others finds the last row of its example. A *fault of a reply* is one
of what a teacher sent, before there is a row; it always counts as an error, and has no settings.
"""


class Entry(NamedTuple):
    """A code's line of the table, and its page; RT114 and RT115 have two, for a row and for a reply."""

    code: str
    name: str
    severity: str
    fixable: bool
    page: str
    options: dict[str, object]


def entries() -> list[Entry]:
    """All rules and faults in the order of their codes."""
    names = dict(re.findall(r"(RT\d{3}) ([a-z-]+)", reply.__doc__ or ""))
    rules = [
        Entry(rule.code, rule.name, rule.severity.value, rule.fix is not None, rule.page, rule.options)
        for rule in RULES.values()
    ]
    faults = [Entry(code, names[code], "reply", False, page, {}) for code, page in reply.FAULTS.items()]
    return sorted([*rules, *faults], key=lambda entry: entry.code)


def markdown() -> str:
    """The whole of docs/rules.md."""
    return HEAD + "".join(f"\n{part}" for part in _parts())


def _parts() -> Iterator[str]:
    all_entries = entries()
    yield "| code | name | severity | fixed by `--fix` | finds |\n| --- | --- | --- | --- | --- |\n" + "".join(
        f"| [{e.code}](#{_anchor(e)}) | {e.name} | {_severity(e)} | {'yes' if e.fixable else ''} | {_first(e)} |\n"
        for e in all_entries
    )
    for start, family in FAMILIES.items():
        yield f"## {start}xx: {family}\n"
        for entry in all_entries:
            if entry.code.startswith(start):
                yield _page(entry)


def _page(entry: Entry) -> str:
    """A docstring as Markdown: its examples become code."""
    lines = [f"### {_title(entry)}", "", f"*{_severity(entry)}{', fixable' if entry.fixable else ''}*", ""]
    for line in entry.page.splitlines():
        if line in ("Bad:", "Good:"):
            lines += ["", line, ""] if lines[-1] else [line, ""]
        else:
            lines.append(line if line.startswith("    ") else _prose(line))
    if entry.options:
        lines += ["", "Options, with their defaults: " + ", ".join(f"`{k}: {v!r}`" for k, v in entry.options.items())]
    return "\n".join(lines) + "\n"


def _title(entry: Entry) -> str:
    return f"{entry.code} {entry.name}{' of a reply' if entry.severity == 'reply' and entry.code in RULES else ''}"


def _anchor(entry: Entry) -> str:
    return _title(entry).lower().replace(" ", "-")


def _severity(entry: Entry) -> str:
    return "fault of a reply" if entry.severity == "reply" else entry.severity


def _first(entry: Entry) -> str:
    return _prose(entry.page.partition("\n")[0]).replace("|", "\\|")


def _prose(text: str) -> str:
    """Text in which a < that is not in code opens no tag."""
    return re.sub(r"(``.*?``)|<", lambda found: found[1] or "\\<", text)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(markdown())
