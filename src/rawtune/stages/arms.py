"""The arms of a comparison, asked: those on the student here, one loaded base for all; others through endpoints."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rawtune.comparison import answers, likelihood
from rawtune.comparison.arms import BASE, Arm, Kind, with_passage
from rawtune.comparison.isolation import Isolation
from rawtune.comparison.likelihood import Item
from rawtune.dataset import files
from rawtune.errors import ModelUnavailable, UsageError
from rawtune.llm import open_teacher
from rawtune.records import Answer, History, Message, Parameters, Request, content_hash
from rawtune.stages import general
from rawtune.stages.asking import ask_all, say, unpaid
from rawtune.stages.money import confirm_questions
from rawtune.stages.questions import Question
from rawtune.stages.session import model_name, with_teacher
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by
from rawtune.training import models, tokens

_WEIGHTS = "adapter_model.safetensors"
_SAME = {"embedded:smollm2": "smollm2-135m-instruct"}
"""What the embedded student is called elsewhere."""


_Prompt = tuple[str, History]
"""What an arm is asked, and the turns before it."""


class _Task(NamedTuple):
    """An answer that is still to be made here."""

    key: str
    arm: Arm
    question: str
    prompt: list[int]


class Asked(NamedTuple):
    """Every arm's answers, question by question in the same order; the figures of base's isolation, if it was asked.

    ``general`` tells by arm, of base and the adapters, which items of the general suite it chose rightly.
    """

    answers: list[Answer]
    isolation: dict[str, int]
    general: dict[str, list[bool]]


def check(work: Work, arms: Sequence[Arm]) -> None:
    """Raise ``ModelUnavailable`` for a folder without a whole adapter, ``UsageError`` for one of another student."""
    for arm in arms:
        if arm.kind is not Kind.ADAPTER:
            continue
        folder = work.folder / arm.source
        try:
            found = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
            named = found["base_model_name_or_path"] or ""
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelUnavailable(
                f"no adapter in {folder}: adapter_config.json cannot be read ({error})",
                "name the folder of a trained LoRA adapter, such as models/NAME",
            ) from error
        if not (folder / _WEIGHTS).is_file():  # never the pickled form
            raise ModelUnavailable(f"no adapter in {folder}: no {_WEIGHTS} there", "train first: rawtune train")
        if named and _model(named) != _model(work.config.student):
            raise UsageError(
                f"{folder} is an adapter of {named}, and this project's student is {work.config.student}",
                "an adapter works on the very model that it was trained on: compare it in a project with that student",
            )


def ask(
    work: Work,
    arms: Sequence[Arm],
    asked: Sequence[Question],
    passages: Mapping[str, str],
    items: Sequence[Item] = (),
) -> Asked:
    """Ask all arms the questions, and base and the adapters the ``items`` of the general suite.

    Answers that are stored already are not made again, and none is paid for twice.
    """
    check(work, arms)
    said = {arm.name: _ask_endpoint(work, arm, asked) for arm in arms if arm.kind is Kind.ENDPOINT}
    isolation: dict[str, int] = {}
    right: dict[str, list[bool]] = {}
    if here := [arm for arm in arms if arm.kind is not Kind.ENDPOINT]:
        made, isolation, right = _ask_here(work, here, asked, passages, items)
        said |= made
    given = [
        Answer(
            arm.name,
            question.suite,
            question.passage_id,
            question.text,
            question.reference,
            text,
            question.concept,
            question.history,
        )
        for arm in arms
        for question, text in zip(asked, said[arm.name], strict=True)
    ]
    return Asked(given, isolation, right)


def _model(name: str) -> str:
    """What is left of a model's name when hubs and folders, in which it may have been moved, are taken away."""
    return _SAME.get(name, Path(name).name).casefold()


def _adapter(folder: Path) -> str:
    """Identity of an adapter: its weights and, as its scale changes every answer, its settings but for the base's name.

    Where the base lies changes nothing about what it says.
    """
    settings = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    settings.pop("base_model_name_or_path", None)
    return content_hash([files.sha256(folder / _WEIGHTS), settings])


