"""``rawtune probe``."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rawtune.cli.run import shows_json
from rawtune.cli.terminal import Terminal
from rawtune.project import Project

if TYPE_CHECKING:
    from rawtune.stages.probe import Probe


@click.command("probe")
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@click.option(
    "--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Questions of your own, one a line."
)
@click.option("--concepts", default=16, show_default=True, type=click.IntRange(1), help="Ask about so many passages.")
@click.option("--print", "details", is_flag=True, help="Show each question with its answers.")
@shows_json
def probe(questions: tuple[str, ...], file: Path | None, concepts: int, details: bool, as_json: bool) -> None:
    """Ask the base model what it knows of the raw text already: whether there is something to gain.

    Needs no teacher and spends nothing. Each passage with a heading is asked about twice, an easy and a hard question;
    or ask QUESTIONs of your own. The base model answers alone, and with the passage before its eyes.
    """
    own = [*questions, *(_lines(file) if file else [])]
    with Terminal() as terminal, Project(progress=terminal) as project:
        found = project.probe(own, concepts)
    if as_json:
        click.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    for line in _told(found, details):
        click.echo(line)


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _told(found: "Probe", details: bool) -> Iterator[str]:
    from rawtune.comparison.knowledge import Knowledge

    finding = found.finding
    for one in found.asked if details else ():
        yield f"{one.kind} {_mark(one.right)} {one.question}"
        yield f"    base: {one.answer}"
        yield f"    with the passage {_mark(one.right_with_passage)} {one.with_passage}"
    names = {one.passage_id: one.concept for one in found.asked}
    for kind in Knowledge:
        if concepts := [names[id] for id, of in finding.concepts.items() if of is kind]:
            yield f"{kind.value}: {len(concepts)} ({', '.join(concepts[:8])}{', ...' if len(concepts) > 8 else ''})"
    for line in found.left_out:
        yield f"left out: {line}"
    yield (
        f"the base model knows {finding.share:.0%} of {len(finding.concepts)} concepts"
        f" (95% interval {finding.low:.0%} to {finding.high:.0%});"
        f" with the passage in its prompt it answers {finding.with_passage:.0%} of the questions rightly"
    )
    if finding.new_facts:
        yield (
            "most concepts are unknown to it: a model that is taught new facts invents more elsewhere,"
            " so use many phrasings and few epochs, and look at the report's signs of harm"
        )
    yield f"verdict: {finding.worth.value}"


def _mark(right: bool) -> str:
    return "[right]" if right else "[wrong]"


COMMANDS = {"probe": probe}
