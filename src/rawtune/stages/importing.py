"""Rows of a file, of anyone's making, to rows of the project; each ends in a named state.

A passage has one row, whose question is varied later. So the file's questions about one passage are gathered first, and
what they say together decides: one answer, new or changed, is taken as if written by hand, and lasts like it, whatever
the settings become. An answer that is here already, or that was exported just so, gives way to one that somebody
changed. The row gets its passage's split, so that nothing held out is trained on.

A question that no template asks is trained in its own words, with its own answer, beside the rows of its passage; it
goes the way of users' feedback. So do questions of others that fill templates, but give their passage several answers.
Two answers to one question are reported, not chosen from. A row without a passage is not taken: there would be nothing
to ground it in, and no split for it to inherit; ``unsupported`` makes passages of such rows, if the user wants that.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from rawtune.dataset.readers import open_rows
from rawtune.dataset.rows import Record, Rows
from rawtune.errors import AccountingError
from rawtune.ledger.feedback import Fate as FeedbackFate
from rawtune.ledger.feedback import Feedback, Verdict
from rawtune.records import Outcome, Passage, State
from rawtune.stages import feedback
from rawtune.stages.belonging import Belonging, Home, NoPassage
from rawtune.stages.rework import ByHand
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by
from rawtune.verification.crossing import plain


class Fate(StrEnum):
    """What became of a row of the file."""

    TAKEN = "taken"
    HERE = "already here"
    SUPERSEDED = "superseded"  # as it was exported, where another row about its passage is newer
    HELD_OUT = "held out"  # a question of its own, where the test asks it or its passage
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    SEVERAL_TURNS = "several turns"
    NO_PASSAGE = "no passage"
    CONFLICTING = "conflicting"
    FAULTY = "faulty"


REMEDIES = {
    Fate.UNREADABLE: "mend them in the file, or name two columns with --columns",
    Fate.EMPTY: "fill them, or leave them out",
    Fate.SEVERAL_TURNS: "give each turn a row of its own, its question complete in itself; augmentation.kinds makes"
    " follow-ups anew",
    Fate.NO_PASSAGE: "put the text that they were made from into raw/; or, if there is none, let their answers become"
    " raw text: --add-raw",
    Fate.CONFLICTING: "leave one answer for each question, and for each passage one to the questions of its templates;"
    " or cut raw/ finer, by blank lines",
    Fate.FAULTY: "mend them; see what is wrong with: rawtune check FILE",
}
"""What helps against each fate that somebody has to look at."""

_WORSE = (Fate.HERE, Fate.SUPERSEDED, Fate.HELD_OUT, Fate.TAKEN, Fate.CONFLICTING, Fate.FAULTY)
"""What counts for a row of several passages, whose texts are the same: the last of these."""
_OWN = {
    FeedbackFate.TAKEN: Fate.TAKEN,
    FeedbackFate.HERE: Fate.HERE,
    FeedbackFate.HELD_OUT: Fate.HELD_OUT,
    FeedbackFate.REFUSED: Fate.FAULTY,
}
"""What becomes of a row by what became of its question."""
_OLDER = "as it was exported, and another {}"
_BETWEEN_NOTES = 2_000
"""Rows between two reports of progress."""


class Ended(NamedTuple):
    """A row of the file and its fate. ``line`` is 0 where there are none; ``file`` is set in a folder."""

    row: int
    line: int
    file: str
    fate: Fate
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of all rows of a file, and how many passages got a row, or another one than they had.

    ``own`` is the number of questions that are trained in their own words. ``note`` says what the reader should know of
    how the file was read.
    """

    rows: tuple[Ended, ...]
    new: int
    changed: int
    own: int
    note: str = ""

    @property
    def summary(self) -> dict[str, int]:
        """The figures; those of the fates add up to ``rows``."""
        counts = Counter(row.fate for row in self.rows)
        fates = {fate.value.replace(" ", "_"): counts[fate] for fate in Fate}
        made = {"passages_new": self.new, "passages_changed": self.changed, "own_questions": self.own}
        return {"rows": len(self.rows), **fates, **made}

    @property
    def refused(self) -> list[Ended]:
        """The rows that somebody has to look at."""
        return [row for row in self.rows if row.fate in REMEDIES]

    @property
    def held_out(self) -> list[Ended]:
        """The rows that are not trained on, as they would give the test away."""
        return [row for row in self.rows if row.fate is Fate.HELD_OUT]


