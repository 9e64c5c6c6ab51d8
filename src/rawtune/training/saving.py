"""Writing what training makes: adapters, and a full disk told as what it is."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rawtune.errors import StorageFull
from rawtune.training.ranks import is_first

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def saving(
    folder: Path, hint: str = "free some space and run the same command again; it goes on from there"
) -> Iterator[None]:
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
    # safetensors quotes Rust's text of the error; torch's zip writer (inline_container.cc) names nothing but itself.
    text = str(error)
    return any(f"(os error {code})" in text for code in _FULL) or any(
        mark in text for mark in ("inline_container", "PytorchStreamWriter", "iostream error")
    )


def save_adapter(model: Any, folder: Path, base: str) -> None:
    """Write the LoRA weights and their configuration, which names ``base`` as the user does, into ``folder``.

    In a group of processes all must call this; the first writes.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    config = model.peft_config[model.active_adapter]
    config.base_model_name_or_path = base
    # Without this peft asks the model hub, at every checkpoint, whether the embeddings were resized.
    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    if not is_first():
        return
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / "adapter_model.safetensors")
    config.save_pretrained(folder)


def load_adapter(model: Any, folder: Path) -> None:
    """Give ``model`` the LoRA weights that ``save_adapter`` wrote into ``folder``."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
