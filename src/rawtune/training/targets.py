"""Which linear layers of a student carry an adapter."""

_SEPARATE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_FUSED_GATE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_up_proj", "down_proj")

MODULES = {
    "llama": _SEPARATE,  # SmolLM2, too
    "mistral": _SEPARATE,
    "qwen2": _SEPARATE,
    "qwen3": _SEPARATE,
    "gemma": _SEPARATE,
    "gemma2": _SEPARATE,
    "gemma3_text": _SEPARATE,
    "glm": _FUSED_GATE,  # ChatGLM3, converted, and GLM-4
    "glm4": _FUSED_GATE,
    "phi3": ("qkv_proj", "o_proj", "gate_up_proj", "down_proj"),
}
"""By ``model_type``: every linear layer but the head (QLoRA, arXiv:2305.14314, section 4: all are needed)."""


def target_modules(model_type: str) -> list[str] | str:
    """The names for ``LoraConfig``; for an architecture that is not in the table, peft's own search for all of them."""
    return list(MODULES[model_type]) if model_type in MODULES else "all-linear"
