from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from rawtune.config import Training
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import models, packing
from rawtune.training.loop import collate, take_off_head
from rawtune.training.packing import PACKED, pack
from rawtune.training.tokens import Encoded
from rawtune.training.trainer import train

ROWS = (
    Encoded([1, 40, 41, 50, 60], [False] * 3 + [True] * 2),
    Encoded([1, 40, 42, 50, 60, 61], [False] * 3 + [True] * 3),
    Encoded([1, 40, 42], [False, False, True]),
)
BATCH = [(7, ROWS[0]), (3, ROWS[1]), (5, ROWS[2])]


def headless(model: Any) -> Any:
    """A PEFT model without its head, its adapter not zero."""
    torch.manual_seed(1)
    config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights=False)
    with models.quiet():
        peft = get_peft_model(model, config)
    assert take_off_head(peft, torch.tensor([ROWS[0].ids])) is not None
    return peft


def gradients(model: Any, hidden: torch.Tensor) -> list[torch.Tensor]:
    """Of the adapter's weights, from the hidden states of tokens that are rows' own."""
    real = torch.tensor([[i < len(row.ids) for i in range(hidden.shape[1])] for row in ROWS])
    (hidden[real].float() ** 2).sum().backward()
    return [weight.grad.clone() for weight in model.parameters() if weight.requires_grad]


def test_rows_lie_end_to_end_and_share_their_beginning() -> None:
    packed = pack(BATCH)
    assert packed["rows"].tolist() == [7, 3, 5]
    assert packed["input_ids"].tolist() == [[1, 40, 41, 50, 60, 42, 50, 60, 61, 42]]
    assert packed["position_ids"].tolist() == [[0, 1, 2, 3, 4, 2, 3, 4, 5, 2]]
    assert packed["places"].tolist() == [[0, 1, 2, 3, 4, 0], [0, 1, 5, 6, 7, 8], [0, 1, 9, 0, 0, 0]]
    assert packed["places"].flatten()[packed["origins"]].tolist() == list(range(10))
    assert torch.equal(packed["labels"], collate(BATCH, 0)["labels"])


@pytest.mark.parametrize("rows", [ROWS[:1], (ROWS[0], ROWS[0]), (Encoded([9], [True]), ROWS[0])])
def test_one_row_equal_rows_and_rows_that_share_nothing(rows: tuple[Encoded, ...]) -> None:
    packed = pack(list(enumerate(rows, 1)))
    for row, places in zip(rows, packed["places"], strict=True):
        assert packed["input_ids"][0, places][: len(row.ids)].tolist() == row.ids
    assert (
        packed["input_ids"].numel()
        == packed["origins"].numel()
        == len({place for row in packed["places"].tolist() for place in row})
    )


@pytest.mark.usefixtures("full_precision")
@pytest.mark.parametrize("checkpointing", [False, True])
def test_rows_and_gradients_are_those_of_padded_rows(tiny: Path, checkpointing: bool) -> None:
    model = headless(models.load(str(tiny))[0])
    padded = model(input_ids=collate(BATCH, 0)["input_ids"], use_cache=False).logits
    expected = gradients(model, padded)
    model.zero_grad()
    assert packing.allow(model, ROWS)
    if checkpointing:
        with models.quiet():
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
        model.train()
    hidden = packing.hidden_states(model, pack(BATCH))
    for number, row in enumerate(ROWS):
        torch.testing.assert_close(hidden[number, : len(row.ids)], padded[number, : len(row.ids)])
    for ours, theirs in zip(gradients(model, hidden), expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_model_answers_as_before(tiny: Path) -> None:
    model = models.load(str(tiny))[0]
    asked = {
        "input_ids": torch.tensor([[0, 0, 1, 40], [1, 40, 41, 50]]),
        "attention_mask": torch.tensor([[0, 0, 1, 1], [1] * 4]),
    }
    before = model.generate(**asked, max_new_tokens=8, do_sample=False)
    model.set_attn_implementation(PACKED)
    assert torch.equal(model.generate(**asked, max_new_tokens=8, do_sample=False), before)


def test_what_a_layer_does_not_see_whole_is_not_packed(tiny: Path) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    size = {"vocab_size": 80, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    for window, allowed in ((5, False), (6, True)):
        model = headless(MistralForCausalLM(MistralConfig(**size, **heads, sliding_window=window)).eval())
        assert packing.allow(model, ROWS) is allowed
        assert (model.config._attn_implementation == PACKED) is allowed


def test_a_model_that_does_not_give_the_same_is_left_as_it_was(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = headless(models.load(str(tiny))[0])
    as_is = packing.pack
    monkeypatch.setattr(
        packing, "pack", lambda batch: {**as_is(batch), "position_ids": as_is(batch)["position_ids"] * 0}
    )
    assert not packing.allow(model, ROWS)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.usefixtures("full_precision")
def test_training_is_the_same(
    tiny: Path, tmp_path: Path, rows: tuple[Row, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Training(learning_rate=1e-3, epochs=2, batch_size=3, dropout=0)
    packed = train(rows, str(tiny), settings, tmp_path / "packed", Silent())
    monkeypatch.setattr(packing, "allow", lambda *_: False)
    padded = train(rows, str(tiny), settings, tmp_path / "padded", Silent())
    assert packed.losses == pytest.approx(padded.losses, abs=1e-5)
