"""``rawtune convert-adapter``."""

from pathlib import Path

import click


@click.command("convert-adapter")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def convert_adapter(old: Path, new: Path) -> None:
    """Carry a LoRA adapter of ChatGLM3's original layers (folder OLD) over to the converted model (folder NEW)."""
    from rawtune.training.chatglm_adapter import migrate

    modules = migrate(old, new)
    click.echo(f"{new}: an adapter of {', '.join(modules)}")


COMMANDS = {"convert-adapter": convert_adapter}
