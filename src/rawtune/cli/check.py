"""``rawtune check``."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rawtune.printable import ONE_LINE, printable

if TYPE_CHECKING:
    from rawtune.config import Verification
    from rawtune.linter.lint import Checked, Lint
    from rawtune.linter.report import Summary
    from rawtune.linter.writing import Output


def _codes(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(part.strip().upper() for part in value.split(",") if part.strip()) if value else ()


def named_columns(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, str] | None:
    """The two names that ``--columns`` gives."""
    if value is None:
        return None
    question, comma, answer = value.partition(",")
    if not (comma and question.strip() and answer.strip()) or "," in answer:
        raise click.BadParameter("name two columns, such as content,summary")
    return question.strip(), answer.strip()


def _explain(context: click.Context, _: click.Parameter, code: str | None) -> None:
    if code is None or context.resilient_parsing:
        return
    from rawtune.synthesis.faults import FAULTS
    from rawtune.verification.pages import page, pages

    replies = {name: f"{name} (a reply of the teacher)\n\n{text}" for name, text in FAULTS.items()}
    if code.lower() == "all":
        click.echo(pages())
        click.echo(f"of replies, before they are rows: {', '.join(FAULTS)}")
    elif text := "\n\n".join(filter(None, (page(code.upper()), replies.get(code.upper())))):
        click.echo(text)
    else:
        raise click.BadParameter(f"there is no rule '{code}'; list them with: rawtune check --explain all")
    context.exit()


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--columns", callback=named_columns, metavar="Q,A", help="Names of the question and the answer column.")
@click.option(
    "--source", type=click.Path(path_type=Path, exists=True), help="The text, or folder of texts, behind the answers."
)
@click.option("--language", type=click.Choice(["zh", "en"]), default=None, help="Of all rows; else of each question.")
@click.option("--select", callback=_codes, metavar="CODES", help="Only these rules, such as RT1,RT402.")
@click.option("--ignore", callback=_codes, metavar="CODES", help="Not these rules.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="Exit with 1 if there is a finding of this severity, or a higher one.",
)
@click.option("--fix", is_flag=True, help="Write FILE.fixed with the safe fixes made.")
@click.option("--in-place", is_flag=True, help="With --fix: over FILE itself.")
@click.option("--quarantine", type=click.Path(path_type=Path), metavar="OUT", help="Move rows with errors to OUT.")
@click.option("--mark", is_flag=True, help="Accept what is found: write it to FILE.noqa, which later checks read.")
@click.option("--json", "as_json", is_flag=True, help="Print findings and sums as JSON.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print the findings as SARIF.")
@click.option(
    "--explain", metavar="CODE", callback=_explain, is_eager=True, expose_value=False, help="Explain a rule, or all."
)
def check(
    file: Path,
    columns: tuple[str, str] | None,
    source: Path | None,
    language: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str,
    fix: bool,
    in_place: bool,
    quarantine: Path | None,
    mark: bool,
    as_json: bool,
    as_sarif: bool,
) -> int:
    """Check a file of question/answer rows by the rules of verification.

    FILE is CSV, TSV, JSONL, JSON, Parquet or a dataset folder: two columns, Alpaca, ShareGPT or messages. FILE itself
    is never changed, unless by --fix --in-place.
    """
    from rawtune.cli.terminal import Terminal
    from rawtune.linter.lint import Lint
    from rawtune.linter.report import Summary
    from rawtune.linter.writing import Output, targets
    from rawtune.verification import marks

    if mark and fix:
        raise click.UsageError("--mark accepts what FILE holds, so it goes without --fix")
    _agree(file, fix, in_place, as_json and as_sarif)
    kept, quarantine = targets(file, source, fix=fix, in_place=in_place, quarantine=quarantine)
    side = marks.beside(file)
    summary = Summary()
    with Terminal() as terminal:
        terminal.begin("check")
        lint = Lint(
            file,
            _settings(select, ignore),
            columns=columns,
            source=source,
            language=language or "",
            marks=marks.read(side),
            fix=fix,
            progress=terminal,
            ahead=True,
        )
        with Output(lint, kept, quarantine) as output:
            rows = _counted(lint, output, summary, side if mark else None)
            if as_sarif:
                _print_sarif(file, rows)
            elif as_json:
                _print_json(file, rows, summary, output)
            else:
                _print_text(file, rows)
    notes = [*lint.notes, *_written(output, kept, quarantine)]
    if lint.marks.unused and not (select or ignore):
        notes.append(f"{lint.marks.unused} marks of {side} fit no row with a finding any more")
    for line in [] if as_json or as_sarif else list(summary.lines()):
        click.echo(printable(line, ONE_LINE))
    for note in notes:
        click.echo(printable(note, ONE_LINE), err=True)
    failed = summary.rows_with_errors or (fail_on == "warning" and summary.rows_with_warnings)
    return 1 if failed else 0


def _agree(file: Path, fix: bool, in_place: bool, both: bool) -> None:
    if both:
        raise click.UsageError("give one of --json and --sarif")
    if in_place and not fix:
        raise click.UsageError("--in-place goes with --fix")
    if in_place and file.is_dir():
        raise click.UsageError("--in-place cannot change a folder")


def _settings(select: tuple[str, ...], ignore: tuple[str, ...]) -> "Verification":
    """The settings of the project in this folder, if there is one, and above them the command's."""
    from rawtune import config

    here = Path.cwd()
    settings = config.load(here).verification if (here / config.FILE_NAME).exists() else config.Verification()
    changes = {name: value for name, value in (("select", select), ("ignore", ignore)) if value}
    return settings.model_copy(update=changes)


