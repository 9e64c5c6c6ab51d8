"""ChatGLM3 in its original layout, converted once to the architecture that transformers carries as GLM.

``GlmForCausalLM`` computes the same function, so that no code that comes with the model is needed. The layout is told
apart by its key names: https://huggingface.co/THUDM/chatglm3-6b, GLM: https://huggingface.co/docs/transformers/model_doc/glm
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from fnmatch import filter as matching
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rawtune.errors import ModelUnavailable
from rawtune.progress import Progress
from rawtune.records import content_hash
from rawtune.training.cache import cache_folder, make_whole
from rawtune.training.chatglm_tokens import VOCABULARY, ChatGLMTokenizer

if TYPE_CHECKING:
    from torch import Tensor

_SIZES = {
    "padded_vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "ffn_hidden_size": "intermediate_size",
    "num_layers": "num_hidden_layers",
    "num_attention_heads": "num_attention_heads",
    "multi_query_group_num": "num_key_value_heads",
    "kv_channels": "head_dim",
    "seq_length": "max_position_embeddings",
    "layernorm_epsilon": "rms_norm_eps",
}
_GRANTED = {
    "multi_query_attention": True,
    "add_qkv_bias": True,
    "add_bias_linear": False,
    "rmsnorm": True,
    "post_layer_norm": True,
    "apply_residual_connection_post_layernorm": False,
    "tie_word_embeddings": False,
}
_OUTER = {
    "transformer.embedding.word_embeddings": "model.embed_tokens",
    "transformer.encoder.final_layernorm": "model.norm",
    "transformer.output_layer": "lm_head",
}
_INNER = {
    "input_layernorm": ("input_layernorm",),
    "post_attention_layernorm": ("post_attention_layernorm",),
    "self_attention.query_key_value": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attention.dense": ("self_attn.o_proj",),
    "mlp.dense_h_to_4h": ("mlp.gate_up_proj",),
    "mlp.dense_4h_to_h": ("mlp.down_proj",),
}
_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")


def native(source: Path | str, progress: Progress) -> Path | str:
    """``source``, a local folder or a hub's name; if it is in ChatGLM's original layout, the folder converted from it.

    Raises ``ModelUnavailable`` if the model is of that layout but not whole, or of another kind of ChatGLM.
    """
    if not is_original(source):
        return source
    return converted(source if isinstance(source, Path) else _downloaded(source, *_WEIGHTS), progress)


def is_original(source: Path | str) -> bool:
    """Whether ``source``, a local folder or a hub's name, is a ChatGLM in its original layout."""
    from transformers import PreTrainedConfig

    config, _ = PreTrainedConfig.get_config_dict(source)
    return config.get("model_type") == "chatglm" or "ChatGLMModel" in (config.get("architectures") or ())


def vocabulary(source: Path | str) -> Path | str:
    """Where the tokenizer of ``source`` is: a ChatGLM of the hub is brought here for it, but for its weights."""
    return source if isinstance(source, Path) or not is_original(source) else _downloaded(source)


def converted(source: Path, progress: Progress) -> Path:
    """The folder in the cache with the weights of ``source`` as ``GlmForCausalLM`` reads them, made if it is missing.

    Weights are read and written shard by shard in the precision that they have, which takes the memory of about one
    shard. Of several processes one converts, the others wait.
    """
    from filelock import FileLock

    shards = _shards(source)
    if not (source / VOCABULARY).is_file():
        raise ModelUnavailable(f"{source}: no {VOCABULARY} there", "give the folder of a whole model")
    # Of the weights only what tells a changed file: reading 12 GB at every start would take a minute.
    stamps = [(shard.name, shard.stat().st_size, shard.stat().st_mtime_ns) for shard in shards]
    texts = [hashlib.sha256((source / name).read_bytes()).hexdigest() for name in ("config.json", VOCABULARY)]
    folder = cache_folder() / f"chatglm3-{content_hash([texts, stamps], 12)}"
    if folder.is_dir():
        return folder
    room = f"{sum(size for _, size, _ in stamps) / 1e9:.1f} GB"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        for leftover in folder.parent.glob(f".{folder.name}-*"):  # of a process that was killed
            shutil.rmtree(leftover)
        if not folder.is_dir():
            progress.say(f"converting {source} to GLM, once; {room} in {folder.parent}")
            make_whole(folder, partial(_convert, source, shards, progress), room)
    return folder


def glm_modules(module: str) -> tuple[str, ...] | None:
    """GLM's names of the original ``module``; three for the fused query, key and value; None if it has none.

    >>> glm_modules("transformer.encoder.layers.7.mlp.dense_4h_to_h")
    ('model.layers.7.mlp.down_proj',)
    """
    if module in _OUTER:
        return (_OUTER[module],)
    number, _, inner = module.removeprefix("transformer.encoder.layers.").partition(".")
    if not number.isdecimal() or inner not in _INNER:
        return None
    return tuple(f"model.layers.{number}.{name}" for name in _INNER[inner])


def split_rows(rows: "Tensor", modules: tuple[str, ...], hidden_size: int) -> dict[str, "Tensor"]:
    """Which rows of a fused weight, bias or ``lora_B`` belong to which of ``modules``, as `glm_modules` names them.

    There are ``hidden_size`` rows of queries, then as many of keys as of values.
    """
    if len(modules) == 1:
        return {modules[0]: rows}
    values = (len(rows) + hidden_size) // 2
    parts = rows[:hidden_size], rows[hidden_size:values], rows[values:]
    return dict(zip(modules, parts, strict=True))


def _glm_config(source: Path, tokenizer: ChatGLMTokenizer) -> Any:
    from transformers import GlmConfig

    original = json.loads((source / "config.json").read_text(encoding="utf-8"))
    unfit = [f"no {name}" for name in _SIZES if name not in original]
    unfit += [f"{name} is {original[name]}" for name, value in _GRANTED.items() if original.get(name, value) != value]
    if not unfit and original["kv_channels"] * original["num_attention_heads"] != original["hidden_size"]:
        unfit.append("kv_channels x num_attention_heads is not hidden_size")
    elif not unfit and len(tokenizer) > original["padded_vocab_size"]:
        unfit.append(f"{VOCABULARY} has more tokens than padded_vocab_size")
    if unfit:
        raise ModelUnavailable(
            f"{source}: not the layout of ChatGLM3: {', '.join(unfit)}",
            "of the ChatGLM family, ChatGLM3-6B can be converted; of GLM-4 take the edition whose name ends in -hf",
        )
    return GlmConfig(
        **{ours: original[theirs] for theirs, ours in _SIZES.items()},
        attention_bias=True,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0 * original.get("rope_ratio", 1),
            "partial_rotary_factor": 0.5,
        },
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=[tokenizer.eos_token_id, tokenizer.special["<|user|>"], tokenizer.special["<|observation|>"]],
        architectures=["GlmForCausalLM"],
    )


def _convert(source: Path, shards: list[Path], progress: Progress, folder: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from transformers import GenerationConfig, GlmForCausalLM

    tokenizer = ChatGLMTokenizer(source)
    config = _glm_config(source, tokenizer)
    with torch.device("meta"):
        expected = {name: weight.shape for name, weight in GlmForCausalLM(config).state_dict().items()}
    where: dict[str, str] = {}
    total = 0
    for number, shard in enumerate(shards, 1):
        weights = {name: weight for key, old in _read(shard) for name, weight in _renamed(shard, key, old, config)}
        for name, weight in weights.items():
            if name in where:
                raise ModelUnavailable(f"{shard}: {name} is there a second time", "download the model again")
            if weight.shape != expected.get(name):
                raise ModelUnavailable(
                    f"{shard}: {name} is {tuple(weight.shape)}, which does not fit config.json",
                    "download the model again",
                )
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        save_file(weights, folder / file, metadata={"format": "pt"})
        where |= dict.fromkeys(weights, file)
        total += sum(weight.nbytes for weight in weights.values())
        config.dtype = next(iter(weights.values())).dtype if weights else config.dtype
        progress.advance(number, len(shards), "shards converted")
    if missing := sorted(expected.keys() - where.keys()):
        raise ModelUnavailable(
            f"{source}: {len(missing)} weights are missing, {missing[0]} the first", "download the model again"
        )
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    config.save_pretrained(folder)
    GenerationConfig(eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _read(shard: Path) -> Iterator[tuple[str, "Tensor"]]:
    """A shard's weights, mapped into memory rather than read; nothing pickled but tensors is ever loaded."""
    import torch
    from safetensors import safe_open

    if shard.suffix == ".bin":
        yield from torch.load(shard, map_location="cpu", mmap=True, weights_only=True).items()
        return
    with safe_open(shard, "pt") as weights:
        for key in weights.keys():  # noqa: SIM118 - it is no mapping
            yield key, weights.get_tensor(key)


def _renamed(shard: Path, key: str, weight: "Tensor", config: Any) -> Iterator[tuple[str, "Tensor"]]:
    module, _, kind = key.rpartition(".")
    if kind == "inv_freq":
        return
    modules = glm_modules(module)
    if modules is None:
        raise ModelUnavailable(
            f"{shard}: ChatGLM3 has no weight {key}", "give the model as it was published, neither quantised nor merged"
        )
    for name, part in split_rows(weight, modules, config.hidden_size).items():
        yield f"{name}.{kind}", part.contiguous()


def _shards(source: Path) -> list[Path]:
    """The files of weights, safetensors rather than pickled ones."""
    for pattern in _WEIGHTS:
        if found := sorted(source.glob(pattern)):
            return found
    raise ModelUnavailable(
        f"{source}: no weights there, neither {' nor '.join(_WEIGHTS)}", "give the folder of a whole model"
    )


def _downloaded(name: str, *weights: str) -> Path:
    """The model's folder; of the patterns ``weights``, with the files of the first that has any."""
    import huggingface_hub as hub

    files = hub.HfApi().list_repo_files(name) if weights else []
    found = [pattern for pattern in weights if matching(files, pattern)][:1]
    return Path(hub.snapshot_download(name, allow_patterns=["config.json", VOCABULARY, *found]))
