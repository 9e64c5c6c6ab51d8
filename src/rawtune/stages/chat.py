"""Models to talk with: the student as it came and with adapters, on one loaded base, and models behind endpoints."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rawtune.comparison import answers
from rawtune.comparison.arms import BASE, Arm, Kind, line_up
from rawtune.errors import UsageError
from rawtune.records import Message, Parameters, Request
from rawtune.stages import arms as asking
from rawtune.stages.asking import ask_one, say
from rawtune.stages.compare import within
from rawtune.stages.session import model_name, with_teacher
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by
from rawtune.training import models, tokens

OnText = Callable[[str], None]


class Lineup:
    """Some models by name, each ready to answer. The student is loaded once, its adapters beside one another."""

    def __init__(self, work: Work, arms: Sequence[Arm]) -> None:
        self._work = work
        self._arms = {arm.name: arm for arm in arms}
        for arm in arms:
            if arm.kind is Kind.ENDPOINT and not asking.answers_freely(work, arm):
                raise UsageError(
                    f"{arm.source} can only pick sentences, so it cannot talk", "name an endpoint, such as openai:NAME"
                )
        asking.check(work, arms)
        if here := [arm for arm in arms if arm.kind is not Kind.ENDPOINT]:
            settings = work.config.training
            base, self._tokenizer = models.load(work.student, settings.quantise, work.progress, wanted=settings.device)
            self._model, self._slots = asking.load(work, base, here)

    @property
    def names(self) -> list[str]:
        """The names of the models, in order."""
        return list(self._arms)

    def answer(self, name: str, question: str, history: Sequence[Message], on_text: OnText) -> str:
        """What a model answers after ``history``; ``on_text`` is given each piece of it, of an endpoint's all at once.

        Decoded as in the comparison, so that the same question brings the same answer. Raises ``UsageError`` if the
        conversation has become too long for the model, ``RawtuneError`` if an endpoint cannot be asked.
        """
        arm, longest = self._arms[name], self._work.config.comparison.max_new_tokens
        if arm.kind is Kind.ENDPOINT:
            text = _ask(self._work, arm, (*history, Message("user", question)), longest)
            on_text(text)
            return text
        prompt = tokens.prompt_ids(self._tokenizer, question, history)
        room = answers.room(self._model)
        if room and len(prompt) + longest > room:
            raise UsageError(
                f"the conversation takes {len(prompt)} tokens, and an answer up to {longest}; {name} reads {room}",
                "begin another one with /clear",
            )
        with asking.turn(self._model, self._slots, arm):
            return answers.stream(self._model, self._tokenizer, prompt, longest, on_text)


def open_lineup(work: Work, adapters: Sequence[Path], base: bool, endpoints: Sequence[str]) -> Lineup:
    """Base, unless it is not wanted, the adapters (default: the one trained last, if there is one), and endpoints.

    Raises ``UsageError`` if that is nobody.
    """
    folders = [path.resolve() for path in adapters]
    if not folders and (trained := work.ledger.stage("train")):
        folders = [work.folder / trained.product]
    arms = line_up([within(work, folder) for folder in folders], endpoints=endpoints)
    if chosen := [arm for arm in arms if base or arm is not BASE]:
        return Lineup(work, chosen)
    raise UsageError("there is no model to talk with", "train first: rawtune train; or leave out --no-base")


def _ask(work: Work, arm: Arm, messages: tuple[Message, ...], longest: int) -> str:
    """What an endpoint says to this conversation, at temperature 0; kept as a call, so that it is paid for once."""
    other = with_teacher(work, arm.source)
    request = Request(model_name(other), messages, Parameters(temperature=0.0, max_tokens=longest))
    return ask_one(other, made_by(work), partial(say, request))
