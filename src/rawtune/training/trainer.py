"""LoRA and QLoRA fine-tuning of a chat model on questions and answers."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rawtune.config import Training
from rawtune.progress import Progress
from rawtune.records import Row
from rawtune.training import memory, models, processes, replay, reporting, runs, sharding, stopping
from rawtune.training.ranks import is_first, size
from rawtune.training.replay import Ask
from rawtune.training.row_losses import RowLosses
from rawtune.training.rows import encode_rows, refuse_cut, remarks
from rawtune.training.runs import TrainingRun
from rawtune.training.sampling import OnePerAnswer
from rawtune.training.saving import load_adapter, save_adapter, saving
from rawtune.training.stopping import Evaluate
from rawtune.training.targets import target_modules
from rawtune.training.tokens import Encoded, punctuation


def train(
    rows: Sequence[Row],
    model_name: str,
    settings: Training,
    output: Path,
    progress: Progress,
    resume: bool = False,
    ids: Sequence[str] = (),
    draw: str = "written_out",
    ask: Ask | None = None,
    evaluate: Evaluate | None = None,
    beside: str = "",
) -> TrainingRun:
    """Tune a fresh adapter of ``model_name`` on ``rows`` and write it into ``output``.

    LoRA (Hu et al. 2021, arXiv:2106.09685) on every linear layer but the head (see ``targets``); adapters and
    optimiser in float32 over frozen base weights; AdamW, a linear schedule after a warm-up, gradients clipped at norm
    1. Rows are shuffled globally in each epoch. With ``resume``, a run that was stopped in ``output`` goes on from its
    last whole checkpoint, and a complete one is returned as it is; without, what an unfinished run left there is
    dropped. The loss of every row at every step goes to ``row_losses.csv``, beside its id, if ``ids`` has one for each
    row. ``draw`` is that of the settings of augmentation: ``per_epoch`` makes an epoch of one question for each answer.
    With several ``processes`` in the settings, as many do the work together, and this one waits.
    ``ask`` is given base model and tokenizer, once for a run, and brings the rows that are replayed, each trained in
    every epoch. With ``evaluate`` the model is checked as it learns, the run ends when the rules of ``stopping`` say
    so, and the adapter of the best check is kept; for several processes it must be picklable. ``beside`` is a hash of
    what else these two, and the model, depend on: where it differs, it is another run.

    Raises ``UsageError`` naming every row that cannot be trained on, or if too many answers are cut;
    ``ModelUnavailable``; ``StorageFull`` (the last checkpoint stays usable, as after Ctrl-C); or ``RawtuneError`` if
    the loss is no longer a number, or if memory runs out, naming the setting to change.
    """
    begun_with = runs.beginning(runs.identity(rows, model_name, settings, draw), beside)
    if done := runs.find(output, begun_with, resume):
        return done
    number = processes.count(settings)
    sharding.check(settings, number)
    sharding.check_resumed(runs.last_whole_checkpoint(output) if resume else None, settings, number)
    reporting.require(settings.report_to)
    encoded = encode_rows(rows, tokenizer := models.load_tokenizer(model_name, progress), settings)
    refuse_cut(encoded, settings)
    for remark in remarks(encoded, tokenizer, settings):
        progress.say(remark)
    runs.begin(output, begun_with, resume)
    if number == 1:
        return tune(rows, encoded, model_name, settings, output, progress, ids, draw, ask, evaluate)
    models.make_ready(model_name, progress)
    if ask and replay.read(output) is None:
        _ask_alone(ask, model_name, settings, output, progress)
    progress.say(f"training in {number} processes, {settings.batch_size // number} rows of each step in each")
    job = {"rows": list(rows), "model": model_name, "output": str(output.resolve()), "ids": list(ids), "draw": draw}
    processes.run({**job, "settings": settings.model_dump(mode="json")}, number, progress, evaluate)
    return runs.complete(output)


def _ask_alone(ask: Ask, model_name: str, settings: Training, output: Path, progress: Progress) -> None:
    """Have the base model answer in this process, and make its memory free again for those that will train."""
    import gc

    import torch

    with memory.explained("loading the student", "take training.replay out, or " + memory.smaller_weights(settings)):
        model, tokenizer = models.load(model_name, settings.quantise, progress, wanted=settings.device)
    replay.once(ask, output, model, tokenizer, settings)
    on = model.device.type
    del model
    gc.collect()
    if on != "cpu":
        torch.accelerator.memory.empty_cache()


def tune(
    rows: Sequence[Row],
    encoded: list[Encoded],
    model_name: str,
    settings: Training,
    output: Path,
    progress: Progress,
    ids: Sequence[str],
    draw: str,
    ask: Ask | None = None,
    evaluate: Evaluate | None = None,
) -> TrainingRun:
    """What ``train`` does once all is checked, alone or in each of a group of processes; the first of them saves."""
    begin = time.perf_counter()
    with memory.explained("loading the student", memory.smaller_weights(settings)):
        model, tokenizer = models.load(
            model_name, settings.quantise, progress, wanted=settings.device, shared_out=settings.sharding == "fsdp"
        )
    remedy = memory.next_setting(_share(settings))
    with memory.explained("training", remedy), models.quiet():
        checkpoint = runs.last_whole_checkpoint(output)
        # In a group of processes the one that waits has asked before they were started.
        own = replay.once(ask, output, model, tokenizer, settings) if ask else replay.read(output) or replay.NONE
        every = [*encoded, *replay.encode(own, tokenizer, settings)]
        names = [*(ids or [""] * len(rows)), *own.ids] if own.rows else ids
        kept = RowLosses(names, punctuation(tokenizer, every))
        # A replayed row stands for itself, even where two of their answers are alike.
        answers = [*(row.answer for row in rows), *own.ids]
        drawn = OnePerAnswer(answers, settings.seed) if draw == "per_epoch" else None
        model, log = _run(
            model, model_name, tokenizer, every, settings, output, checkpoint, progress, kept, drawn, evaluate
        )
        losses = tuple(entry["loss"] for entry in log if "loss" in entry)
        checks = stopping.checks_of(log)
        best = stopping.best(checks).step if checks else len(losses)
        stop = stopping.decide(checks, losses, _warmup_steps(settings, len(drawn or every)))
        if best < len(losses) and is_first():
            load_adapter(model, stopping.best_folder(output, best))
        run = TrainingRun(
            folder=str(output),
            losses=losses,
            steps=len(losses),
            rows=len(rows),
            cut_answers=sum(row.cut > 0 for row in encoded),
            trainable_parameters=sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
            seconds=round(time.perf_counter() - begin, 3),
            peak_memory_mb=_peak_memory_mb(model),
            resumed_at=runs.step_of(checkpoint) if checkpoint else 0,
            replayed=len(own.rows),
            replay_dropped=own.dropped,
            kept_step=best,
            stopped=str(stop or ""),
            checks=tuple(stopping.entry(check) for check in checks),
        )
        with saving(output):
            save_adapter(model, output, model_name)
        if is_first():
            with saving(output):
                tokenizer.save_pretrained(output)
                begun_with = runs.identity(rows, model_name, settings, draw)
                about = {"model": model_name, "draw": draw, **runs.circumstances(model, settings, begun_with)}
                runs.write(output / runs.RECORD, {**asdict(run), **about})
            runs.drop(output, "best-*")
    return run


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
    evaluate: Evaluate | None,
) -> tuple[Any, list[dict[str, Any]]]:
    """The trained PEFT model as after its last step, and the Trainer's log, with the loss of every step."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import TrainingArguments, set_seed

    from rawtune.training.checking import Checker
    from rawtune.training.loop import AnswerTrainer
    from rawtune.training.lora import lean
    from rawtune.training.pace import Pace

    set_seed(settings.seed)
    adapter = LoraConfig(
        task_type="CAUSAL_LM",
        target_modules=target_modules(model.config.model_type),
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
    )
    model = get_peft_model(model, lean(adapter) if settings.quantise == "none" else adapter)
    share = _share(settings)
    micro_batch = share.micro_batch_size or share.batch_size
    row_count = len(sampler or rows)
    dtype = models.compute_dtype(model.device.type)
    deepspeed = sharding.deepspeed(settings, model.device.type, dtype)
    arguments = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=share.batch_size // micro_batch,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        ddp_find_unused_parameters=False,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=_warmup_steps(settings, row_count),
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=dtype is torch.bfloat16 and not deepspeed,
        fp16=dtype is torch.float16 and not deepspeed,
        deepspeed=deepspeed,
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
    padding, head = tokenizer.pad_token_id, model.get_base_model().get_output_embeddings()
    trainer = AnswerTrainer(model, name, rows, padding, arguments, progress, row_losses, sampler)
    set_seed(settings.seed + arguments.process_index)  # each process drops out its own
    trainer.add_callback(Pace(progress))
    if evaluate:
        every = stopping.every(math.ceil(row_count / settings.batch_size))
        trainer.add_callback(Checker(evaluate, model, tokenizer, head, name, every, progress))
    for line in memory.estimate(model, rows, share, trainer.head).describe(share).splitlines():
        progress.say(line)
    if checkpoint:
        progress.say(f"going on after step {runs.step_of(checkpoint)}")
    with reporting.kept_in(output):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return model, trainer.state.log_history


def _share(settings: Training) -> Training:
    """The settings with the rows of a step that fall to this process."""
    return settings.model_copy(update={"batch_size": settings.batch_size // size()})


def _warmup_steps(settings: Training, rows: int) -> int:
    """Steps with rising learning rate, where an epoch trains so many rows."""
    return math.ceil(math.ceil(rows / settings.batch_size) * settings.epochs * settings.warmup)


def _peak_memory_mb(model: Any) -> float:
    """The most memory held so far: the device's if it is a GPU, else this process's."""
    import resource
    import sys

    import torch

    if model.device.type == "cuda":
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
