"""``rawtune train``."""

import os
import sys

import click

from rawtune.cli.run import help_text, report, shows_json, spends
from rawtune.project import Project

_UNTIL = "train"


@click.command(_UNTIL, help=help_text(_UNTIL, _UNTIL))
@click.option(
    "--show",
    "shown",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=3,
    metavar="[N]",
    help="Show N rows (3) as they would be trained on, learnt text marked, then stop; loads no weights.",
)
@spends
@shows_json
def train(shown: int | None, details: bool, yes: bool, as_json: bool) -> None:
    """Train, or show what would be trained on."""
    from rawtune.cli.terminal import Terminal

    with Terminal(details, yes) as terminal, Project(progress=terminal) as project:
        if shown is None:
            report(project, project.run(_UNTIL), _UNTIL, as_json)
            return
        coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        for row in project.show(shown):
            cut = f"; {row.cut} more are cut off, the end among them" if row.cut else ""
            click.secho(
                f"── row {row.number}: {row.prompt} tokens are read, {row.learnt} are learnt{cut}", bold=coloured
            )
            click.echo("".join(_marked(text, learnt, coloured) for text, learnt in row.runs))
        terminal.say("nothing was trained: leave --show out to train")


def _marked(text: str, learnt: bool, coloured: bool) -> str:
    if coloured:
        return click.style(text, fg="green" if learnt else None, dim=not learnt)
    return f"⟦{text}⟧" if learnt else text


COMMANDS = {_UNTIL: train}
