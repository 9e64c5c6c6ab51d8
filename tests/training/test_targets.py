from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model

from rawtune.training.models import quiet
from rawtune.training.targets import MODULES, target_modules

SIZES = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "pad_token_id": 0,
}


def layers(model_type: str, targets: Any) -> set[str]:
    """The layers of a tiny model that get an adapter."""
    config = transformers.AutoConfig.for_model(model_type, **SIZES)
    with torch.random.fork_rng(), quiet():
        model = get_peft_model(
            transformers.AutoModelForCausalLM.from_config(config),
            LoraConfig(task_type="CAUSAL_LM", target_modules=targets, r=1),
        )
    return {
        name.rpartition(".lora_A")[0].rpartition(".")[2] for name, _ in model.named_parameters() if "lora_A" in name
    }


@pytest.mark.parametrize("model_type", MODULES)
def test_the_table_names_all_linear_layers_but_the_head(model_type: str) -> None:
    named = target_modules(model_type)
    assert layers(model_type, named) == set(named) == layers(model_type, "all-linear")
    assert "lm_head" not in named


def test_what_the_table_lacks_is_searched() -> None:
    assert target_modules("olmo2") == "all-linear"
