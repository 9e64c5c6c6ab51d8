"""The dataset to a tuned adapter."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rawtune.dataset import files
from rawtune.diagnosis import logs
from rawtune.diagnosis.curve import judge
from rawtune.errors import GateFailed
from rawtune.records import Row, content_hash
from rawtune.stages import replay, stopping
from rawtune.stages.stage import Done, Work, hash_settings
from rawtune.training import card, runs, trainer
from rawtune.training.curve import plot_losses
from rawtune.training.replay import is_replay
from rawtune.training.row_losses import ROW_LOSSES
from rawtune.training.saving import saving
from rawtune.training.show import Shown
from rawtune.training.show import show as shown_rows

LOSS_CURVE = "loss.png"


def dataset(work: Work) -> Path:
    """The newest dataset's CSV."""
    record = work.ledger.stage("export")
    if record is None:
        raise GateFailed("there is no dataset yet", "make it with: rawtune export")
    return work.folder / record.product


def inputs(work: Work) -> dict[str, str]:
    """The dataset as it lies on the disk (also if somebody mended it by hand), the student, and how it is trained."""
    path = dataset(work)
    return {
        "the dataset": files.sha256(path) if path.exists() else "",
        "student": content_hash(work.student_identity),
        "augmentation.draw": work.config.augmentation.draw,
        "settings under 'training'": hash_settings(work.config.training, *runs.SAME_RESULT),
        "what replay and stopping ask": _beside(work),
    }


def show(work: Work, count: int) -> Iterator[Shown]:
    """Rows as they would be trained on; see ``rawtune.training.show``."""
    rows = files.read(dataset(work), work.config.columns)
    yield from shown_rows(rows, work.student, work.config.training, count, work.progress)


def run(work: Work) -> Done:
    """Tune the student. An interrupted run with the same dataset and settings goes on from its last checkpoint."""
    path = dataset(work)
    rows = files.read(path, work.config.columns)
    settings, draw = work.config.training, work.config.augmentation.draw
    beside = content_hash([work.student_identity, _beside(work)])
    output = _folder(work, path, runs.beginning(runs.identity(rows, work.student, settings, draw), beside))
    known = {row.row: row.id for row in work.ledger.training_rows()}
    ids = [known.get(row, "") for row in rows]  # a row mended by hand has none
    trained = _rows_per_epoch(work, rows)
    result = trainer.train(
        rows,
        work.student,
        settings,
        output,
        work.progress,
        resume=True,
        ids=ids,
        draw=draw,
        ask=replay.asking(work, trained),
        evaluate=stopping.evaluating(work, rows),
        beside=beside,
    )
    log = logs.Log(list(range(1, result.steps + 1)), list(result.losses))
    if result.replayed:  # how many of these a step has is chance, and their loss is low: without them it is judged
        log = logs.of_rows(row for row in logs.read_rows(output / ROW_LOSSES) if not is_replay(row.id))
    curve = judge(log.losses, log.steps, batch=settings.batch_size)
    with saving(output):
        plot_losses(log.losses, output / LOSS_CURVE, curve.steps, log.steps)
        data = {"dataset": path.name, "sha256": files.sha256(path), "rows": len(rows), "curve": curve.verdict.value}
        record = json.loads((output / runs.RECORD).read_text(encoding="utf-8"))
        card.write(output, work.config.language, record, data)
    work.tell(f"the loss curve is {curve.verdict}: {curve.reason}")
    if result.stopped or result.kept_step < result.steps:
        why = result.stopped or "its check was the best"
        work.tell(f"{why}; the adapter of step {result.kept_step} of {result.steps} is kept")
    summary = {
        "student": work.config.student,
        "rows": len(rows),
        "draw": draw,
        "rows_per_epoch": trained,
        "steps": result.steps,
        "epochs": settings.epochs,
        "first_loss": round(result.losses[0], 4),
        "last_loss": round(result.losses[-1], 4),
        "cut_answers": result.cut_answers,
        "curve": curve.verdict.value,
        "replayed": result.replayed,
        "replay_dropped": result.replay_dropped,
        "kept_step": result.kept_step,
        "stopped": result.stopped,
    }
    return Done(files.sha256(output / "adapter_model.safetensors"), summary, output.relative_to(work.folder).as_posix())


def some_questions(work: Work, most: int = 4) -> list[str]:
    """A few questions of the newest dataset, from all over it; none if it is not there."""
    record = work.ledger.stage("export")
    if record is None or not (work.folder / record.product).exists():
        return []
    rows = files.read(work.folder / record.product, work.config.columns)
    return [row.question for row in rows[:: max(1, len(rows) // most)]][:most]


def _beside(work: Work) -> str:
    """Hash of what replay and stopping depend on beside rows and settings of training, if they are on."""
    training, language = work.config.training, work.config.language
    found: list[Any] = [language] if training.replay or training.stopping else []
    if training.stopping:
        found += [work.config.comparison.max_new_tokens, [row.id for row in stopping.unseen(work)]]
    return content_hash(found)


def _rows_per_epoch(work: Work, rows: list[Row]) -> int:
    """How many of the rows an epoch trains; said where these are not all."""
    forms, epochs = Counter(row.answer for row in rows), work.config.training.epochs
    if work.config.augmentation.draw == "written_out":
        return len(rows)
    most = max(forms.values(), default=0)
    work.tell(
        f"each epoch trains {len(forms)} of {len(rows)} rows, one for each answer; {epochs} epochs train"
        f" {min(epochs, most)} of the {most} questions of an answer"
    )
    return len(forms)


def _folder(work: Work, dataset: Path, identity: str) -> Path:
    """models/MODEL-epochN-STAMP, the dataset's stamp; another run on the same dataset gets ``-2``, ``-3``."""
    model = Path(work.config.student.removeprefix("embedded:")).name
    stamp = "_".join(dataset.stem.split("_")[-2:])
    base = work.folder / "models" / f"{model}-epoch{work.config.training.epochs}-{stamp}"
    folder, number = base, 1
    while folder.exists() and runs.identity_of(folder) != identity:
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder
