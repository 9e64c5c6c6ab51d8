"""A session with the teacher: opened with the limits of rawtune.yaml, drained on Ctrl-C, closed with nothing lost."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import Any, TypeVar

from rawtune import config
from rawtune.engine.budget import Budget
from rawtune.engine.calls import Calls, Stopped
from rawtune.engine.circuit import Circuit
from rawtune.engine.concurrency import FIRST, MOST, Concurrency
from rawtune.engine.draining import draining
from rawtune.engine.local import converse
from rawtune.engine.rate import RateLimit
from rawtune.engine.retries import Retries
from rawtune.errors import CallRejected, TeacherError, UsageError
from rawtune.ledger.journal import Journal
from rawtune.llm import open_teacher, parameters, price
from rawtune.llm.teacher import Teacher
from rawtune.passages import sentences
from rawtune.records import Finding, Outcome, Passage, Reply, ReplyForm, Request
from rawtune.stages.stage import Work
from rawtune.synthesis import prompt as prompts
from rawtune.synthesis.pick import pick
from rawtune.synthesis.write import Conversation, write
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.rules.language import expected

_JSON = re.compile(r"\s*(?:<think>.*?</think>\s*)?(?:```|[{｛])", re.DOTALL)
"""How a reply begins that keeps to JSON, thoughts of the model left out."""
_FIRST = 3
"""Passages with which the form of replies is found out, at the same time: those of a pilot need not wait for one."""

T = TypeVar("T")
OnResult = Callable[[str, Outcome | TeacherError, tuple[str, ...]], None]


class Session:
    """Passages in, outcomes out, through one teacher and under one journal."""

    def __init__(self, work: Work, teacher: Teacher, calls: Calls, journal: Journal) -> None:
        self.calls = calls
        self.journal = journal
        self._work = work
        self._teacher = teacher
        self._prompt = prompts.build(work.config)

    async def converse(self, passages: Iterable[Passage], on_result: OnResult) -> None:
        """Bring every passage to its end; see ``engine.local.converse``. Raises the reason if the run was stopped."""
        passages = iter(passages)
        with self._settled():
            while first := list(islice(passages, _FIRST)):
                first, form = await self._begun(first, on_result)
                if form is not None:
                    begin = conversations(self._work, self._teacher, self._prompt, form)
                    others = chain(first, passages)
                    await converse(((p.id, partial(begin, p)) for p in others), self.calls, on_result)

    async def follow(
        self,
        talks: Iterable[tuple[str, Callable[[], Generator[Request, Reply, T]]]],
        on_result: Callable[[str, T | TeacherError, tuple[str, ...]], None],
    ) -> None:
        """Bring conversations of any other kind to their ends. Raises the reason if the run was stopped."""
        with self._settled():
            await converse(talks, self.calls, on_result)

    @contextmanager
    def _settled(self) -> Iterator[None]:
        with suppress(Stopped):
            yield
        self.journal.flush()
        if self.calls.stopped:
            raise self.calls.stopped

    async def _begun(self, passages: list[Passage], on_result: OnResult) -> tuple[list[Passage], ReplyForm | None]:
        """The form of reply to be asked for, and those passages that are still to be brought to their end in it.

        It is found out with the passages' own requests, whose replies are stored and not asked for again. A passage
        that is refused in a form that others are not, or whose call fails for good, ends here.
        """
        if known := reply_form(self._work, self._teacher):
            return passages, known
        form, found = await self._taken(passages)
        left = []
        for passage, reply in zip(passages, found, strict=True):
            if isinstance(reply, Reply):
                left.append(passage)
            elif isinstance(reply, TeacherError) and not self.calls.in_vain(reply):
                on_result(passage.id, reply, ())
            else:
                raise reply
        if left:
            form = self._kept_to(form, [reply.text for reply in found if isinstance(reply, Reply)])
        return left, form if left else None

    async def _taken(self, passages: list[Passage]) -> tuple[ReplyForm, list[Reply | BaseException]]:
        """The strictest form that is not refused for all ``passages``, or the last, with what came of each of them."""
        for form in self._teacher.forms:
            begin = conversations(self._work, self._teacher, self._prompt, form)
            calls = [self.calls.reply(next(begin(passage))) for passage in passages]
            # What is in flight comes home whatever becomes of the others: it may be paid already.
            found = await asyncio.gather(*calls, return_exceptions=True)
            if not all(isinstance(reply, CallRejected) and not self.calls.in_vain(reply) for reply in found):
                break
        return form, found

    def _kept_to(self, form: ReplyForm, texts: list[str]) -> ReplyForm:
        """The form that replies to a demand for ``form`` keep to, remembered where they tell.

        Who answers a demand for JSON in labelled lines takes the demand and does not keep to it; it would not keep to
        another, either. A reply that is neither says nothing about those to come.
        """
        labels = "|".join(map(re.escape, self._work.config.columns))
        if form is ReplyForm.TEXT or any(_JSON.match(text) for text in texts):
            told = form
        elif any(re.search(rf"^\W*(?:{labels})\W*[:：]", text, re.MULTILINE) for text in texts):
            told = ReplyForm.TEXT
        else:
            return form
        self._work.ledger.save_reply_form(model_name(self._work), told)
        return told


@asynccontextmanager
async def open_session(work: Work, made_by: str) -> AsyncIterator[Session]:
    """A session whose outcomes are recorded under ``made_by``."""
    settings = work.config.teacher
    teacher = open_teacher(settings, work.config.columns)
    most = teacher.at_once or (MOST if settings.concurrency == "auto" else settings.concurrency)
    first = FIRST if settings.concurrency == "auto" else most
    journal = Journal(work.ledger, made_by, work.log)
    calls = Calls(
        teacher,
        journal,
        concurrency=Concurrency(first, most),
        retries=Retries(settings.attempts),
        circuit=Circuit(work.tell),
        budget=Budget(
            work.config.synthesis.budget, price(settings), work.ledger.spent()[1] or 0.0, settings.max_tokens
        ),
        requests=RateLimit(settings.requests_per_minute) if settings.requests_per_minute else None,
        tokens=RateLimit(settings.tokens_per_minute) if settings.tokens_per_minute else None,
    )
    try:
        with draining(calls, work.tell):
            yield Session(work, teacher, calls, journal)
    finally:
        try:
            journal.flush()
        finally:
            await teacher.close()


def conversations(
    work: Work, teacher: Teacher, prompt: prompts.Prompt, form: ReplyForm
) -> Callable[[Passage], Conversation]:
    """How a passage's row is made by this teacher: a passage to the conversation about it."""
    checker = Checker(work.config.verification)

    def check(concept: str, answer: str, passage: Passage, closed: bool = False) -> list[Finding]:
        language = expected(work.config.language, passage.text)
        row = Row(concept, answer, work.config.columns, concept, language, closed=closed)
        return checker.check(row)

    settings = work.config.teacher
    way = partial(write, form=form, repeats=work.config.synthesis.repeats) if teacher.writes_freely else _pick_sentences
    return partial(
        way, prompt=prompt, teacher=teacher.name, model=model_name(work), parameters=parameters(settings), check=check
    )


