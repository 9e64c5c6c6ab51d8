"""Rows to a dataset file with its manifest, under a time stamp; a dataset is never changed afterwards."""

from datetime import datetime
from pathlib import Path

from rawtune.dataset import files
from rawtune.errors import GateFailed
from rawtune.records import State, Suite, content_hash
from rawtune.stages.stage import Done, Work


def inputs(work: Work) -> dict[str, str]:
    """The rows, and what the file and its columns are called."""
    return {
        "questions": work.output("augment"),
        "columns": content_hash(work.config.columns),
        "name": content_hash(work.config.name),
    }


def run(work: Work) -> Done:
    """Write the dataset."""
    train = work.ledger.training_rows()
    if not train:
        raise GateFailed(
            "no row to train on: every passage is held out or in quarantine",
            "add raw text, lower passages.held_out, or see: rawtune status",
        )
    held_out = [row for suite in (Suite.PHRASING, Suite.CONCEPT) for row in work.ledger.suite(suite)]
    facts = {
        "counts": work.ledger.stage("verify").summary,  # type: ignore[union-attr]  # export runs after it
        "split": work.ledger.stage("read").summary,  # type: ignore[union-attr]
        "teacher": work.config.teacher.model,
        "teacher_address": work.config.teacher.base_url,
        "prompt": sorted({row.prompt_hash for row in train}),
        "repaired_rows": sum(bool(outcome.repairs) for _, outcome in work.ledger.endings(State.KEPT)),
        "raw": sorted(work.ledger.documents().items()),
    }
    stem = _free_stem(work.folder / "datasets", f"{work.config.name}_dataset")
    path = files.write(work.folder / "datasets", stem, work.config.columns, train, held_out, facts)
    summary = {
        "train_rows": len(train),
        "held_out_rows": len(held_out),
        "distinct_answers": len({row.answer for row in train}),
    }
    return Done(files.sha256(path), summary, path.relative_to(work.folder).as_posix())


def _free_stem(folder: Path, prefix: str) -> str:
    """A name with the present second in it; on the rare second export within one, the next free second."""
    second = int(datetime.now().timestamp())
    while True:
        stem = f"{prefix}_{datetime.fromtimestamp(second):%Y%m%d_%H%M%S}"
        if not (folder / f"{stem}.csv").exists():
            return stem
        second += 1
