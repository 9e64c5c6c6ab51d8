"""Checks while a model is trained: made on time, written into the Trainer's log, the best adapter kept on disk.

This module imports torch and transformers; it is itself imported only when training starts.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainingArguments
from transformers.trainer_callback import TrainerControl, TrainerState

from rawtune.progress import Progress
from rawtune.training import stopping
from rawtune.training.ranks import is_first, of_the_first
from rawtune.training.saving import save_adapter, saving
from rawtune.training.stopping import BEST, Check, Evaluate, best_folder


class Checker(TrainerCallback):  # type: ignore[misc]
    """Evaluates ``model``, a PEFT model that is being trained, ``every`` so many steps and at the last one.

    The run stops when the rules say so. Checks lie in the Trainer's log, which checkpoints hold: a run that is resumed
    knows those made before, and makes those again that were made after. In a group of processes each asks, as FSDP
    needs all of them for an answer, and the figures of the first count. ``head`` is the model's own, which training
    takes off; ``name`` is the base model as the user names it.
    """

    def __init__(
        self, evaluate: Evaluate, model: Any, tokenizer: Any, head: Any, name: str, every: int, progress: Progress
    ) -> None:
        self.evaluate = evaluate
        self.model = model
        self.tokenizer = tokenizer
        self.head = head
        self.name = name
        self.every = every
        self.progress = progress

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Drop what a session kept that went farther than the checkpoint which is resumed."""
        if not is_first():
            return
        for folder in _kept(Path(args.output_dir)):
            if int(folder.name.removeprefix(BEST)) > state.global_step:
                shutil.rmtree(folder)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any
    ) -> None:
        """Called after each step, before its checkpoint is saved."""
        step = state.global_step
        if "loss" not in logs or (step % self.every and step < state.max_steps):
            return
        with answering(self.model, self.head):
            check = Check(step, of_the_first(self.evaluate(self.model, self.tokenizer)))
        state.log_history.append(stopping.entry(check))
        checks = stopping.checks_of(state.log_history)
        self.progress.say(f"step {step}: {check.figures}")
        if stopping.best(checks) == check:
            self._keep(best_folder(Path(args.output_dir), step))
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        stop = stopping.decide(checks, losses, args.warmup_steps)
        if stop and step < state.max_steps:
            self.progress.say(f"training is stopped after {step} of {state.max_steps} steps: {stop}")
            control.should_training_stop = True
            # From a checkpoint of this step a resumed run would train on; from the one before, it stops here again.
            control.should_save = False

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Drop what is no longer the best: a run that is resumed from here will not ask for it."""
        checks = stopping.checks_of(state.log_history)
        if checks and is_first():
            best = stopping.best(checks).step
            for folder in _kept(Path(args.output_dir)):
                if folder != best_folder(Path(args.output_dir), best):
                    shutil.rmtree(folder)

    def _keep(self, folder: Path) -> None:
        """Save the adapter so that its folder is whole or not there."""
        partial = folder.with_name(f"{folder.name}.partial")
        with saving(folder):
            save_adapter(self.model, partial, self.name)
            if not is_first():
                return
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)


def _kept(output: Path) -> list[Path]:
    return [folder for folder in output.glob(f"{BEST}*") if folder.name.removeprefix(BEST).isdecimal()]


@contextmanager
def answering(model: Any, head: Any) -> Iterator[None]:
    """Let a PEFT ``model`` that is being trained generate, its ``head`` on, and go on as if it had not.

    Dropout is off, so that nothing is drawn; the random states are put back all the same.
    """
    instead, trained = vars(head).pop("forward", None), model.training
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        model.eval()
        try:
            yield
        finally:
            if instead:
                head.forward = instead
            model.train(trained)
