"""Rows to a dataset in the formats asked for, under a time stamp; a dataset is never changed afterwards."""

import json
from datetime import datetime
from pathlib import Path

from rawtune.comparison.statistics import MIN_CLUSTERS
from rawtune.dataset import remarks
from rawtune.dataset.formats import wanted
from rawtune.dataset.release import Release
from rawtune.errors import GateFailed
from rawtune.records import Suite, content_hash
from rawtune.stages import leaks
from rawtune.stages.stage import Done, Work
from rawtune.verification.rulebook import chosen


def inputs(work: Work) -> dict[str, str]:
    """The rows, what the files and their columns are called, the formats of the settings, and the rule about leaks."""
    return {
        "rule RT502": str(chosen("RT502", work.config.verification)),
        "questions": work.output("augment"),
        "columns": content_hash(work.config.columns),
        "name": content_hash(work.config.name),
        "settings under 'dataset'": content_hash(wanted(*work.config.dataset.formats)),
    }


def run(work: Work) -> Done:
    """Write the dataset, unless it gives its test away; an earlier one with the same rows stays as it is."""
    if next(work.ledger.dataset_rows(), None) is None:
        raise GateFailed(
            "no row to train on: every passage is held out or in quarantine",
            "add raw text, lower passages.held_out, or see: rawtune status",
        )
    if not (ruled := chosen("RT502", work.config.verification)):
        work.tell("RT502 is ignored: whether rows to train on hold held-out answers is not looked at")
    leaks.refuse(work.ledger, ruled)
    warnings = remarked(work)
    for line in warnings["en"].values():
        work.tell(line)
    facts = {
        "counts": work.ledger.stage("verify").summary,  # type: ignore[union-attr]  # export runs after it
        "split": work.ledger.stage("read").summary,  # type: ignore[union-attr]
        "language": work.config.language,
        "teacher": work.config.teacher.model,
        "teacher_address": work.config.teacher.base_url,
        "repaired_rows": work.ledger.count_repaired(),
        "warnings": warnings,
        "raw": sorted(work.ledger.documents().items()),
    }
    folder = work.folder / "datasets"
    stem = _free_stem(folder, f"{work.config.name}_dataset")
    formats = wanted(*work.config.dataset.formats, *work.formats)
    release = Release(folder, stem, work.config.columns, formats, work.ledger.has_history())
    manifest = release.write(work.ledger.dataset_groups(), work.ledger.held_out_groups(), facts)
    summary = {
        "train_rows": manifest["rows"],
        "held_out_rows": manifest["held_out_rows"],
        "distinct_answers": manifest["distinct_answers"],
        **({"multi_turn_rows": manifest["multi_turn_rows"]} if manifest["multi_turn_rows"] else {}),
        **({"warnings": warnings["en"]} if warnings["en"] else {}),
    }
    return Done(manifest["sha256"], summary, f"datasets/{manifest['file']}")


def written(work: Work) -> frozenset[str]:
    """The formats of the newest dataset; none if there is no whole one."""
    record = work.ledger.stage("export")
    manifest = (work.folder / record.product).with_suffix(".manifest.json") if record else None
    if manifest is None or not manifest.exists():
        return frozenset()
    return frozenset(json.loads(manifest.read_text(encoding="utf-8"))["formats"])


def remarked(work: Work) -> dict[str, dict[str, str]]:
    """What a reader of the figures should know, by language and name."""
    ledger, rows, answers = work.ledger, 0, set()
    for entry in ledger.dataset_rows():
        rows += 1
        answers.add(hash(entry.answer))
        if len(answers) == remarks.FEW:  # enough answers, however many rows there are
            break
    suites = {
        suite.value: len({entry.source.parent for entry in ledger.asked_rows(suite)})
        for suite in (Suite.PHRASING, Suite.CONCEPT)
    }
    return {language: remarks.write(language, rows, len(answers), suites, MIN_CLUSTERS) for language in ("en", "zh")}


def _free_stem(folder: Path, prefix: str) -> str:
    """A name with the present second in it; on the rare second export within one, the next free second."""
    second = int(datetime.now().timestamp())
    while True:
        stem = f"{prefix}_{datetime.fromtimestamp(second):%Y%m%d_%H%M%S}"
        if not any(folder.glob(f"{stem}.*")):
            return stem
        second += 1
