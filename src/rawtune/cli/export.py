"""``rawtune export``."""

import click

from rawtune.cli.run import report, shows_json, spends
from rawtune.dataset.formats import FORMATS
from rawtune.project import Project


@click.command("export")
@click.option("--to", "formats", default="", metavar="FORMAT,...", help=f"Also as: {', '.join(FORMATS)}.")
@spends
@shows_json
def export(formats: str, details: bool, yes: bool, as_json: bool) -> None:
    """... and questions to a dataset, in any format.

    Does what is stale up to the stage 'export'; run it again after an interruption. The CSV, on which rawtune itself
    trains, is always there; --to adds formats to those of dataset.formats in rawtune.yaml, for this time.
    """
    from rawtune.cli.terminal import Terminal

    with Terminal(details, yes) as terminal, Project(progress=terminal) as project:
        named = [name.strip() for name in formats.split(",") if name.strip()]
        report(project, project.run_export(named), "export", as_json)


COMMANDS = {"export": export}
