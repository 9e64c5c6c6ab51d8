from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.test_loop import with_lora

from rawtune.config import Training
from rawtune.errors import ModelUnavailable, RawtuneError
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import memory, models
from rawtune.training.loop import take_off_head
from rawtune.training.memory import Estimate, estimate, explained, next_setting
from rawtune.training.tokens import Encoded
from rawtune.training.trainer import train

Rows = tuple[Row, ...]
ROW = Encoded(list(range(3, 83)) * 2, [False] * 80 + [True] * 80)


@pytest.fixture
def model(tiny: Path) -> tuple[Any, Any]:
    peft = with_lora(models.load(str(tiny))[0])
    return peft, take_off_head(peft, torch.tensor([ROW.ids]))


def kept(model: Any, rows: int) -> int:
    """Bytes that autograd keeps of a whole pass over ``rows`` rows, counted tensor by tensor."""
    return memory._kept(model, torch.tensor([ROW.ids] * rows))


@pytest.mark.parametrize("at_once", [1, 4])
def test_two_short_passes_foretell_a_long_one(model: tuple[Any, Any], at_once: int) -> None:
    found = estimate(model[0], [Encoded([5, 6], [False, True]), ROW], Training(micro_batch_size=at_once), model[1])
    assert found.activations == pytest.approx(kept(model[0], at_once), rel=0.1)


def test_what_adapter_and_loss_take(model: tuple[Any, Any]) -> None:
    found = estimate(model[0], [ROW], Training(micro_batch_size=1), model[1])
    assert found.adapter == 12 * sum(weight.numel() for weight in model[0].parameters() if weight.requires_grad)
    assert found.loss == 160 * model[0].config.vocab_size * 12
    assert estimate(model[0], [ROW], Training(), model[1]).loss == 256 * model[0].config.vocab_size * 12
    assert estimate(model[0], [ROW], Training(), None).loss == 8 * 160 * model[0].config.vocab_size * 12


def test_checkpointing_is_reckoned_with(model: tuple[Any, Any]) -> None:
    plain = estimate(model[0], [ROW], Training(), model[1])
    checkpointed = estimate(model[0], [ROW], Training(gradient_checkpointing=True), model[1])
    assert checkpointed.activations < 0.7 * plain.activations  # of two layers one is there at a time


def test_estimating_draws_no_random_number(model: tuple[Any, Any]) -> None:
    state = torch.get_rng_state()
    estimate(model[0], [ROW], Training(), model[1])
    assert torch.equal(torch.get_rng_state(), state)


def test_too_much_is_told_with_what_to_change() -> None:
    fits = Estimate(held=10**9, adapter=10**8, activations=10**9, loss=10**8, free=3 * 10**9)
    assert len(fits.describe(Training()).splitlines()) == 1
    assert "2.0 to 3.0 GB" in fits.describe(Training())
    tight = Estimate(held=10**9, adapter=10**8, activations=10**9, loss=10**8, free=10**9)
    assert "2.0 GB; set training.micro_batch_size: 4" in tight.describe(Training())


def test_settings_are_changed_in_order() -> None:
    settings, asked = Training(batch_size=6), []
    for change in (
        {"micro_batch_size": 3},
        {"micro_batch_size": 1},
        {"gradient_checkpointing": True},
        {"max_output_tokens": 512},
        {"quantise": "nf4"},
    ):
        asked.append(next_setting(settings))
        settings = settings.model_copy(update=change)
        name = next(iter(change))
        assert f"training.{name}" in asked[-1]
    assert "micro_batch_size: 3 (now 6" in asked[0]
    assert next_setting(settings) == "take a smaller student, or a machine with more memory"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("MPS backend out of memory"),
    ],
)
def test_running_out_of_memory_names_the_setting_to_change(
    error: Exception, tiny: Path, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("rawtune.training.loop.answer_losses", full)
        with pytest.raises(RawtuneError, match="out of memory while training") as caught:
            train(rows, str(tiny), Training(epochs=1, batch_size=4), tmp_path, Silent())
    assert "training.micro_batch_size: 2" in caught.value.hint
    changed = Training(epochs=1, batch_size=4, micro_batch_size=2, gradient_checkpointing=True)
    assert train(rows, str(tiny), changed, tmp_path, Silent(), resume=True).steps == 1


def test_out_of_memory_while_loading_is_about_the_weights() -> None:
    def load() -> None:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        except RuntimeError as error:
            raise ModelUnavailable("m: cannot be loaded: CUDA out of memory.") from error

    with pytest.raises(RawtuneError, match="out of memory while loading") as caught, explained("loading", "nf4"):
        load()
    assert caught.value.hint == "nf4"


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ModelUnavailable("no such folder")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)), explained("training", ""):
        raise error
