"""``rawtune run``, and the verbs that stop on the way."""

import json

import click

from rawtune.pipeline import STAGES
from rawtune.project import Project

_UNTIL = {
    "read": "read",
    "synth": "synthesise",
    "augment": "augment",
    "export": "export",
    "train": "train",
    "compare": "compare",
    "run": "compare",
}


def _command(verb: str) -> click.Command:
    from rawtune.cli import VERBS

    until = _UNTIL[verb]

    @click.command(
        verb,
        help=f"{VERBS[verb][1]}\n\nDoes what is stale up to the stage '{until}'; run it again after an interruption.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the stages and their figures as JSON.")
    def command(as_json: bool) -> None:
        from rawtune.cli.terminal import Terminal

        with Terminal() as terminal, Project(progress=terminal) as project:
            ran = project.run(until)
            done = list(STAGES)[: list(STAGES).index(until) + 1]
            states = [state for state in project.status() if state.record and state.name in done]
        if as_json:
            click.echo(
                json.dumps(
                    {"ran": ran, "stages": {s.name: s.record.summary for s in states if s.record}}, ensure_ascii=False
                )
            )
            return
        if not ran:
            click.echo(f"everything is current{'' if verb == 'run' else f' up to {until}'}")
        for state in states:
            if state.record and state.record.product:
                click.echo(f"{state.name}: {project.folder / state.record.product}")

    return command


COMMANDS = {verb: _command(verb) for verb in _UNTIL}
