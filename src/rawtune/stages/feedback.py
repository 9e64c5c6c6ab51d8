"""What users said of answers, to rows: each verdict ends in a named state, and the sum is checked.

An answer called good, and a correction, are taken with the user's own question. To a question whose answer is bad,
with no correction, a teacher that writes gives one from the passage. All of them are held to the rules of other rows.
What is taken joins the training rows in ``augment``, beside the rows of the passage that it is about; nothing about a
passage that is held out does, and no question that the test asks. Questions of an imported file go the same way.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from rawtune.augmentation.answering import answer
from rawtune.augmentation.questions import PLACEHOLDER
from rawtune.errors import AccountingError, TeacherError
from rawtune.ledger.feedback import TEMPLATE, Fate, Feedback, Verdict
from rawtune.llm import open_teacher
from rawtune.records import Example, Passage, Reply, Request, Severity, Split, content_hash
from rawtune.stages.asking import ask_all, unpaid
from rawtune.stages.money import confirm, foretell
from rawtune.stages.session import addressed
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by
from rawtune.stages.templates import load_templates
from rawtune.stages.verify import weights
from rawtune.verification.crossing import crossed, plain
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker, chosen
from rawtune.verification.rules.language import expected
from rawtune.verification.source import Source

REMEDIES = {
    Fate.NO_PASSAGE: "put the text that they are about into raw/, then: rawtune run",
    Fate.REFUSED: "give a better answer in rawtune chat: /bad, then the answer",
    Fate.WAITING: "do what they wait for, then run the same command again",
}
"""What helps against each fate that somebody has to look at."""


@dataclass(frozen=True, slots=True)
class Considered:
    """All feedback of a project, the oldest first, each with its fate."""

    ended: tuple[Feedback, ...]

    @property
    def summary(self) -> dict[str, int]:
        """The figures; those of the fates add up to ``feedback``."""
        counts = Counter(one.fate for one in self.ended)
        fates = {fate.value.replace(" ", "_"): counts[fate] for fate in Fate if fate is not Fate.NEW}
        return {"feedback": len(self.ended), **fates}

    @property
    def unsettled(self) -> list[Feedback]:
        """The feedback that somebody has to look at."""
        return [one for one in self.ended if one.fate in REMEDIES]


def take(work: Work) -> Considered:
    """Look at all feedback anew, by the rows and the rules of now.

    The teacher's replies are stored, so they are paid for once. Raises ``GateFailed`` if the money was not agreed to.
    """
    fresh = {"fate": Fate.NEW, "reason": "", "row": "", "author": ""}
    # The newest first: of two answers to one question, its own is taken.
    given = [replace(one, **fresh) for one in reversed(work.ledger.feedback())]  # type: ignore[arg-type]  # mixed types
    considering = _Considering(work)
    # The answers that users named come first: only what is taken of them can answer for what is still open.
    named = considering.close([considering.begin(one) for one in given])
    begun = considering.without_answered(named)
    answered = _ask(work, {one.id: (one, considering.passage(one)) for one in begun if _is_open(one)})
    closed = considering.close([answered.get(one.id, one) for one in begun])
    considered = Considered(tuple(reversed(closed)))
    if len(given) != sum(considered.summary.values()) - len(considered.ended):
        raise AccountingError(f"{len(given)} verdicts were looked at, but {considered.summary} came of them")
    work.ledger.end_feedback(considered.ended)
    work.log.write("feedback", **considered.summary)
    return considered


def add(work: Work, given: Sequence[Feedback]) -> list[Feedback]:
    """Take answers that a file gives to questions, no two to one; what became of each, in their order.

    Each names its passage. Only what is taken is kept; earlier feedback that answers the same question gives way.
    """
    before = [one for one in work.ledger.feedback() if one.fate is Fate.TAKEN]
    considering = _Considering(work, before)
    ended = considering.close([considering.begin(one) for one in given])
    taken = [one for one in ended if one.fate is Fate.TAKEN]
    asked = {plain(one.question) for one in taken}
    newer = {"fate": Fate.HERE, "reason": "newer feedback answers its question"}
    older = [replace(one, **newer) for one in before if plain(one.question) in asked]  # type: ignore[arg-type]  # mixed
    work.ledger.end_feedback(older)
    work.ledger.save_feedback(*taken)
    return ended


def inputs(work: Work) -> dict[str, str]:
    """What ``augment`` depends on; nothing as long as nothing was taken."""
    taken = [(one.id, one.passage_id, one.row) for one in work.ledger.feedback() if one.fate is Fate.TAKEN]
    return {"feedback that was taken": content_hash(taken)} if taken else {}


def joined(
    work: Work, rows: Sequence[Example], parents: Sequence[Example]
) -> tuple[list[Example], dict[str, dict[str, int]]]:
    """``rows`` with those of the feedback that was taken, and what became of it as figures; none if none was taken.

    They stand in for other training rows of their passages that ask the same. A question that is asked in the test is
    never trained on, also where it was drawn since the feedback was taken.
    """
    number = sum(one.fate is Fate.TAKEN for one in work.ledger.feedback())
    if not number:
        return list(rows), {}
    asked = {plain(row.question) for row in rows if row.suite}
    found = work.ledger.feedback_rows(parents)
    taken = [row for row in found if plain(row.question) not in asked]
    answered = {(row.passage_id, plain(row.question)) for row in taken}
    others = [row for row in rows if row.suite or row.history or (row.passage_id, plain(row.question)) not in answered]
    figures = {
        "joined": len(taken),
        "displaced_rows": len(rows) - len(others),
        "asked_in_test": len(found) - len(taken),
        "without_row": number - len(found),
    }
    work.tell(
        f"{number} answers to users' own questions: {len(taken)} join the rows to train on, in place of"
        f" {figures['displaced_rows']} others"
    )
    if left := number - len(taken):
        work.tell(
            f"{left} do not join: the test asks the question of {figures['asked_in_test']}, and the passages of"
            f" {figures['without_row']} have no row to train on; look anew with: rawtune synth --from feedback"
        )
    return [*others, *taken], {"feedback": figures}


def _is_open(one: Feedback) -> bool:
    """Whether there is a question to which an answer is still wanted."""
    return one.fate is Fate.NEW and not one.row


def _is_answered(one: Feedback) -> bool:
    """Whether there is an answer of which nothing is decided yet."""
    return one.fate is Fate.NEW and bool(one.row)


class _Considering:
    """All that decides what becomes of feedback; ``settled`` is such whose rows stay."""

    def __init__(self, work: Work, settled: Sequence[Feedback] = ()) -> None:
        self._work = work
        self._passages = list(work.ledger.passages())
        self._by_id = {passage.id: passage for passage in self._passages}
        self._checker = Checker(work.config.verification, weights(work))
        self._parents = {row.passage_id: row for row in work.ledger.synthesised()}
        rows = [row for row in work.ledger.training_rows() if row.template != TEMPLATE]
        self._trained = {(plain(row.question), row.answer.strip()) for row in rows}
        self._trained |= {(plain(one.question), one.row) for one in settled}
        self._answered = {question for question, _ in self._trained}
        self._asked = {plain(entry.question) for entry in work.ledger.held_out_rows()}
        for template in load_templates(work).held_out:
            self._asked |= {plain(template.replace(PLACEHOLDER, row.concept)) for row in self._parents.values()}
        self._taken: set[str] = set()

    def passage(self, one: Feedback) -> Passage:
        """The passage that it was found to be about."""
        return self._by_id[one.passage_id]

    def begin(self, one: Feedback) -> Feedback:
        """With its passage, and the answer to train on if the user named one; or with the reason why not."""
        wanted = one.answer if one.verdict is Verdict.GOOD else one.correction
        passage = self._by_id.get(one.passage_id) or self._found(one.question, wanted)
        if passage is None:
            return replace(one, fate=Fate.NO_PASSAGE, reason="no passage of this project speaks of it", passage_id="")
        one = replace(one, passage_id=passage.id)
        if passage.split is not Split.TRAIN:
            return replace(one, fate=Fate.HELD_OUT, reason="it is about a passage that is held out")
        if plain(one.question) in self._asked:
            return replace(one, fate=Fate.HELD_OUT, reason="the test asks its question")
        parent = self._parents.get(passage.id)
        if one.history and (parent is None or plain(parent.concept) not in plain(one.question)):
            leans = "its question leans on what was said before; ask it in full after /clear"
            return replace(one, fate=Fate.WAITING, reason=leans)
        return replace(one, row=wanted.strip(), author=one.model if one.verdict is Verdict.GOOD else "by hand")

    def _found(self, question: str, answer: str) -> Passage | None:
        at = self._source.find(question, answer or question)
        return None if at is None else self._passages[at]

    @cached_property
    def _source(self) -> Source:
        return Source(passage.text for passage in self._passages)

    def close(self, begun: list[Feedback]) -> list[Feedback]:
        """Those with an answer taken, or why not; the others as they are."""
        checked = [self._checked(one) for one in begun]
        return [self._settled(one) for one in self._without_leaks(checked)]

    def without_answered(self, begun: list[Feedback]) -> list[Feedback]:
        """Those still open, but for such whose question has an answer from elsewhere."""
        found = []
        for one in begun:
            if _is_open(one) and plain(one.question) in self._taken:
                one = replace(one, fate=Fate.HERE, reason="other feedback answers its question")
            elif _is_open(one) and plain(one.question) in self._answered:
                one = replace(one, fate=Fate.HERE, reason="its question is trained already, with another answer")
            found.append(one)
        return found

    def _checked(self, one: Feedback) -> Feedback:
        """As it is, unless the rules refuse its answer."""
        if _is_answered(one) and (errors := self._errors(one)):
            return replace(one, fate=Fate.REFUSED, reason="; ".join(errors))
        return one

    def _settled(self, one: Feedback) -> Feedback:
        """Taken, if nothing else answers its question; the first of several is."""
        if not _is_answered(one):
            return one
        question = plain(one.question)
        if question in self._taken:
            return replace(one, fate=Fate.HERE, reason="newer feedback answers its question")
        self._taken.add(question)
        if (question, one.row) in self._trained:
            return replace(one, fate=Fate.HERE, reason="it is trained like this already")
        return replace(one, fate=Fate.TAKEN)

    def _without_leaks(self, begun: list[Feedback]) -> list[Feedback]:
        """Those with an answer, but for such that would train that of a passage that is held out (RT502)."""
        if not chosen("RT502", self._work.config.verification):
            return begun
        held_out = [row.answer for row in self._parents.values() if row.split is not Split.TRAIN]

        def rows() -> Iterator[Row]:
            for number, one in enumerate(begun):
                if _is_answered(one):
                    yield Row(one.question, one.row, split=Split.TRAIN.value, number=number)
            for text in held_out:
                yield Row("", text, split=Split.HELD_OUT.value)

        reason = "its answer is that of a passage that is held out"
        while leaking := set(crossed(rows).values()):  # one for each held-out answer at a time
            begun = [
                replace(one, fate=Fate.HELD_OUT, reason=reason) if number in leaking else one
                for number, one in enumerate(begun)
            ]
        return begun

    def _errors(self, one: Feedback) -> list[str]:
        """What the rules find wrong with it, as a row of its passage."""
        passage, parent = self.passage(one), self._parents.get(one.passage_id)
        language = expected(self._work.config.language, passage.text)
        row = Row(
            one.question,
            one.row,
            concept=parent.concept if parent else "",
            language=language,
            passage=passage.text,
            split=Split.TRAIN.value,
        )
        found = self._checker.check(row)
        return [f"{finding.code} {finding.message}" for finding in found if finding.severity is Severity.ERROR]


def _ask(work: Work, wanted: dict[str, tuple[Feedback, Passage]]) -> dict[str, Feedback]:
    """Those with an answer that the teacher gave, or waiting, with the reason why it gave none; by id."""
    if not wanted:
        return {}
    teacher = open_teacher(work.config.teacher, work.config.columns)
    if not teacher.writes_freely:
        reason = f"no right answer was named, and {teacher.name} can only pick sentences"
        return {id: replace(one, fate=Fate.WAITING, reason=reason) for id, (one, _) in wanted.items()}
    how = addressed(work, TEMPLATE)
    talks = {id: partial(_answer, one.question, passage.text, how) for id, (one, passage) in wanted.items()}
    left = len(list(unpaid(work, talks.values())))
    if left and (told := foretell(work, made_by(work), left, work.config.teacher)):
        confirm(work, told, work.config.teacher)
    asked = ask_all(work, TEMPLATE, talks.items(), len(talks))
    # What needs no teacher is taken all the same, also where it could not be asked about everything.
    failure = asked.stopped or TeacherError("the teacher was not asked")
    said: dict[str, str | Exception] = {**asked.failures, **asked.results}
    return {id: _answered(one, said.get(id, failure), teacher.name) for id, (one, _) in wanted.items()}


def _answer(question: str, passage: str, how: dict[str, object]) -> Generator[Request, Reply, str]:
    try:
        return (yield from answer(question, passage, **how))  # type: ignore[arg-type]  # named in ``_ask``
    except ValueError:
        return ""


def _answered(one: Feedback, said: str | Exception, teacher: str) -> Feedback:
    if isinstance(said, Exception):
        return replace(one, fate=Fate.WAITING, reason=f"the teacher could not be asked: {said}")
    if not said:
        return replace(one, fate=Fate.WAITING, reason="no right answer was named, and the teacher found none")
    return replace(one, row=said, author=teacher)
