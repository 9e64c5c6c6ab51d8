"""What became of feedback, for people and for programs."""

import json
from typing import TYPE_CHECKING

import click

from rawtune.printable import printable

if TYPE_CHECKING:
    from rawtune.stages.feedback import Considered

_LONGEST = 60
"""Characters of a question that are shown; all of it with --json."""


def report_feedback(considered: "Considered", as_json: bool) -> int:
    """Say what became of all of it; the exit code: 1 if somebody has to look at some."""
    from rawtune.ledger.feedback import Fate
    from rawtune.stages.feedback import REMEDIES

    counts = considered.summary
    if as_json:
        wanted = ("id", "model", "question", "verdict", "fate", "reason", "row")
        ended = [{name: getattr(one, name) for name in wanted} for one in considered.ended]
        click.echo(json.dumps({**counts, "ended": ended}, ensure_ascii=False))
        return 1 if considered.unsettled else 0
    for fate in (Fate.HELD_OUT, *REMEDIES):
        found = [one for one in considered.ended if one.fate is fate]
        for one in found:
            question = one.question if len(one.question) <= _LONGEST else f"{one.question[:_LONGEST]}…"
            click.echo(printable(f"{fate}: {question} ({one.model}): {one.reason}"))
        if found and fate in REMEDIES:
            click.echo(f"  {REMEDIES[fate]}")
    parts = [f"{counts[fate.value.replace(' ', '_')]} {fate}" for fate in Fate if fate is not Fate.NEW]
    click.echo(f"{' + '.join(parts)} = {counts['feedback']} verdicts")
    if counts["taken"]:
        click.echo("go on with: rawtune run")
    elif not considered.ended:
        click.echo("give some in: rawtune chat")
    return 1 if considered.unsettled else 0
