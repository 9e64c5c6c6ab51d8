"""``rawtune export-model``."""

from pathlib import Path

import click

from rawtune import config
from rawtune.errors import UsageError


@click.command("export-model")
@click.option(
    "--to", type=click.Choice(["gguf", "ollama"]), default="gguf", help="A GGUF file; ollama adds a Modelfile."
)
@click.option(
    "--merged", type=click.Path(path_type=Path), metavar="FOLDER", help="A merged model; the project's last one."
)
@click.option(
    "--converter",
    type=click.Path(path_type=Path),
    envvar="RAWTUNE_GGUF_CONVERTER",
    metavar="FILE",
    help="llama.cpp's convert_hf_to_gguf.py, if it is not on the PATH.",
)
def export_model(to: str, merged: Path | None, converter: Path | None) -> None:
    """Convert a merged model for llama.cpp or Ollama, with llama.cpp's own converter.

    The file appears beside the merged folder when llama.cpp has read several questions with it, token id by token id as
    in training.
    """
    from rawtune.cli.terminal import Terminal
    from rawtune.training import gguf

    with Terminal() as terminal:
        if merged is None:
            if not (Path.cwd() / config.FILE_NAME).exists():
                raise UsageError(
                    "there is no project here, so the model must be named", "rawtune export-model --merged FOLDER"
                )
            from rawtune.project import Project

            with Project(progress=terminal) as project:
                exported = project.export_model(to == "ollama", converter)
        else:
            exported = gguf.export(merged, to == "ollama", converter, terminal)
    click.echo(f"{exported.token_ids} token ids of {exported.questions} questions are the same as in training")
    click.echo(f"gguf: {exported.gguf}")
    if exported.modelfile:
        click.echo(f"modelfile: {exported.modelfile}")
        click.echo(f"next: ollama create {exported.gguf.stem} -f {exported.modelfile}")


COMMANDS = {"export-model": export_model}
