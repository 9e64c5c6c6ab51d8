"""A run's losses, read back to the rows and passages that caused them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rawtune.augmentation.kinds import PREFIX
from rawtune.dataset import files
from rawtune.diagnosis import logs
from rawtune.diagnosis.curve import Curve, Verdict, judge
from rawtune.diagnosis.forms import ODD
from rawtune.diagnosis.kinds import evened
from rawtune.diagnosis.rows import CODE, Suspect, stand_out
from rawtune.errors import RawtuneError
from rawtune.records import Finding, Origin, Outcome, Passage, Row, State
from rawtune.stages.stage import Work
from rawtune.stages.synthesise import made_by
from rawtune.stages.train import LOSS_CURVE
from rawtune.training import runs
from rawtune.training.curve import plot_losses
from rawtune.training.replay import is_replay
from rawtune.training.row_losses import LOSSES, ROW_LOSSES
from rawtune.training.saving import saving
from rawtune.verification import marks

_PARTS = {"first": "first tokens", "punctuation": "punctuation marks", "end": "last tokens"}


@dataclass(frozen=True, slots=True)
class Told:
    """A row that stands out, and what it was made of as far as that is known.

    ``row`` is its id, or its number in the dataset; ``by`` says whether it stands out by itself (``row``), with its
    ``concept`` or ``template``, or for an answer that another concept has, too (``swap``). ``own`` says whether its
    answer is that of its passage's row, and not made of it besides: a question of another kind, another wording, or a
    user's feedback.
    """

    row: str
    z: float
    tail: str
    reason: str
    by: str
    concept: str = ""
    question: str = ""
    answer: str = ""
    passage: str = ""  # its id
    source: str = ""
    text: str = ""  # of the passage
    prompt_hash: str = ""
    own: bool = False
    mark: str = ""  # by which rawtune.noqa accepts its passage's row


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A verdict on the curve, the rows that stand out, the farthest first, and the picture that was drawn.

    ``rows`` is None where the losses of rows were not kept, as by other trainers; those that rawtune.noqa accepts are
    not among them.
    """

    curve: Curve
    rows: tuple[Told, ...] | None
    picture: Path | None

    @property
    def healthy(self) -> bool:
        """Whether there is nothing to mend: a curve may be flat and healthy."""
        return self.curve.verdict not in (Verdict.JAGGED, Verdict.DIVERGING) and not self.rows

    @property
    def left(self) -> list[Told]:
        """Rows with another answer than their passage's row, which is verified: they are no reason for quarantine."""
        suspects = [row for row in self.rows or () if row.passage and row.by != "template"]
        moved = {row.passage for row in suspects if row.own}
        return [row for row in suspects if row.passage not in moved]


def diagnose(path: Path, work: Work | None = None) -> Diagnosis:
    """Diagnose an adapter's folder, or a file of any trainer's losses; with ``work`` rows are told with their texts.

    The file of the rows' losses stands for its folder; where nothing else is kept, the curve is theirs, too. Raises
    ``UsageError`` if there are no losses to be read.
    """
    if path.name == ROW_LOSSES:
        path = path.parent
    kept = path / ROW_LOSSES
    every = logs.read_rows(kept) if kept.exists() else []
    file = _log_of(path)
    log = logs.of_rows(every) if every and file == path else logs.read(file)
    seen = [row for row in every if not is_replay(row.id)]  # replayed rows are easy by nature, and no suspects
    made_of = _made_of(work, path, {row.row: row.id for row in seen}) if work and seen else {}
    concepts, templates, answers = (_named(made_of, name) for name in ("concept", "template", "answer"))
    kinds = {row: template for row, template in templates.items() if template.startswith(PREFIX)}
    if len(seen) < len(every) or kinds:
        log = logs.of_rows(seen)
    batch = sum(row.step == every[0].step for row in every) or None
    curve = judge(log.losses, log.steps, batch, evened(seen, kinds).losses if kinds else None)
    told = None
    if seen:
        siblings = _named(made_of, "siblings") if work else None
        suspects = stand_out(seen, concepts, templates, siblings, answers)
        names = {row.row: row.id or str(row.row) for row in seen}
        rows = [_told(suspect, names[suspect.row], made_of.get(suspect.row, {})) for suspect in suspects]
        accepted = marks.read(work.folder / marks.PROJECT) if work else marks.Marks()
        told = tuple(row for row in rows if CODE not in accepted.accepted(row.mark))
    return Diagnosis(curve, told, _draw(path, log, curve))


def _log_of(run: Path) -> Path:
    """The file of a run's losses: our own, another trainer's, or that of the last checkpoint; else ``run`` itself."""
    checkpoints = sorted(run.glob("checkpoint-*/trainer_state.json"), key=lambda state: -runs.step_of(state.parent))
    own = [run / name for name in (LOSSES, "trainer_state.json", "trainer_log.jsonl", "logging.jsonl")]
    return next((file for file in (*own, *checkpoints) if file.exists()), run)


