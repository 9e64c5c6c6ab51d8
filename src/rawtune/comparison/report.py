"""The report: what was done, what came of it, and whether it helped, as data and as one page that opens offline."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from rawtune.comparison.metrics import Score, chance, score
from rawtune.comparison.page import load_texts, number, render
from rawtune.comparison.statistics import MIN_CLUSTERS, Interval, difference, mean, share, verdict
from rawtune.errors import AccountingError
from rawtune.records import Answer, Suite

BASE = "base"
SCORED = (Suite.PHRASING, Suite.CONCEPT)


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

    ``answers``: those of ``base`` and of one adapter to the same questions, all suites; ``passages``: text by id;
    ``losses``: one a training step; ``seconds``: by stage, in order; ``how_to_reproduce``: commands, one a line.
    """

    name: str
    language: str  # of the page: en or zh
    created: datetime
    student: str
    teacher: str
    adapter: str
    dataset: str
    answers: Sequence[Answer]
    passages: Mapping[str, str]
    counts: Counts
    losses: Sequence[float]
    epochs: float
    settings: Mapping[str, Any]
    seconds: Mapping[str, float]
    peak_rss_mb: float
    versions: Mapping[str, str]
    how_to_reproduce: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Pair:
    """One question, answered by both."""

    base: Answer
    tuned: Answer
    base_score: Score
    tuned_score: Score

    @property
    def gain(self) -> float:
        return self.tuned_score.chrf - self.base_score.chrf


def build(evidence: Evidence) -> dict[str, Any]:
    """Return the report as JSON-ready data.

    The verdict is that of the chrF difference on the phrasing suite. ``base``, ``tuned`` and ``difference`` hold, by
    suite and metric, the fields of an ``Interval`` (``chrf`` 0 to 100, ``identified`` 0 to 1); a difference also holds
    its verdict. Raises ``AccountingError`` if the counts do not add up or the models were asked different questions.
    """
    texts = load_texts(evidence.language)
    _check(evidence.counts)
    pairs, outside = _pair(evidence.answers)
    suites = {suite: found for suite in SCORED if (found := [p for p in pairs if p.tuned.suite == suite])}
    scores = {suite: _measure(found) for suite, found in suites.items()}
    losses = [loss if isfinite(loss) else None for loss in evidence.losses]
    counts = asdict(evidence.counts)
    origins = {origin: counts.pop(origin) for origin in ("written", "picked", "extracted", "edited")}
    phrasing = scores.get(Suite.PHRASING)
    return {
        "name": evidence.name,
        "language": evidence.language,
        "created": evidence.created.isoformat(timespec="seconds"),
        "verdict": phrasing["difference"]["chrf"]["verdict"] if phrasing else "not shown",
        "sentence": _sentence(phrasing, texts),
        "warnings": _warnings(evidence, scores, texts),
        "counts": {**counts, "origins": origins},
        **{who: {suite: found[who] for suite, found in scores.items()} for who in ("base", "tuned", "difference")},
        "chance": chance([pair.tuned for pair in pairs]),
        "seconds": dict(evidence.seconds),
        "peak_rss_mb": evidence.peak_rss_mb,
        "student": evidence.student,
        "teacher": evidence.teacher,
        "adapter": evidence.adapter,
        "dataset": evidence.dataset,
        "training": {
            "steps": len(losses),
            "epochs": evidence.epochs,
            "losses": losses,
            "settings": dict(evidence.settings),
        },
        "examples": _examples(suites.get(Suite.PHRASING, []), evidence.passages),
        "outside": [{"question": b.question, "base": b.text, "tuned": t.text} for b, t in outside],
        "answers": [
            {**asdict(answer), **asdict(found)}
            for pair in pairs
            for answer, found in ((pair.base, pair.base_score), (pair.tuned, pair.tuned_score))
        ],
        "versions": dict(evidence.versions),
        "how_to_reproduce": list(evidence.how_to_reproduce),
    }


def write(report: dict[str, Any], folder: Path, stem: str, loss_curve: bytes | None = None) -> tuple[Path, Path]:
    """Write ``stem.json`` and ``stem.html``, and both again as ``report.*``, the newest; return the first two.

    Each file appears complete or not at all, ``report.json`` last. ``loss_curve`` is a PNG to show on the page.
    """
    page = render(report, loss_curve)
    data = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (stem, "report"):
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


def _pair(answers: Sequence[Answer]) -> tuple[list[_Pair], list[tuple[Answer, Answer]]]:
    """Return the scored pairs and those from outside the domain, in the order in which base was asked."""
    base = {_question(answer): answer for answer in answers if answer.model == BASE}
    tuned = {_question(answer): answer for answer in answers if answer.model != BASE}
    if base.keys() != tuned.keys() or len(base) + len(tuned) != len(answers):
        raise AccountingError(
            f"base has {len(base)} and tuned {len(tuned)} of {len(answers)} answers: not the same questions, once each"
        )
    scored = [key for key in base if key[0] in SCORED]
    both = [base[key] for key in scored] + [tuned[key] for key in scored]
    scores = score(both)
    pairs = [
        _Pair(base[key], tuned[key], before, after)
        for key, before, after in zip(scored, scores[: len(scored)], scores[len(scored) :], strict=True)
    ]
    return pairs, [(base[key], tuned[key]) for key in base if key[0] not in SCORED]


