"""LoRA and QLoRA fine-tuning of a chat model on questions and answers."""

import json
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rawtune.config import Training
from rawtune.errors import UsageError
from rawtune.progress import Progress
from rawtune.records import content_hash
from rawtune.training import memory, models, reporting
from rawtune.training.row_losses import RowLosses
from rawtune.training.rows import encode_rows, refuse_cut, remarks
from rawtune.training.sampling import OnePerAnswer
from rawtune.training.saving import save_adapter, saving
from rawtune.training.targets import target_modules
from rawtune.training.tokens import Encoded

RECORD = "training.json"
"""Written last into the folder of a run: where it is, the run is complete."""
_STARTED = "started.json"
SAME_RESULT = ("recipe", "device", "micro_batch_size", "gradient_checkpointing", "max_cut", "report_to")
"""Settings that decide how a run is done, not what it learns; they may change between its sessions."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A completed run. ``folder`` holds the adapter; ``losses[0]`` is step 1's mean loss per answer token."""

    folder: str
    losses: tuple[float, ...]
    steps: int
    rows: int
    cut_answers: int
    trainable_parameters: int
    seconds: float
    peak_memory_mb: float
    resumed_at: int = 0


def train(
    rows: Sequence[tuple[str, str]],
    model_name: str,
    settings: Training,
    output: Path,
    progress: Progress,
    resume: bool = False,
    ids: Sequence[str] = (),
    draw: str = "written_out",
) -> TrainingRun:
    """Tune a fresh adapter of ``model_name`` on ``rows`` of (question, answer) and write it into ``output``.

    LoRA (Hu et al. 2021, arXiv:2106.09685) on every linear layer but the head (see ``targets``); adapters and
    optimiser in float32 over frozen base weights; AdamW, a linear schedule after a warm-up, gradients clipped at norm
    1. Rows are shuffled globally in each epoch. With ``resume``, a run that was stopped in ``output`` goes on from its
    last whole checkpoint, and a complete one is returned as it is; without, what an unfinished run left there is
    dropped. The loss of every row at every step goes to ``row_losses.csv``, beside its id, if ``ids`` has one for each
    row. ``draw`` is that of the settings of augmentation: ``per_epoch`` makes an epoch of one question for each answer.

    Raises ``UsageError`` naming every row that cannot be trained on, or if too many answers are cut;
    ``ModelUnavailable``; ``StorageFull`` (the last checkpoint stays usable, as after Ctrl-C); or ``RawtuneError`` if
    the loss is no longer a number, or if memory runs out, naming the setting to change.
    """
    begin = time.perf_counter()
    begun_with = identity(rows, model_name, settings, draw)
    if done := _enter(output, begun_with, resume):
        return done
    reporting.require(settings.report_to)
    encoded = encode_rows(rows, tokenizer := models.load_tokenizer(model_name, progress), settings)
    refuse_cut(encoded, settings)
    for remark in remarks(encoded, tokenizer, settings):
        progress.say(remark)
    with memory.explained("loading the student", memory.smaller_weights(settings)):
        model, tokenizer = models.load(model_name, settings.quantise, progress, wanted=settings.device)
    with memory.explained("training", memory.next_setting(settings)), models.quiet():
        checkpoint = last_whole_checkpoint(output)
        kept = RowLosses(ids)
        drawn = OnePerAnswer([answer for _, answer in rows], settings.seed) if draw == "per_epoch" else None
        model, losses = _run(model, model_name, tokenizer, encoded, settings, output, checkpoint, progress, kept, drawn)
        run = TrainingRun(
            folder=str(output),
            losses=losses,
            steps=len(losses),
            rows=len(rows),
            cut_answers=sum(row.cut > 0 for row in encoded),
            trainable_parameters=sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
            seconds=round(time.perf_counter() - begin, 3),
            peak_memory_mb=_peak_memory_mb(model),
            resumed_at=_step(checkpoint) if checkpoint else 0,
        )
        with saving(output):
            save_adapter(model, output, model_name)
            tokenizer.save_pretrained(output)
            about = {"model": model_name, "draw": draw, **_circumstances(model, settings, begun_with)}
            _write(output / RECORD, {**asdict(run), **about})
    return run


