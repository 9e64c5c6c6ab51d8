"""The command line: arguments to calls, results to text, errors to exit codes.

Exit codes: 0 done; 1 a gate failed or work was left undone; 2 wrong use or configuration; 130 interrupted, resumable.
"""

import importlib
import sys

import click

from rawtune.errors import RawtuneError
from rawtune.printable import printable

VERBS = {
    "init": ("rawtune.cli.init", "Make a project folder."),
    "doctor": ("rawtune.cli.doctor", "Test models, endpoint, key, disk, GPU and versions."),
    "demo": ("rawtune.cli.demo", "The whole way on 16 passages, with the embedded model."),
    "probe": ("rawtune.cli.probe", "Is there something to gain? What the base model knows already."),
    "try": ("rawtune.cli.attempt", "Try the prompt on one passage."),
    "run": ("rawtune.cli.run", "Do every stale stage, in order."),
    "read": ("rawtune.cli.run", "raw/ to passages."),
    "synth": ("rawtune.cli.run", "... and passages to rows, through the teacher."),
    "verify": ("rawtune.cli.run", "... and rows, judged by all rules."),
    "augment": ("rawtune.cli.run", "... and rows to questions."),
    "export": ("rawtune.cli.export", "... and questions to a dataset, in any format."),
    "train": ("rawtune.cli.train", "... and the dataset to a tuned model."),
    "diagnose": ("rawtune.cli.diagnose", "A training's losses, read back to rows."),
    "compare": ("rawtune.cli.compare", "... and base, tuned model and others to a report."),
    "chat": ("rawtune.cli.chat", "Talk with base and tuned models; say which answers are right."),
    "check": ("rawtune.cli.check", "Check a file of rows, of anyone's making."),
    "import": ("rawtune.cli.import_rows", "Take rows of a file into the project, of anyone's making."),
    "retry": ("rawtune.cli.retry", "Take up again what is in quarantine."),
    "merge": ("rawtune.cli.merge", "Merge an adapter into its base, as a whole model."),
    "export-model": ("rawtune.cli.export_model", "A merged model as GGUF, for llama.cpp and Ollama."),
    "convert-adapter": ("rawtune.cli.convert_adapter", "Carry an adapter of ChatGLM3's original layers over."),
    "status": ("rawtune.cli.status", "What each stage holds, what is stale, and why."),
}
"""Each verb's module and line of help. A module is imported when its verb is called, so that help answers at once."""


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(VERBS[cmd_name][0])
        command: click.Command = module.COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rawtune")
def app() -> None:
    """Private raw text to a fine-tuned chat model, with proof that it helped.

    Start with: rawtune demo, or rawtune init my-project --from FILE.txt
    """


def main() -> None:
    """The program ``rawtune``."""
    try:
        code = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted", "run the same command again: it goes on from here", 130)
    except RawtuneError as error:
        _fail(error.message, error.hint, error.exit_code)
    except OSError as error:
        import errno

        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            _fail(f"{error}", "free some space, then run the same command again: it goes on from here", 1)
        if not error.filename:
            raise
        _fail(f"{error.filename}: {error.strerror}", "make it readable and writable, then try again", 2)
    sys.exit(code or 0)


def _fail(message: str, hint: str, code: int) -> None:
    click.echo(printable(f"error: {message}"), err=True)
    if hint:
        click.echo(printable(f"hint: {hint}"), err=True)
    sys.exit(code)
