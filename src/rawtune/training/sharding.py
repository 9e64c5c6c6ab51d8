"""What several processes share out besides rows: the model's weights (FSDP), or gradients and optimiser (ZeRO-2)."""

import json
import os
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawtune.config import Training
from rawtune.errors import MissingDependency, UsageError

if TYPE_CHECKING:
    import torch


def check(settings: Training, number: int) -> None:
    """Raise ``UsageError`` if ``number`` processes cannot share out as the settings say, or ``MissingDependency``."""
    if settings.sharding == "none":
        return
    if number == 1:
        raise UsageError(
            f"training.sharding is {settings.sharding}, but one process trains here, and shares nothing out",
            "set training.processes to the number of GPUs, or training.sharding: none",
        )
    if settings.sharding == "fsdp" and settings.quantise == "nf4":
        raise UsageError(
            "training.sharding: fsdp cannot share out 4-bit weights: transformers would split them wrongly",
            "set training.sharding: none, so that each GPU holds all of the 4-bit weights; or training.quantise: none",
        )
    if settings.sharding == "zero2" and find_spec("deepspeed") is None:
        raise MissingDependency(
            "training.sharding: zero2 needs DeepSpeed, which is not installed", "pip install 'rawtune[deepspeed]'"
        )


def check_resumed(checkpoint: Path | None, settings: Training, number: int) -> None:
    """Raise ``UsageError`` if ``number`` processes cannot go on from ``checkpoint``: DeepSpeed's lie in parts.

    All others hold the optimiser whole, and any number of processes goes on from them, with FSDP or without.
    """
    if checkpoint is None:
        return
    parts = len(list(checkpoint.glob("global_step*/*zero_pp_rank_*_optim_states.pt")))
    if parts == (number if settings.sharding == "zero2" else 0):
        return
    written, remedy = (
        (f"by {parts} processes with zero2", f"set training.sharding: zero2 and training.processes: {parts}")
        if parts
        else ("without zero2", "set training.sharding: none, or fsdp")
    )
    raise UsageError(
        f"{checkpoint} was written {written}, and cannot be gone on from otherwise",
        f"{remedy}; or remove {checkpoint.parent} to begin anew",
    )


def deepspeed(settings: Training, on: str, dtype: "torch.dtype") -> dict[str, Any] | None:
    """DeepSpeed's configuration, the packaged one for ZeRO stage 2 (Rajbhandari et al. 2020, arXiv:1910.02054), if any.

    Products are made in ``dtype`` by autocast; adapters stay in float32, and so do gradients on their way between
    processes, as without DeepSpeed, which would send those of linear layers in ``dtype``.
    """
    if settings.sharding != "zero2":
        return None
    if on == "cpu":
        _without_compiler()
    packaged: dict[str, Any] = json.loads(files(__package__).joinpath("deepspeed", "zero2.json").read_text())
    name = str(dtype).removeprefix("torch.")
    autocast = {"enabled": name != "float32", "dtype": name, "lower_precision_safe_modules": []}
    return {**packaged, "torch_autocast": autocast}


def _without_compiler() -> None:
    """On a CPU DeepSpeed would first compile a way for processes to share memory; gloo does without."""
    os.environ["DS_ACCELERATOR"] = "cpu"
    from deepspeed import ops  # type: ignore[import-not-found]

    ops.__compatible_ops__["deepspeed_shm_comm"] = False
