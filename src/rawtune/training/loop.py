"""transformers' Trainer, with the loss on answers only, and checkpoints that are whole or not there.

This module imports torch and transformers; it is itself imported only when training starts.
"""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import SeedableRandomSampler
from torch import Tensor
from torch.nn import functional
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import TrainerControl, TrainerState

from rawtune.errors import RawtuneError
from rawtune.progress import Progress
from rawtune.training import packing
from rawtune.training.loss import IGNORED, answer_losses, whole_logits_losses
from rawtune.training.ranks import is_first, whole
from rawtune.training.row_losses import LOSSES, NO_ROW, RowLosses
from rawtune.training.sampling import FilledUp, OnePerAnswer
from rawtune.training.saving import save_adapter, saving
from rawtune.training.tokens import Encoded


class AnswerTrainer(Trainer):  # type: ignore[misc]
    """Trains the adapter of a PEFT model on ``rows``.

    The logged loss of a step is the mean over all answer tokens of its batch, into however many micro-batches it falls.
    ``row_losses`` is given what each row lost on the way; ``sampler`` says which rows an epoch trains, if not all.
    In a group of processes each takes its share of every batch; what is learnt and logged is what one process would.
    """

    loss_is_scaled_for_ga = True  # by the tokens of the whole batch, so the Trainer must not divide again

    def __init__(
        self,
        model: Any,
        base: str,
        rows: Sequence[Encoded],
        padding: int,
        args: TrainingArguments,
        progress: Progress,
        row_losses: RowLosses,
        sampler: OnePerAnswer | None = None,
    ) -> None:
        if args.n_gpu > 1:
            args._n_gpu = 1  # one process drives one GPU: DataParallel would count the tokens of a batch wrongly
        self.sampler = sampler
        # The Trainer saves no optimiser beside weights that are shared out; these are frozen, and adapters are not.
        args.save_only_model = True
        super().__init__(
            model=model,
            args=args,
            train_dataset=[*enumerate(rows, 1), (NO_ROW, Encoded([padding] * 2, [False] * 2))],
            data_collator=self._collated,
            callbacks=[Recorder(progress, row_losses)],
        )
        args.save_only_model = False
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = True  # makes the Trainer count the labels of a whole batch
        self.base = base
        self.row_losses = row_losses
        self.padding = padding
        self.head = take_off_head(model, torch.tensor([rows[0].ids], device=model.device))
        self.packs = self.head is not None and packing.allow(model, rows)

    def _collated(self, batch: Sequence[tuple[int, Encoded]]) -> dict[str, Tensor]:
        return packing.pack(batch) if self.packs else collate(batch, self.padding)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        everyone = len(self.train_dataset) - 1
        sampler = self.sampler or SeedableRandomSampler(range(everyone), data_seed=self.args.seed)
        return FilledUp(sampler, self.args.train_batch_size * self.args.world_size, everyone)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Tensor:
        """The summed loss of these rows' answers over the answer tokens of the whole batch."""
        # Padding is on the right and attention causal: no real token ever sees a padded one, so no mask is needed.
        if self.packs:
            output = packing.hidden_states(model, inputs)
        else:
            output = model(input_ids=inputs["input_ids"], use_cache=False).logits
        output = output.float()  # as accelerate's autocast gives it, and DeepSpeed's does not
        labels = inputs["labels"]
        if self.head is None:
            losses = whole_logits_losses(output, labels)
        else:
            losses = answer_losses(output, whole(self.head.weight), labels)
        learnt = labels[:, 1:] != IGNORED
        self.row_losses.add(inputs["rows"], learnt, labels[:, 1:][learnt], losses.detach())
        # The tokens are those of all processes, over whose gradients and losses the mean is taken.
        mean: Tensor = losses.sum() * self.args.world_size / num_items_in_batch
        return mean

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the adapter; the Trainer would gather the whole model's weights first, with DeepSpeed."""
        save_adapter(self.model, Path(output_dir or self.args.output_dir), self.base)

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()  # the state that makes the checkpoint whole is written after this

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        try:
            with saving(folder):
                super()._save_checkpoint(model, trial)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


class Recorder(TrainerCallback):  # type: ignore[misc]
    """Writes the loss of each step and of its rows down, shows it, and stops a run that has lost its way."""

    def __init__(self, progress: Progress, row_losses: RowLosses) -> None:
        self.progress = progress
        self.row_losses = row_losses

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Begin the files of losses with those of the checkpoint that is resumed, if any."""
        if not is_first():
            return
        lines = [_line(entry["step"], entry) for entry in state.log_history if "loss" in entry]
        with saving(Path(args.output_dir)):
            (Path(args.output_dir) / LOSSES).write_text("".join(lines))
            self.row_losses.begin(Path(args.output_dir), state.global_step)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any
    ) -> None:
        """Called after each step, before its checkpoint is saved."""
        if "loss" not in logs:
            return
        with saving(Path(args.output_dir)):
            self.row_losses.write(state.global_step)
        if not math.isfinite(logs["loss"]):
            raise RawtuneError(
                f"training stopped: the loss of step {state.global_step} is {logs['loss']}",
                "lower training.learning_rate and train again",
            )
        if not is_first():
            return
        with saving(Path(args.output_dir)), (Path(args.output_dir) / LOSSES).open("a") as file:
            file.write(_line(state.global_step, logs))
        self.progress.advance(state.global_step, state.max_steps, f"loss {logs['loss']:.2f}")


def _line(step: int, logs: dict[str, Any]) -> str:
    return json.dumps({"step": step, "loss": logs["loss"], "learning_rate": logs["learning_rate"]}) + "\n"


def collate(batch: Sequence[tuple[int, Encoded]], padding: int) -> dict[str, Tensor]:
    """``rows`` (batch,), their numbers; ``input_ids`` and ``labels``, both (batch, longest), padded on the right."""
    longest = max(len(row.ids) for _, row in batch)
    ids = torch.full((len(batch), longest), padding)
    labels = torch.full((len(batch), longest), IGNORED)
    for i, (_, row) in enumerate(batch):
        tokens = torch.tensor(row.ids)
        ids[i, : len(tokens)] = tokens
        labels[i, : len(tokens)] = tokens.where(torch.tensor(row.mask), IGNORED)
    return {"rows": torch.tensor([number for number, _ in batch]), "input_ids": ids, "labels": labels}


@torch.no_grad()
def take_off_head(model: Any, ids: Tensor) -> Any:
    """Make ``model`` return hidden states where it returned logits; its head, with a (vocabulary, width) weight.

    None, and the model as it was, if its logits are more than that product (a cap, a scale, a bias); tried on ``ids``.
    The head stays where it is and lets all through: FSDP gathers its weight when it is called.
    """
    head = model.get_base_model().get_output_embeddings()
    model.eval()
    logits = model(input_ids=ids, use_cache=False).logits
    head.forward = _as_is
    product = functional.linear(model(input_ids=ids, use_cache=False).logits, whole(head.weight))
    if torch.allclose(product.float(), logits.float(), rtol=1e-2, atol=1e-2):
        return head
    del head.forward
    return None


def _as_is(hidden: Tensor) -> Tensor:
    return hidden
