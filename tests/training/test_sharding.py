"""Processes that share out weights, or gradients and optimiser, learn what one does that holds all."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.test_processes import Heard, Rows, row_losses, settings

from rawtune.config.settings import Comparison
from rawtune.errors import MissingDependency, UsageError
from rawtune.progress import Silent
from rawtune.records import Example, Origin, Row, Split
from rawtune.stages import stopping
from rawtune.training import models, sharding
from rawtune.training.replay import Replayed
from rawtune.training.runs import TrainingRun
from rawtune.training.trainer import train

UNSEEN = Example("1", "p", Split.HELD_OUT, "Kun", "Kun?", "Kun is six broken lines.", Origin.WRITTEN, "", "")
EVALUATE = partial(stopping._evaluate, Comparison(), "en", stopping._Asked([UNSEEN], []), {"p": [UNSEEN.answer]})


def assert_same(ours: TrainingRun, theirs: TrainingRun) -> None:
    assert ours.losses == pytest.approx(theirs.losses, abs=1e-4)
    weights = load_file(Path(theirs.folder) / "adapter_model.safetensors")
    for name, weight in load_file(Path(ours.folder) / "adapter_model.safetensors").items():
        torch.testing.assert_close(weight, weights[name], atol=1e-4, rtol=1e-3)
    together, alone = row_losses(ours), row_losses(theirs)
    assert [line[:4] for line in together] == [line[:4] for line in alone]
    assert [float(line[4]) for line in together[1:]] == pytest.approx([float(line[4]) for line in alone[1:]], abs=1e-3)


def test_weights_shared_out_replay_and_checks_change_nothing(
    tiny: Path, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four rows and a replayed one in twos: in an epoch's last step a process has no row. Checks at 10 and 12.

    One process does the first steps, two go on from its checkpoint, whose optimiser is whole.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    asked = []

    def ask(model: Any, tokenizer: Any) -> Replayed:
        asked.append(type(model).__name__)
        return Replayed((("What is tea?", "Tea is a drink."),))

    plain = settings(epochs=4, batch_size=2, micro_batch_size=1, gradient_checkpointing=True, checkpoint_steps=2)
    shared = plain.model_copy(update={"processes": 2, "sharding": "fsdp"})
    whole = train(rows, str(tiny), plain, tmp_path / "one", Silent(), ask=ask, evaluate=EVALUATE)
    with pytest.raises(KeyboardInterrupt):
        train(rows, str(tiny), plain, tmp_path / "two", Heard(interrupt_at=3), ask=ask, evaluate=EVALUATE)
    heard = Heard()
    run = train(rows, str(tiny), shared, tmp_path / "two", heard, resume=True, ask=ask, evaluate=EVALUATE)
    assert asked == ["LlamaForCausalLM"] * 2, "once for a run"
    assert (run.resumed_at, run.steps, run.replayed) == (2, 12, 1)
    assert (run.checks, run.kept_step, run.stopped) == (whole.checks, whole.kept_step, whole.stopped)
    assert [check["step"] for check in run.checks] == [10, 12]
    assert_same(run, whole)
    assert sum(line.startswith("step 10: ") for line in heard.lines) == 1
    assert not list((tmp_path / "two").glob("best-*"))
    base, _ = models.load(str(tiny))
    models.with_adapter(base, tmp_path / "two")


@pytest.mark.skipif(find_spec("deepspeed") is None, reason="needs rawtune[deepspeed]")
def test_gradients_and_optimiser_shared_out_change_nothing(
    tiny: Path, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    more = (*rows, Row("乾？", "天。"))
    plain = settings(micro_batch_size=1)
    shared = plain.model_copy(update={"processes": 2, "sharding": "zero2"})
    whole = train(more, str(tiny), plain, tmp_path / "one", Silent())
    with pytest.raises(KeyboardInterrupt):
        train(more, str(tiny), shared, tmp_path / "two", Heard(interrupt_at=3))
    with pytest.raises(UsageError, match="written by 2 processes with zero2"):
        train(more, str(tiny), plain, tmp_path / "two", Silent(), resume=True)
    run = train(more, str(tiny), shared, tmp_path / "two", Silent(), resume=True)
    assert run.resumed_at == 2
    assert_same(run, whole)


@pytest.mark.parametrize(
    ("changes", "number", "message", "remedy"),
    [
        ({"sharding": "fsdp"}, 1, "is fsdp, but one process trains here", "training.processes"),
        ({"sharding": "zero2"}, 1, "is zero2, but one process trains here", "training.sharding: none"),
        ({"sharding": "fsdp", "quantise": "nf4"}, 2, "cannot share out 4-bit weights", "each GPU holds all"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(changes: dict[str, Any], number: int, message: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        sharding.check(settings(**changes), number)
    assert remedy in raised.value.hint


def test_without_deepspeed_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "find_spec", lambda _: None)
    with pytest.raises(MissingDependency) as raised:
        sharding.check(settings(sharding="zero2"), 2)
    assert "rawtune[deepspeed]" in raised.value.hint


def test_one_goes_on_only_from_what_one_can_read(tmp_path: Path) -> None:
    whole, parts = tmp_path / "checkpoint-1", tmp_path / "checkpoint-2"
    (parts / "global_step2").mkdir(parents=True)
    for rank in range(2):
        (parts / "global_step2" / f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt").touch()
    zero2 = settings(sharding="zero2")
    sharding.check_resumed(None, zero2, 2)
    sharding.check_resumed(whole, settings(sharding="fsdp"), 2)
    sharding.check_resumed(parts, zero2, 2)
    for checkpoint, wanted, number, remedy in (
        (whole, zero2, 2, "training.sharding: none, or fsdp"),
        (parts, zero2, 4, "training.processes: 2"),
        (parts, settings(), 1, "training.sharding: zero2"),
    ):
        with pytest.raises(UsageError, match="cannot be gone on from") as raised:
            sharding.check_resumed(checkpoint, wanted, number)
        assert remedy in raised.value.hint


def test_the_packaged_configuration_of_deepspeed_multiplies_in_the_wanted_precision() -> None:
    assert sharding.deepspeed(settings(), "cuda", torch.bfloat16) is None
    told = sharding.deepspeed(settings(sharding="zero2"), "cuda", torch.float16)
    assert told is not None
    assert told["zero_optimization"]["stage"] == 2
    assert (told["torch_autocast"]["enabled"], told["torch_autocast"]["dtype"]) == (True, "float16")
