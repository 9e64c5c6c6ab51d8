"""Base and others, asked the same questions, to a report."""

import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rawtune.comparison import report
from rawtune.comparison.arms import Arm, Kind, line_up
from rawtune.dataset import files
from rawtune.errors import UsageError
from rawtune.ledger.ledger import StageRecord
from rawtune.llm import price
from rawtune.records import content_hash
from rawtune.stages import arms as asking
from rawtune.stages import diagnose, general, preferences, stopping
from rawtune.stages.export import remarked
from rawtune.stages.judging import judge
from rawtune.stages.questions import held_out, questions
from rawtune.stages.session import with_teacher
from rawtune.stages.stage import Done, Work, hash_settings
from rawtune.stages.train import LOSS_CURVE, dataset
from rawtune.training import runs
from rawtune.training.saving import saving

_BEFORE = ("read", "synthesise", "verify", "augment", "export", "train")
_LIBRARIES = ("rawtune", "torch", "transformers", "peft")


def inputs(work: Work) -> dict[str, str]:
    """The adapter, the questions, and who is asked how."""
    settings, verified = work.config.comparison, work.ledger.stage("verify")
    return {
        "the adapter": work.output("train"),
        "what the rules found": content_hash(verified.summary if verified else {}),
        "held-out questions": content_hash([row.id for row in held_out(work)]),
        "settings under 'comparison'": hash_settings(settings, "batch_size", "gate_allows"),
        "teacher.base_url": content_hash(work.config.teacher.base_url if settings.endpoints else None),
        "language": content_hash(work.config.language),
        **preferences.inputs(work),
    }


def run(work: Work) -> Done:
    """Compare the adapter trained last, as the settings say, and make that the project's report."""
    folder = work.folder / _record(work, "train").product
    settings = work.config.comparison
    built, _ = _compare(work, [folder], settings.retrieval, settings.endpoints, ["rawtune run"], newest=True)
    return Done(
        content_hash(built), {"verdict": built["verdict"], "sentence": built["sentence"]}, "reports/report.html"
    )


def check(work: Work, adapters: Sequence[Path], endpoints: Sequence[str]) -> None:
    """Raise ``UsageError`` or ``ModelUnavailable`` for what can never be compared, before any work is done for it."""
    for name in endpoints:
        with_teacher(work, name)
    preferences.check(work)
    asking.check(work, line_up([path.resolve() for path in adapters]))


def beside(work: Work, adapters: Sequence[Path], retrieval: bool, endpoints: Sequence[str]) -> Path:
    """Compare others than the settings name, into a report of its own that leaves the stage's as it is; its path.

    Without ``adapters`` it is the one trained last; ``retrieval`` and ``endpoints`` join those of the settings.
    """
    settings, trained = work.config.comparison, work.ledger.stage("train")
    folders = [path.resolve() for path in adapters] or [work.folder / _record(work, "train").product]
    last = work.folder / trained.product if trained else None
    # The verdict is about the adapter trained last, wherever in the line it stands, else about the first.
    folders.sort(key=lambda folder: folder != last)
    named = [f"--endpoint={name}" for name in endpoints]
    command = shlex.join(
        ["rawtune", "compare", *map(str, adapters), *(["--retrieval"] if retrieval else []), *named],
    )
    _, page = _compare(
        work, folders, retrieval or settings.retrieval, (*settings.endpoints, *endpoints), [command], newest=False
    )
    return page