def _ask_here(
    work: Work, arms: Sequence[Arm], asked: Sequence[Question], passages: Mapping[str, str], items: Sequence[Item]
) -> tuple[dict[str, list[str]], dict[str, int], dict[str, list[bool]]]:
    """The arms on the student: one loaded base, the same decoding, and but for the passage the same token ids.

    After each group base, all adapters off, is held to what it said before any was loaded; only then are the group's
    answers stored. Raises ``IsolationError``.
    """
    settings, quantise, student = work.config.comparison, work.config.training.quantise, work.student_identity
    base, tokenizer = models.load(work.student, quantise, work.progress, wanted=work.config.training.device)
    texts = {arm.name: [_prompt(work, arm, question, passages) for question in asked] for arm in arms}
    said = {prompt for prompts in texts.values() for prompt in prompts}
    ids = {(text, earlier): tokens.prompt_ids(tokenizer, text, tokens.messages(earlier)) for text, earlier in said}
    _fit(work, ids, answers.room(base))
    isolation = Isolation(base, [ids[text] for text in texts[BASE.name]])
    model, slots = load(work, base, arms)
    weights = {arm.name: _adapter(work.folder / arm.source) if arm.kind is Kind.ADAPTER else "" for arm in arms}
    keys = {}
    stored = work.ledger.answers()
    todo: dict[str, _Task] = {}
    for arm in arms:
        keys[arm.name] = [
            answers.key(student, quantise, weights[arm.name], ids[text], settings.max_new_tokens)
            for text in texts[arm.name]
        ]
        for key, text, question in zip(keys[arm.name], texts[arm.name], asked, strict=True):
            if key not in stored:
                todo.setdefault(key, _Task(key, arm, question.text, ids[text]))

    def hold() -> None:
        with turn(model, slots, BASE):
            isolation.check(model)

    hold()
    done = 0
    for arm in arms:
        tasks = [task for task in todo.values() if task.arm == arm]
        # In groups, so that an interruption loses one of them and not all.
        for start in range(0, len(tasks), settings.batch_size * 2):
            group = tasks[start : start + settings.batch_size * 2]
            with turn(model, slots, arm):
                made = answers.answer(
                    model, tokenizer, [task.prompt for task in group], settings.max_new_tokens, settings.batch_size
                )
            hold()
            stored |= {task.key: text for task, text in zip(group, made, strict=True)}
            work.ledger.save_answers(
                {"key": task.key, "model": arm.name, "question": task.question, "text": stored[task.key]}
                for task in group
            )
            done += len(group)
            work.progress.advance(done, len(todo), f"{arm.name} answers")

    def choose(arm: Arm, offers: list[general.Offer]) -> list[int]:
        with turn(model, slots, arm):
            picked = likelihood.choose(model, tokenizer, offers)
        hold()
        return picked

    offers = [general.offer(tokenizer, item) for item in items]
    right = {
        arm.name: general.rights(
            work, arm.name, [student, quantise, weights[arm.name]], items, offers, partial(choose, arm)
        )
        for arm in arms
        if items and arm.kind is not Kind.RETRIEVAL  # these items have no passage: it would be base again
    }
    return {arm.name: [stored[key] for key in keys[arm.name]] for arm in arms}, isolation.figures, right


def _fit(work: Work, ids: Mapping[_Prompt, Sequence[int]], room: int | None) -> None:
    """Raise ``UsageError`` for a prompt that leaves an answer no room in what the student reads."""
    text, earlier = max(ids, key=lambda prompt: len(ids[prompt]), default=("", ()))
    longest = work.config.comparison.max_new_tokens
    if room and text and (length := len(ids[text, earlier])) + longest > room:
        raise UsageError(
            f"'{' '.join(text.split())[:60]}...' takes {length} tokens, and an answer up to {longest};"
            f" {work.config.student} reads {room}",
            "ask shorter questions, lower comparison.max_new_tokens, or passages.max_tokens where the passage is asked",
        )


def _prompt(work: Work, arm: Arm, question: Question, passages: Mapping[str, str]) -> _Prompt:
    text = question.text
    if arm.kind is Kind.RETRIEVAL and question.passage_id:
        text = with_passage(text, passages[question.passage_id], work.config.language)
    return text, question.history


def load(work: Work, base: Any, arms: Sequence[Arm]) -> tuple[Any, dict[str, str]]:
    """Base with all adapters beside one another, none wrapped around another; by arm, what peft calls its adapter."""
    adapters = [arm for arm in arms if arm.kind is Kind.ADAPTER]
    if not adapters:
        return base, {}
    first, *others = adapters
    model = models.with_adapter(base, work.folder / first.source)
    slots = {first.name: str(model.active_adapter)}
    for number, arm in enumerate(others, 2):
        slots[arm.name] = f"adapter{number}"  # a folder's name may hold dots, which peft refuses
        try:
            with models.quiet():
                model.load_adapter(work.folder / arm.source, slots[arm.name])
        except Exception as error:  # each library, down to the reader of weights, raises its own
            reason = str(error).strip().partition("\n")[0]
            raise ModelUnavailable(
                f"{arm.source}: cannot be loaded: {reason}", "is it an adapter of this student?"
            ) from error
    return model.eval(), slots


@contextmanager
def turn(model: Any, slots: Mapping[str, str], arm: Arm) -> Iterator[None]:
    """Let the arm's adapter take part, or none."""
    if arm.name in slots:
        model.set_adapter(slots[arm.name])
        yield
    elif slots:
        with model.disable_adapter():
            yield
    else:
        yield  # nothing was ever loaded


def _ask_endpoint(work: Work, arm: Arm, asked: Sequence[Question]) -> list[str]:
    """Let another model answer the questions, at temperature 0, each behind its earlier turns; passages never leave.

    Replies are kept as calls. Raises ``UsageError`` for a model that cannot answer freely, ``RawtuneError`` if calls
    failed.
    """
    if not answers_freely(work, arm):
        raise UsageError(
            f"{arm.source} can only pick sentences, so it cannot be compared", "name an endpoint, such as openai:NAME"
        )
    asking, longest = with_teacher(work, arm.source), work.config.comparison.max_new_tokens
    parameters = Parameters(temperature=0.0, max_tokens=longest)
    talks = {
        question.whole: partial(say, Request(model_name(asking), _messages(question), parameters)) for question in asked
    }
    left = ["\n".join(said.content for said in request.messages) for request in unpaid(work, talks.values())]
    confirm_questions(work, left, longest, asking.config.teacher)
    answered = ask_all(asking, made_by(work), talks.items(), len(talks), f"{arm.name} answers")
    said = answered.whole(f"questions were not answered by {arm.source}")
    return [said[question.whole] for question in asked]


def _messages(question: Question) -> tuple[Message, ...]:
    return *tokens.messages(question.history), Message("user", question.text)


def answers_freely(work: Work, arm: Arm) -> bool:
    """Whether the model behind an endpoint says what it likes, rather than pick among sentences."""
    other = with_teacher(work, arm.source).config
    return open_teacher(other.teacher, other.columns).writes_freely
