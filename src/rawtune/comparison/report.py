"""The report: what was done, what came of it, and whether it helped, as data and as one page that opens offline."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from rawtune.comparison import wording
from rawtune.comparison.arms import BASE, Arm, Kind
from rawtune.comparison.markdown import markdown
from rawtune.comparison.metrics import chance
from rawtune.comparison.page import load_texts, render
from rawtune.comparison.preference import Preference, summary
from rawtune.comparison.scores import Case, Judged, against, by_suite, cases, general, measure
from rawtune.comparison.signs import signs
from rawtune.errors import AccountingError
from rawtune.records import Answer, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Where every passage went, how the kept rows were made (``Origin``), and what was trained on."""

    passages: int
    kept: int
    quarantined: int
    failed: int
    written: int
    picked: int
    extracted: int
    edited: int
    warned: int  # of the kept
    rules: Mapping[str, int]  # findings by rule, of kept and quarantined rows
    train_rows: int
    held_out_rows: int
    distinct_answers: int  # among the training rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a report is made of.

    ``arms``: base first; ``primary``: the name of the one that the verdict is about; ``answers``: those of every arm to
    the same questions, all suites; ``judged``: what was found of each of them; ``general``: by arm, which items of the
    general suite it chose rightly; ``preferred``: by arm and suite, passages with what the ``judge``, by its name,
    prefers, base's answer or the arm's; ``trained``: by passage, the texts trained on; ``isolation``: the figures of
    ``Isolation``; ``passages``: text by id; ``losses``: one a training step, of the primary arm; ``curve``: the verdict
    on them; ``suspects``: rows that stand out; ``remarks`` and ``diversity``: what export and augment told; ``cost``:
    calls, tokens and money; ``chosen``: by how many ``checks`` of how many ``questions`` in new phrasings the primary
    adapter was chosen, empty if by none; ``elsewhere``: arms that are not known to have learnt from ``dataset``;
    ``seconds``: by stage, in order; ``how_to_reproduce``: commands, one a line.
    """

    name: str
    language: str  # of the page: en or zh
    created: datetime
    student: str
    teacher: str
    dataset: str
    arms: Sequence[Arm]
    primary: str
    answers: Sequence[Answer]
    isolation: Mapping[str, int]
    passages: Mapping[str, str]
    counts: Counts
    losses: Sequence[float]
    epochs: float
    settings: Mapping[str, Any]
    seconds: Mapping[str, float]
    peak_rss_mb: float
    versions: Mapping[str, str]
    how_to_reproduce: Sequence[str]
    judged: Sequence[Judged] = ()
    general: Mapping[str, Sequence[bool]] = field(default_factory=dict)
    preferred: Mapping[str, Mapping[str, Sequence[tuple[str, Preference]]]] = field(default_factory=dict)
    judge: str = ""
    trained: Mapping[str, Sequence[str]] = field(default_factory=dict)
    curve: Mapping[str, Any] = field(default_factory=dict)
    suspects: Sequence[Mapping[str, Any]] = ()
    remarks: Sequence[str] = ()
    diversity: Sequence[Mapping[str, Any]] = ()
    cost: Mapping[str, Any] = field(default_factory=dict)
    chosen: Mapping[str, int] = field(default_factory=dict)
    elsewhere: Sequence[str] = ()


def build(evidence: Evidence) -> dict[str, Any]:
    """Return the report as JSON-ready data.

    The verdict is that of the primary arm's chrF difference to base on the phrasing suite. Each of ``arms`` holds its
    ``scores`` and its ``difference`` to base (none for base itself), by suite and metric, as ``scores.measure`` and
    ``scores.against`` tell them, and what a judge ``preferred`` by suite, see ``preference.summary``; an adapter also
    its signs of ``harm`` and how it did on the ``general`` suite. Raises ``AccountingError`` if the counts do not add
    up or the arms were asked different questions.
    """
    texts = load_texts(evidence.language)
    _check(evidence.counts)
    asked = cases(evidence.answers, [arm.name for arm in evidence.arms], evidence.judged)
    suites = by_suite(asked)
    arms = [_arm(arm, evidence, asked, texts) for arm in evidence.arms]
    (primary,) = (arm for arm in arms if arm["name"] == evidence.primary)
    losses = [loss if isfinite(loss) else None for loss in evidence.losses]
    counts = asdict(evidence.counts)
    origins = {origin: counts.pop(origin) for origin in ("written", "picked", "extracted", "edited")}
    return {
        "name": evidence.name,
        "language": evidence.language,
        "created": evidence.created.isoformat(timespec="seconds"),
        "verdict": primary["difference"][Suite.PHRASING]["chrf"]["verdict"]
        if suites.get(Suite.PHRASING)
        else "not shown",
        "sentence": wording.sentence(arms[0], primary, texts),
        "warnings": wording.warnings(
            asdict(evidence.counts), evidence.losses, primary, texts, evidence.chosen, evidence.elsewhere
        ),
        "primary": evidence.primary,
        "arms": arms,
        "judge": evidence.judge,
        "isolation": dict(evidence.isolation),
        "counts": {**counts, "origins": origins},
        "chance": chance([case.answer(BASE.name) for case in asked if case.scores]),
        "seconds": dict(evidence.seconds),
        "peak_rss_mb": evidence.peak_rss_mb,
        "student": evidence.student,
        "teacher": evidence.teacher,
        "adapter": primary["source"],
        "dataset": evidence.dataset,
        "training": {
            "steps": len(losses),
            "epochs": evidence.epochs,
            "losses": losses,
            "settings": dict(evidence.settings),
            "curve": dict(evidence.curve),
            "suspects": [dict(suspect) for suspect in evidence.suspects],
        },
        "remarks": list(evidence.remarks),
        "diversity": [dict(line) for line in evidence.diversity],
        "cost": dict(evidence.cost),
        "examples": _examples(suites.get(Suite.PHRASING, []), evidence.primary, evidence.passages),
        "outside": [
            {"question": case.question, "answers": [{"arm": arm, "text": text} for arm, text in case.answers.items()]}
            for case in asked
            if case.suite is Suite.OUTSIDE
        ],
        "answers": [
            {**asdict(case.answer(arm)), "history": [list(turn) for turn in case.history], **found}
            for case in asked
            for arm, found in [
                *((arm, asdict(found)) for arm, found in case.scores.items()),
                *((arm, {"refused": refused}) for arm, refused in case.refused.items()),
            ]
        ],
        "versions": dict(evidence.versions),
        "how_to_reproduce": list(evidence.how_to_reproduce),
    }


def write(
    report: dict[str, Any], folder: Path, stem: str, loss_curve: bytes | None = None, newest: bool = True
) -> tuple[Path, Path]:
    """Write ``stem.json``, ``.html`` and ``.md``, return the paths of the first two; with ``newest`` also ``report.*``.

    Each file appears complete or not at all, ``report.json`` last. ``loss_curve`` is a PNG to show on the page.
    """
    page, summary = render(report, loss_curve), markdown(report)
    data = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (stem, "report") if newest else (stem,):
        _replace(folder / f"{name}.html", page)
        _replace(folder / f"{name}.md", summary)
        _replace(folder / f"{name}.json", data)
    return folder / f"{stem}.json", folder / f"{stem}.html"


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _check(counts: Counts) -> None:
    if counts.passages != counts.kept + counts.quarantined + counts.failed:
        raise AccountingError(
            f"{counts.passages} passages, but kept {counts.kept} + quarantined {counts.quarantined}"
            f" + failed {counts.failed}"
        )
    if counts.kept != counts.written + counts.picked + counts.extracted + counts.edited:
        raise AccountingError(
            f"{counts.kept} rows kept, but written {counts.written} + picked {counts.picked}"
            f" + extracted {counts.extracted} + edited {counts.edited}"
        )


def _arm(arm: Arm, evidence: Evidence, asked: Sequence[Case], texts: Mapping[str, str]) -> dict[str, Any]:
    suites, known = by_suite(asked), evidence.general
    compared = suites if arm.kind is not Kind.BASE else {}
    tuned = arm.kind is Kind.ADAPTER
    return {
        **asdict(arm),
        "scores": {suite: measure(found, arm.name) for suite, found in suites.items()},
        "difference": {suite: against(found, arm.name, BASE.name) for suite, found in compared.items()},
        "harm": signs(asked, arm.name, BASE.name, evidence.language, evidence.trained, known, texts) if tuned else [],
        "general": general(known[BASE.name], known[arm.name]) if tuned and known.get(arm.name) else {},
        "preferred": {
            suite: summary([preference for _, preference in found], [passage for passage, _ in found])
            for suite, found in evidence.preferred.get(arm.name, {}).items()
        },
    }


def _examples(cases: Sequence[Case], primary: str, passages: Mapping[str, str]) -> list[dict[str, Any]]:
    """Five questions chosen by rule, each once: a rank that is already shown gives way to the next."""
    by_score = sorted(cases, key=lambda case: case.scores[primary].chrf)
    by_gain = sorted(cases, key=lambda case: case.gain(primary, BASE.name))
    middle = (len(by_score) - 1) / 2
    from_middle = [by_score[i] for i in sorted(range(len(by_score)), key=lambda i: abs(i - middle))]
    ranks = {
        "worst": by_score,
        "median": from_middle,
        "best": by_score[::-1],
        "least_gain": by_gain,
        "most_gain": by_gain[::-1],
    }
    chosen: dict[str, tuple[str, Case]] = {}
    for why, ranked in ranks.items():
        for case in ranked:
            if case.question not in chosen:
                chosen[case.question] = (why, case)
                break
    return [
        {
            "why": why,
            "question": question,
            "concept": case.concept,
            "passage_id": case.passage_id,
            "passage": passages[case.passage_id],
            "reference": case.reference,
            "gain": case.gain(primary, BASE.name),
            "answers": [{"arm": arm, "text": case.answers[arm], **asdict(found)} for arm, found in case.scores.items()],
        }
        for question, (why, case) in chosen.items()
    ]
