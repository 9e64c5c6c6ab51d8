"""Replay and early stopping, from the settings to what a reader is told."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny_model import make_tiny_model

from rawtune import project
from rawtune.progress import Silent
from rawtune.project import Project
from rawtune.records import Suite
from rawtune.stages import compare, stopping, train
from rawtune.training import runs, trainer


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    training = {"epochs": 2, "batch_size": 4, "max_output_tokens": 400, "max_input_tokens": 400}
    settings = {
        "teacher": {"model": "scripted:"},
        "student": str(make_tiny_model(tmp_path / "tiny", layers=1, hidden=32)),
        "passages": {"held_out": 0.25},
        "augmentation": {"variants": 6},
        "training": {**training, "replay": 0.1, "stopping": True},
        "comparison": {"max_new_tokens": 8},
    }
    return project.create(tmp_path / "book", "zhouyi-zh", limit=4, settings=settings)


def test_what_is_replayed_and_why_it_stopped_is_told(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rawtune.training.replay.LONGEST", 12)
    monkeypatch.setattr("rawtune.stages.replay.REPEATED", 1.0)  # a tiny model babbles
    heard = Heard()
    with Project(book, heard) as opened:
        adapter = opened.train()
        summary = opened.status()[5].record.summary
        chosen = compare._chosen(opened._work, compare._training(adapter))
        stored = opened._work.ledger.answers()
        diagnosis = opened.diagnose()
    rows = summary["rows"]
    assert summary["replayed"] == 2, "a tenth of all rows"
    assert rows == 18
    assert len(stored) >= 2
    record = json.loads((adapter / runs.RECORD).read_text())
    assert (record["replayed"], record["stopped"], record["kept_step"]) == (2, summary["stopped"], summary["kept_step"])
    assert [check["step"] for check in record["checks"]] == [summary["steps"]]
    assert chosen == {"checks": 1, "questions": 15}
    card = (adapter / "README.md").read_text()
    assert "| 混入的基座模型自己的回答 | 2 |" in card
    assert f"第 {summary['kept_step']} 步" in card
    replayed = [line for line in (adapter / "row_losses.csv").read_text().splitlines() if ",replay-" in line]
    assert len(replayed) == 4
    assert not any(row.row.startswith("replay-") for row in diagnosis.rows)
    assert any("2 of the base model's own answers are mixed in" in line for line in heard.lines)
    assert any("of new phrasings are answered with the right concept" in line for line in heard.lines)


def test_answers_that_are_no_good_are_left_out_and_counted(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rawtune.comparison.answers.answer", lambda _, __, prompts, *___: ["" for _ in prompts])
    heard = Heard()
    with Project(book, heard) as opened:
        opened.train()
        summary = opened.status()[5].record.summary
    assert summary["replayed"] == 0
    assert summary["replay_dropped"] > 120
    assert any("no more questions" in line for line in heard.lines)


def test_few_questions_are_spread_over_all_passages(book: Path) -> None:
    with Project(book) as opened:
        opened.augment()
        held_out = opened._work.ledger.suite(Suite.PHRASING)
    chosen = stopping._spread(held_out, 4)
    assert len(chosen) == 4
    assert {row.passage_id for row in chosen} == {row.passage_id for row in held_out}


def test_an_earlier_adapter_that_is_kept_is_told_though_no_rule_stopped_the_run(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = trainer.train
    monkeypatch.setattr(
        "rawtune.stages.train.trainer.train",
        lambda *given, **more: replace(done(*given, **more), stopped="", kept_step=2),
    )
    monkeypatch.setattr("rawtune.stages.replay.asking", lambda *_: None)
    heard = Heard()
    with Project(book, heard) as opened:
        opened.train()
        steps = opened.status()[5].record.summary["steps"]
    assert steps > 2
    assert f"its check was the best; the adapter of step 2 of {steps} is kept" in heard.lines


def test_what_is_asked_while_training_makes_it_another_run(book: Path) -> None:
    with Project(book) as opened:
        opened.export()
        work = opened._work
        longer = work.config.comparison.model_copy(update={"max_new_tokens": 9})
        english = {"language": "en"}
        plain = {"training": work.config.training.model_copy(update={"replay": 0, "stopping": False})}
        replayed = {"training": work.config.training.model_copy(update={"stopping": False})}

        def changed(before: dict[str, object], after: dict[str, object]) -> bool:
            was, now = (replace(work, config=work.config.model_copy(update=update)) for update in (before, after))
            return train._beside(was) != train._beside(now)

        assert changed({}, {"comparison": longer})
        assert not changed(replayed, {**replayed, "comparison": longer})
        assert changed(replayed, {**replayed, **english})
        assert not changed(plain, {**plain, **english, "comparison": longer})


def test_other_weights_in_the_same_folder_are_another_student(book: Path) -> None:
    with Project(book) as opened:
        first = opened.train()
        assert opened.status()[5].current
        weights = Path(opened._work.student) / "model.safetensors"
        os.utime(weights, ns=(1, 1))
        assert opened.status()[5].reasons == ("student changed",)
        again = opened.train()
        assert again != first
        assert opened._work.ledger.stage("train").output
    begun = [runs.identity_of(folder) for folder in (first, again)]
    assert None not in begun
    assert begun[0] != begun[1]
