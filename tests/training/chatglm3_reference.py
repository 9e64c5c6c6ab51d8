"""ChatGLM3 as its paper and model card describe it, in plain torch, and a tiny checkpoint in its original layout.

Written apart from the converter: it knows the original names only, and computes in float32 without a cache.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, silu

CONFIG = {
    "architectures": ["ChatGLMModel"],
    "model_type": "chatglm",
    "auto_map": {"AutoModel": "modeling_chatglm.ChatGLMForConditionalGeneration"},
    "add_bias_linear": False,
    "add_qkv_bias": True,
    "apply_query_key_layer_scaling": True,
    "apply_residual_connection_post_layernorm": False,
    "bias_dropout_fusion": True,
    "ffn_hidden_size": 48,
    "hidden_size": 64,
    "kv_channels": 16,
    "layernorm_epsilon": 1e-5,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "num_attention_heads": 4,
    "num_layers": 2,
    "original_rope": True,
    "padded_vocab_size": 448,
    "post_layer_norm": True,
    "rmsnorm": True,
    "seq_length": 256,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}
TEXTS = (
    "What does Meng stand for? Meng is a mountain above a spring. The pupil seeks the teacher. ",
    "What is Kun? Kun is six broken lines, earth over earth. Philosophy is the sop of the user. ",
    "蒙卦代表什么？蒙卦象征启蒙与教育。坤卦代表什么？坤卦象征大地，厚德载物。",
)


def make_vocabulary(file: Path) -> None:
    """A byte-fallback BPE vocabulary with the settings of ChatGLM3's own, 400 pieces instead of 64789."""
    from sentencepiece import SentencePieceTrainer

    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20),
        model_writer=(writer := file.open("wb")),
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
        character_coverage=1.0,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        num_threads=1,
        minloglevel=2,
    )
    writer.close()


