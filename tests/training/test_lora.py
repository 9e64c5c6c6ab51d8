from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from rawtune.training import models
from rawtune.training.lora import LeanLinear, lean
from rawtune.training.targets import target_modules


def with_lora(tiny: Path, leaner: bool, **settings: Any) -> Any:
    model, _ = models.load(str(tiny))
    torch.manual_seed(1)
    modules = target_modules("llama")
    config = LoraConfig(task_type="CAUSAL_LM", target_modules=modules, init_lora_weights=False, **settings)
    with models.quiet():
        return get_peft_model(model.float(), lean(config) if leaner else config)


def outcome(model: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The logits, and the gradient of every weight of the adapter."""
    torch.manual_seed(2)
    logits = model(input_ids=torch.tensor([[1, 40, 50, 60, 70], [3, 8, 9, 9, 4]])).logits
    logits.square().mean().backward()
    return logits, {name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad}


@pytest.mark.usefixtures("full_precision")
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_it_computes_what_peft_does(tiny: Path, dropout: float) -> None:
    ours, theirs = (with_lora(tiny, leaner, r=4, lora_alpha=12, lora_dropout=dropout) for leaner in (True, False))
    assert sum(isinstance(module, LeanLinear) for module in ours.modules()) == 14
    (logits, gradients), (their_logits, their_gradients) = map(outcome, (ours, theirs))
    torch.testing.assert_close(logits, their_logits)
    assert gradients.keys() == their_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, their_gradients[name])


def test_switched_off_it_is_the_base_bit_for_bit(tiny: Path) -> None:
    base, _ = models.load(str(tiny))
    ids = torch.tensor([[1, 40, 50, 60, 70]])
    model = with_lora(tiny, leaner=True).eval()
    with torch.no_grad(), model.disable_adapter():
        assert torch.equal(model(input_ids=ids).logits, base.float()(input_ids=ids).logits)


def test_half_precision_weights_take_products_in_half_and_give_gradients_in_full(tiny: Path) -> None:
    model = with_lora(tiny, leaner=True)
    for name, weight in model.named_parameters():
        if "lora" not in name:
            weight.data = weight.data.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        logits, gradients = outcome(model)
    assert logits.dtype is torch.bfloat16
    assert {gradient.dtype for gradient in gradients.values()} == {torch.float32}
