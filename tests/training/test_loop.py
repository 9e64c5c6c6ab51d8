from pathlib import Path
from typing import Any

import torch

from rawtune.training import models
from rawtune.training.loop import collate, take_off_head
from rawtune.training.loss import IGNORED
from rawtune.training.tokens import Encoded

IDS = torch.tensor([[1, 40, 50, 60, 70]])


def with_lora(model: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    with models.quiet():
        return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear"))


def test_rows_are_padded_on_the_right_and_only_answers_are_labels() -> None:
    batch = collate([(7, Encoded([5, 6, 7], [False, False, True])), (3, Encoded([8, 9], [False, True]))], padding=0)
    assert batch["rows"].tolist() == [7, 3]
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 0]]
    assert batch["labels"].tolist() == [[IGNORED, IGNORED, 7], [IGNORED, 9, IGNORED]]


def test_without_its_head_a_model_gives_what_the_head_was_given(tiny: Path) -> None:
    model, _ = models.load(str(tiny))
    with torch.no_grad():
        logits = model(IDS).logits
        peft = with_lora(model)
        head = take_off_head(peft, IDS)
        assert head is not None
        torch.testing.assert_close(peft(IDS).logits @ head.weight.T, logits)


def test_a_model_that_changes_its_logits_keeps_its_head() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    model = Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=80,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            initializer_range=1.0,
            final_logit_softcapping=2.0,
        )
    ).eval()
    with torch.no_grad():
        logits = model(IDS).logits
        peft = with_lora(model)
        assert take_off_head(peft, IDS) is None
        torch.testing.assert_close(peft(IDS).logits, logits)
