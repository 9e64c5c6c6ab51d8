"""Runs that are checked on their way, with the tiny model."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rawtune.comparison.answers import answer
from rawtune.config import Training
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import models, runs
from rawtune.training.replay import Replayed
from rawtune.training.runs import TrainingRun
from rawtune.training.stopping import Figures
from rawtune.training.tokens import prompt_ids
from rawtune.training.trainer import train

Rows = tuple[Row, ...]
SETTINGS = Training(learning_rate=2e-3, epochs=16, batch_size=2, checkpoint_steps=8, max_output_tokens=200)


class Evaluation:
    """Answers as the program does, then tells made-up shares, one a check."""

    def __init__(self, *shares: float) -> None:
        self.shares = list(shares)
        self.said: list[str] = []

    def __call__(self, model: Any, tokenizer: Any) -> Figures:
        assert not model.training
        torch.rand(3)  # a metric may draw
        self.said += answer(model, tokenizer, [prompt_ids(tokenizer, "What is Kun?")], 20, 1)
        return Figures(self.shares.pop(0), 30.0)


class Interrupted(Silent):
    def advance(self, done: int, total: int, note: str = "") -> None:
        if done == 25:
            raise KeyboardInterrupt


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


@pytest.fixture(scope="module")
def unchecked(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingRun:
    from tests.training.conftest import ROWS

    return train(ROWS, str(tiny), SETTINGS, tmp_path_factory.mktemp("unchecked"), Silent())


def test_checks_that_stop_nothing_change_nothing(
    tiny: Path, tmp_path: Path, rows: Rows, unchecked: TrainingRun
) -> None:
    evaluation = Evaluation(0.3, 0.4, 0.5, 0.6)
    run = train(rows, str(tiny), SETTINGS, tmp_path, Silent(), evaluate=evaluation)
    assert run.losses == unchecked.losses  # dropout is on
    assert (run.kept_step, run.steps) == (32, 32)
    assert [check["step"] for check in run.checks] == [10, 20, 30, 32]
    for name, weight in weights(Path(unchecked.folder)).items():
        torch.testing.assert_close(weights(tmp_path)[name], weight)
    base, tokenizer = models.load(str(tiny))
    said = Evaluation(0.0)
    said(models.with_adapter(base, tmp_path), tokenizer)
    assert evaluation.said[-1] == said.said[0], "the model answered with its head on, and as trained so far"
    assert evaluation.said[-1] != evaluation.said[0]
    assert not list(tmp_path.glob("best-*"))


def test_it_ends_early_with_the_best_adapter_also_when_it_was_interrupted(
    tiny: Path, tmp_path: Path, rows: Rows, unchecked: TrainingRun
) -> None:
    run = train(rows, str(tiny), SETTINGS, tmp_path / "run", Silent(), evaluate=Evaluation(0.5, 0.4, 0.4))
    assert (run.steps, run.kept_step) == (30, 10)
    assert run.stopped.startswith("converged: answers to new phrasings have not improved for 2 checks")
    assert run.losses == unchecked.losses[:30]
    record = json.loads((tmp_path / "run" / runs.RECORD).read_text())
    assert (record["stopped"], record["checks"][0]["check"]["unseen"]) == (run.stopped, 0.5)
    again = train(rows, str(tiny), SETTINGS, tmp_path / "run", Silent(), resume=True)
    assert (again.steps, again.checks) == (30, run.checks)

    with pytest.raises(KeyboardInterrupt):
        train(rows, str(tiny), SETTINGS, tmp_path / "torn", Interrupted(), evaluate=Evaluation(0.5, 0.4))
    assert (tmp_path / "torn" / "best-10").is_dir()
    torn = train(rows, str(tiny), SETTINGS, tmp_path / "torn", Silent(), resume=True, evaluate=Evaluation(0.4))
    assert (torn.resumed_at, torn.steps, torn.kept_step, torn.stopped) == (24, 30, 10, run.stopped)
    for name, weight in weights(tmp_path / "run").items():
        torch.testing.assert_close(weights(tmp_path / "torn")[name], weight)


@pytest.mark.parametrize("draw", ["written_out", "per_epoch"])
def test_replayed_rows_are_trained_in_every_epoch_and_marked(tiny: Path, tmp_path: Path, rows: Rows, draw: str) -> None:
    own = Replayed((("Say yes.", "Yes."), ("说是。", "是。"), ("Say yes, please.", "Yes.")), 1)
    settings = SETTINGS.model_copy(update={"epochs": 2})
    run = train(rows, str(tiny), settings, tmp_path, Silent(), ids=list("abcd"), draw=draw, ask=lambda *_: own)
    assert (run.rows, run.replayed, run.replay_dropped, run.steps) == (4, 3, 1, 8)
    lines = [line.split(",") for line in (tmp_path / "row_losses.csv").read_text().splitlines()[1:]]
    assert sorted(line[2] for line in lines) == sorted([*"abcd", *own.ids] * 2)
