"""How much memory a training will take, and which setting to change when it is too much."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rawtune.config import Training
from rawtune.errors import ModelUnavailable, RawtuneError
from rawtune.training.tokens import Encoded

_TRIED = 32
"""Tokens of the first trial pass, the second has twice as many: few enough to fit wherever training may."""
_SPREAD = 0.8, 1.7
"""From the estimate of what is added to the ends of its interval; on a CPU 1.2 to 1.5 times as much was measured."""
_SHORT = 512
"""Below this, answers are not cut further for the sake of memory."""
_MARKS = ("out of memory", "can't allocate memory")
"""In the errors of CUDA, NPU and MPS, and of PyTorch's allocator on a CPU."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """In bytes: what is held already, what training adds to it, and what is free beside the former."""

    held: int
    adapter: int
    activations: int
    loss: int
    free: int

    @property
    def interval(self) -> tuple[float, float]:
        """Between these the most that is held at once should lie."""
        added = self.adapter + self.activations + self.loss
        low, high = _SPREAD
        return self.held + low * added, self.held + high * added

    def describe(self, settings: Training) -> str:
        """The estimate in a line, and in a second one what to do if it does not fit."""
        low, high = (f"{value / 1e9:.1f}" for value in self.interval)
        parts = ", ".join(
            f"{name} {value / 1e9:.2g}"
            for name, value in (
                ("model and libraries", self.held),
                ("adapter and optimiser", self.adapter),
                ("activations", self.activations),
                ("loss", self.loss),
            )
        )
        line = f"memory: about {low} to {high} GB ({parts})"
        if self.interval[1] <= self.held + self.free:
            return line
        return (
            f"{line}\nthat may be more than there is, {(self.held + self.free) / 1e9:.1f} GB; {next_setting(settings)}"
        )


def estimate(model: Any, rows: Sequence[Encoded], settings: Training, head: Any) -> Estimate:
    """What training ``model``, a PEFT model as it is about to be trained, on ``rows`` will take at its longest batch.

    ``head`` is the one that was taken off it, if it could be (see ``take_off_head``): logits then exist in slices.
    Activations, the tensors that autograd keeps for the way back, are weighed in two short passes. What a row takes
    grows with its length, and where attention is not fused with the square of it, too.
    """
    import torch

    from rawtune.training.loss import SLICE

    config = model.config.get_text_config()
    widest = max(rows, key=lambda row: len(row.ids)).ids
    longest = len(widest)
    few = min(_TRIED, longest // 2)
    once, twice = (_kept(model, torch.tensor([widest[:count]], device=model.device)) for count in (few, 2 * few))
    if twice > 2 * once:
        square = (twice - 2 * once) / (2 * few**2)
        alone = longest * (once / few - square * few) + longest**2 * square
    else:  # a part is the same for any length
        alone = once + (twice - once) * (longest - few) / few
    at_once = settings.micro_batch_size or settings.batch_size
    activations = at_once * alone
    if settings.gradient_checkpointing:  # the inputs of all layers, and all of one layer at a time
        inputs = at_once * longest * config.hidden_size * config.num_hidden_layers * model.dtype.itemsize
        activations = inputs + activations / config.num_hidden_layers
    logits = at_once * longest if head is None else min(at_once * longest, SLICE)
    trainable = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    held, free = _held_and_free(model.device)
    return Estimate(
        held=held,
        adapter=trainable * 12,  # a gradient and AdamW's two moments, in float32; the weights are there already
        activations=round(activations),
        loss=logits * config.vocab_size * 4 * 3,  # logits, and two of their size on the way
        free=free,
    )


def next_setting(settings: Training) -> str:
    """What to change first, by what is set: what costs nothing, then time, then text, then precision."""
    at_once = settings.micro_batch_size or settings.batch_size
    if at_once > 1:
        fewer = max(n for n in range(1, at_once // 2 + 1) if settings.batch_size % n == 0)
        return f"set training.micro_batch_size: {fewer} (now {at_once} rows at once); the result stays the same"
    if not settings.gradient_checkpointing:
        return (
            "set training.gradient_checkpointing: true; the result stays the same, a step takes about a fourth longer"
        )
    if settings.max_output_tokens > _SHORT:
        return f"set training.max_output_tokens lower than {settings.max_output_tokens}, or leave the longest rows out"
    return smaller_weights(settings)


def smaller_weights(settings: Training) -> str:
    """What to change if the weights alone are too much."""
    if settings.quantise == "none":
        return "set training.quantise: nf4, which holds the base weights in 4 bits"
    return "take a smaller student, or a machine with more memory"


@contextmanager
def explained(doing: str, remedy: str) -> Iterator[None]:
    """Raise ``RawtuneError`` with ``remedy`` if the block, ``doing`` this, runs out of memory; other errors pass."""
    try:
        yield
    except (MemoryError, RuntimeError, ModelUnavailable) as error:  # torch's own are RuntimeErrors
        cause = error.__cause__ if isinstance(error, ModelUnavailable) else error
        if not (isinstance(cause, MemoryError) or any(mark in str(cause) for mark in _MARKS)):
            raise
        reason = str(cause).strip().partition("\n")[0] or "the system gives no more"
        raise RawtuneError(f"out of memory while {doing}: {reason}", remedy) from error


def _kept(model: Any, ids: Any) -> int:
    """Bytes that autograd keeps of one pass, weights aside."""
    import torch

    weights: set[int] = set()
    kept: dict[int, int] = {}

    def weigh(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    # Asked of each module while it is at work: with FSDP its weights are somewhere else before and after.
    def begin(module: Any, _: Any) -> None:
        weights.update(_storages(module))

    def end(module: Any, _: Any, __: Any) -> None:
        weights.difference_update(_storages(module))

    modules = list(model.modules())
    hooks = [module.register_forward_pre_hook(begin) for module in modules]
    hooks += [module.register_forward_hook(end, prepend=True) for module in modules]
    model.train()  # dropout keeps its own tensors
    mixed = model.dtype is not torch.float32
    with (
        torch.random.fork_rng(),
        torch.autograd.graph.saved_tensors_hooks(weigh, lambda tensor: tensor),
        torch.autocast(model.device.type, model.dtype if mixed else None, enabled=mixed),
    ):
        _ = model(input_ids=ids, use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return sum(kept.values())


def _storages(module: Any) -> list[int]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    # A layer with an adapter may use the weights of its parts without calling these.
    own = module.parameters(recurse=isinstance(module, BaseTunerLayer))
    return [weight.untyped_storage().data_ptr() for weight in own]


def _held_and_free(device: Any) -> tuple[int, int]:
    import psutil  # accelerate brings it along
    import torch

    if device.type == "cuda":
        return torch.cuda.memory_allocated(device), torch.cuda.mem_get_info(device)[0]
    return psutil.Process().memory_info().rss, psutil.virtual_memory().available
