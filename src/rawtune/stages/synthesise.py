"""Passages to rows, through the teacher: a pilot first, then the rest, and an account of all."""

from dataclasses import dataclass

from rawtune.engine import loop
from rawtune.errors import GateFailed, RawtuneError, TeacherError, UsageError
from rawtune.ledger.outcomes import Tally
from rawtune.llm import price
from rawtune.records import Origin, Outcome, Passage, Reply, Request, State, content_hash
from rawtune.stages import account
from rawtune.stages.money import confirm, foretell
from rawtune.stages.recorder import Recorder
from rawtune.stages.session import Session, open_session
from rawtune.stages.stage import Done, Work, hash_settings
from rawtune.stages.templates import load_templates
from rawtune.synthesis import prompt as prompts
from rawtune.synthesis.forecast import Forecast

# Settings of the teacher that change how fast or how often it is asked, but not what it is asked.
_PACE = ("concurrency", "requests_per_minute", "tokens_per_minute", "timeout", "attempts", "price", "api_key_env")


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
    before = work.ledger.tally(made_by(work))
    left = work.ledger.count_passages() - before.settled
    if left:
        settings = work.config.synthesis
        # What ended badly in an earlier pilot counts into this one: running again is no way round the gate.
        gate = settings.pilot > 0 and not before.states[State.KEPT]
        size = max(0, settings.pilot - before.settled) if gate else 0
        loop.run(_work_off(work, before, min(size, left), gate))
    return _close(work)


def pilot(work: Work, size: int) -> Forecast:
    """Make rows of ``size`` more passages, spread over files and lengths, show them, and foretell the rest.

    Raises ``UsageError`` if no passage is left.
    """
    load_templates(work)
    before = work.ledger.tally(made_by(work))
    if not left(work):
        raise UsageError("every passage has come to its end", "to ask anew about all of them: rawtune synth --fresh")
    loop.run(_work_off(work, before, size, gate=False, rest=False))
    if work.ledger.tally(made_by(work)).states[State.KEPT] == before.states[State.KEPT]:
        raise GateFailed("the pilot brought no row that could be kept", "see why with: rawtune status --quarantine")
    if told := foretell(work, made_by(work), left(work), work.config.teacher):
        return told
    raise GateFailed("no passage of the pilot came to an end", "see what is wrong with: rawtune status --quarantine")


def start_afresh(work: Work) -> None:
    """Let everything but rows by hand be asked anew, once the teacher can be reached and the money was agreed to."""
    load_templates(work)
    if told := foretell(work, made_by(work), work.ledger.count_passages(), work.config.teacher):
        confirm(work, told, work.config.teacher)

    async def forget() -> None:
        async with open_session(work, made_by(work)):
            work.ledger.forget_stage("synthesise")
            work.ledger.ask_anew()

    loop.run(forget())


def left(work: Work) -> int:
    """How many passages are still to be brought to a lasting end."""
    return work.ledger.count_passages() - work.ledger.tally(made_by(work)).settled


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
    passage = work.ledger.passage(number) if number > 0 else None
    if passage is None:
        raise UsageError(f"there is no passage {number}", f"choose one from 1 to {work.ledger.count_passages()}")
    results: list[Outcome | TeacherError] = []

    async def ask() -> None:
        async with open_session(work, made_by(work)) as session:
            await session.converse([passage], lambda _, result, __: results.append(result))

    loop.run(ask())
    if isinstance(results[0], TeacherError):
        raise results[0]
    exchanges = tuple(work.ledger.exchange(key) for key in results[0].replies)
    return Trial(passage, exchanges, results[0])


async def _work_off(work: Work, before: Tally, size: int, gate: bool, rest: bool = True) -> None:
    """A pilot of ``size`` passages, then the rest; with ``gate``, the rest only if the pilot brought a row."""
    counts = before.states.copy()
    del counts[State.FAILED]  # they are asked again
    async with open_session(work, made_by(work)) as session:
        recorder = Recorder(work, session, counts, work.ledger.count_passages())
        if size:
            await _pilot(work, session, recorder, size)
        remaining = recorder.total - recorder.counts.total()
        if gate and remaining and not recorder.counts[State.KEPT]:
            raise GateFailed(
                "the pilot brought no row that could be kept; the other passages were not asked",
                "look at prompt and reply with: rawtune try --passage 1; then change the prompt or the teacher",
            )
        if not rest:
            return
        if remaining and (told := foretell(work, made_by(work), remaining, work.config.teacher)):
            confirm(work, told, work.config.teacher)
            recorder.expect(told)
        await session.converse(work.ledger.unsettled(made_by(work)), recorder.record)


async def _pilot(work: Work, session: Session, recorder: Recorder, size: int) -> None:
    sample = work.ledger.sample_unsettled(made_by(work), size)
    work.progress.say(f"pilot of {len(sample)} of {recorder.total} passages:")
    ended = recorder.counts.total()
    await session.converse(sample, recorder.show)
    if recorder.last_error and recorder.counts[State.FAILED] == recorder.counts.total() - ended:
        raise recorder.last_error


def _close(work: Work) -> Done:
    """The closing account; nothing may be missing from it."""
    # Its verdicts stand in the outcomes, some of which were just written anew.
    work.ledger.forget_stage("verify")
    tally = work.ledger.tally(made_by(work))
    figures = account.checked(work, tally)
    words = account.in_words(tally)
    work.tell(words)
    origins = tally.origins
    if origins[Origin.PICKED] or origins[Origin.EXTRACTED]:
        work.progress.say(
            f"this teacher cannot write: {origins[Origin.PICKED]} rows hold sentences that it picked,"
            f" {origins[Origin.EXTRACTED]} fell back to the passage's opening sentences"
        )
    calls, cost = work.ledger.spent()
    if cost is not None and (money := price(work.config.teacher)):
        unpriced = work.ledger.unpriced()
        least, but = ("at least ", f"; {unpriced} of them without a known price") if unpriced else ("", "")
        work.tell(f"{calls} calls made for this project, {least}{cost:.4f} {money.currency}{but}")
    work.log.write("account", **{state.value: tally.states[state] for state in State}, calls=calls, cost=cost)
    if tally.states[State.FAILED]:
        raise RawtuneError(
            f"{words}; most often: {tally.most_frequent_failure}",
            "run the same command again: only the failed passages are asked again",
        )
    account.gate(work, tally, words)
    return Done(tally.rows, figures)


def made_by(work: Work) -> str:
    """Identity of everything but the passage that decides how a passage ends."""
    decisive = {
        key: value for key, value in inputs(work).items() if key not in ("passages", "synthesis.max_quarantined")
    }
    return content_hash(decisive)