Texts = tuple[str, str]
"""A concept and an answer."""


class _Said(NamedTuple):
    """A row of the file, what it says, and where it belongs."""

    row: Ended
    question: str
    answer: str
    home: Home


_AboutPassage = dict[Texts, list[_Said]]
"""What the file says about one passage, and which rows say so."""


def take(work: Work, path: Path, columns: tuple[str, str] | None) -> Imported:
    """Take the rows of ``path``; ``columns`` name question and answer where they are not recognised.

    Raises ``RawTextError`` if the file cannot be used, having changed nothing.
    """
    rows = open_rows(path, columns)
    ended, gathered, own, read = _gather(work, path, rows)
    present = {
        passage.id: (outcome.example.concept, outcome.example.answer)
        for passage, outcome in work.ledger.endings(made_by=[made_by(work)])
        if outcome.example
    }
    by_hand = ByHand(work)
    outcomes: list[Outcome] = []
    for passage, said in gathered.values():
        here = present.get(passage.id)
        own += _loosened(said, here)
        outcome, fates = _decide(passage, said, here, by_hand, path.name)
        if outcome:
            outcomes.append(outcome)
        for texts, (fate, reason) in fates.items():
            for one in said[texts]:
                before = ended.get(one.row.row)
                if before is None or _WORSE.index(fate) > _WORSE.index(before.fate):
                    ended[one.row.row] = one.row._replace(fate=fate, reason=reason)
            own += [one for one in said[texts] if one.home.own and fate in (Fate.TAKEN, Fate.HERE)]
    if outcomes:
        work.ledger.forget_stage("synthesise")
        work.ledger.save([], outcomes, made_by(work))
    questions = _take_own(work, own, ended, path.name)
    if len(ended) != read:
        raise AccountingError(f"{read} rows were read, but {len(ended)} came to an end")
    changed = sum(outcome.passage_id in present for outcome in outcomes)
    in_order = tuple(ended[number] for number in sorted(ended))
    imported = Imported(in_order, len(outcomes) - changed, changed, questions, rows.note)
    work.log.write("imported", **imported.summary)
    return imported


def _gather(
    work: Work, path: Path, rows: Rows
) -> tuple[dict[int, Ended], dict[str, tuple[Passage, _AboutPassage]], list[_Said], int]:
    """The rows that come to no more, by number; those about passages' rows; questions of their own; how many rows."""
    belonging = Belonging(work, path)
    ended: dict[int, Ended] = {}
    gathered: dict[str, tuple[Passage, _AboutPassage]] = {}
    own: list[_Said] = []
    read = 0
    for record in rows:
        read += 1
        if record.number % _BETWEEN_NOTES == 0:
            work.progress.advance(min(99, 100 * rows.position // max(1, rows.size)), 100, f"{record.number:,} rows")
        row = Ended(record.number, record.line, record.file, Fate.HERE)
        if end := unfit(record) or ((Fate.HERE, "") if belonging.made(record) else _unasked(record)):
            ended[row.row] = row._replace(fate=end[0], reason=end[1])
            continue
        try:
            homes = belonging.homes(record)
        except NoPassage as error:
            ended[row.row] = row._replace(fate=Fate.NO_PASSAGE, reason=str(error))
            continue
        turn = record.turns[0]
        for home in homes:
            one = _Said(row, turn.question.strip(), turn.answer.strip(), home)
            if home.concept:
                _, said = gathered.setdefault(home.passage.id, (home.passage, {}))
                said.setdefault((home.concept, one.answer), []).append(one)
            elif home.exported and home.known:
                ended[row.row] = row._replace(
                    fate=Fate.SUPERSEDED, reason=_OLDER.format("answer to its question is newer")
                )
            else:
                own.append(one)
    return ended, gathered, own, read


def unfit(record: Record) -> tuple[Fate, str] | None:
    """Why a record has no question or no answer, if it has none."""
    if record.fault:
        return Fate.UNREADABLE, record.fault
    if not all((record.turns[-1].question.strip(), record.turns[-1].answer.strip())):
        return Fate.EMPTY, "its question or its answer is empty"
    return None


def _unasked(record: Record) -> tuple[Fate, str] | None:
    """Why a record that the project does not hold has no question to be taken with, if it has none."""
    if len(record.turns) > 1:
        turns = len(record.turns)
        return Fate.SEVERAL_TURNS, f"holds {turns} turns, and is none of the project's own follow-ups as exported"
    return None


def _candidates(said: _AboutPassage, here: Texts | None) -> list[Texts]:
    """What the passage's row could become: what somebody changed or, where there is nothing here, what was exported."""
    others = [texts for texts in said if texts != here]
    changed = [texts for texts in others if not any(one.home.exported for one in said[texts])]
    return changed or ([] if here else others)


def _loosened(said: _AboutPassage, here: Texts | None) -> list[_Said]:
    """Take out questions from elsewhere if the passage would get several answers: each keeps to its own."""
    candidates = _candidates(said, here)
    if len(candidates) < 2:
        return []
    loose = [texts for texts in candidates if not any(one.home.known for one in said[texts])]
    return [one for texts in loose for one in said.pop(texts)]


def _decide(
    passage: Passage, said: _AboutPassage, here: Texts | None, by_hand: ByHand, author: str
) -> tuple[Outcome | None, dict[Texts, tuple[Fate, str]]]:
    """The row that the passage is to have instead of ``here``, if there is one, and what becomes of all that was said.

    A text that somebody changed goes before what is here, and that before one that is as it was once exported.
    """
    fates = dict.fromkeys(said, (Fate.HERE, ""))
    others = [texts for texts in fates if texts != here]
    candidates = _candidates(said, here)
    if not candidates:
        older = (Fate.SUPERSEDED, _OLDER.format("row about its passage is newer"))
        return None, {**fates, **dict.fromkeys(others, older)}
    if len(candidates) > 1:
        conflict = (Fate.CONFLICTING, "rows about its passage differ in concept or answer")
        return None, {**fates, **dict.fromkeys(others, conflict)}
    chosen = candidates[0]
    outcome = by_hand.outcome(passage, *chosen, author)
    if outcome.state is not State.KEPT:
        given_way = (Fate.FAULTY, f"gives way to a changed answer that is at fault: {outcome.reason}")
        return None, {**fates, **dict.fromkeys(others, given_way), chosen: (Fate.FAULTY, outcome.reason)}
    older = (Fate.SUPERSEDED, _OLDER.format("row about its passage was changed"))
    return outcome, {**fates, **dict.fromkeys(others, older), chosen: (Fate.TAKEN, "")}


def _take_own(work: Work, own: list[_Said], ended: dict[int, Ended], author: str) -> int:
    """Take questions in their own words and end their rows; how many questions were taken.

    A row whose answer is its passage's row has come to its end; its question can only add to that.
    """
    asking: dict[str, list[_Said]] = defaultdict(list)
    for one in own:
        asking[plain(one.question)].append(one)
    given: list[tuple[Feedback, list[_Said]]] = []
    ends: list[tuple[list[_Said], Fate, str]] = []
    for said in asking.values():
        chosen = [one for one in said if not one.home.exported] or said
        if len({one.answer for one in chosen}) > 1:
            ends.append((said, Fate.CONFLICTING, "rows that ask the same differ in their answers"))
            continue
        older = [one for one in said if one not in chosen]
        ends.append((older, Fate.SUPERSEDED, _OLDER.format("answer to its question was changed")))
        first = chosen[0]
        taken = Feedback(author, first.question, first.answer, Verdict.GOOD, passage_id=first.home.passage.id)
        given.append((taken, chosen))
    settled = feedback.add(work, [one for one, _ in given])
    ends += [(said, _OWN[one.fate], one.reason) for one, (_, said) in zip(settled, given, strict=True)]
    for said, fate, reason in ends:
        for one in said:
            if fate is Fate.TAKEN or one.row.row not in ended:
                ended[one.row.row] = one.row._replace(fate=fate, reason=reason)
    return sum(fate is Fate.TAKEN for _, fate, _ in ends)
