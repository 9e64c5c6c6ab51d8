"""Adapters loaded as they should be leave base as it is; loaded otherwise, they are found out."""

from copy import deepcopy
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.tiny_model import make_tiny_model

from rawtune.comparison.isolation import Isolation
from rawtune.errors import IsolationError
from rawtune.training import models

PROMPTS = [[1, 5, 9, 2], [1, 7], [1, 5, 9, 2], [3, 4, 5, 6, 7, 8], [9, 9, 9], [2, 3], [8, 1, 8]]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return models.load(str(make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")))[0]


@pytest.fixture
def base(loaded: Any) -> Any:
    return deepcopy(loaded)


def wrap(base: Any) -> Any:
    config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights=False)
    with models.quiet():
        return get_peft_model(base, config).eval()


def test_with_adapters_off_base_is_itself_bit_for_bit(base: Any) -> None:
    isolation = Isolation(base, PROMPTS)
    model = wrap(base)
    model.add_adapter("second", LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights=False))
    for name in ("default", "second"):
        model.set_adapter(name)
        with torch.no_grad():
            model(torch.tensor([PROMPTS[0]]))
        with model.disable_adapter():
            isolation.check(model)
    # Four of the six different prompts, from the shortest to the longest.
    assert isolation.figures == {"prompts": 4, "logits": (2 + 2 + 3 + 6) * base.config.vocab_size, "checks": 2}


def test_an_adapter_that_is_left_on_is_found_out(base: Any) -> None:
    isolation = Isolation(base, PROMPTS)
    with pytest.raises(IsolationError, match="logits on one prompt are not what they were"):
        isolation.check(wrap(base))


def test_base_used_after_it_was_wrapped_is_found_out(base: Any) -> None:
    isolation = Isolation(base, PROMPTS)
    wrap(base)
    with pytest.raises(IsolationError):
        isolation.check(base)


def test_an_adapter_merged_into_base_is_found_out(base: Any) -> None:
    isolation = Isolation(base, PROMPTS)
    merged = wrap(base).merge_and_unload()
    with pytest.raises(IsolationError, match="base is no longer itself"):
        isolation.check(merged)


def test_one_weight_is_enough(base: Any) -> None:
    isolation = Isolation(base, PROMPTS)
    base.lm_head.weight.data[5, 0] *= 1.01
    with pytest.raises(IsolationError):
        isolation.check(base)


def test_a_single_prompt_will_do(base: Any) -> None:
    isolation = Isolation(base, PROMPTS[:1])
    isolation.check(base)
    assert isolation.figures == {"prompts": 1, "logits": 4 * base.config.vocab_size, "checks": 1}
