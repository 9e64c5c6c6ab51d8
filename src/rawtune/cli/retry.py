"""``rawtune retry``."""

import json
from pathlib import Path

import click

from rawtune.cli.run import report, shows_json, spends
from rawtune.errors import UsageError
from rawtune.project import Project


@click.command("retry")
@click.option("--rule", "rules", multiple=True, metavar="CODE", help="Only passages with a finding of this rule.")
@click.option("--model", help="Ask this teacher instead, written as in rawtune.yaml.")
@click.option("--task", type=click.Path(path_type=Path, exists=True), help="A file with another task for the prompt.")
@click.option(
    "--edited",
    type=click.Path(path_type=Path, exists=True),
    help="Take rows that you wrote into this list; ask nobody.",
)
@spends
@shows_json
def retry(
    rules: tuple[str, ...],
    model: str | None,
    task: Path | None,
    edited: Path | None,
    details: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take up again what is in quarantine: asked anew, by another teacher or prompt, or as edited by hand.

    For the last, write the list with: rawtune status --quarantine --json > list.json; add the two columns of the row to
    as many of its entries as you like, and give it to: rawtune retry --edited list.json
    """
    from rawtune.cli.terminal import Terminal

    if edited and (rules or model or task):
        raise click.UsageError("--edited asks nobody, so it goes with no other choice")
    with Terminal(details, yes) as terminal, Project(progress=terminal) as project:
        if edited:
            project.edit(_rows(edited, project.config.columns))
        else:
            project.retry(rules, model, task.read_text(encoding="utf-8") if task else None)
        report(project, ["synthesise"], "synthesise", as_json)


def _rows(path: Path, columns: tuple[str, str]) -> list[dict[str, str]]:
    """The entries of a list that were filled in; the others are left as they are."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
        return [entry for entry in entries if any(entry.get(column) for column in columns)]
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{path}: no JSON list of entries ({error})", "write it with: rawtune status --quarantine --json"
        ) from None


COMMANDS = {"retry": retry}
