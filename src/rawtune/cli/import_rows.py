"""``rawtune import``."""

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rawtune.cli.check import named_columns
from rawtune.cli.run import shows_json
from rawtune.printable import ONE_LINE, printable
from rawtune.project import Project

if TYPE_CHECKING:
    from rawtune.stages.importing import Ended, Imported

_SHOWN = 5
"""Rows of one fate that are shown; all of them with --json."""


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--columns", callback=named_columns, metavar="Q,A", help="Names of the question and the answer column.")
@click.option("--add-raw", is_flag=True, help="Make raw text of answers that no passage supports.")
@shows_json
def import_rows(file: Path, columns: tuple[str, str] | None, add_raw: bool, as_json: bool) -> int:
    """Take rows of a file into the project: written elsewhere, or exported here and corrected.

    FILE is any that ``rawtune check`` reads: all formats of ``rawtune export``, exports of Easy Dataset and Argilla. A
    row becomes the row of the passage that it was made from, as if written by hand; a question of its own is trained
    beside it; see docs/formats.md. Exit code 1 if some rows could not be taken.
    """
    from rawtune.cli.terminal import Terminal

    with Terminal() as terminal, Project(progress=terminal) as project:
        imported = project.import_rows(file, columns, add_raw)
        left = project.unasked()
    if as_json:
        refused = [row._asdict() for row in imported.refused]
        held_out = [row._asdict() for row in imported.held_out]
        told = {**imported.summary, "unasked": left, "refused": refused, "held_out_rows": held_out}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        _print(imported, left)
    return 1 if imported.refused else 0


def _print(imported: "Imported", left: int) -> None:
    """The sum, what was not taken and what helps, and how to go on."""
    from rawtune.stages.importing import REMEDIES, Fate

    if imported.note:
        click.echo(printable(imported.note))
    by_fate = sorted([*imported.held_out, *imported.refused], key=lambda row: list(Fate).index(row.fate))
    for fate, group in groupby(by_fate, key=lambda row: row.fate):
        rows = list(group)
        for row in rows[:_SHOWN]:
            click.echo(printable(f"{_place(row)}: {fate}: {row.reason}", ONE_LINE))
        if len(rows) > _SHOWN:
            click.echo(f"... and {len(rows) - _SHOWN:,} more ({fate}); all of them with --json")
        if fate in REMEDIES:
            click.echo(f"  {REMEDIES[fate]}")
    counts = imported.summary
    fates = (Fate.TAKEN, Fate.HERE, Fate.SUPERSEDED, Fate.HELD_OUT)
    parts = [f"{counts[fate.value.replace(' ', '_')]:,} {fate}" for fate in fates]
    click.echo(f"{' + '.join(parts)} + {len(imported.refused):,} not taken = {counts['rows']:,} rows")
    click.echo(f"{imported.new:,} passages got a row, {imported.changed:,} another one than before")
    if imported.own:
        click.echo(f"{imported.own:,} questions are trained in their own words")
    if left:
        click.echo(f"{left:,} passages have no row yet: the teacher will be asked about them")
    if imported.new or imported.changed or imported.own:
        click.echo("go on with: rawtune run")


def _place(row: "Ended") -> str:
    where = f"{row.file}, " if row.file else ""
    return f"{where}row {row.row}{f' (line {row.line})' if row.line else ''}"


COMMANDS = {"import": import_rows}