def _pick_sentences(passage: Passage, **how: Any) -> Conversation:
    """Let the teacher pick among the passage's own sentences."""
    return pick(passage, [passage.text[start:end] for start, end in sentences.spans(passage.text)], **how)


def reply_form(work: Work, teacher: Teacher) -> ReplyForm | None:
    """The form in which this teacher is asked to reply; None if that is still to be found out."""
    wanted = work.config.teacher.reply_format
    if len(teacher.forms) == 1:
        return teacher.forms[0]
    return work.ledger.reply_form(model_name(work)) if wanted == "auto" else ReplyForm(wanted)


def with_teacher(work: Work, model: str) -> Work:
    """The work with ``model`` in the teacher's place; ``teacher`` is the project's own.

    Raises ``UsageError`` for a name that cannot be one.
    """
    return work if model == "teacher" else replace(work, config=config.replaced(work.config, model, None))


def addressed(work: Work, setting: str) -> dict[str, Any]:
    """How a teacher that writes freely is asked: the language, the model, its parameters, and the form of its reply.

    Raises ``UsageError`` for a teacher that only picks; ``setting`` names what needs one that writes.
    """
    teacher = open_teacher(work.config.teacher, work.config.columns)
    if not teacher.writes_freely:
        raise UsageError(
            f"{setting}: {work.config.teacher.model} can only pick sentences",
            f"name a teacher that writes, such as openai:NAME, or take {setting} out",
        )
    return {
        "language": work.config.language,
        "model": model_name(work),
        "parameters": parameters(work.config.teacher),
        "form": reply_form(work, teacher) or teacher.forms[-1],
    }


def model_name(work: Work) -> str:
    """The model in a request's identity. Names as served are the server's own: elsewhere it is another model."""
    settings = work.config.teacher
    return f"{settings.model} at {settings.base_url}" if settings.base_url else settings.model
