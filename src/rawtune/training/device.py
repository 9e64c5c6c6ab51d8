"""On what a model is held and trained: CUDA, an Ascend NPU, Apple's MPS, or the CPU."""

import functools
from collections.abc import Collection
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rawtune.errors import MissingDependency, UsageError

if TYPE_CHECKING:
    import torch

ORDER = ("cuda", "npu", "mps", "cpu")
"""The first of these that is there is taken."""
_REMEDY = {
    "cuda": "install the driver and a CUDA build of PyTorch",
    "npu": "install CANN, and torch_npu of the same release as PyTorch",
    "mps": "MPS needs macOS on Apple silicon",
}


def choose(wanted: str, available: Collection[str], quantise: str = "none") -> str:
    """The device for ``wanted``, of ``available``; ``auto`` takes the first by ``ORDER``.

    Raises ``UsageError`` if it is not there, or if it cannot hold weights as ``quantise`` asks.
    """
    device = next(name for name in ORDER if name in available) if wanted == "auto" else wanted
    if device not in available:
        raise UsageError(
            f"training.device is {device}, but PyTorch finds none here (there is: {', '.join(available)})",
            f"{_REMEDY[device]}; or set training.device: auto",
        )
    if device == "npu" and quantise == "nf4":
        raise UsageError(
            "nf4 does not work on an Ascend NPU: bitsandbytes, which holds the 4-bit weights, has no backend for it",
            "set training.quantise: none; the base weights are then held in bfloat16",
        )
    return device


@functools.cache
def available() -> tuple[str, ...]:
    """The devices that PyTorch finds on this machine, by ``ORDER``."""
    import torch

    npu = find_spec("torch_npu") is not None and _npu()
    found = {"cuda": torch.cuda.is_available(), "npu": npu, "mps": torch.backends.mps.is_available(), "cpu": True}
    return tuple(name for name in ORDER if found[name])


def place(device: str) -> "torch.device":
    """``device`` with the index of the one that this process drives."""
    import torch

    index = torch.accelerator.current_device_index() if device in ("cuda", "npu") else None
    return torch.device(device) if index is None else torch.device(device, index)


def _npu() -> bool:
    try:
        import torch_npu  # adds torch.npu
    except ImportError as error:
        raise MissingDependency(f"torch_npu is installed but does not load: {error}", _REMEDY["npu"]) from error
    return bool(torch_npu.npu.is_available())
