"""Other programs that may watch a training, through transformers' own integrations; none unless the user names it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rawtune.errors import MissingDependency

_FOLDERS = ("WANDB_DIR", "SWANLAB_LOG_DIR")


def require(names: Sequence[str]) -> None:
    """Raise ``MissingDependency`` if one of ``names`` is not installed."""
    if not names:
        return
    from transformers.integrations import get_available_reporting_integrations

    installed = get_available_reporting_integrations()
    if missing := [name for name in names if name not in installed]:
        raise MissingDependency(
            f"training.report_to names {', '.join(missing)}, which is not installed", f"pip install {' '.join(missing)}"
        )


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Let W&B and SwanLab write into ``folder``, as TensorBoard does anyway, but where the user's environment says."""
    ours = [name for name in _FOLDERS if name not in os.environ]
    os.environ.update(dict.fromkeys(ours, str(folder)))
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)
