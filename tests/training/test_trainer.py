import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rawtune.comparison.answers import answer
from rawtune.config import Training
from rawtune.errors import RawtuneError, StorageFull, UsageError
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import models, runs, saving
from rawtune.training.runs import TrainingRun, identity, identity_of, last_whole_checkpoint
from rawtune.training.tokens import prompt_ids
from rawtune.training.trainer import train

Rows = tuple[Row, ...]


def settings(**changes: Any) -> Training:
    return Training(**{"learning_rate": 1e-2, "epochs": 5, "batch_size": 2, "checkpoint_steps": 4, **changes})


def weights(run: TrainingRun) -> dict[str, torch.Tensor]:
    return load_file(Path(run.folder) / "adapter_model.safetensors")


class Seen(Silent):
    """Keeps what is shown, and presses Ctrl-C at a step."""

    def __init__(self, interrupt_at: int = -1) -> None:
        self.lines: list[str] = []
        self.advances: list[tuple[int, int, str]] = []
        self.interrupt_at = interrupt_at

    def say(self, line: str) -> None:
        self.lines.append(line)

    def advance(self, done: int, total: int, note: str = "") -> None:
        self.advances.append((done, total, note))
        if done == self.interrupt_at:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def uninterrupted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    from tests.training.conftest import ROWS

    return train(ROWS, str(tiny), settings(), tmp_path_factory.mktemp("whole"), Silent())


def test_it_learns_rows_by_heart_and_stops_where_they_end(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    run = train(rows, str(tiny), settings(epochs=40, batch_size=4, dropout=0), tmp_path, Silent())
    assert run.losses[0] > 5
    assert run.losses[-1] < 0.05
    base, tokenizer = models.load(str(tiny))
    model = models.with_adapter(base, tmp_path)
    prompts = [prompt_ids(tokenizer, question) for question, _, _ in rows]
    assert answer(model, tokenizer, prompts, 60, 3) == [reference for _, reference, _ in rows]


def test_what_a_run_leaves(tmp_path: Path, tiny: Path, rows: Rows, capfd: pytest.CaptureFixture[str]) -> None:
    seen = Seen()
    run = train(rows, str(tiny), settings(), tmp_path, seen)
    assert (run.steps, run.rows, run.cut_answers, run.resumed_at) == (10, 4, 0, 0)
    assert seen.advances == [(i, 10, f"loss {loss:.2f}") for i, loss in enumerate(run.losses, 1)]
    assert run.seconds > 0
    assert run.peak_memory_mb > 0
    assert run.trainable_parameters == sum(weight.numel() for weight in weights(run).values())
    assert all(weight.dtype is torch.float32 for weight in weights(run).values())
    assert not any("lm_head" in name or "embed" in name for name in weights(run))
    written = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [line["loss"] for line in written] == list(run.losses)
    record = json.loads((tmp_path / runs.RECORD).read_text())
    assert record["losses"] == list(run.losses)
    assert record["settings"] == settings().model_dump(mode="json")
    assert record["dtype"] == str(models.compute_dtype("cpu")).removeprefix("torch.")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny)
    assert (tmp_path / "chat_template.jinja").exists()
    assert len(list(tmp_path.glob("checkpoint-*"))) == 2
    assert not list(tmp_path.glob("*.bin"))
    assert capfd.readouterr() == ("", "")


def test_the_schedule_warms_up_and_falls_to_nothing(uninterrupted: TrainingRun) -> None:
    lines = (Path(uninterrupted.folder) / "losses.jsonl").read_text().splitlines()
    rates = [json.loads(line)["learning_rate"] for line in lines]
    assert rates[0] == 0
    assert rates[1] == pytest.approx(1e-2)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(1e-2 / 9)