def quarantine(work: Work, diagnosis: Diagnosis) -> int:
    """Put the passages of rows that stand out into quarantine, to be asked about anew; how many they were.

    The next run asks. A row that a person wrote is not asked about, and stays in quarantine. A question form that
    stands out is no fault of the passages, so those are left; nor are those ``left``.
    """
    suspects = [row for row in diagnosis.rows or () if row.own and row.by != "template"]
    reasons = {row.passage: row.reason for row in reversed(suspects)}
    ended = [
        replace(outcome, state=State.QUARANTINED, findings=(*outcome.findings, finding), reason=finding.message)
        for passage, outcome in work.ledger.endings(State.KEPT, made_by=[made_by(work)])
        if passage.id in reasons
        for finding in (Finding(CODE, reasons[passage.id]),)
    ]
    if ended:
        for stage in ("synthesise", "verify"):  # their figures and the identity of their rows are no longer true
            work.ledger.forget_stage(stage)
        work.ledger.save([], ended, made_by(work))
        by_hand = {end.passage_id for end in ended if end.example and end.example.origin is Origin.EDITED}
        work.ledger.ask_anew({outcome.passage_id for outcome in ended} - by_hand)
    work.log.write("diagnosed", verdict=diagnosis.curve.verdict, quarantined=len(ended), left=len(diagnosis.left))
    return len(ended)


def by_loss(outcome: Outcome) -> tuple[Finding, ...]:
    """What a diagnosis found: no rule can find it again, so whoever judges a row anew must keep it."""
    return tuple(finding for finding in outcome.findings if finding.code == CODE)


def _made_of(work: Work, run: Path, ids: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """What is known of each row by its number: from the ledger if it is still there, else from the dataset's file.

    Rows of one parent that have its answer are ``siblings``, and so are those whose answer was changed by hand; what
    was given another answer on purpose, as questions of other kinds are, has none.
    """
    parents: dict[str, tuple[Passage, Outcome]] = {}
    for passage, outcome in work.ledger.endings(State.KEPT, State.QUARANTINED):
        if outcome.example:
            parents[outcome.example.id] = passage, outcome
    rows = {row.id: row for row in work.ledger.training_rows()}
    times = Counter(row.question for row in rows.values())
    asked = {row.question: row for row in rows.values() if times[row.question] == 1}
    found: dict[int, dict[str, Any]] = {
        number: {"question": row.question, "answer": row.answer}
        for number, row in enumerate(_dataset(work, run), 1)
        if number in ids
    }
    for number, id in ids.items():
        if row := rows.get(id):
            known = {name: getattr(row, name) for name in ("question", "answer", "concept", "template", "prompt_hash")}
            found[number] = known
            if row.parent in parents:
                passage, outcome = parents[row.parent]
                source = f"{passage.document}:{passage.start}-{passage.end}"
                found[number] = {**known, "passage": passage.id, "text": passage.text, "source": source}
                if outcome.example and row.answer == outcome.example.answer:
                    mark = marks.row_id(outcome.example.concept, outcome.example.answer)
                    found[number] |= {"siblings": row.parent, "own": True, "mark": mark}
        elif row := asked.get(found.get(number, {}).get("question", "")):  # its answer was changed by hand
            found[number] |= {"concept": row.concept, "template": row.template, "siblings": row.parent}
    return found


def _dataset(work: Work, run: Path) -> Iterator[Row]:
    """The rows of the file that the run was trained on, unless it was changed or is gone."""
    for path in sorted((work.folder / "datasets").glob("*.csv")):
        if "_".join(path.stem.split("_")[-2:]) not in run.resolve().name:
            continue
        try:
            rows = files.read(path, work.config.columns)
        except RawtuneError:
            continue
        if runs.learnt_from(run, rows):
            yield from rows
            return


def _named(made_of: Mapping[int, Mapping[str, Any]], name: str) -> dict[int, str]:
    return {number: known[name] for number, known in made_of.items() if known.get(name)}


def _told(suspect: Suspect, row: str, known: Mapping[str, Any]) -> Told:
    texts = {name: known[name] for name in Told.__match_args__ if name in known}
    return Told(row, suspect.z, suspect.tail, _reason(suspect), suspect.by, **texts)


def _reason(suspect: Suspect) -> str:
    unit = "nats" if suspect.beside and suspect.part != "mean" else "deviations"
    by = f"by {abs(suspect.z) - ODD * suspect.odd:.1f} {unit}"
    if suspect.by == "swap":
        return (
            f"its answer stands under '{suspect.group}', too, as the texts tell, and by the losses it belongs there:"
            f" here it was harder to learn, {by}"
        )
    way = "harder" if suspect.tail == "high" else "easier"
    hint = "" if suspect.tail == "high" else "; does the question give the answer away?"
    hint += f"; few answers begin and end with such marks, which counts as {ODD:.0f} more" if suspect.odd else ""
    part = _PARTS.get(suspect.part, "")
    if suspect.by == "row":
        whose = f"its {part} were" if part else "it was"
        others = "others of its concept" if suspect.beside else "others of its time and length"
    else:
        of = f"the {suspect.rows} rows of the {suspect.by} '{suspect.group}'"
        whose, others = f"the {part} of {of} were" if part else f"{of} were", f"other {suspect.by}s'"
    return f"{whose} {way} to learn than {others}, {by}{hint}"


def _draw(path: Path, log: logs.Log, curve: Curve) -> Path | None:
    """Draw the curve beside the run, or the file; None where nothing can be drawn, or drawn with."""
    picture = path / LOSS_CURVE if path.is_dir() else path.with_name(f"{path.stem}.{LOSS_CURVE}")
    try:
        with saving(path):
            plot_losses(log.losses, picture, curve.steps, log.steps)
    except (ImportError, PermissionError):
        return None
    return picture
