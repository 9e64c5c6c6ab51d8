"""What a training process asks of its group; on its own it is the first of one."""

from typing import TYPE_CHECKING

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
