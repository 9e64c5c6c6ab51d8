"""Rows taken up again: read anew from stored replies, asked anew about, or written by a person."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from rawtune.config import Config
from rawtune.engine import loop
from rawtune.errors import GateFailed, RawtuneError, UsageError
from rawtune.llm import open_teacher
from rawtune.records import Origin, Outcome, Passage, Severity, State
from rawtune.stages.asking import replay
from rawtune.stages.diagnose import by_loss
from rawtune.stages.money import confirm, foretell
from rawtune.stages.recorder import Recorder
from rawtune.stages.session import conversations, open_session, reply_form
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by
from rawtune.synthesis import prompt as prompts
from rawtune.synthesis.write import synthesised
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.rules.language import expected

_GROUP = 256
"""Outcomes committed together."""


def reparse(work: Work) -> None:
    """Read the stored replies again, by the rules of today, without a call.

    A passage whose conversation would now go on to another call is left to be asked. One whose replies came by other
    settings (of a retry), or by hand, stays as it is.
    """
    teacher = open_teacher(work.config.teacher, work.config.columns)
    form = reply_form(work, teacher)
    if form is None:
        raise UsageError("there is no reply yet that could be read again", "ask the teacher first: rawtune synth")
    begin = conversations(work, teacher, prompts.build(work.config), form)
    work.ledger.forget_stage("synthesise")
    counts: Counter[str] = Counter()
    ended: list[Outcome] = []
    total = work.ledger.count_passages()
    for passage, before in work.ledger.endings():
        outcome, keys = replay(work, begin(passage))
        by_hand = before.example is not None and before.example.origin is Origin.EDITED
        if by_hand or not keys or before.replies[:1] not in ((), keys[:1]):
            counts["other"] += 1
        elif outcome:
            same = outcome.example and before.example and outcome.example.id == before.example.id
            ended.append(replace(outcome, findings=(*outcome.findings, *by_loss(before))) if same else outcome)
        else:
            counts["unfinished"] += 1
            work.ledger.forget_endings([passage.id])
        if len(ended) >= _GROUP:
            work.ledger.save([], ended, made_by(work))
            counts["read"] += len(ended)
            ended.clear()
            work.progress.advance(counts.total(), total)
    work.ledger.save([], ended, made_by(work))
    work.tell(
        f"{counts['read'] + len(ended)} passages read again, {counts['unfinished']} are to be asked again,"
        f" {counts['other']} have no reply by these settings and stay as they were"
    )


def retry(work: Work, passages: list[Passage], other: Config) -> None:
    """Ask anew about ``passages``, with the teacher and prompt of ``other``; what they had stays until a new end comes.

    The outcomes count as made by the project's own settings, so that no later run does them over. Cut short, it goes on
    when run again. Raises ``RawtuneError`` if calls failed.
    """
    if told := foretell(work, made_by(work), len(passages), other.teacher):
        confirm(work, told, other.teacher)

    async def ask() -> int:
        async with open_session(replace(work, config=other), made_by(work)) as session:
            work.ledger.forget_stage("synthesise")
            work.ledger.ask_anew(passage.id for passage in passages)
            recorder = Recorder(work, session, Counter[State](), len(passages))
            await session.converse(passages, recorder.show)
            return recorder.counts[State.FAILED]

    if failed := loop.run(ask()):
        raise RawtuneError(f"{failed} of {len(passages)} passages failed", "ask about them again with: rawtune retry")


class ByHand:
    """Rows that did not come from the teacher, held to the rules of those that do."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._prompt = prompts.build(work.config)
        self._checker = Checker(work.config.verification)

    def outcome(self, passage: Passage, concept: str, answer: str, author: str = "by hand") -> Outcome:
        """How the passage ends with this row: kept, or in quarantine with what is wrong as the reason."""
        language = expected(self._work.config.language, passage.text)
        found = self._checker.check(Row(concept, answer, self._work.config.columns, concept, language))
        errors = [finding.message for finding in found if finding.severity is Severity.ERROR]
        example = synthesised(passage, concept, answer, Origin.EDITED, author, self._prompt)
        return Outcome(passage.id, State.QUARANTINED if errors else State.KEPT, example, reason="; ".join(errors))


def edit(work: Work, rows: Iterable[Mapping[str, str]]) -> None:
    """Take rows that a person wrote, if they keep the rules of a teacher's; ``GateFailed`` names those that do not.

    A row names its ``passage`` and holds both columns. Raises ``UsageError`` for one that does not, taking none.
    """
    columns = work.config.columns
    passages = {passage.id: passage for passage in work.ledger.passages()}
    by_hand = ByHand(work)
    taken, faults = [], []
    for number, row in enumerate(rows, 1):
        texts = [str(row.get(column) or "").strip() for column in columns]
        passage = passages.get(str(row.get("passage")))
        if passage is None or not all(texts):
            raise UsageError(
                f"row {number} names no passage of this project, or leaves {' or '.join(columns)} empty",
                "take the list of: rawtune status --quarantine --json; add both columns to its entries",
            )
        outcome = by_hand.outcome(passage, texts[0], texts[1])
        if outcome.state is State.KEPT:
            taken.append(outcome)
        else:
            faults.append(f"row {number} ({passage.id}): {outcome.reason}")
    work.ledger.forget_stage("synthesise")
    work.ledger.save([], taken, made_by(work))
    work.tell(f"{len({outcome.passage_id for outcome in taken})} rows taken, {len(faults)} not")
    if faults:
        raise GateFailed("\n".join(faults), "mend these rows and give them again; the others are taken")