def _compare(
    work: Work,
    adapters: Sequence[Path],
    retrieval: bool,
    endpoints: Sequence[str],
    commands: Sequence[str],
    newest: bool,
) -> tuple[dict[str, Any], Path]:
    """Ask all and write the report; the verdict is about the first adapter."""
    started = time.monotonic()
    preferences.check(work)
    arms = line_up([within(work, folder) for folder in adapters], retrieval, endpoints)
    primary = next(arm for arm in arms if arm.kind is Kind.ADAPTER)
    passages = {passage.id: passage.text for passage in work.ledger.passages()}
    elsewhere = _elsewhere(work, arms)
    if elsewhere:
        work.tell(
            f"not trained on the dataset of now, as far as is recorded: {', '.join(elsewhere)}; what is said of"
            " questions as trained, of recitation and of learning by heart goes by the dataset of now"
        )
    given, isolation, right = asking.ask(work, arms, questions(work), passages, general.items(work))
    records = {name: record for name in _BEFORE if (record := work.ledger.stage(name))}
    folder = work.folder / primary.source
    training = _training(folder)
    calls, money = work.ledger.spent()
    priced = price(work.config.teacher)
    built = report.build(
        report.Evidence(
            name=work.config.name,
            language=work.config.language,
            created=datetime.now().astimezone(),
            student=work.config.student,
            teacher=work.config.teacher.model,
            dataset=records["export"].product,
            arms=arms,
            primary=primary.name,
            answers=given,
            isolation=isolation,
            passages=passages,
            counts=_counts(records["verify"], records["export"]),
            losses=training.get("losses", []),
            epochs=training.get("settings", {}).get("epochs", 0),
            settings=training.get("settings", {}),
            seconds={
                **{name: record.seconds for name, record in records.items()},
                "compare": round(time.monotonic() - started, 3),
            },
            peak_rss_mb=_peak_rss_mb(),
            versions={name: version(name) for name in _LIBRARIES},
            how_to_reproduce=commands,
            judged=judge(work, given, passages),
            preferred=preferences.preferences(work, given, passages),
            judge=preferences.named(work),
            general=right,
            trained=_trained(work, passages),
            **_diagnosed(work, folder),
            remarks=list(remarked(work)[work.config.language].values()),
            diversity=records["augment"].summary.get("diversity", []),
            cost={
                "calls": calls,
                "unpriced": work.ledger.unpriced(),
                "money": money,
                "currency": priced.currency if priced else "",
            },
            chosen=_chosen(work, training),
            elsewhere=elsewhere,
        )
    )
    reports, curve = work.folder / "reports", folder / LOSS_CURVE
    stem = f"{work.config.name}{'' if newest else '-arms'}-{datetime.now():%Y%m%d_%H%M%S}"
    with saving(reports):
        picture = curve.read_bytes() if curve.exists() else None
        _, page = report.write(built, reports, stem, picture, newest)
    work.progress.say(built["sentence"])
    return built, page


def _elsewhere(work: Work, arms: Sequence[Arm]) -> list[str]:
    """The adapters that are not known to have learnt from the dataset of now."""
    rows = files.read(dataset(work), work.config.columns)
    adapters = [arm for arm in arms if arm.kind is Kind.ADAPTER]
    return [arm.name for arm in adapters if not runs.learnt_from(work.folder / arm.source, rows)]


def _trained(work: Work, passages: Mapping[str, str]) -> dict[str, list[str]]:
    """By passage, the texts that rows were trained on, and its own."""
    texts: dict[str, list[str]] = {}
    for row in work.ledger.training_rows():
        texts.setdefault(row.passage_id, [passages[row.passage_id]]).append(row.answer)
    return {id: list(dict.fromkeys(own)) for id, own in texts.items()}


def _chosen(work: Work, training: Mapping[str, Any]) -> dict[str, int]:
    """By what the adapter was chosen among those of its run; nothing if it is the last step's unseen."""
    checks = len(training.get("checks", ()))
    return {"checks": checks, "questions": len(stopping.unseen(work))} if checks else {}


def _diagnosed(work: Work, folder: Path) -> dict[str, Any]:
    """The verdict on the losses, and the rows that stand out; nothing of an adapter without losses."""
    try:
        found = diagnose.diagnose(folder, work)
    except UsageError:
        return {}
    curve = {"verdict": found.curve.verdict.value, "reason": found.curve.reason, "steps": list(found.curve.steps)}
    told = ("row", "z", "tail", "reason", "by", "concept", "question", "answer", "passage")
    return {
        "curve": curve,
        "suspects": [{name: getattr(row, name) for name in told} for row in found.rows or ()],
    }


def _counts(*records: StageRecord) -> report.Counts:
    """What the report counts, of all that these stages told."""
    told = {name: value for record in records for name, value in record.summary.items()}
    return report.Counts(**{name: told[name] for name in report.Counts.__dataclass_fields__})


def within(work: Work, folder: Path) -> Path:
    """The folder as the reader knows it: from the project's, if it lies there."""
    return folder.relative_to(work.folder) if folder.is_relative_to(work.folder) else folder


def _training(folder: Path) -> dict[str, Any]:
    """What is recorded of an adapter's training; nothing of one that another tool trained."""
    path = folder / runs.RECORD
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def _record(work: Work, name: str) -> StageRecord:
    record = work.ledger.stage(name)
    if record is None:
        raise KeyError(f"compare runs after {name}")
    return record


def _peak_rss_mb() -> float:
    """The most memory this process ever held, in MB of 10^6 bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB (getrusage(2))
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
