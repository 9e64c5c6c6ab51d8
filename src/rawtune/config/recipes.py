"""Named recipes of training: each says only where it differs from the defaults, which are the recipe ``seed``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

RECIPES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # r=16, alpha=32, dropout 0.05, learning rate 1e-3, linear, warm-up 0.1, 8 rows a step, 3 epochs, 512+1536.
        "seed": {},
        # A 6B to 7B model on 16 GB without bfloat16: float16 products over NF4 weights, as models.py finds by itself.
        "t4": {"quantise": "nf4", "micro_batch_size": 1, "gradient_checkpointing": True},
        # A 6B to 7B model on 24 GB: its weights whole, in bfloat16.
        "gpu24": {"micro_batch_size": 2, "gradient_checkpointing": True},
        # A small model in little memory: a fourth more time for well under half of what is beside the weights.
        "cpu": {"micro_batch_size": 1, "gradient_checkpointing": True},
        # Few passages are soon known by heart, and what is drilled on costs what was known: one pass, in small steps,
        # beside answers of the base model's own, and no longer than it helps.
        "tiny-data": {"epochs": 1, "batch_size": 4, "replay": 0.1, "stopping": True},
    }
)

DECIDED = frozenset(name for recipe in RECIPES.values() for name in recipe)
"""The settings that some recipe decides."""
