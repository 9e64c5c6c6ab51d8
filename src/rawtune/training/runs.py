"""The folder of a training run: what it was begun with, how far it came, and what is recorded of it."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rawtune.config import Training
from rawtune.errors import UsageError
from rawtune.records import Row, content_hash
from rawtune.training import models, replay
from rawtune.training.saving import saving

RECORD = "training.json"
"""Written last into the folder of a run: where it is, the run is complete."""
_STARTED = "started.json"
SAME_RESULT = (
    "recipe",
    "device",
    "processes",
    "sharding",
    "micro_batch_size",
    "gradient_checkpointing",
    "max_cut",
    "report_to",
    "checkpoint_steps",
)
"""Settings that decide how a run is done, not what it learns; they may change between its sessions."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A completed run. ``folder`` holds the adapter; ``losses[0]`` is step 1's mean loss per answer token.

    ``rows`` are the dataset's; ``replayed`` are the base model's own beside them. Of a run that was checked ``checks``
    are the figures by step, ``kept_step`` is the step whose adapter is kept, and ``stopped`` says why it learnt enough.
    """

    folder: str
    losses: tuple[float, ...]
    steps: int
    rows: int
    cut_answers: int
    trainable_parameters: int
    seconds: float
    peak_memory_mb: float
    resumed_at: int = 0
    replayed: int = 0
    replay_dropped: int = 0
    kept_step: int = 0
    stopped: str = ""
    checks: tuple[dict[str, Any], ...] = ()


def identity(rows: Sequence[Row], model_name: str, settings: Training, draw: str = "written_out") -> str:
    """Hash of what a run learns from: rows, model and settings."""
    settled = settings.model_dump(mode="json", exclude=set(SAME_RESULT))
    return content_hash([model_name, settled, [row if row.history else row[:2] for row in rows], draw])


def beginning(identity: str, beside: str) -> str:
    """Hash of all that decides what a run will learn; ``beside`` is the hash of what its caller knows, or empty."""
    return content_hash([identity, beside]) if beside else identity


def identity_of(output: Path) -> str | None:
    """The hash with which the run in ``output`` was begun; None if there is none."""
    try:
        found: str = json.loads((output / _STARTED).read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError):
        return None
    return found


def learnt_from(output: Path, rows: Sequence[Row]) -> bool | None:
    """Whether the run in ``output`` was trained on just these rows; None where that is not recorded."""
    try:
        record = json.loads((output / RECORD).read_text(encoding="utf-8"))
        settings = Training.model_validate(record["settings"])
        begun_with: str = record["identity"]
        return identity(rows, record["model"], settings, record.get("draw", "written_out")) == begun_with
    except (OSError, ValueError, KeyError):
        return None


def last_whole_checkpoint(output: Path) -> Path | None:
    """The newest checkpoint in ``output`` that was written to its end; the Trainer writes its state last."""
    for folder in sorted(output.glob("checkpoint-*"), key=step_of, reverse=True):
        try:
            json.loads((folder / "trainer_state.json").read_bytes())
        except (OSError, ValueError):
            continue
        return folder
    return None


def find(output: Path, begun_with: str, resume: bool) -> TrainingRun | None:
    """The run in ``output`` if it is complete there. Raises ``UsageError`` if another one is in the way."""
    if not resume:
        if (output / RECORD).exists():
            raise UsageError(f"{output} already holds a trained adapter", "choose another folder, or resume")
    elif (output / _STARTED).exists():
        if identity_of(output) != begun_with:
            raise UsageError(
                f"{output} was begun with other rows, settings or another model", "train into a new folder instead"
            )
        if (output / RECORD).exists():
            return complete(output)
    return None


def begin(output: Path, begun_with: str, resume: bool) -> None:
    """Make ``output`` ready for a run, once nothing speaks against it; what is refused leaves no folder behind."""
    with saving(output):
        output.mkdir(parents=True, exist_ok=True)
        if not resume:
            drop(output, "checkpoint-*", "best-*", replay.FILE_NAME)
        write(output / _STARTED, {"identity": begun_with})


def complete(output: Path) -> TrainingRun:
    """The run that came to its end in ``output``."""
    record = json.loads((output / RECORD).read_text(encoding="utf-8"))
    fields = {name: record[name] for name in TrainingRun.__slots__ if name in record}
    lists = {name: tuple(record.get(name, ())) for name in ("losses", "checks")}
    return TrainingRun(**{**fields, "folder": str(output), **lists})


def drop(output: Path, *patterns: str) -> None:
    """Remove what an unfinished run left there."""
    for pattern in patterns:
        for path in output.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def step_of(checkpoint: Path) -> int:
    """After which step a checkpoint was saved."""
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def write(path: Path, content: Any) -> None:
    """Write JSON so that the file is whole or not there."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def circumstances(model: Any, settings: Training, begun_with: str) -> dict[str, Any]:
    """What one needs to know to repeat the run."""
    from importlib.metadata import version

    return {
        "identity": begun_with,
        "settings": settings.model_dump(),
        "device": str(model.device),
        "dtype": str(models.compute_dtype(model.device.type)).removeprefix("torch."),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }
