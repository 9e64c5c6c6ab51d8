"""LoRA adapters that were trained on ChatGLM3's original, fused layers, carried over to the converted model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawtune.errors import ModelUnavailable, UsageError
from rawtune.training.chatglm import glm_modules, split_rows
from rawtune.training.saving import saving

if TYPE_CHECKING:
    from torch import Tensor

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PREFIX = "base_model.model."


def migrate(old: Path, new: Path) -> tuple[str, ...]:
    """Write the adapter in ``old`` (peft's layout, for the original ChatGLM3) to ``new``, for the converted model.

    It computes the same: parts of a fused layer share its ``lora_A`` and have their rows of its ``lora_B``. The names
    of the modules that it now adapts are returned.

    Raises ``ModelUnavailable`` if ``old`` is no such adapter or holds more than LoRA matrices, ``UsageError`` if there
    is an adapter in ``new``.
    """
    from safetensors.torch import save_file

    if (new / WEIGHTS).exists() or (new / CONFIG).exists():
        raise UsageError(f"{new} already holds an adapter", "choose another folder")
    config = _config(old)
    weights = _migrated(old, _weights(old))
    modules = tuple(sorted({name.split(".")[-3] for name in weights}))
    config |= {"target_modules": list(modules), "task_type": "CAUSAL_LM", "auto_mapping": None}
    with saving(new, "free some space there, then try again"):
        new.mkdir(parents=True, exist_ok=True)
        (new / CONFIG).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial = new / f"{WEIGHTS}.partial"
        save_file(weights, partial, metadata={"format": "pt"})
        partial.replace(new / WEIGHTS)  # last, so that an adapter with weights is a whole one
    return modules


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"no adapter in {folder}: {CONFIG}: {error}", "give a folder written by peft") from error
    if config.get("peft_type") != "LORA":
        raise ModelUnavailable(f"{folder}: not LoRA but {config.get('peft_type')}", "only LoRA adapters carry over")
    # These go by the names of modules, or (PiSSA and its like) by a base whose weights were changed.
    unfit = [name for name in ("rank_pattern", "alpha_pattern", "layer_replication") if config.get(name)]
    if config.get("init_lora_weights", True) not in (True, False, "gaussian"):
        unfit.append(f"init_lora_weights={config['init_lora_weights']}")
    if unfit:
        raise ModelUnavailable(f"{folder}: LoRA with {', '.join(unfit)} does not carry over", "train it anew")
    return config


def _weights(folder: Path) -> dict[str, "Tensor"]:
    import torch
    from safetensors.torch import load_file

    if (folder / WEIGHTS).is_file():
        return load_file(folder / WEIGHTS)
    pickled = folder / "adapter_model.bin"
    if not pickled.is_file():
        raise ModelUnavailable(f"no adapter in {folder}: no {WEIGHTS}", "give a folder written by peft")
    try:
        weights: dict[str, Tensor] = torch.load(pickled, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle's, zip's and torch's own
        reason = str(error).strip().partition("\n")[0]
        raise ModelUnavailable(
            f"{pickled}: cannot be loaded: {reason}", "it must be whole, and hold tensors"
        ) from error
    return weights


def _migrated(folder: Path, fused: dict[str, "Tensor"]) -> dict[str, "Tensor"]:
    """LoRA matrices under GLM's names."""
    weights: dict[str, Tensor] = {}
    for key, down in fused.items():
        layer, _, kind = key.removeprefix(_PREFIX).rpartition(".lora_")
        modules = glm_modules(layer)
        partner = key.replace(".lora_A.", ".lora_B.") if kind == "A.weight" else key.replace(".lora_B.", ".lora_A.")
        if modules is None or kind not in ("A.weight", "B.weight") or partner not in fused:
            raise ModelUnavailable(
                f"{folder}: {key} is no LoRA matrix of a layer of ChatGLM3, or one of a pair is missing",
                "give an adapter of ChatGLM3 in its original layout, with nothing but LoRA on linear layers",
            )
        if kind == "B.weight":
            continue
        hidden_size = down.shape[1]  # as wide as the queries are many, in every ChatGLM3
        for module, up in split_rows(fused[partner], modules, hidden_size).items():
            weights[f"{_PREFIX}{module}.lora_A.weight"] = down.clone()
            weights[f"{_PREFIX}{module}.lora_B.weight"] = up.contiguous()
    if not weights:
        raise ModelUnavailable(f"{folder}: the adapter is empty", "give a folder written by peft")
    return weights
