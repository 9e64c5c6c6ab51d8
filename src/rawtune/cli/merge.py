"""``rawtune merge``."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from rawtune import config
from rawtune.cli.run import shows_json
from rawtune.errors import UsageError


@click.command("merge")
@click.argument("adapter", type=click.Path(path_type=Path), required=False)
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="FOLDER", help="A new folder; ADAPTER-merged if left out."
)
@shows_json
def merge(adapter: Path | None, into: Path | None, as_json: bool) -> None:
    """Merge an adapter into its base: a whole model folder, in the base's own precision.

    ADAPTER is an adapter's folder, the project's last one if left out. The base is loaded unquantised, and what was
    written is compared with base and adapter before the folder appears.
    """
    from rawtune.cli.terminal import Terminal

    with Terminal() as terminal:
        if (Path.cwd() / config.FILE_NAME).exists():
            from rawtune.project import Project

            with Project(progress=terminal) as project:
                merged = project.merge(adapter, into)
        else:
            from rawtune.training import merge as merging

            if adapter is None:
                raise UsageError("there is no project here, so ADAPTER must be named", "rawtune merge ADAPTER")
            merged = merging.merge(adapter, into or merging.default_folder(adapter), terminal)
    if as_json:
        click.echo(json.dumps(asdict(merged), ensure_ascii=False))
        return
    click.echo(
        f"{merged.same_tokens} of {merged.tokens} greedy answer tokens to {merged.prompts} questions are those of"
        f" base and adapter; probabilities differ by {merged.difference:.2%}"
        f" ({merged.tolerance:.1%} are allowed in {merged.dtype})"
    )
    click.echo(f"merged: {merged.folder}")


COMMANDS = {"merge": merge}
