"""``rawtune compare``."""

import json
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

import click

from rawtune.cli.run import shows_json, spends
from rawtune.comparison import gate as gates
from rawtune.errors import GateFailed, UsageError
from rawtune.project import Project


@click.command("compare")
@click.argument("adapters", nargs=-1, metavar="[ADAPTER|GLOB]...")
@click.option("--retrieval", is_flag=True, help="Ask base with the passage put before the question, too.")
@click.option("--endpoint", "endpoints", multiple=True, metavar="openai:NAME", help="Ask this model, too; repeatable.")
@click.option("--gate", is_flag=True, help="Fail unless the verdict is better and no sign of harm is raised.")
@spends
@shows_json
def compare(
    adapters: tuple[str, ...],
    retrieval: bool,
    endpoints: tuple[str, ...],
    gate: bool,
    details: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """... and base, tuned model and others to a report.

    Alone it is the last stage: does what is stale, compares the adapter trained last with base, and writes
    reports/report.html. With ADAPTERs (folders, such as models/NAME, or patterns of them) or options it compares beside
    the stage, into a report of its own. An endpoint is sent the questions, never the passages. With --gate the exit
    code is 1, with the reasons, unless it got better without harm; comparison.gate_allows names exceptions.
    """
    from rawtune.cli.terminal import Terminal

    with Terminal(details, yes) as terminal, Project(progress=terminal) as project:
        page = project.compare(list(folders(adapters)), retrieval, endpoints)
        allowed = project.config.comparison.gate_allows
    report = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    if as_json:
        wanted = ("verdict", "sentence", "primary", "arms", "isolation", "warnings")
        click.echo(json.dumps({**{name: report[name] for name in wanted}, "report": str(page)}, ensure_ascii=False))
    else:
        for line in (*_table(report), *_signs(report)):
            click.echo(line)
        click.echo(f"{report['verdict']} ({report['primary']})")
        click.echo(f"report: {page}")
    if gate and (reasons := gates.reasons(report, allowed)):
        raise GateFailed(
            "\n".join(["the gate is closed:", *reasons]), "see the report; comparison.gate_allows names exceptions"
        )


def folders(patterns: tuple[str, ...]) -> Iterator[Path]:
    """The folders that the patterns name, each in its turn.

    Files among the matches of a pattern are passed over, and so are folders without a whole adapter, which are told.
    """
    for pattern in patterns:
        named = Path(pattern).exists()
        matches = [pattern] if named else sorted(glob(pattern))  # noqa: PTH207 - it may be absolute
        found = [Path(name) for name in matches if Path(name).is_dir()]
        if not named and (others := [folder for folder in found if not _whole(folder)]):
            click.echo(f"passed over, as no whole adapter is in there: {', '.join(map(str, others))}", err=True)
            found = [folder for folder in found if folder not in others]
        if not found:
            raise UsageError(
                f"{pattern}: there is no such folder{'' if named else ' with an adapter'}",
                "name the folder of an adapter, such as models/NAME",
            )
        yield from found


def _whole(folder: Path) -> bool:
    """Whether PEFT's files are there: a merged model has neither, a run that never ended not both."""
    return all((folder / name).is_file() for name in ("adapter_config.json", "adapter_model.safetensors"))


def _table(report: dict[str, Any]) -> Iterator[str]:
    """One line an arm: closeness to the reference (chrF) by suite, of refusals the share, and the difference."""
    suites = list(report["arms"][0]["scores"])
    if not suites:
        return
    rows = [["chrF, 0 to 100", *suites]]
    rows += [[arm["name"], *(_cell(arm, suite) for suite in suites)] for arm in report["arms"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _signs(report: dict[str, Any]) -> Iterator[str]:
    """One line for each sign of harm that is raised."""
    for arm in report["arms"]:
        for sign in arm["harm"]:
            if sign["flagged"]:
                yield f"{arm['name']}: {sign['name']}: {sign['sentence']}"


def _cell(arm: dict[str, Any], suite: str) -> str:
    metric, scale = ("chrf", 1) if "chrf" in arm["scores"][suite] else ("refused", 100)
    score = f"{arm['scores'][suite][metric]['estimate'] * scale:.1f}"
    if suite not in arm["difference"]:
        return score
    difference = arm["difference"][suite][metric]
    return f"{score} ({difference['estimate'] * scale:+.1f}, {difference['verdict']})"


COMMANDS = {"compare": compare}