@pytest.mark.usefixtures("full_precision")
def test_micro_batches_add_up_to_the_batch(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    plain = settings(epochs=2, batch_size=4, dropout=0, learning_rate=1e-3)
    whole = train(rows, str(tiny), plain, tmp_path / "whole", Silent())
    parts = train(rows, str(tiny), plain.model_copy(update={"micro_batch_size": 1}), tmp_path / "parts", Silent())
    assert parts.losses == pytest.approx(whole.losses, abs=1e-5)
    for name, weight in weights(whole).items():
        torch.testing.assert_close(weights(parts)[name], weight, atol=1e-4, rtol=1e-3)


def test_after_ctrl_c_it_goes_on_as_if_nothing_had_been(
    tiny: Path, tmp_path: Path, rows: Rows, uninterrupted: TrainingRun
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(rows, str(tiny), settings(), tmp_path, Seen(interrupt_at=7))
    assert not (tmp_path / runs.RECORD).exists()
    seen = Seen()
    run = train(rows, str(tiny), settings(), tmp_path, seen, resume=True)
    assert run.resumed_at == 4
    assert [done for done, _, _ in seen.advances] == [5, 6, 7, 8, 9, 10]
    assert run.losses == pytest.approx(uninterrupted.losses, abs=1e-5)  # dropout is on: random states are resumed too
    assert len((tmp_path / "losses.jsonl").read_text().splitlines()) == 10
    for name, weight in weights(uninterrupted).items():
        torch.testing.assert_close(weights(run)[name], weight, atol=1e-5, rtol=1e-5)


def test_a_torn_checkpoint_is_passed_over(tmp_path: Path, tiny: Path, rows: Rows) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(rows, str(tiny), settings(), tmp_path, Seen(interrupt_at=9))
    whole = tmp_path / "checkpoint-4"
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-8"
    state = tmp_path / "checkpoint-8" / "trainer_state.json"
    state.write_text(state.read_text()[:100])
    assert last_whole_checkpoint(tmp_path) == whole
    state.unlink()
    assert last_whole_checkpoint(tmp_path) == whole
    assert train(rows, str(tiny), settings(), tmp_path, Silent(), resume=True).resumed_at == 4
    shutil.rmtree(tmp_path / "checkpoint-8")
    shutil.rmtree(tmp_path / "checkpoint-10")
    assert last_whole_checkpoint(tmp_path) is None


def test_killed_after_the_last_step_it_only_finishes(
    tiny: Path, tmp_path: Path, rows: Rows, uninterrupted: TrainingRun
) -> None:
    shutil.copytree(uninterrupted.folder, tmp_path / "run")
    (tmp_path / "run" / runs.RECORD).unlink()
    seen = Seen()
    run = train(rows, str(tiny), settings(), tmp_path / "run", seen, resume=True)
    assert seen.advances == []
    assert run.losses == uninterrupted.losses
    assert (tmp_path / "run" / runs.RECORD).exists()


def test_a_complete_run_is_returned_as_it_is(uninterrupted: TrainingRun, tiny: Path, rows: Rows) -> None:
    seen = Seen()
    assert train(rows, str(tiny), settings(), Path(uninterrupted.folder), seen, resume=True) == uninterrupted
    assert seen.advances == []
    with pytest.raises(UsageError, match="already holds"):
        train(rows, str(tiny), settings(), Path(uninterrupted.folder), Silent())


def test_without_resume_an_unfinished_run_starts_anew(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(rows, str(tiny), settings(), tmp_path, Seen(interrupt_at=5))
    run = train(rows, str(tiny), settings(epochs=1), tmp_path, Silent())
    assert (run.resumed_at, run.steps) == (0, 2)


def test_another_run_is_not_mixed_into_a_folder(uninterrupted: TrainingRun, tiny: Path, rows: Rows) -> None:
    folder = Path(uninterrupted.folder)
    assert identity_of(folder) == identity(rows, str(tiny), settings())
    assert identity_of(folder / "nothing") is None
    for other, changed in ((rows[:3], settings()), (rows, settings(rank=4))):
        with pytest.raises(UsageError, match="begun with other"):
            train(other, str(tiny), changed, folder, Silent(), resume=True)


def test_how_often_a_checkpoint_is_saved_does_not_make_it_another_run(rows: Rows) -> None:
    assert identity(rows, "x", settings(checkpoint_steps=9)) == identity(rows, "x", settings())


def test_a_full_disk_keeps_the_last_checkpoint(
    tiny: Path, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch, uninterrupted: TrainingRun
) -> None:
    def full(model: Any, folder: Path, base: str) -> None:
        if folder.name == "checkpoint-8":
            folder.mkdir()
            (folder / "adapter_model.safetensors").write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        saving.save_adapter(model, folder, base)

    with monkeypatch.context() as patch:
        patch.setattr("rawtune.training.loop.save_adapter", full)
        with pytest.raises(StorageFull) as caught:
            train(rows, str(tiny), settings(), tmp_path, Silent())
    assert "checkpoint-8" in caught.value.message
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-4"
    assert not (tmp_path / "checkpoint-8").exists()
    run = train(rows, str(tiny), settings(), tmp_path, Silent(), resume=True)
    assert run.losses == pytest.approx(uninterrupted.losses, abs=1e-5)


def test_a_loss_that_is_no_number_stops_the_run(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    with pytest.raises(RawtuneError) as caught:
        train(rows, str(tiny), settings(learning_rate=1e30, epochs=20), tmp_path, Silent())
    assert "the loss of step" in caught.value.message
    assert "learning_rate" in caught.value.hint
    assert not (tmp_path / runs.RECORD).exists()


def test_cut_answers_are_counted_and_told(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    seen = Seen()
    run = train(rows, str(tiny), settings(epochs=1, max_output_tokens=8, max_cut=1), tmp_path, seen)
    assert run.cut_answers == 4
    assert seen.lines[0] == "4 of 4 answers are cut at 8 tokens"
    assert seen.lines[1].startswith("memory: about ")


def test_too_many_cut_answers_are_refused_before_weights_are_read(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    (folder := tmp_path / "without").mkdir()
    for file in tiny.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    with pytest.raises(UsageError, match="4 of 4 answers are cut"):
        train(rows, str(folder), settings(max_output_tokens=8), tmp_path / "run", Silent())


def test_checkpointing_learns_the_same(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    plain = settings(epochs=2, learning_rate=1e-3)  # with dropout: what is computed again draws the same numbers
    whole = train(rows, str(tiny), plain, tmp_path / "whole", Silent())
    less = train(
        rows, str(tiny), plain.model_copy(update={"gradient_checkpointing": True}), tmp_path / "less", Silent()
    )
    assert less.losses == pytest.approx(whole.losses, abs=1e-5)


@pytest.mark.usefixtures("full_precision")
def test_how_it_is_done_may_change_between_sessions(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    plain = settings(dropout=0)
    whole = train(rows, str(tiny), plain, tmp_path / "whole", Silent())
    with pytest.raises(KeyboardInterrupt):
        train(rows, str(tiny), plain, tmp_path / "parted", Seen(interrupt_at=7))
    sparing = settings(dropout=0, micro_batch_size=1, gradient_checkpointing=True, device="cpu")
    run = train(rows, str(tiny), sparing, tmp_path / "parted", Silent(), resume=True)
    assert run.resumed_at == 4
    assert run.losses == pytest.approx(whole.losses, abs=1e-4)


def test_every_bad_row_is_named(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    bad = [rows[0], Row("What?", " "), Row("坤" * 600, "大地。"), rows[1]]
    with pytest.raises(UsageError) as caught:
        train(bad, str(tiny), settings(), tmp_path, Silent())
    assert [line[:6] for line in caught.value.message.splitlines()] == ["row 2:", "row 3:"]
    assert "remove the row" in caught.value.hint
    with pytest.raises(UsageError, match="no rows"):
        train([], str(tiny), settings(), tmp_path / "none", Silent())


def test_nf4_trains_on_this_machine(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    run = train(rows, str(tiny), settings(epochs=20, batch_size=4, quantise="nf4", dropout=0), tmp_path, Silent())
    assert run.losses[-1] < run.losses[0] / 2
    base, _ = models.load(str(tiny), "nf4")
    assert base.model.layers[0].self_attn.q_proj.weight.dtype is torch.uint8
    assert base.lm_head.weight.dtype.is_floating_point
    config = base.config.quantization_config
    assert (config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant) == ("nf4", True)


def test_half_precision_weights_carry_full_precision_adapters(
    tiny: Path, tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "compute_dtype", lambda on: torch.bfloat16)
    precision = torch.get_float32_matmul_precision()
    try:
        run = train(rows, str(tiny), settings(epochs=20, batch_size=4, dropout=0), tmp_path, Silent())
        base, _ = models.load(str(tiny))
    finally:
        torch.set_float32_matmul_precision(precision)
    assert base.dtype is torch.bfloat16
    assert run.losses[-1] < run.losses[0] / 2
    assert all(weight.dtype is torch.float32 for weight in weights(run).values())


def test_what_is_refused_leaves_no_folder_behind(tiny: Path, tmp_path: Path) -> None:
    settings = Training(max_output_tokens=8, max_cut=0.0)
    with pytest.raises(UsageError):
        train([Row("What is it?", "word " * 50)], str(tiny), settings, tmp_path / "run", Silent())
    assert not (tmp_path / "run").exists()
