"""The report: what was done, what came of it, and whether it helped, as data and as one page that opens offline."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from rawtune.comparison.arms import BASE, Arm, Kind
from rawtune.comparison.metrics import chance
from rawtune.comparison.page import load_texts, number, render
from rawtune.comparison.scores import Case, against, by_suite, cases, measure
from rawtune.comparison.statistics import MIN_CLUSTERS
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
    the same questions, all suites; ``isolation``: the figures of ``Isolation``; ``passages``: text by id; ``losses``:
    one a training step, of the primary arm; ``seconds``: by stage, in order; ``how_to_reproduce``: commands, one a
    line.
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


def build(evidence: Evidence) -> dict[str, Any]:
    """Return the report as JSON-ready data.

    The verdict is that of the primary arm's chrF difference to base on the phrasing suite. Each of ``arms`` holds its
    ``scores`` and its ``difference`` to base (none for base itself), by suite and metric: the fields of an ``Interval``
    (``chrf`` 0 to 100, ``identified`` 0 to 1), a difference with its verdict. Raises ``AccountingError`` if the counts
    do not add up or the arms were asked different questions.
    """
    texts = load_texts(evidence.language)
    _check(evidence.counts)
    asked = cases(evidence.answers, [arm.name for arm in evidence.arms])
    suites = by_suite(asked)
    arms = [_arm(arm, suites) for arm in evidence.arms]
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
        "sentence": _sentence(arms[0], primary, texts),
        "warnings": _warnings(evidence, primary, texts),
        "primary": evidence.primary,
        "arms": arms,
        "isolation": dict(evidence.isolation),
        "counts": {**counts, "origins": origins},
        "chance": chance([_answer(case, BASE.name) for case in asked if case.scores]),
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
        },
        "examples": _examples(suites.get(Suite.PHRASING, []), evidence.primary, evidence.passages),
        "outside": [
            {"question": case.question, "answers": [{"arm": arm, "text": text} for arm, text in case.answers.items()]}
            for case in asked
            if case.suite is Suite.OUTSIDE
        ],
        "answers": [
            {**asdict(_answer(case, arm)), **asdict(found)} for case in asked for arm, found in case.scores.items()
        ],
        "versions": dict(evidence.versions),
        "how_to_reproduce": list(evidence.how_to_reproduce),
    }


def write(
    report: dict[str, Any], folder: Path, stem: str, loss_curve: bytes | None = None, newest: bool = True
) -> tuple[Path, Path]:
    """Write ``stem.json`` and ``stem.html`` and return their paths; with ``newest`` both again as ``report.*``.

    Each file appears complete or not at all, ``report.json`` last. ``loss_curve`` is a PNG to show on the page.
    """
    page = render(report, loss_curve)
    data = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (stem, "report") if newest else (stem,):
        _replace(folder / f"{name}.html", page)
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


def _arm(arm: Arm, suites: Mapping[Suite, Sequence[Case]]) -> dict[str, Any]:
    compared = suites if arm.kind is not Kind.BASE else {}
    return {
        **asdict(arm),
        "scores": {suite: measure(found, arm.name) for suite, found in suites.items()},
        "difference": {suite: against(found, arm.name, BASE.name) for suite, found in compared.items()},
    }


def _answer(case: Case, arm: str) -> Answer:
    return Answer(arm, case.suite, case.passage_id, case.question, case.reference, case.answers[arm], case.concept)


def _sentence(base: Mapping[str, Any], primary: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """Put the verdict into words, with its numbers."""
    if Suite.PHRASING not in primary["scores"]:
        return texts["sentence_nothing"]
    gain = primary["difference"][Suite.PHRASING]["chrf"]
    key = "sentence_few" if gain["low"] is None else f"sentence_{gain['verdict'].replace(' ', '_')}"
    return texts[key].format(
        questions=gain["n"],
        passages=gain["clusters"],
        base=number(base["scores"][Suite.PHRASING]["chrf"]["estimate"]),
        tuned=number(primary["scores"][Suite.PHRASING]["chrf"]["estimate"]),
        difference=number(gain["estimate"]),
        low=number(gain["low"]),
        high=number(gain["high"]),
        least=MIN_CLUSTERS,
    )


def _warnings(evidence: Evidence, primary: Mapping[str, Any], texts: Mapping[str, str]) -> list[str]:
    """Say what a reader must know before trusting the numbers."""
    counts = evidence.counts
    found = []
    for suite, measured in primary["difference"].items():
        gain = measured["chrf"]
        if gain["low"] is None and suite is not Suite.SEEN:
            found.append(("warning_few", {"suite": texts[suite], "passages": gain["clusters"], "least": MIN_CLUSTERS}))
        if suite is Suite.CONCEPT and (gain["verdict"] == "better" or (gain["low"] is None and gain["estimate"] > 0)):
            found.append(("warning_concept", {"difference": number(gain["estimate"])}))
    if counts.distinct_answers < counts.train_rows:
        found.append(("warning_repeated", {"rows": counts.train_rows, "answers": counts.distinct_answers}))
    if counts.extracted:
        found.append(("warning_extracted", {"extracted": counts.extracted, "kept": counts.kept}))
    if not all(map(isfinite, evidence.losses)):
        found.append(("warning_diverged", {}))
    return [texts[key].format(**values) for key, values in found]


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
