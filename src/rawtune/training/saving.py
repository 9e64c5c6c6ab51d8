"""A full disk, as every library under training reports it, becomes ``StorageFull``."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rawtune.errors import StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def saving(folder: Path, hint: str = "free some space and run the same command again; it goes on from there") -> Iterator[None]:
    """Raise ``StorageFull`` naming ``folder`` if the block fails for want of space; other errors pass."""
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        raise StorageFull(f"no space left while writing {folder}: {error}", hint) from error


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    # safetensors quotes Rust's text of the error; torch's zip writer gives none but its own name.
    text = str(error)
    return any(f"(os error {code})" in text for code in _FULL) or "PytorchStreamWriter failed" in text
