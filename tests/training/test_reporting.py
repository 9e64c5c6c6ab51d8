"""Nothing watches a training but what is named, and that is there before the training begins."""

import os
from pathlib import Path
from typing import Any, ClassVar

import pytest
from transformers import TrainerCallback, integrations
from transformers.integrations import integration_utils

from rawtune.config import Training
from rawtune.errors import MissingDependency
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import reporting
from rawtune.training.runs import identity
from rawtune.training.trainer import train

Rows = tuple[Row, ...]


class Watching(TrainerCallback):
    losses: ClassVar[list[float]] = []
    folders: ClassVar[list[str]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" in logs:
            self.losses.append(logs["loss"])
            self.folders.append(os.environ["SWANLAB_LOG_DIR"])


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> type[Watching]:
    monkeypatch.delenv("SWANLAB_LOG_DIR", raising=False)
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "swanlab", Watching)
    monkeypatch.setattr(integrations, "get_available_reporting_integrations", lambda: ["swanlab", "wandb"])
    Watching.losses.clear()
    Watching.folders.clear()
    return Watching


def test_what_is_named_sees_every_step(tiny: Path, tmp_path: Path, rows: Rows, watching: type[Watching]) -> None:
    run = train(rows, str(tiny), Training(epochs=2, batch_size=2, report_to=("swanlab",)), tmp_path, Silent())
    assert watching.losses == list(run.losses)
    assert set(watching.folders) == {str(tmp_path)}
    assert "SWANLAB_LOG_DIR" not in os.environ


def test_what_is_not_named_sees_nothing(tiny: Path, tmp_path: Path, rows: Rows, watching: type[Watching]) -> None:
    train(rows, str(tiny), Training(epochs=1), tmp_path, Silent())
    assert watching.losses == []


def test_what_is_not_installed_is_told_before_anything_is_loaded(
    tmp_path: Path, rows: Rows, watching: type[Watching]
) -> None:
    with pytest.raises(MissingDependency) as caught:
        train(rows, str(tmp_path / "no model"), Training(report_to=("swanlab", "mlflow")), tmp_path, Silent())
    assert "mlflow" in caught.value.message
    assert caught.value.hint == "pip install mlflow"


def test_who_watches_does_not_make_it_another_run(rows: Rows) -> None:
    assert identity(rows, "x", Training()) == identity(rows, "x", Training(report_to=("wandb",)))


def test_the_users_own_folder_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DIR", "mine")
    with reporting.kept_in(tmp_path):
        assert os.environ["WANDB_DIR"] == "mine"
    assert os.environ["WANDB_DIR"] == "mine"
