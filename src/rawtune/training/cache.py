"""Models that had to be converted, kept in the user's cache folder."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from rawtune.training.saving import saving


def cache_folder() -> Path:
    """Where converted models are kept: ``RAWTUNE_CACHE``, else the platform's cache folder for this user."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("RAWTUNE_CACHE") or user_cache_path("rawtune"))


def make_whole(folder: Path, convert: Callable[[Path], None], room: str) -> None:
    """Let ``convert`` fill another folder, then rename it to ``folder``, whose existence so means complete.

    Two processes may convert at once: the first to finish provides the folder, the other discards its copy. Raises
    ``StorageFull``, its hint asking for ``room`` (such as ``300 MB``).
    """
    with saving(folder.parent, f"free {room} there, or set RAWTUNE_CACHE to another folder"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            convert(partial)
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, and its copy is as good
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
