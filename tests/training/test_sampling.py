"""One question of each answer an epoch, and all of them equally often."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.config import Training
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training.row_losses import ROW_LOSSES
from rawtune.training.runs import RECORD, identity
from rawtune.training.sampling import OnePerAnswer
from rawtune.training.trainer import train

ANSWERS = ["蒙卦象征启蒙。"] * 4 + ["Kun is six broken lines."] * 4 + ["乾为天。"] * 4


def epochs(sampler: OnePerAnswer, count: int, start: int = 0) -> list[list[int]]:
    found = []
    for epoch in range(start, start + count):
        sampler.set_epoch(epoch)
        found.append([*sampler])
        assert len(found[-1]) == len(sampler)
    return found


@given(st.lists(st.sampled_from("甲乙丙丁abc"), min_size=1, max_size=40), st.integers(0, 2**32 - 1), st.integers(0, 50))
def test_an_epoch_holds_each_answer_once(answers: list[str], seed: int, start: int) -> None:
    sampler = OnePerAnswer(answers, seed)
    for drawn in epochs(sampler, 3, start):
        assert Counter(answers[index] for index in drawn) == dict.fromkeys(answers, 1)


@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 9), st.integers(0, 3))
def test_over_as_many_epochs_as_there_are_questions_every_row_is_drawn_once(
    forms: int, answers: int, seed: int, turn: int
) -> None:
    rows = [f"答案{number % answers}" for number in range(forms * answers)]
    drawn = epochs(OnePerAnswer(rows, seed), forms, turn * forms)
    assert Counter(index for epoch in drawn for index in epoch) == dict.fromkeys(range(len(rows)), 1)


def test_answers_with_different_numbers_of_questions_all_come_equally_often() -> None:
    rows = ["a"] * 2 + ["b"] * 3 + ["c"]
    count = Counter(index for epoch in epochs(OnePerAnswer(rows, 0), 12) for index in epoch)
    assert count == {0: 6, 1: 6, 2: 4, 3: 4, 4: 4, 5: 12}


def test_the_draw_depends_on_seed_and_epoch_alone() -> None:
    whole = epochs(OnePerAnswer(ANSWERS, 5), 9)
    assert epochs(OnePerAnswer(ANSWERS, 5), 4, start=5) == whole[5:]
    assert epochs(OnePerAnswer(ANSWERS, 6), 9) != whole
    # Pinned: a run that an older version began must go on with the rows that it would have drawn.
    assert whole[:2] == [[9, 3, 5], [4, 8, 2]]


def test_questions_come_in_another_order_in_every_turn_and_answers_in_every_epoch() -> None:
    rows = ["a"] * 6 + ["b"] * 6
    drawn = epochs(OnePerAnswer(rows, 0), 60)
    turns = [tuple(min(epoch) for epoch in drawn[at : at + 6]) for at in range(0, 60, 6)]
    assert len(set(turns)) == 10
    assert {rows[epoch[0]] for epoch in drawn} == {"a", "b"}


class Stop(Silent):
    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.totals: set[int] = set()

    def advance(self, done: int, total: int, note: str = "") -> None:
        self.totals.add(total)
        if done == self.at:
            raise KeyboardInterrupt


ROWS = [
    Row(f"{word} {form}?", answer)
    for word, answer in (("蒙", "启蒙。"), ("坤", "大地。"), ("乾", "Heaven."))
    for form in "abcd"
]


def settings(**changes: Any) -> Training:
    return Training(**{"learning_rate": 1e-2, "epochs": 4, "batch_size": 2, "checkpoint_steps": 3, **changes})


def visits(folder: Path) -> list[tuple[int, int, str]]:
    with (folder / ROW_LOSSES).open(newline="") as file:
        return [(int(line["step"]), int(line["row"]), line["id"]) for line in csv.DictReader(file)]


def test_training_draws_one_question_of_each_answer_an_epoch(tiny: Path, tmp_path: Path) -> None:
    seen, ids = Stop(), [f"r{number}" for number in range(1, 13)]
    run = train(ROWS, str(tiny), settings(), tmp_path, seen, ids=ids, draw="per_epoch")
    assert (run.steps, run.rows, seen.totals) == (8, 12, {8})
    by_epoch = [[row for step, row, _ in visits(tmp_path) if (step - 1) // 2 == epoch] for epoch in range(4)]
    assert by_epoch == [
        [index + 1 for index in epoch] for epoch in epochs(OnePerAnswer([row.answer for row in ROWS], 0), 4)
    ]
    assert Counter(row for epoch in by_epoch for row in epoch) == dict.fromkeys(range(1, 13), 1)
    assert all(id == f"r{row}" for _, row, id in visits(tmp_path))
    lines = (tmp_path / "losses.jsonl").read_text().splitlines()
    rates = [json.loads(line)["learning_rate"] for line in lines]
    assert rates[0] == 0  # one of eight steps warms up
    assert rates[1:] == pytest.approx([1e-2 * left / 7 for left in range(7, 0, -1)])
    assert json.loads((tmp_path / RECORD).read_text())["draw"] == "per_epoch"


@pytest.mark.parametrize(
    "stop", [5, 7]
)  # a checkpoint lies at step 3, within an epoch, and at step 6, at the end of one
def test_a_resumed_run_draws_what_it_would_have_drawn(tiny: Path, tmp_path: Path, stop: int) -> None:
    chosen = settings(micro_batch_size=1)
    whole = train(ROWS, str(tiny), chosen, tmp_path / "whole", Silent(), draw="per_epoch")
    with pytest.raises(KeyboardInterrupt):
        train(ROWS, str(tiny), chosen, tmp_path / "cut", Stop(at=stop), draw="per_epoch")
    run = train(ROWS, str(tiny), chosen, tmp_path / "cut", Silent(), resume=True, draw="per_epoch")
    assert run.resumed_at == (3 if stop == 5 else 6)
    assert visits(tmp_path / "cut") == visits(tmp_path / "whole")
    assert run.losses == pytest.approx(whole.losses, abs=1e-5)


def test_the_two_ways_are_different_runs(tiny: Path) -> None:
    names = {identity(ROWS, str(tiny), settings(), draw) for draw in ("written_out", "per_epoch")}
    assert len(names) == 2
    assert identity(ROWS, str(tiny), settings()) in names
