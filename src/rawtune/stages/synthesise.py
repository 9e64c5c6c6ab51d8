"""Passages to rows, through the teacher: a pilot first, then the rest, and an account of all."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from rawtune.config import Config
from rawtune.errors import AccountingError, GateFailed, RawtuneError, TeacherError, UsageError
from rawtune.ledger.ledger import Tally
from rawtune.llm import open_teacher, price
from rawtune.records import Origin, Outcome, Passage, Reply, Request, State, content_hash
from rawtune.stages.augment import load_templates
from rawtune.stages.session import Session, conversations, open_session, reply_form
from rawtune.stages.stage import Done, Work, hash_settings
from rawtune.synthesis import prompt as prompts
from rawtune.synthesis.forecast import Forecast, forecast
from rawtune.synthesis.write import Conversation, synthesised
from rawtune.verification import form as rules

# Settings of the teacher that change how fast or how often it is asked, but not what it is asked.
_PACE = ("concurrency", "requests_per_minute", "tokens_per_minute", "timeout", "attempts", "price", "api_key_env")
_SAMPLE = 200
"""Passages from which the rest is foretold, at most."""
_BETWEEN_NOTES = 0.1
"""Seconds between two reports of progress: a person cannot read faster."""


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
    before = work.ledger.tally(_made_by(work))
    left = work.ledger.count_passages() - before.settled
    if left:
        settings = work.config.synthesis
        # What ended badly in an earlier pilot counts into this one: running again is no way round the gate.
        gate = settings.pilot > 0 and not before.states[State.KEPT]
        size = max(0, settings.pilot - before.settled) if gate else 0
        asyncio.run(_work_off(work, before, min(size, left), gate))
    return _close(work)


def pilot(work: Work, size: int) -> Forecast:
    """Make rows of ``size`` more passages, spread over files and lengths, show them, and foretell the rest."""
    load_templates(work)
    before = work.ledger.tally(_made_by(work))
    asyncio.run(_work_off(work, before, size, gate=False, rest=False))
    tally = work.ledger.tally(_made_by(work))
    used = work.ledger.usage(_made_by(work), _SAMPLE)
    if not used:
        raise GateFailed(
            "no passage of the pilot came to an end", "see what is wrong with: rawtune status --quarantine"
        )
    return forecast(used, work.ledger.count_passages() - tally.settled)


def reparse(work: Work) -> int:
    """Read the stored replies again, by the rules of today, without a call; how many passages would need one."""
    made_by = _made_by(work)
    teacher = open_teacher(work.config.teacher, work.config.columns)
    form = reply_form(work, teacher)
    begin = conversations(work, teacher, prompts.build(work.config), form) if form else None
    work.ledger.forget_endings()
    total, calls_needed = work.ledger.count_passages(), 0
    ended: list[Outcome] = []
    for done, passage in enumerate(work.ledger.unsettled(made_by), 1):
        outcome = _replay(work, begin(passage)) if begin else None
        if outcome:
            ended.append(outcome)
        else:
            calls_needed += 1
        if len(ended) >= _SAMPLE:
            work.ledger.save([], ended, made_by)
            ended.clear()
            work.progress.advance(done, total)
    work.ledger.save([], ended, made_by)
    return calls_needed


def _replay(work: Work, talk: Conversation) -> Outcome | None:
    """Follow a conversation for as long as its replies are stored; its end, or None if one is missing."""
    try:
        request = next(talk)
        while reply := work.ledger.reply(request.key):
            request = talk.send(reply)
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    return None


def retry(work: Work, passages: list[Passage], other: Config) -> None:
    """Ask anew about ``passages``, with the teacher and prompt of ``other``; what they had stays until a new end comes.

    The outcomes count as made by the project's own settings, so that no later run does them over.
    """
    work.ledger.retire(passage.id for passage in passages)
    run = _Run(work, _made_by(work), Counter(), len(passages))

    async def ask() -> None:
        async with open_session(replace(work, config=other), run.made_by) as session:
            run.session = session
            await session.converse(passages, run.show)

    asyncio.run(ask())


def edit(work: Work, rows: Iterable[Mapping[str, str]]) -> None:
    """Take rows that a person wrote, if they keep the rules of a teacher's; ``GateFailed`` names those that do not.

    A row names its ``passage`` and holds both columns. Raises ``UsageError`` for one that does not, taking none.
    """
    columns = work.config.columns
    prompt = prompts.build(work.config)
    passages = {passage.id: passage for passage in work.ledger.passages()}
    taken, faults = [], []
    for number, row in enumerate(rows, 1):
        texts = [str(row.get(column) or "").strip() for column in columns]
        passage = passages.get(str(row.get("passage")))
        if passage is None or not all(texts):
            raise UsageError(
                f"row {number} names no passage of this project, or leaves {' or '.join(columns)} empty",
                "take the list of: rawtune status --quarantine --json; add both columns to its entries",
            )
        if findings := rules.check(columns, *texts):
            faults.append(f"row {number} ({passage.id}): {'; '.join(finding.message for finding in findings)}")
        else:
            example = synthesised(passage, texts[0], texts[1], Origin.EDITED, "by hand", prompt)
            taken.append(Outcome(passage.id, State.KEPT, example))
    work.ledger.save([], taken, _made_by(work))
    work.progress.say(f"{len(taken)} rows taken, {len(faults)} not")
    if faults:
        raise GateFailed("\n".join(faults), "mend these rows and give them again; the others are taken")


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
        async with open_session(work, _made_by(work)) as session:
            await session.converse([passage], lambda _, result, __: results.append(result))

    asyncio.run(ask())
    if isinstance(results[0], TeacherError):
        raise results[0]
    exchanges = tuple(work.ledger.exchange(key) for key in results[0].replies)
    return Trial(passage, exchanges, results[0])


@dataclass
class _Run:
    """Receives how passages end: counts, records, logs and shows it."""

    work: Work
    made_by: str
    counts: Counter[State]
    total: int
    session: Session = field(init=False)
    forecast: Forecast | None = None
    last_error: TeacherError | None = None
    _failed: set[str] = field(default_factory=set)
    _next_note: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _ended: int = 0
    spent_before: float = 0.0

    def record(self, passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        """One passage of many ended."""
        self.work.progress.detail(partial(_describe, result))
        self._take(passage_id, result, keys)

    def show(self, passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        """One passage of the pilot ended: everybody is to see it."""
        self.work.progress.say(_describe(result))
        self._take(passage_id, result, keys)

    def _take(self, passage_id: str, result: Outcome | TeacherError, keys: tuple[str, ...]) -> None:
        if isinstance(result, TeacherError):
            self.last_error = result
            result = Outcome(passage_id, State.FAILED, reason=result.message, replies=keys)
        if passage_id in self._failed:  # it failed in the pilot and was asked again
            self._failed.discard(passage_id)
            self.counts[State.FAILED] -= 1
        if result.state is State.FAILED:
            self._failed.add(passage_id)
        self.counts[result.state] += 1
        self._ended += 1
        self.session.journal.end(result)
        codes = [finding.code for finding in result.findings]
        self.work.log.write("passage", id=passage_id, state=result.state, rules=codes, calls=len(keys))
        now = time.monotonic()
        done = self.counts.total()
        if now >= self._next_note or done == self.total:
            self._next_note = now + _BETWEEN_NOTES
            self.work.progress.advance(done, self.total, self._note(now))

    def _note(self, now: float) -> str:
        traffic, budget = self.session.calls.traffic, self.session.calls.budget
        parts = [", ".join(f"{self.counts[state]} {state}" for state in State), f"{traffic.in_flight} in flight"]
        if (seconds := now - self._began) > 0:
            parts.append(f"{self._ended / seconds:.1f} rows/s")
        tokens = traffic.prompt_tokens + traffic.completion_tokens
        parts.append(f"{'about ' if traffic.estimated else ''}{tokens:,} tokens")
        if budget.price:
            expected = self.forecast and self.forecast.cost
            of_about = f" of about {self.spent_before + expected.expected:.2f}" if expected else ""
            parts.append(f"{budget.spent:.4f}{of_about} {budget.price.currency}")
        return " · ".join(parts)


async def _work_off(work: Work, before: Tally, size: int, gate: bool, rest: bool = True) -> None:
    """A pilot of ``size`` passages, then the rest; with ``gate``, the rest only if the pilot brought a row."""
    settled = before.states.copy()
    del settled[State.FAILED]  # they are asked again
    run = _Run(work, _made_by(work), settled, work.ledger.count_passages())
    async with open_session(work, run.made_by) as session:
        run.session = session
        if size:
            await _pilot(work, run, size)
        if gate and not run.counts[State.KEPT] and run.counts.total() < run.total:
            raise GateFailed(
                "the pilot brought no row that could be kept; the other passages were not asked",
                "look at prompt and reply with: rawtune try --passage 1; then change the prompt or the teacher",
            )
        if rest:
            _foretell(work, run)
            await session.converse(work.ledger.unsettled(run.made_by), run.record)


async def _pilot(work: Work, run: _Run, size: int) -> None:
    sample = work.ledger.sample_unsettled(run.made_by, size)
    work.progress.say(f"pilot of {len(sample)} of {run.total} passages:")
    ended = run.counts.total()
    await run.session.converse(sample, run.show)
    run.session.journal.flush()
    if run.last_error and run.counts[State.FAILED] == run.counts.total() - ended:
        raise run.last_error


def _foretell(work: Work, run: _Run) -> None:
    """Say what the rest will take; ask if that is more than may be spent unasked. Raises ``GateFailed`` on a no."""
    left = run.total - run.counts.total()
    used = work.ledger.usage(run.made_by, _SAMPLE)
    money = price(work.config.teacher)
    if not left or not used or not money:
        return
    run.forecast, run.spent_before = forecast(used, left), run.session.calls.budget.spent
    told = run.forecast.describe(money.currency)
    work.progress.say(told)
    limit, cost = work.config.synthesis.confirm_above, run.forecast.cost
    if limit is None or cost is None or (cost.high or cost.expected) <= limit:
        return
    if not work.progress.ask(f"this may cost more than {limit:g} {money.currency}; go on?"):
        raise GateFailed(
            f"{told}: not begun, as that may be more than {limit:g} {money.currency}",
            "say --yes, or raise synthesis.confirm_above",
        )


def _close(work: Work) -> Done:
    """The closing account; nothing may be missing from it."""
    passages = work.ledger.count_passages()
    tally = work.ledger.tally(_made_by(work))
    kept, quarantined, failed = (tally.states[state] for state in State)
    if passages != kept + quarantined + failed:
        raise AccountingError(f"{passages} passages, but {kept} kept + {quarantined} quarantined + {failed} failed")
    account = f"{kept} kept + {quarantined} quarantined + {failed} failed = {passages} passages"
    work.progress.say(account)
    origins = tally.origins
    if origins[Origin.PICKED] or origins[Origin.EXTRACTED]:
        work.progress.say(
            f"this teacher cannot write: {origins[Origin.PICKED]} rows hold sentences that it picked,"
            f" {origins[Origin.EXTRACTED]} fell back to the passage's opening sentences"
        )
    calls, cost = work.ledger.spent()
    if cost is not None and (money := price(work.config.teacher)):
        work.progress.say(f"{calls} calls made for this project, {cost:.4f} {money.currency}")
    work.log.write("account", kept=kept, quarantined=quarantined, failed=failed, calls=calls, cost=cost)
    if failed:
        raise RawtuneError(
            f"{account}; most often: {tally.most_frequent_failure}",
            "run the same command again: only the failed passages are asked again",
        )
    allowed = work.config.synthesis.max_quarantined
    if not kept or quarantined > allowed * passages:
        raise GateFailed(
            f"{account}: more in quarantine than synthesis.max_quarantined allows ({allowed:.0%})",
            "see what is wrong with: rawtune status --quarantine; ask again with: rawtune retry",
        )
    summary = {
        "passages": passages,
        "kept": kept,
        "quarantined": quarantined,
        "failed": failed,
        **{origin.value: origins[origin] for origin in Origin},
    }
    return Done(tally.rows, summary)


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
