import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from rawtune.errors import StorageFull
from rawtune.training.saving import saving


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse larger files, as it does on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


WEIGHTS = torch.zeros(50_000)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: save_file({"weights": WEIGHTS}, path),
        lambda path: torch.save(WEIGHTS, path),
        lambda path: path.write_bytes(bytes(200_000)),
    ],
    ids=["safetensors", "torch", "python"],
)
def test_a_full_disk_is_told_as_such(tmp_path: Path, write: Callable[[Path], object]) -> None:
    with pytest.raises(StorageFull) as caught, saving(tmp_path), files_of_at_most(20_000):
        write(tmp_path / "weights")
    assert str(tmp_path) in caught.value.message
    assert "free some space" in caught.value.hint


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no permission"), ValueError("something else")])
def test_other_errors_pass(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), saving(tmp_path):
        raise error