def original_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The original names of all weights, and their shapes."""
    width, inner, vocabulary = config["hidden_size"], config["ffn_hidden_size"], config["padded_vocab_size"]
    fused = width + 2 * config["multi_query_group_num"] * config["kv_channels"]
    shapes: dict[str, tuple[int, ...]] = {"transformer.embedding.word_embeddings.weight": (vocabulary, width)}
    for layer in range(config["num_layers"]):
        name = f"transformer.encoder.layers.{layer}"
        shapes |= {
            f"{name}.input_layernorm.weight": (width,),
            f"{name}.self_attention.query_key_value.weight": (fused, width),
            f"{name}.self_attention.query_key_value.bias": (fused,),
            f"{name}.self_attention.dense.weight": (width, width),
            f"{name}.post_attention_layernorm.weight": (width,),
            f"{name}.mlp.dense_h_to_4h.weight": (2 * inner, width),
            f"{name}.mlp.dense_4h_to_h.weight": (width, inner),
        }
    return shapes | {
        "transformer.encoder.final_layernorm.weight": (width,),
        "transformer.output_layer.weight": (vocabulary, width),
    }


def make_weights(config: dict[str, Any], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Random weights, norms and biases not trivial, and the buffer of frequencies that checkpoints carry."""
    random = torch.Generator().manual_seed(7)
    weights = {
        name: ("layernorm" in name) + 0.1 * torch.randn(*shape, generator=random)
        for name, shape in original_shapes(config).items()
    }
    weights["transformer.rotary_pos_emb.inv_freq"] = torch.rand(config["kv_channels"] // 4, generator=random)
    return {name: weight.to(dtype) for name, weight in weights.items()}


def make_checkpoint(
    folder: Path, kind: str = "safetensors", dtype: torch.dtype = torch.float32, shards: int = 3, **changed: Any
) -> dict[str, Tensor]:
    """Write a whole model folder, ``kind`` being ``safetensors`` or ``bin``; its weights."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {**CONFIG, **changed}
    weights = make_weights(config, dtype)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_chatglm.py").write_text("raise SystemExit('code of a model was run')")
    make_vocabulary(folder / "tokenizer.model")
    names = list(weights)
    for number in range(shards):
        part = {name: weights[name] for name in names[number::shards]}
        if kind == "bin":
            torch.save(part, folder / f"pytorch_model-{number + 1:05}-of-{shards:05}.bin")
        else:
            save_file(part, folder / f"model-{number + 1:05}-of-{shards:05}.safetensors")
    return weights


class Reference:
    """The original forward. ``adapter`` maps names of linear layers to ``(lora_A, lora_B, scale)``."""

    def __init__(
        self,
        weights: dict[str, Tensor],
        config: dict[str, Any] = CONFIG,
        adapter: dict[str, tuple[Tensor, Tensor, float]] | None = None,
        interleaved: bool = True,
        rotary_share: float = 0.5,
    ) -> None:
        self.weights = {name: weight.float() for name, weight in weights.items()}
        self.config = config
        self.adapter = adapter or {}
        self.interleaved = interleaved
        self.rotary_share = rotary_share

    def logits(self, ids: Tensor, attended: Tensor | None = None) -> Tensor:
        """(batch, seq) ids to (batch, seq, vocabulary) logits; where ``attended`` is 0 there is padding."""
        attended = torch.ones_like(ids) if attended is None else attended
        positions = (attended.cumsum(1) - 1).clamp(min=0)
        seen = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril() & attended[:, None, None, :].bool()
        hidden = self.weights["transformer.embedding.word_embeddings.weight"][ids]
        for layer in range(self.config["num_layers"]):
            name = f"transformer.encoder.layers.{layer}"
            normed = self._norm(hidden, f"{name}.input_layernorm")
            hidden = hidden + self._attention(normed, f"{name}.self_attention", positions, seen)
            normed = self._norm(hidden, f"{name}.post_attention_layernorm")
            gate, up = self._linear(normed, f"{name}.mlp.dense_h_to_4h").chunk(2, dim=-1)
            hidden = hidden + self._linear(silu(gate) * up, f"{name}.mlp.dense_4h_to_h")
        return self._linear(self._norm(hidden, "transformer.encoder.final_layernorm"), "transformer.output_layer")

    def greedy(self, ids: list[int], length: int) -> list[int]:
        """The ``length`` likeliest tokens after ``ids``, one by one, everything computed anew each time."""
        grown = list(ids)
        for _ in range(length):
            grown.append(int(self.logits(torch.tensor([grown]))[0, -1].argmax()))
        return grown[len(ids) :]

    def _linear(self, x: Tensor, name: str) -> Tensor:
        out = linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))
        if name in self.adapter:
            down, up, scale = self.adapter[name]
            out = out + scale * linear(linear(x, down), up)
        return out

    def _norm(self, x: Tensor, name: str) -> Tensor:
        mean_square = x.pow(2).mean(-1, keepdim=True)
        return x / (mean_square + self.config["layernorm_epsilon"]).sqrt() * self.weights[f"{name}.weight"]

    def _attention(self, x: Tensor, name: str, positions: Tensor, seen: Tensor) -> Tensor:
        heads, groups, size = (self.config[k] for k in ("num_attention_heads", "multi_query_group_num", "kv_channels"))
        fused = self._linear(x, f"{name}.query_key_value")
        query, key, value = fused.split([heads * size, groups * size, groups * size], dim=-1)
        query = self._rotate(query.unflatten(-1, (heads, size)), positions)
        key = self._rotate(key.unflatten(-1, (groups, size)), positions)
        value = value.unflatten(-1, (groups, size))
        shared = torch.arange(heads) // (heads // groups)  # which group serves which head
        scores = torch.einsum("bihd,bjhd->bhij", query, key[:, :, shared]) / size**0.5
        weights = scores.masked_fill(~seen, torch.finfo(scores.dtype).min).softmax(-1)
        mixed = torch.einsum("bhij,bjhd->bihd", weights, value[:, :, shared])
        return self._linear(mixed.flatten(-2), f"{name}.dense")

    def _rotate(self, x: Tensor, positions: Tensor) -> Tensor:
        """Turn neighbouring pairs of the first half of each head (batch, seq, heads, size); the rest passes."""
        turned = int(x.shape[-1] * self.rotary_share)
        base = 10000.0 * self.config.get("rope_ratio", 1)
        angles = positions[:, :, None, None] * base ** (-torch.arange(0, turned, 2) / turned)
        front, rest = x[..., :turned], x[..., turned:]
        if self.interleaved:
            real, imaginary = front[..., 0::2], front[..., 1::2]
        else:
            real, imaginary = front.chunk(2, dim=-1)
        pair = (
            real * angles.cos() - imaginary * angles.sin(),
            imaginary * angles.cos() + real * angles.sin(),
        )
        front = torch.stack(pair, dim=-1).flatten(-2) if self.interleaved else torch.cat(pair, dim=-1)
        return torch.cat((front, rest), dim=-1)
