"""``rawtune run``, and the verbs that stop on the way."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from rawtune.cli.feedback import report_feedback
from rawtune.errors import Interrupted, RawtuneError
from rawtune.pipeline import STAGES
from rawtune.project import Project

_UNTIL = {
    "read": "read",
    "verify": "verify",
    "augment": "augment",
    "run": "compare",
}

Command = Callable[..., Any]


def spends(command: Command) -> Command:
    """Options of the verbs that may call the teacher."""
    command = click.option("--print", "details", is_flag=True, help="Show each row as it comes.")(command)
    return click.option("--yes", is_flag=True, help="Do not ask before spending more than synthesis.confirm_above.")(
        command
    )


def shows_json(command: Command) -> Command:
    """The option of every verb that reports."""
    return click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")(command)


def report(project: Project, ran: list[str], until: str, as_json: bool) -> None:
    """Say what there is now, up to the stage ``until``."""
    done = STAGES[: STAGES.index(until) + 1]
    states = [state for state in project.status() if state.record and state.name in done]
    if as_json:
        stages = {state.name: state.record.summary for state in states if state.record}
        click.echo(json.dumps({"ran": ran, "stages": stages}, ensure_ascii=False))
        return
    if not ran:
        click.echo(f"everything is current{'' if until == done[-1] == 'compare' else f' up to {until}'}")
    for state in states:
        if state.record and state.record.product:
            click.echo(f"{state.name}: {project.folder / state.record.product}")


def help_text(verb: str, until: str) -> str:
    """Help of a verb that does all stages up to ``until``."""
    from rawtune.cli import VERBS

    return f"{VERBS[verb][1]}\n\nDoes what is stale up to the stage '{until}'; run it again after an interruption."


def _command(verb: str) -> click.Command:
    until = _UNTIL[verb]

    @click.command(verb, help=help_text(verb, until))
    @spends
    @shows_json
    def command(details: bool, yes: bool, as_json: bool) -> None:
        from rawtune.cli.terminal import Terminal

        with Terminal(details, yes) as terminal, Project(progress=terminal) as project:
            report(project, project.run(until), until, as_json)

    return command


@click.command("synth", help=help_text("synth", "synthesise"))
@click.option("--pilot", type=click.IntRange(1), metavar="N", help="Make N rows, spread over files and lengths; stop.")
@click.option("--fresh", is_flag=True, help="Ask the teacher anew about everything, and pay anew.")
@click.option("--reparse", is_flag=True, help="Read the stored replies again, without a call.")
@click.option("--from", "source", type=click.Choice(["feedback"]), help="Make rows of what users said in chats; stop.")
@spends
@shows_json
def synth(
    pilot: int | None, fresh: bool, reparse: bool, source: str | None, details: bool, yes: bool, as_json: bool
) -> int:
    """Make rows; see ``help_text``."""
    from rawtune.cli.terminal import Terminal

    if sum((pilot is not None, fresh, reparse, source is not None)) > 1:
        raise click.UsageError("give one of --pilot, --fresh, --reparse and --from")
    with Terminal(details, yes) as terminal, Project(progress=terminal) as project:
        if source:
            return report_feedback(project.take_feedback(), as_json)
        if reparse:
            project.reparse()
        elif fresh:
            project.forget_replies()
        try:
            if pilot is not None:
                _pilot(project, pilot, as_json)
                return 0
            ran = ["synthesise"] if reparse else project.run("synthesise")
        except KeyboardInterrupt:
            raise Interrupted("interrupted", "go on with: rawtune synth") from None
        except RawtuneError as error:
            # The same command would make another pilot, or begin afresh once more.
            error.hint = error.hint.replace("run the same command again", "go on with rawtune synth")
            raise
        report(project, ran, "synthesise", as_json)
        return 0


def _pilot(project: Project, size: int, as_json: bool) -> None:
    forecast = project.pilot(size)
    currency = project.price.currency if project.price else ""
    if as_json:
        click.echo(json.dumps({"forecast": asdict(forecast), "currency": currency}))
    else:
        click.echo(forecast.describe(currency))


COMMANDS = {**{verb: _command(verb) for verb in _UNTIL}, "synth": synth}
