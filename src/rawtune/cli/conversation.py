"""A conversation with one or several models: what the user types, line by line, to questions, answers and verdicts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from rawtune.errors import Interrupted, RawtuneError
from rawtune.ledger.feedback import Feedback, Verdict
from rawtune.printable import printable
from rawtune.records import Message

HELP = """\
Each line is a question to every model, in its own history. A line that begins with / is a command:
  /good [MODEL]   its last answer is right: keep it as feedback
  /bad [MODEL]    its last answer is wrong; then type the right one, closed by an empty line (at once: you know none)
  /clear          begin another conversation
  /help           this
  /quit           end; so does Ctrl-D
MODEL is its name, the beginning of it, or its number; with one model it can be left out. Ctrl-C stops an answer.
Feedback becomes rows with: rawtune synth --from feedback"""

Answer = Callable[[str, str, Sequence[Message], Callable[[str], None]], str]
"""Name of a model, question, history, and what to do with each piece of the answer as it comes; the whole answer."""


class Screen(Protocol):
    """Where a conversation is shown; all text that it gets is fit to be printed."""

    def name(self, number: int, model: str) -> None:
        """Say which model, by its place in the line, is about to answer."""

    def piece(self, text: str) -> None:
        """Print a piece of an answer."""

    def line(self, text: str) -> None:
        """Print a line."""


class Conversation:
    """``answer`` makes a model answer, ``keep`` stores a verdict; neither knows of the other models' histories."""

    def __init__(self, models: Sequence[str], answer: Answer, keep: Callable[[Feedback], None], screen: Screen) -> None:
        self._models = list(models)
        self._answer, self._keep, self._screen = answer, keep, screen
        self._histories: dict[str, tuple[Message, ...]] = {}
        self._stopped: set[str] = set()
        self._correcting: Feedback | None = None
        self._correction: list[str] = []

    @property
    def prompt(self) -> str:
        """What to show before the user types."""
        return "... " if self._correcting else "> "

    def take(self, line: str) -> bool:
        """Take a line that the user typed; whether the conversation goes on."""
        line = line.encode("utf-8", "replace").decode().rstrip()
        if self._correcting:
            self._correct(line)
        elif line.startswith("/"):
            command, _, rest = line.partition(" ")
            return self._command(command, rest.strip())
        elif line.strip():
            self._ask(line.strip())
        return True

    def end(self) -> None:
        """No more lines: a correction that was begun is complete."""
        if self._correcting:
            self._correct("")

    def drop(self) -> bool:
        """Leave out a correction that was begun; whether there was one. The verdict stays."""
        begun, self._correcting = self._correcting is not None, None
        self._correction.clear()
        return begun

    def _command(self, command: str, rest: str) -> bool:
        if command == "/quit":
            return False
        if command in ("/good", "/bad"):
            if model := self._named(rest):
                self._judge(model, Verdict(command[1:]))
        elif command == "/clear":
            self._histories.clear()
            self._screen.line("another conversation")
        elif command == "/help":
            self._screen.line(HELP)
        else:
            self._screen.line(
                f"{printable(command)} is no command; /help lists them. A question may begin with a space"
            )
        return True

    def _ask(self, question: str) -> None:
        for number, model in enumerate(self._models):
            self._screen.name(number, printable(model))
            history = self._histories.get(model, ())
            said: list[str] = []

            def show(text: str, said: list[str] = said) -> None:
                said.append(text)
                self._screen.piece(printable(text))

            stopped = False
            try:
                answer = self._answer(model, question, history, show)
            except (KeyboardInterrupt, Interrupted):
                answer, stopped = "".join(said), True
                self._screen.piece(" [stopped]")
            except RawtuneError as error:
                self._screen.line(printable(error.message))
                if error.hint:
                    self._screen.line(printable(f"hint: {error.hint}"))
                continue
            self._screen.line("" if "".join(said) else "[no answer]")
            turns = (Message("user", question), Message("assistant", answer))
            self._histories[model] = (*history, *turns)
            # Only now: where a model fails, its last answer is still the one before.
            (self._stopped.add if stopped else self._stopped.discard)(model)

    def _named(self, name: str) -> str:
        """The model meant, empty if that is not clear."""
        found = [model for model in self._models if model == name] or [
            model
            for number, model in enumerate(self._models, 1)
            if name == str(number) or model.startswith(name) or not name
        ]
        if len(found) == 1:
            return found[0]
        listed = ", ".join(f"{number} {printable(model)}" for number, model in enumerate(self._models, 1))
        self._screen.line(f"which model? {listed}")
        return ""

    def _judge(self, model: str, verdict: Verdict) -> None:
        history = self._histories.get(model, ())
        if not history:
            self._screen.line("there is no answer yet")
            return
        *before, asked, said = history
        if verdict is Verdict.GOOD and (model in self._stopped or not said.content):
            self._screen.line("the answer is not whole, so it cannot be learnt from; give the right one with /bad")
            return
        given = Feedback(model, asked.content, said.content, verdict, history=tuple(before))
        self._keep(given)  # at once: whatever comes next, the verdict is not lost
        if verdict is Verdict.BAD:
            self._correcting = given
            self._screen.line("kept. What is the right answer? An empty line ends it")
        else:
            self._screen.line("kept")

    def _correct(self, line: str) -> None:
        assert self._correcting is not None  # noqa: S101 - called while there is one
        if line.strip():
            self._correction.append(line)
            return
        if text := "\n".join(self._correction).strip():
            self._keep(replace(self._correcting, correction=text))
        self._screen.line("kept with the right answer" if text else "kept without one")
        self.drop()
