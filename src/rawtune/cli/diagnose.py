"""``rawtune diagnose``."""

import json
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rawtune import config
from rawtune.cli.run import shows_json
from rawtune.diagnosis.rows import CODE
from rawtune.errors import UsageError
from rawtune.verification.marks import PROJECT

if TYPE_CHECKING:
    from rawtune.stages.diagnose import Diagnosis, Told

_TEXTS = ("by", "concept", "question", "answer", "passage", "source", "text", "prompt_hash", "mark")


@click.command("diagnose")
@click.argument("run", type=click.Path(path_type=Path, exists=True), required=False)
@click.option("--quarantine", is_flag=True, help="Put the passages of rows that stand out in quarantine.")
@shows_json
def diagnose(run: Path | None, quarantine: bool, as_json: bool) -> int:
    """Read a training's losses: whether the curve is healthy, and which rows stand out.

    RUN is an adapter's folder, the project's last one if left out; or the log of any trainer: a trainer_state.json of
    transformers, JSON lines, a table with step and loss, or what was printed. Exits with 1 if the curve is jagged or
    diverges, or if rows stand out.
    """
    moved = None
    if (Path.cwd() / config.FILE_NAME).exists():
        from rawtune.project import Project

        with Project() as project:
            found = project.diagnose(run)
            if quarantine:
                moved = project.quarantine_suspects(found)
    else:
        from rawtune.stages.diagnose import diagnose as read

        if quarantine:
            raise UsageError("only a project has a quarantine", "go to the project's folder")
        if run is None:
            raise UsageError("there is no project here, so RUN must be named", "rawtune diagnose RUN")
        found = read(run)
    if as_json:
        click.echo(json.dumps(_as_json(found, moved), ensure_ascii=False, indent=2))
    else:
        _show(found, moved)
    return 0 if found.healthy else 1


def _as_json(found: "Diagnosis", moved: int | None) -> dict[str, Any]:
    curve = found.curve
    return {
        "curve": {
            "verdict": curve.verdict.value,
            "reason": curve.reason,
            "jaggedness": curve.jaggedness if isfinite(curve.jaggedness) else None,
            "noise": curve.noise,
            "flat_since": curve.flat_since,
            "steps": list(curve.steps),
        },
        "rows": [
            {
                **{name: getattr(row, name) for name in ("row", "z", "tail", "reason")},
                **{name: getattr(row, name) for name in _TEXTS if getattr(row, name)},
            }
            for row in found.rows or ()
        ],
        "picture": str(found.picture) if found.picture else None,
        **({} if moved is None else {"quarantined": moved, "left": [row.row for row in found.left]}),
    }


def _show(found: "Diagnosis", moved: int | None) -> None:
    click.echo(f"curve: {found.curve.verdict}: {found.curve.reason}")
    if found.curve.steps:
        click.echo(f"steps that stand out: {', '.join(map(str, found.curve.steps))}")
    if found.rows is None:
        click.echo("rows: their losses were not kept, so nothing can be said of them")
    else:
        for _, rows in groupby(found.rows, key=lambda row: row.reason if row.by != "row" else row.row):
            _show_rows(list(rows))
        click.echo(f"{len(found.rows)} rows stand out")
    if found.picture:
        click.echo(f"picture: {found.picture}")
    if moved is not None:
        click.echo(f"{moved} passages put in quarantine; to ask anew about them, rebuild and retrain: rawtune run")
        if found.left:
            click.echo(
                f"{len(found.left)} rows have another answer than their passage's row (another kind, another wording,"
                f" feedback), so their passages are left where they are: {', '.join(row.row for row in found.left)}"
            )


def _show_rows(rows: "list[Told]") -> None:
    """One row, or the first of several that stand out together."""
    first = rows[0]
    click.echo(f"{first.tail} {first.z:+.1f} {', '.join(row.row for row in rows)}: {first.reason}")
    for name in ("question", "answer", "source", "text", "prompt_hash"):
        if text := getattr(first, name):
            click.echo(f"  {name.replace('_', ' ')}: {text}")
    if first.mark:
        click.echo(f"  to accept it: {first.mark} {CODE} in {PROJECT}")


COMMANDS = {"diagnose": diagnose}
