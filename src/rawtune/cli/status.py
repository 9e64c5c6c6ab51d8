"""``rawtune status``."""

import json
from typing import Any

import click

from rawtune.project import Project
from rawtune.records import State


@click.command("status")
@click.option("--quarantine", is_flag=True, help="List the passages that brought no row: where, why, and the reply.")
@click.option("--coverage", is_flag=True, help="List the sentences that no row draws on, passage by passage.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(quarantine: bool, coverage: bool, as_json: bool) -> None:
    """Say what each stage holds, what is stale and why, and how far each raw file has come."""
    with Project() as project:
        if quarantine:
            _list_quarantine(project, as_json)
        elif coverage:
            _list_coverage(project, as_json)
        elif as_json:
            click.echo(json.dumps({"stages": _stages(project), "files": _files(project)}, ensure_ascii=False, indent=2))
        else:
            _summarise(project)


def _stages(project: Project) -> list[dict[str, Any]]:
    return [
        {
            "name": state.name,
            "current": state.current,
            "reasons": state.reasons,
            "summary": state.record.summary if state.record else None,
            "product": state.record.product if state.record else None,
            "seconds": state.record.seconds if state.record else None,
            "finished": state.record.finished if state.record else None,
        }
        for state in project.status()
    ]


def _files(project: Project) -> list[dict[str, Any]]:
    return [
        {
            "file": name,
            "passages": sum(counts.values()),
            **{state.value: counts.get(state, 0) for state in State},
            "to_do": counts.get(None, 0),
        }
        for name, counts in project.per_file()
    ]


def _summarise(project: Project) -> None:
    for state in project.status():
        click.echo(f"{state.name:<11} {'current' if state.current else 'stale: ' + '; '.join(state.reasons)}")
        if state.record:
            # A list is a table, for --json and the report.
            plain = {key: value for key, value in state.record.summary.items() if not isinstance(value, list)}
            figures = ", ".join(_figure(key, value) for key, value in plain.items())
            click.echo(f"{'':<11} {figures}")
            if state.record.product:
                click.echo(f"{'':<11} {state.record.product}")
    for file in _files(project):
        counts = ", ".join(f"{file[state.value]} {state}" for state in State)
        click.echo(f"{file['file']}: {file['passages']} passages: {counts}, {file['to_do']} to do")


def _figure(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"{name} ({', '.join(f'{key} {count}' for key, count in value.items()) or 'none'})"
    return f"{name} {value}"


def _list_quarantine(project: Project, as_json: bool) -> None:
    entries = list(project.quarantine())
    if as_json:
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    for entry in entries:
        click.echo(f"{' '.join([entry['source'], entry['state'], *entry['rules']])}: {entry['reason']}")
        for finding in entry["findings"]:
            if finding["column"]:
                place = f"{finding['column']}, characters {finding['start']} to {finding['end']}"
                click.echo(f"  {finding['code']} in {place}")
            if finding["source_end"]:
                click.echo(f"    passage: {entry['text'][finding['source_start'] : finding['source_end']]}")
        click.echo(f"  passage: {_indented(entry['text'])}")
        if "row" in entry:
            for column, text in entry["row"].items():
                click.echo(f"  {column}: {text}")
            click.echo(f"  to accept it: {entry['id']} {', '.join(entry['rules'])} in rawtune.noqa")
        click.echo(f"  reply:   {_indented(entry['reply'])}")
    click.echo(f"{len(entries)} passages without a row that is kept")


def _indented(text: str) -> str:
    return text.replace("\n", "\n           ")


def _list_coverage(project: Project, as_json: bool) -> None:
    passages = with_gaps = 0
    listed = []
    for passage, left_out in project.coverage():
        passages += 1
        with_gaps += bool(left_out)
        entry = {"passage": passage.id, "source": f"{passage.document}:{passage.start}-{passage.end}"}
        if as_json:
            listed.append({**entry, "not_drawn_on": left_out})
        elif left_out:
            click.echo(f"{entry['source']}:")
            for sentence in left_out:
                click.echo(f"  {sentence}")
    if as_json:
        click.echo(json.dumps(listed, ensure_ascii=False, indent=2))
    else:
        click.echo(f"{with_gaps} of {passages} passages have sentences that their row does not draw on")


COMMANDS = {"status": status}