def identity(rows: Sequence[tuple[str, str]], model_name: str, settings: Training, draw: str = "written_out") -> str:
    """Hash of all that decides what a run will learn."""
    settled = settings.model_dump(mode="json", exclude=set(SAME_RESULT))
    return content_hash([model_name, settled, [list(row) for row in rows], draw])


def identity_of(output: Path) -> str | None:
    """The identity with which the run in ``output`` was begun; None if there is none."""
    try:
        found: str = json.loads((output / _STARTED).read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError):
        return None
    return found


def last_whole_checkpoint(output: Path) -> Path | None:
    """The newest checkpoint in ``output`` that was written to its end; the Trainer writes its state last."""
    for folder in sorted(output.glob("checkpoint-*"), key=_step, reverse=True):
        try:
            json.loads((folder / "trainer_state.json").read_bytes())
        except (OSError, ValueError):
            continue
        return folder
    return None


def _enter(output: Path, begun_with: str, resume: bool) -> TrainingRun | None:
    """Make ``output`` ready for a run; the run itself if it is complete there."""
    if not resume:
        if (output / RECORD).exists():
            raise UsageError(f"{output} already holds a trained adapter", "choose another folder, or resume")
        for folder in output.glob("checkpoint-*"):
            shutil.rmtree(folder)
    elif (output / _STARTED).exists():
        if identity_of(output) != begun_with:
            raise UsageError(
                f"{output} was begun with other rows, settings or another model", "train into a new folder instead"
            )
        if (output / RECORD).exists():
            record = json.loads((output / RECORD).read_text(encoding="utf-8"))
            fields = {name: record[name] for name in TrainingRun.__slots__}
            return TrainingRun(**{**fields, "folder": str(output), "losses": tuple(record["losses"])})
    with saving(output):
        output.mkdir(parents=True, exist_ok=True)
        _write(output / _STARTED, {"identity": begun_with})
    return None


def _run(
    model: Any,
    name: str,
    tokenizer: Any,
    rows: list[Encoded],
    settings: Training,
    output: Path,
    checkpoint: Path | None,
    progress: Progress,
    row_losses: RowLosses,
    sampler: OnePerAnswer | None,
) -> tuple[Any, tuple[float, ...]]:
    """The trained PEFT model, and the loss of every step."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import TrainingArguments, set_seed

    from rawtune.training.loop import AnswerTrainer
    from rawtune.training.pace import Pace

    set_seed(settings.seed)
    model = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            target_modules=target_modules(model.config.model_type),
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
        ),
    )
    micro_batch = settings.micro_batch_size or settings.batch_size
    steps = math.ceil(len(sampler or rows) / settings.batch_size) * settings.epochs
    dtype = models.compute_dtype(model.device.type)
    arguments = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=settings.batch_size // micro_batch,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=math.ceil(steps * settings.warmup),
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=dtype is torch.bfloat16,
        fp16=dtype is torch.float16,
        use_cpu=model.device.type == "cpu",
        dataloader_pin_memory=model.device.type == "cuda",
        remove_unused_columns=False,
        seed=settings.seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=2,
        report_to=list(settings.report_to),
        disable_tqdm=True,
        log_level="error",
    )
    padding = tokenizer.pad_token_id
    trainer = AnswerTrainer(model, name, rows, padding, arguments, progress, row_losses, sampler)
    trainer.add_callback(Pace(progress))
    for line in memory.estimate(model, rows, settings, trainer.head).describe(settings).splitlines():
        progress.say(line)
    if checkpoint:
        progress.say(f"going on after step {_step(checkpoint)}")
    with reporting.kept_in(output):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return model, tuple(entry["loss"] for entry in trainer.state.log_history if "loss" in entry)


def _step(checkpoint: Path) -> int:
    number = checkpoint.name.rpartition("-")[2]
    return int(number) if number.isdigit() else -1


def _write(path: Path, content: Any) -> None:
    """Write JSON so that the file is whole or not there."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def _circumstances(model: Any, settings: Training, begun_with: str) -> dict[str, Any]:
    """What one needs to know to repeat the run."""
    from importlib.metadata import version

    return {
        "identity": begun_with,
        "settings": settings.model_dump(),
        "device": str(model.device),
        "dtype": str(models.compute_dtype(model.device.type)).removeprefix("torch."),
        "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
    }


def _peak_memory_mb(model: Any) -> float:
    """The most memory held so far: the device's if it is a GPU, else this process's."""
    import resource
    import sys

    import torch

    if model.device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
