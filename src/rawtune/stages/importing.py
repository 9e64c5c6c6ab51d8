"""Rows of a file, of anyone's making, to rows of the project; each ends in a named state.

A passage has one row, whose question is varied later. So the file's questions about one passage are gathered first, and
what they say together decides: one answer, new or changed, is taken as if written by hand, and lasts like it, whatever
the settings become; two that differ are reported, not chosen from. An answer that is here already, or that was exported
just so, gives way to one that somebody changed. The row gets its passage's split, so that nothing held out is trained
on. A row without a passage is not taken: there would be nothing to ground it in, and no split for it to inherit.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from rawtune.dataset.readers import open_rows
from rawtune.dataset.rows import Record, Rows
from rawtune.errors import AccountingError
from rawtune.records import Outcome, Passage, State
from rawtune.stages.belonging import Belonging, NoConcept, NoPassage
from rawtune.stages.rework import ByHand
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by


class Fate(StrEnum):
    """What became of a row of the file."""

    TAKEN = "taken"
    HERE = "already here"
    SUPERSEDED = "superseded"  # as it was exported, where another row about its passage is newer
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    SEVERAL_TURNS = "several turns"
    NO_PASSAGE = "no passage"
    NO_CONCEPT = "no concept"
    CONFLICTING = "conflicting"
    FAULTY = "faulty"


REMEDIES = {
    Fate.UNREADABLE: "mend them in the file, or name two columns with --columns",
    Fate.EMPTY: "fill them, or leave them out",
    Fate.SEVERAL_TURNS: "give each turn a row of its own, its question complete in itself; augmentation.kinds makes"
    " follow-ups anew",
    Fate.NO_PASSAGE: "put the text that they were made from into raw/",
    Fate.NO_CONCEPT: "add a column 'concept' that names what each is about, if its answer says all of it",
    Fate.CONFLICTING: "leave one answer for each passage; or cut raw/ finer, by blank lines, so that each has its own",
    Fate.FAULTY: "mend them; see what is wrong with: rawtune check FILE",
}
"""What helps against each fate that somebody has to look at."""

_WORSE = (Fate.HERE, Fate.SUPERSEDED, Fate.TAKEN, Fate.CONFLICTING, Fate.FAULTY)
"""What counts for a row of several passages, whose texts are the same: the last of these."""
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

    ``note`` says what the reader should know of how the file was read.
    """

    rows: tuple[Ended, ...]
    new: int
    changed: int
    note: str = ""

    @property
    def summary(self) -> dict[str, int]:
        """The figures; those of the fates add up to ``rows``."""
        counts = Counter(row.fate for row in self.rows)
        fates = {fate.value.replace(" ", "_"): counts[fate] for fate in Fate}
        return {"rows": len(self.rows), **fates, "passages_new": self.new, "passages_changed": self.changed}

    @property
    def refused(self) -> list[Ended]:
        """The rows that somebody has to look at."""
        return [row for row in self.rows if row.fate in REMEDIES]


Texts = tuple[str, str]
"""A concept and an answer."""


@dataclass(slots=True)
class _Said:
    """What the file says about one passage: which rows say so, and which texts are as they were exported."""

    passage: Passage
    rows: dict[Texts, list[Ended]] = field(default_factory=lambda: defaultdict(list))
    exported: set[Texts] = field(default_factory=set)


def take(work: Work, path: Path, columns: tuple[str, str] | None) -> Imported:
    """Take the rows of ``path``; ``columns`` name question and answer where they are not recognised.

    Raises ``RawTextError`` if the file cannot be used, having changed nothing.
    """
    rows = open_rows(path, columns)
    ended, gathered, read = _gather(work, path, rows)
    present = {
        passage.id: (outcome.example.concept, outcome.example.answer)
        for passage, outcome in work.ledger.endings(made_by=[made_by(work)])
        if outcome.example
    }
    by_hand = ByHand(work)
    outcomes: list[Outcome] = []
    for said in gathered.values():
        outcome, fates = _decide(said, present.get(said.passage.id), by_hand, path.name)
        if outcome:
            outcomes.append(outcome)
        for texts, (fate, reason) in fates.items():
            for row in said.rows[texts]:
                before = ended.get(row.row)
                if before is None or _WORSE.index(fate) > _WORSE.index(before.fate):
                    ended[row.row] = row._replace(fate=fate, reason=reason)
    if len(ended) != read:
        raise AccountingError(f"{read} rows were read, but {len(ended)} came to an end")
    if outcomes:
        work.ledger.forget_stage("synthesise")
        work.ledger.save([], outcomes, made_by(work))
    changed = sum(outcome.passage_id in present for outcome in outcomes)
    in_order = tuple(ended[number] for number in sorted(ended))
    imported = Imported(in_order, len(outcomes) - changed, changed, rows.note)
    work.log.write("imported", **imported.summary)
    return imported


def _gather(work: Work, path: Path, rows: Rows) -> tuple[dict[int, Ended], dict[str, _Said], int]:
    """The rows that cannot be taken, by number; all others by the passages that they belong to; how many there are."""
    belonging = Belonging(work, path)
    ended: dict[int, Ended] = {}
    gathered: dict[str, _Said] = {}
    read = 0
    for record in rows:
        read += 1
        if record.number % _BETWEEN_NOTES == 0:
            work.progress.advance(min(99, 100 * rows.position // max(1, rows.size)), 100, f"{record.number:,} rows")
        row = Ended(record.number, record.line, record.file, Fate.HERE)
        if unfit := _unfit(record):
            ended[row.row] = row._replace(fate=unfit[0], reason=unfit[1])
            continue
        try:
            if belonging.made(record):
                ended[row.row] = row
                continue
            if len(record.turns) > 1:
                reason = f"holds {len(record.turns)} turns, and is none of the project's own follow-ups as exported"
                ended[row.row] = row._replace(fate=Fate.SEVERAL_TURNS, reason=reason)
                continue
            homes = belonging.homes(record)
        except (NoPassage, NoConcept) as error:
            fate = Fate.NO_PASSAGE if isinstance(error, NoPassage) else Fate.NO_CONCEPT
            ended[row.row] = row._replace(fate=fate, reason=str(error))
            continue
        for home in homes:
            texts = home.concept, record.turns[0].answer.strip()
            said = gathered.setdefault(home.passage.id, _Said(home.passage))
            said.rows[texts].append(row)
            if home.exported:
                said.exported.add(texts)
    return ended, gathered, read


def _unfit(record: Record) -> tuple[Fate, str] | None:
    """Why a record has no question or no answer, if it has none."""
    if record.fault:
        return Fate.UNREADABLE, record.fault
    if not all((record.turns[-1].question.strip(), record.turns[-1].answer.strip())):
        return Fate.EMPTY, "its question or its answer is empty"
    return None


def _decide(
    said: _Said, here: Texts | None, by_hand: ByHand, author: str
) -> tuple[Outcome | None, dict[Texts, tuple[Fate, str]]]:
    """The row that the passage is to have instead of ``here``, if there is one, and what becomes of all that was said.

    A text that somebody changed goes before what is here, and that before one that is as it was once exported.
    """
    fates = dict.fromkeys(said.rows, (Fate.HERE, ""))
    others = [texts for texts in fates if texts != here]
    changed = [texts for texts in others if texts not in said.exported]
    if here and not changed:
        older = (Fate.SUPERSEDED, "as it was exported, and another row about its passage is newer")
        return None, {**fates, **dict.fromkeys(others, older)}
    candidates = changed or others
    if len(candidates) > 1:
        conflict = (Fate.CONFLICTING, "rows about its passage differ in concept or answer")
        return None, {**fates, **dict.fromkeys(others, conflict)}
    chosen = candidates[0]
    outcome = by_hand.outcome(said.passage, *chosen, author)
    if outcome.state is not State.KEPT:
        given_way = (Fate.FAULTY, f"gives way to a changed answer that is at fault: {outcome.reason}")
        return None, {**fates, **dict.fromkeys(others, given_way), chosen: (Fate.FAULTY, outcome.reason)}
    older = (Fate.SUPERSEDED, "as it was exported, and another row about its passage was changed")
    return outcome, {**fates, **dict.fromkeys(others, older), chosen: (Fate.TAKEN, "")}
