from pathlib import Path

import pytest

from rawtune.training.curve import plot_losses


@pytest.mark.parametrize("steps", [1, 96])
def test_a_picture_is_written(tmp_path: Path, steps: int) -> None:
    plot_losses([3 / (i + 1) for i in range(steps)], tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
