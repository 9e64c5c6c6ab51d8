"""What a training process asks of its group; on its own it is the first of one."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def is_first() -> bool:
    """Whether this process is the one that writes files and shows progress."""
    from torch import distributed

    return not distributed.is_initialized() or distributed.get_rank() == 0


def size() -> int:
    """How many processes train together."""
    from torch import distributed

    return distributed.get_world_size() if distributed.is_initialized() else 1


def gathered(values: "Tensor") -> "Tensor":
    """(rows, ...) of each process, as many of each, to (processes * rows, ...), in the order of their ranks."""
    from torch import distributed

    if not distributed.is_initialized():
        return values
    from accelerate.utils import gather

    together: Tensor = gather(values)
    return together


def whole(weight: "Tensor") -> "Tensor":
    """A weight that may be shared out over the processes (FSDP), as one; all of them must call this."""
    from torch.distributed.tensor import DTensor

    return weight.full_tensor() if isinstance(weight, DTensor) else weight


def of_the_first(value: Any) -> Any:
    """What the first process has found; the others' own may differ by rounding, and all must go the same way."""
    from torch import distributed

    if not distributed.is_initialized():
        return value
    told = [value]
    distributed.broadcast_object_list(told, src=0)
    return told[0]
