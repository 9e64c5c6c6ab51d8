"""``rawtune demo``."""

from pathlib import Path

import click

from rawtune import config, project
from rawtune.errors import UsageError

PASSAGES = 16
SETTINGS = {
    # One pass in small steps: more updates for the same work, enough for sixteen short texts.
    "training": {"epochs": 1, "batch_size": 4, "dropout": 0.0, "checkpoint_steps": 20},
    "comparison": {"max_new_tokens": 96, "batch_size": 64},
}


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), default="demo")
def demo(folder: Path) -> None:
    """The whole way on 16 hexagrams of the English example, with the embedded model as teacher and student.

    Makes FOLDER (default: demo) and runs it; called again, it goes on or finds everything current.
    """
    from rawtune.cli.terminal import Terminal

    if not (folder / config.FILE_NAME).exists():
        project.create(folder, "zhouyi-en", limit=PASSAGES, settings=SETTINGS)
    with Terminal() as terminal, project.Project(folder, terminal) as opened:
        if not opened.run():
            terminal.say("everything is current")
        record = opened.status()[-1].record
    if record is None:
        raise UsageError(f"{folder} holds no finished demo", "remove the folder and try again")
    click.echo(f"report: {folder / record.product}")


COMMANDS = {"demo": demo}