def _counted(lint: "Lint", output: "Output", summary: "Summary", side: Path | None) -> "Iterator[Checked]":
    """Every row, judged, written and counted; with ``side`` what is found is accepted from now on."""
    from rawtune.linter.lint import record_id
    from rawtune.verification import marks

    lines = []
    for checked in lint:
        output.take(checked)
        summary.take(checked)
        if side and checked.findings and checked.record.turns:
            codes = [finding.code for finding in checked.findings]
            lines.append(marks.line(record_id(checked.record), codes, checked.record.turns[0].question))
        yield checked
    if side and lines:
        with side.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(dict.fromkeys(lines))


def _print_text(path: Path, rows: "Iterator[Checked]") -> None:
    from rawtune.linter.report import describe

    mark = ("\x1b[7m", "\x1b[0m") if sys.stdout.isatty() else ("⟦", "⟧")
    for checked in rows:
        for line in describe(path, checked, mark):
            click.echo(line)


def _print_json(path: Path, rows: "Iterator[Checked]", summary: "Summary", output: "Output") -> None:
    from rawtune.linter.report import dump, entries

    click.echo(f'{{"file": {dump(path.as_posix())}, "findings": [', nl=False)
    separator = ""
    for checked in rows:
        for entry in entries(checked):
            click.echo(f"{separator}\n{dump(entry)}", nl=False)
            separator = ","
    written = {"fixed": output.fixed, "quarantined": output.quarantined}
    click.echo(f'\n], "rows": {summary.rows}, "summary": {dump({**summary.as_json(), **written})}}}')


def _print_sarif(path: Path, rows: "Iterator[Checked]") -> None:
    from rawtune.linter.sarif import sarif

    for piece in sarif(path, rows):
        click.echo(piece, nl=False)


def _written(output: "Output", kept: Path | None, quarantine: Path | None) -> Iterator[str]:
    """What was written where; the sum is all rows."""
    if kept:
        yield f"{kept}: {output.written:,} rows, {output.fixed:,} of them fixed"
    if quarantine:
        yield f"{quarantine}: {output.quarantined:,} rows with errors"


COMMANDS = {"check": check}
