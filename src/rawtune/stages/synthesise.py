"""Passages to rows, through the teacher: a pilot first, then the rest, and an account of all."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rawtune.engine.local import converse
from rawtune.errors import AccountingError, GateFailed, RawtuneError, TeacherError, UsageError
from rawtune.ledger.replies import DurableReplies
from rawtune.llm import open_teacher, parameters
from rawtune.llm.teacher import Teacher
from rawtune.passages import sentences
from rawtune.records import Example, Finding, Origin, Outcome, Passage, Reply, Request, State, content_hash
from rawtune.stages.augment import load_templates
from rawtune.stages.stage import Done, Work, hash_settings
from rawtune.synthesis import prompt as prompts
from rawtune.synthesis.pick import pick
from rawtune.synthesis.write import Conversation, write
from rawtune.verification import form

# Settings of the teacher that change how fast or how often it is asked, but not what it is asked.
_PACE = ("concurrency", "timeout", "attempts", "price", "api_key_env")
_GROUP = 64
"""Outcomes committed together; losing some in a crash costs nothing, their replies are stored already."""


def inputs(work: Work) -> dict[str, str]:
    """The passages, the teacher, and what it is told."""
    return {
        "passages": work.output("read"),
        "settings under 'teacher'": hash_settings(work.config.teacher, *_PACE),
        "the prompt": prompts.build(work.config).hash,
        "synthesis.repeats": str(work.config.synthesis.repeats),
        "synthesis.max_quarantined": str(work.config.synthesis.max_quarantined),
    }


def run(work: Work) -> Done:
    """Bring every passage to an end. Raises ``GateFailed`` unless all of them ended, and enough of them well."""
    load_templates(work)  # a fault in them is to be known before the teacher is paid
    passages = work.ledger.passages()
    settled = {
        id: outcome for id, outcome in work.ledger.outcomes(_made_by(work)).items() if outcome.state is not State.FAILED
    }
    todo = [passage for passage in passages if passage.id not in settled]
    kept_before = any(outcome.state is State.KEPT for outcome in settled.values())
    # What ended badly in an earlier pilot counts into this one: running again is no way round the gate.
    size = 0 if kept_before else max(0, work.config.synthesis.pilot - len(settled))
    gate = work.config.synthesis.pilot > 0 and not kept_before
    if todo:
        asyncio.run(_work_off(work, todo[:size], todo[size:], len(settled), gate))
    return _close(work, passages)


@dataclass(frozen=True, slots=True)
class Trial:
    """The work on one passage, laid open: every request with its stored reply, and how it ended."""

    passage: Passage
    exchanges: tuple[tuple[Request, Reply], ...]
    outcome: Outcome


def attempt(work: Work, number: int) -> Trial:
    """Try the prompt on passage ``number`` (from 1). The replies are stored: a later run does not pay for them again.

    Raises ``UsageError`` for a number that there is not, ``TeacherError`` if the call fails.
    """
    passages = work.ledger.passages()
    if not 1 <= number <= len(passages):
        raise UsageError(f"there is no passage {number}", f"choose one from 1 to {len(passages)}")
    passage = passages[number - 1]
    results: list[Outcome | TeacherError] = []
    asyncio.run(_converse(work, [passage], lambda _, result, __: results.append(result)))
    if isinstance(results[0], TeacherError):
        raise results[0]
    exchanges = tuple(work.ledger.exchange(key) for key in results[0].replies)
    return Trial(passage, exchanges, results[0])


async def _work_off(work: Work, pilot: list[Passage], rest: list[Passage], settled: int, gate: bool) -> None:
    """The pilot, then the rest; with ``gate``, the rest only if the pilot brought a row."""
    counts: Counter[State] = Counter()
    waiting: list[Outcome] = []
    made_by = _made_by(work)
    total = settled + len(pilot) + len(rest)
    last_error: list[TeacherError] = []

    def record(passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        if isinstance(result, TeacherError):
            last_error[:] = [result]
            result = Outcome(passage_id, State.FAILED, reason=result.message, replies=keys)
        counts[result.state] += 1
        waiting.append(result)
        if len(waiting) >= _GROUP:
            save()
        note = ", ".join(f"{counts[state]} {state}" for state in State)
        work.progress.advance(settled + counts.total(), total, note)

    def save() -> None:
        if waiting:
            work.ledger.save_outcomes(made_by, waiting)
            waiting.clear()

    def show(passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        record(passage_id, result, keys)
        work.progress.say(_describe(result))

    try:
        if pilot:
            work.progress.say(f"pilot of {len(pilot)} of {total} passages:")
            await _converse(work, pilot, show)
            if last_error and counts[State.FAILED] == len(pilot):
                raise last_error[0]
        if gate and not counts[State.KEPT] and rest:
            raise GateFailed(
                "the pilot brought no row that could be kept; the other passages were not asked",
                "look at prompt and reply with: rawtune try --passage 1; then change the prompt or the teacher",
            )
        await _converse(work, rest, record)
    finally:
        save()


async def _converse(
    work: Work, passages: list[Passage], on_result: Callable[[str, Outcome | TeacherError, tuple[str, ...]], None]
) -> None:
    settings = work.config.teacher
    teacher = open_teacher(settings, work.config.columns)
    replies = DurableReplies(work.ledger, settings.price)
    prompt = prompts.build(work.config)
    try:
        await converse(
            ((passage.id, partial(_conversation, work, teacher, prompt, passage)) for passage in passages),
            teacher,
            replies,
            concurrency=settings.concurrency,
            attempts=settings.attempts,
            on_result=on_result,
        )
    finally:
        try:
            replies.flush()
        finally:
            await teacher.close()


def _conversation(work: Work, teacher: Teacher, prompt: prompts.Prompt, passage: Passage) -> Conversation:
    def check(concept: str, answer: str, _: Passage) -> list[Finding]:
        return form.check(work.config.columns, concept, answer)

    settings = work.config.teacher
    # Names as served are the server's own: the same name at another address is another model.
    model = f"{settings.model} at {settings.base_url}" if settings.base_url else settings.model
    if teacher.writes_freely:
        return write(
            passage,
            prompt,
            teacher=teacher.name,
            model=model,
            parameters=parameters(settings),
            check=check,
            repeats=work.config.synthesis.repeats,
        )
    texts = [passage.text[start:end] for start, end in sentences.spans(passage.text)]
    return pick(passage, texts, prompt, teacher=teacher.name, model=model, parameters=parameters(settings), check=check)


def _close(work: Work, passages: list[Passage]) -> Done:
    """The closing account; nothing may be missing from it."""
    outcomes = work.ledger.outcomes(_made_by(work))
    states = Counter(outcome.state for outcome in outcomes.values())
    kept, quarantined, failed = (states[state] for state in State)
    if len(passages) != kept + quarantined + failed:
        raise AccountingError(
            f"{len(passages)} passages, but {kept} kept + {quarantined} quarantined + {failed} failed"
        )
    origins = Counter(outcome.example.origin for outcome in outcomes.values() if outcome.example)
    account = f"{kept} kept + {quarantined} quarantined + {failed} failed = {len(passages)} passages"
    work.progress.say(account)
    if origins[Origin.PICKED] or origins[Origin.EXTRACTED]:
        work.progress.say(
            f"this teacher cannot write: {origins[Origin.PICKED]} rows hold sentences that it picked,"
            f" {origins[Origin.EXTRACTED]} fell back to the passage's opening sentences"
        )
    calls, cost = work.ledger.spent()
    if (price := work.config.teacher.price) and cost is not None:
        work.progress.say(f"{calls} calls stored in this project, {cost:.4f} {price.currency}")
    if failed:
        reasons = Counter(outcome.reason for outcome in outcomes.values() if outcome.state is State.FAILED)
        raise RawtuneError(
            f"{account}; most often: {reasons.most_common(1)[0][0]}",
            "run the same command again: only the failed passages are asked again",
        )
    allowed = work.config.synthesis.max_quarantined
    if not kept or quarantined > allowed * len(passages):
        raise GateFailed(
            f"{account}: more in quarantine than synthesis.max_quarantined allows ({allowed:.0%})",
            "see what is wrong with: rawtune status --quarantine",
        )
    summary = {
        "passages": len(passages),
        "kept": kept,
        "quarantined": quarantined,
        "failed": failed,
        **{origin.value: origins[origin] for origin in Origin},
    }
    rows: list[Example] = work.ledger.synthesised()
    return Done(content_hash([row.id for row in rows]), summary)


def _made_by(work: Work) -> str:
    """Identity of everything but the passage that decides how a passage ends."""
    decisive = {
        key: value for key, value in inputs(work).items() if key not in ("passages", "synthesis.max_quarantined")
    }
    return content_hash(decisive)


def _describe(result: Outcome | TeacherError) -> str:
    if isinstance(result, TeacherError):
        return f"  failed: {result.message}"
    if result.example is None:
        return f"  quarantined: {result.reason}"
    note = f" (repaired: {', '.join(result.repairs)})" if result.repairs else ""
    return f"  {result.example.concept}{note}\n    {result.example.answer}"
