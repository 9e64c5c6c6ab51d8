"""``rawtune status``."""

import json

import click

from rawtune.project import Project


@click.command("status")
@click.option("--quarantine", is_flag=True, help="List the passages that brought no row: where, why, and the reply.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(quarantine: bool, as_json: bool) -> None:
    """Say what each stage holds, what is stale, and why."""
    with Project() as project:
        if quarantine:
            _list_quarantine(project, as_json)
            return
        states = project.status()
    if as_json:
        stages = [
            {
                "name": state.name,
                "current": state.current,
                "reasons": state.reasons,
                "summary": state.record.summary if state.record else None,
                "product": state.record.product if state.record else None,
                "seconds": state.record.seconds if state.record else None,
                "finished": state.record.finished if state.record else None,
            }
            for state in states
        ]
        click.echo(json.dumps({"stages": stages}, ensure_ascii=False, indent=2))
        return
    for state in states:
        click.echo(f"{state.name:<11} {'current' if state.current else 'stale: ' + '; '.join(state.reasons)}")
        if state.record:
            figures = ", ".join(f"{key} {value}" for key, value in state.record.summary.items())
            click.echo(f"{'':<11} {figures}")
            if state.record.product:
                click.echo(f"{'':<11} {state.record.product}")


def _list_quarantine(project: Project, as_json: bool) -> None:
    listed = project.quarantine()
    if as_json:
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
        return
    for entry in listed:
        click.echo(f"{entry['source']} {entry['state']} {' '.join(entry['rules'])}: {entry['reason']}")
        click.echo(f"  passage: {entry['text']}")
        click.echo(f"  reply:   {entry['reply']}")
    click.echo(f"{len(listed)} passages without a row")


COMMANDS = {"status": status}
