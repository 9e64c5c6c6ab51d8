"""``rawtune chat``."""

import codecs
import sys
from collections.abc import Iterator

import click

from rawtune.cli.compare import folders
from rawtune.cli.conversation import Conversation
from rawtune.errors import UsageError
from rawtune.project import Project

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")


class Screen:
    """Standard output; colours and all only in a terminal."""

    def name(self, number: int, model: str) -> None:
        """As ``conversation.Screen`` has it; so are the others."""
        click.secho(model, fg=_COLOURS[number % len(_COLOURS)], bold=True)

    def piece(self, text: str) -> None:
        """Print at once, without a line end."""
        click.echo(text, nl=False)
        sys.stdout.flush()

    def line(self, text: str) -> None:
        """Print with a line end."""
        click.echo(text)


@click.command("chat")
@click.argument("adapters", nargs=-1, metavar="[ADAPTER|GLOB]...")
@click.option("--no-base", is_flag=True, help="Leave the student as it came out.")
@click.option("--endpoint", "endpoints", multiple=True, metavar="openai:NAME", help="Ask this model, too; repeatable.")
def chat(adapters: tuple[str, ...], no_base: bool, endpoints: tuple[str, ...]) -> None:
    """Talk with base and tuned models, side by side, and keep what you think of their answers.

    Without ADAPTERs (folders, such as models/NAME, or patterns of them) it is the adapter trained last. Each line typed
    is a question to every model; /help lists the commands. Lines may also come from a pipe, as UTF-8.
    """
    from rawtune.cli.terminal import Terminal

    terminal = Terminal()
    with Project(progress=terminal) as project:
        with terminal:
            lineup = project.chat(list(folders(adapters)), not no_base, endpoints)
        talk = Conversation(lineup.names, lineup.answer, project.keep_feedback, Screen())
        if sys.stdin.isatty():
            in_terminal(talk, lineup.names)
        else:
            for line in piped():
                if not talk.take(line):
                    break
        talk.end()


def piped() -> Iterator[str]:
    """The lines of standard input as UTF-8, whatever the locale; raises ``UsageError`` naming one that is not."""
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            yield line.removeprefix(codecs.BOM_UTF8 if number == 1 else b"").decode()
        except UnicodeDecodeError as error:
            raise UsageError(
                f"standard input, line {number}: not UTF-8 (byte {error.start} of the line); it was not asked or kept",
                "if it is GB18030 (GBK): iconv -f GB18030 -t UTF-8 FILE | rawtune chat",
            ) from error


def in_terminal(talk: Conversation, models: list[str]) -> None:
    """Read lines until the user ends; Ctrl-C at the prompt does so the second time."""
    import contextlib

    with contextlib.suppress(ImportError):  # Windows has none
        import readline  # noqa: F401 - lets ``input`` edit lines and remember them

    click.echo(f"{' and '.join(models)}; /help lists the commands")
    interrupts = 0
    while interrupts < 2:
        try:
            if not talk.take(input(talk.prompt)):
                return
            interrupts = 0
        except EOFError:
            click.echo()
            return
        except KeyboardInterrupt:
            interrupts = 0 if talk.drop() else interrupts + 1
            click.echo("" if interrupts != 1 else "\nCtrl-C again ends, so does Ctrl-D")


COMMANDS = {"chat": chat}
