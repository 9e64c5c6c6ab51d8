"""``rawtune init``."""

from pathlib import Path

import click

from rawtune import config, project


@click.command("init")
@click.argument("name", type=click.Path(path_type=Path))
@click.option("--example", type=click.Choice(project.EXAMPLES), help="Copy one of the packaged examples.")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Start from your own UTF-8 .txt file.")
def init(name: Path, example: str | None, source: Path | None) -> None:
    """Make a project folder: rawtune.yaml with every setting explained, and raw/ for your text."""
    if example and source:
        raise click.UsageError("give --example or --from, not both")
    folder = project.create(name, example, source)
    click.echo(f"made {folder}{'' if example or source else '; put your UTF-8 .txt files into ' + str(folder / 'raw')}")
    if config.load(folder).language == "zh":
        click.echo("note: the embedded models hardly know Chinese; name another teacher and student in rawtune.yaml")
    click.echo(f"next: cd {folder} && rawtune run")


COMMANDS = {"init": init}