def _question(answer: Answer) -> tuple[Suite, str, str]:
    return answer.suite, answer.passage_id, answer.question


def _measure(pairs: Sequence[_Pair]) -> dict[str, dict[str, Any]]:
    """Score base, tuned and their difference on one suite, by metric."""
    clusters = [pair.base.passage_id for pair in pairs]
    before, after = [pair.base_score for pair in pairs], [pair.tuned_score for pair in pairs]
    differences = {
        "chrf": difference([s.chrf for s in after], [s.chrf for s in before], clusters),
        "identified": difference([s.identified for s in after], [s.identified for s in before], clusters),
    }
    return {
        "base": _scores(before, clusters),
        "tuned": _scores(after, clusters),
        "difference": {name: {**asdict(d), "verdict": verdict(d)} for name, d in differences.items()},
    }


def _scores(scores: Sequence[Score], clusters: Sequence[str]) -> dict[str, dict[str, Any]]:
    intervals: dict[str, Interval] = {
        "chrf": mean([s.chrf for s in scores], clusters),
        "identified": share([s.identified for s in scores], clusters),
    }
    return {name: asdict(interval) for name, interval in intervals.items()}


def _sentence(phrasing: Mapping[str, Any] | None, texts: Mapping[str, str]) -> str:
    """Put the verdict into words, with its numbers."""
    if not phrasing:
        return texts["sentence_nothing"]
    gain = phrasing["difference"]["chrf"]
    key = "sentence_few" if gain["low"] is None else f"sentence_{gain['verdict'].replace(' ', '_')}"
    return texts[key].format(
        questions=gain["n"],
        passages=gain["clusters"],
        base=number(phrasing["base"]["chrf"]["estimate"]),
        tuned=number(phrasing["tuned"]["chrf"]["estimate"]),
        difference=number(gain["estimate"]),
        low=number(gain["low"]),
        high=number(gain["high"]),
        least=MIN_CLUSTERS,
    )


def _warnings(evidence: Evidence, scores: Mapping[Suite, Any], texts: Mapping[str, str]) -> list[str]:
    """Say what a reader must know before trusting the numbers."""
    counts = evidence.counts
    found = []
    for suite, measured in scores.items():
        gain = measured["difference"]["chrf"]
        if gain["low"] is None:
            found.append(("warning_few", {"suite": texts[suite], "passages": gain["clusters"], "least": MIN_CLUSTERS}))
        if suite == Suite.CONCEPT and (gain["verdict"] == "better" or (gain["low"] is None and gain["estimate"] > 0)):
            found.append(("warning_concept", {"difference": number(gain["estimate"])}))
    if counts.distinct_answers < counts.train_rows:
        found.append(("warning_repeated", {"rows": counts.train_rows, "answers": counts.distinct_answers}))
    if counts.extracted:
        found.append(("warning_extracted", {"extracted": counts.extracted, "kept": counts.kept}))
    if not all(map(isfinite, evidence.losses)):
        found.append(("warning_diverged", {}))
    return [texts[key].format(**values) for key, values in found]


def _examples(pairs: Sequence[_Pair], passages: Mapping[str, str]) -> list[dict[str, Any]]:
    """Five questions chosen by rule, each once: a rank that is already shown gives way to the next."""
    by_score = sorted(pairs, key=lambda pair: pair.tuned_score.chrf)
    by_gain = sorted(pairs, key=lambda pair: pair.gain)
    middle = (len(by_score) - 1) / 2
    from_middle = [by_score[i] for i in sorted(range(len(by_score)), key=lambda i: abs(i - middle))]
    ranks = {
        "worst": by_score,
        "median": from_middle,
        "best": by_score[::-1],
        "least_gain": by_gain,
        "most_gain": by_gain[::-1],
    }
    chosen: dict[str, tuple[str, _Pair]] = {}
    for why, ranked in ranks.items():
        for pair in ranked:
            if pair.base.question not in chosen:
                chosen[pair.base.question] = (why, pair)
                break
    return [
        {
            "why": why,
            "question": question,
            "concept": pair.base.concept,
            "passage_id": pair.base.passage_id,
            "passage": passages[pair.base.passage_id],
            "reference": pair.base.reference,
            "base": {"text": pair.base.text, **asdict(pair.base_score)},
            "tuned": {"text": pair.tuned.text, **asdict(pair.tuned_score)},
        }
        for question, (why, pair) in chosen.items()
    ]
