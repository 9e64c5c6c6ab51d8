"""Rows, judged once more: against their passages, among all others, and by a judge where one is named."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from rawtune.passages import sentences
from rawtune.records import Finding, Outcome, Passage, Severity, Split, State, content_hash
from rawtune.stages import account
from rawtune.stages.asking import Talk, ask_all
from rawtune.stages.diagnose import by_loss
from rawtune.stages.money import confirm, foretell
from rawtune.stages.session import addressed, with_teacher
from rawtune.stages.stage import Done, Work, hash_settings
from rawtune.stages.synthesise import made_by
from rawtune.verification import marks
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker
from rawtune.verification.rules.judge import Verdict, judge
from rawtune.verification.rules.language import expected
from rawtune.verification.seen import Seen
from rawtune.verification.weights import Weights

_GROUP = 256
"""Outcomes committed together."""
_VOTES = 2


def inputs(work: Work) -> dict[str, str]:
    """The rows, the rules, and what a person accepted."""
    path = work.folder / marks.PROJECT
    return {
        "synthesised rows": work.output("synthesise"),
        "settings under 'verification'": hash_settings(work.config.verification),
        "language": work.config.language,
        marks.PROJECT: content_hash(path.read_text(encoding="utf-8", errors="replace")) if path.exists() else "",
    }


def run(work: Work) -> Done:
    """Judge every row that there is, also those that an earlier verification put in quarantine."""
    accepted = marks.read(work.folder / marks.PROJECT)
    seen = Seen.gather(lambda: (row(work, *ended, number) for number, ended in enumerate(_rows(work), 1)))
    checker = Checker(work.config.verification, weights(work), seen)
    total = work.ledger.tally(made_by(work)).states.total()
    judged: list[Outcome] = []
    for number, (passage, outcome) in enumerate(_rows(work), 1):
        findings = [*checker.check(row(work, passage, outcome, number)), *by_loss(outcome)]
        judged.append(_judged(outcome, findings, accepted))
        if len(judged) >= _GROUP:
            work.ledger.save([], judged, made_by(work))
            judged.clear()
            work.progress.advance(number, total)
    work.ledger.save([], judged, made_by(work))
    if work.config.verification.judge:
        _ask_judge(work, checker, accepted)
    return _close(work)


def row(work: Work, passage: Passage, outcome: Outcome, number: int = 0) -> Row:
    """A synthesised row under check. That its answer is whole was judged from its reply."""
    assert outcome.example is not None  # noqa: S101 - only those with a row come here
    example = outcome.example
    split = "train" if passage.split is Split.TRAIN else passage.split.value
    return Row(
        example.concept,
        example.answer,
        work.config.columns,
        example.concept,
        expected(work.config.language, passage.text),
        passage.text,
        split,
        closed=True,
        number=number,
    )


def weights(work: Work) -> Weights:
    """How much the words of this project's passages tell."""
    return Weights(passage.text for passage in work.ledger.passages())


def _rows(work: Work) -> Iterator[tuple[Passage, Outcome]]:
    """All rows of now: kept, or put in quarantine here; one that its conversation put there has none."""
    for passage, outcome in work.ledger.endings(State.KEPT, State.QUARANTINED, made_by=[made_by(work)]):
        if outcome.example:
            yield passage, outcome


def _judged(outcome: Outcome, findings: list[Finding], accepted: marks.Marks) -> Outcome:
    """How the passage ends by these findings."""
    assert outcome.example is not None  # noqa: S101 - only those with a row come here
    if findings:
        codes = accepted.accepted(marks.row_id(outcome.example.concept, outcome.example.answer))
        findings = [finding for finding in findings if finding.code not in codes]
    errors = [finding.message for finding in findings if finding.severity is Severity.ERROR]
    state = State.QUARANTINED if errors else State.KEPT
    return replace(outcome, state=state, findings=tuple(findings), reason="; ".join(errors))


def _ask_judge(work: Work, checker: Checker, accepted: marks.Marks) -> None:
    """Let the judge vote on every row that the rules kept. Raises ``RawtuneError`` if calls failed."""
    judging = with_teacher(work, work.config.verification.judge or "teacher")
    vote = partial(judge, **addressed(judging, "verification.judge"))
    kept = work.ledger.tally(made_by(work)).states[State.KEPT]
    if told := foretell(work, made_by(work), _VOTES * kept, judging.config.teacher):
        confirm(work, told, judging.config.teacher)

    def talks() -> Iterator[tuple[str, Talk[Verdict]]]:
        for passage, outcome in _rows(work):
            if outcome.state is State.KEPT:
                asked = row(work, passage, outcome)
                spans = sentences.spans(asked.answer)
                yield passage.id, partial(vote, asked.question, asked.answer, passage.text, sentences=spans)

    asked = ask_all(judging, made_by(work), talks(), kept)
    judged = []
    for passage, outcome in _rows(work):
        if verdict := asked.results.get(passage.id):
            found = checker.judged(row(work, passage, outcome), verdict)
            judged.append(_judged(outcome, [*outcome.findings, *found], accepted))
    work.ledger.save([], judged, made_by(work))
    asked.whole("rows could not be judged")


def _close(work: Work) -> Done:
    """The closing account; nothing may be missing from it."""
    tally = work.ledger.tally(made_by(work))
    figures = account.checked(work, tally)
    rules, warned = Counter[str](), 0
    for _, outcome in work.ledger.endings(State.KEPT, State.QUARANTINED, made_by=[made_by(work)]):
        rules.update(finding.code for finding in outcome.findings)
        warned += outcome.state is State.KEPT and bool(outcome.findings)
    found = ", ".join(f"{code} {count}" for code, count in sorted(rules.items()))
    words = account.in_words(tally, f" ({warned} of them with warnings)")
    work.tell(words + (f"; findings: {found}" if found else ""))
    counted = {"warned": warned, "rules": dict(sorted(rules.items()))}
    work.log.write("verified", **{state.value: tally.states[state] for state in State}, **counted)
    account.gate(work, tally, words)
    return Done(tally.rows, {**figures, **counted})
