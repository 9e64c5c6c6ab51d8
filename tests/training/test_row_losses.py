import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from rawtune.config import Training
from rawtune.diagnosis.logs import read_rows
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import models
from rawtune.training.row_losses import FIRST, HEADER, ROW_LOSSES, RowLosses
from rawtune.training.tokens import encode, punctuation
from rawtune.training.trainer import train

Rows = tuple[Row, ...]


def settings(**changes: Any) -> Training:
    return Training(**{"learning_rate": 1e-2, "epochs": 2, "batch_size": 4, "checkpoint_steps": 2, **changes})


def read(folder: Path) -> list[dict[str, Any]]:
    with (folder / ROW_LOSSES).open(newline="") as file:
        kinds = {"id": str, **dict.fromkeys(HEADER[4:], float)}
        return [{key: kinds.get(key, int)(value) for key, value in line.items()} for line in csv.DictReader(file)]


def by_row(lines: list[dict[str, Any]]) -> dict[tuple[int, int], list[float]]:
    names = HEADER[3:]
    return {(line["step"], line["row"]): [line[name] for name in names] for line in lines}


class Stop(Silent):
    def __init__(self, at: int) -> None:
        self.at = at

    def advance(self, done: int, total: int, note: str = "") -> None:
        if done == self.at:
            raise KeyboardInterrupt


def test_tokens_find_their_rows_in_whatever_order_they_come(tmp_path: Path) -> None:
    kept = RowLosses(["a", "b", "c"], punctuation=[7, 9])
    kept.begin(tmp_path, 0)
    learnt = torch.tensor([[False, True, True, False], [True, False, True, True]])
    kept.add(torch.tensor([3, 1]), learnt, torch.tensor([7, 5, 9, 7, 5]), torch.tensor([1.0, 3.0, 0.5, 0.0, 4.0]))
    kept.add(torch.tensor([2]), torch.tensor([[False, True]]), torch.tensor([5]), torch.tensor([2.0]))
    kept.write(1)
    kept.write(2)
    assert (tmp_path / ROW_LOSSES).read_text().splitlines() == [
        ",".join(HEADER),
        "1,3,c,2,2,3,2,1,3",
        "1,1,a,3,1.5,4,0.25,0.5,4",
        "1,2,b,1,2,2,2,0,2",
    ]


def test_what_another_version_kept_goes_into_its_own_column(tmp_path: Path) -> None:
    (tmp_path / ROW_LOSSES).write_text("step,row,id,tokens,mean,max,first,last\n1,1,,2,3,4,5,6\n2,1,,2,3,4,5")
    RowLosses().begin(tmp_path, 2)
    assert (tmp_path / ROW_LOSSES).read_text() == ",".join(HEADER) + "\n1,1,,2,3,4,5,,\n"


def test_what_an_older_version_began_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / ROW_LOSSES).write_text("step,row,id,tokens,mean,max\n1,1,,2,3,4\n2,1,,2,3")
    kept = RowLosses()
    kept.begin(tmp_path, 2)
    kept.add(torch.tensor([1]), torch.tensor([[True]]), torch.tensor([5]), torch.tensor([1.0]))
    kept.write(3)
    found = read_rows(tmp_path / ROW_LOSSES)
    assert [(loss.step, loss.max, loss.first, loss.punctuation, loss.end) for loss in found] == [
        (1, 4.0, None, None, None),
        (3, 1.0, 1.0, 0.0, 1.0),
    ]


def test_an_earlier_session_is_kept_up_to_its_checkpoint(tmp_path: Path) -> None:
    written = "1,1,,2,3,4,4,4,4\n2,2,,2,3,4,4,4,4\n3,1,,2,3,4,4,4,4\n4,2,,2"
    (tmp_path / ROW_LOSSES).write_text(",".join(HEADER) + "\n" + written)
    kept = RowLosses()
    kept.begin(tmp_path, 2)
    kept.add(torch.tensor([1]), torch.tensor([[True]]), torch.tensor([5]), torch.tensor([1.0]))
    kept.write(3)
    assert [(line["step"], line["row"]) for line in read(tmp_path)] == [(1, 1), (2, 2), (3, 1)]
    kept.begin(tmp_path, 0)
    assert read(tmp_path) == []


@pytest.mark.usefixtures("full_precision")
def test_they_are_what_each_row_loses_alone(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    train(rows, str(tiny), settings(dropout=0), tmp_path, Silent(), ids=["a", "b", "c", "d"])
    lines = read(tmp_path)
    assert Counter((line["row"], line["id"]) for line in lines) == {(i, "abcd"[i - 1]): 2 for i in range(1, 5)}
    model, tokenizer = models.load(str(tiny))  # what is trained before step 1, as an adapter begins as nothing
    for line in lines[:4]:
        question, answer, _ = rows[line["row"] - 1]
        row = encode(tokenizer, question, answer, 512, 512)
        ids, mask = torch.tensor([row.ids]), torch.tensor(row.mask)
        with torch.no_grad():
            logits = model(ids).logits[0, :-1].float()
        losses = functional.cross_entropy(logits, ids[0, 1:], reduction="none")[mask[1:]]
        assert line["tokens"] == len(losses)
        form = torch.isin(ids[0, 1:][mask[1:]], torch.tensor(punctuation(tokenizer, [row])))
        expected = [losses.mean(), losses.max(), losses[:FIRST].mean(), losses[form].max(), losses[-1]]
        assert by_row([line]).popitem()[1][1:] == pytest.approx([loss.item() for loss in expected], rel=1e-3)


@pytest.mark.parametrize("changes", [{}, {"micro_batch_size": 1}, {"batch_size": 3}])
def test_they_add_up_to_the_loss_of_their_step(tiny: Path, tmp_path: Path, rows: Rows, changes: dict[str, int]) -> None:
    run = train(rows, str(tiny), settings(**changes), tmp_path, Silent())
    lines = read(tmp_path)
    assert len(lines) == 8
    for step, loss in enumerate(run.losses, 1):
        here = [line for line in lines if line["step"] == step]
        tokens = sum(line["tokens"] for line in here)
        assert sum(line["tokens"] * line["mean"] for line in here) / tokens == pytest.approx(loss, rel=1e-4)


def test_micro_batches_change_nothing(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    for name, size in (("whole", None), ("parts", 2)):
        train(rows, str(tiny), settings(dropout=0, micro_batch_size=size), tmp_path / name, Silent())
    whole, parts = (by_row(read(tmp_path / name)) for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    for key, values in whole.items():
        assert parts[key] == pytest.approx(values, rel=1e-3)


def test_after_an_interruption_no_line_is_doubled_or_lost(tiny: Path, tmp_path: Path, rows: Rows) -> None:
    chosen = settings(batch_size=2, epochs=3)
    train(rows, str(tiny), chosen, tmp_path / "whole", Silent())
    with pytest.raises(KeyboardInterrupt):
        train(rows, str(tiny), chosen, tmp_path / "cut", Stop(at=5))
    assert {line["step"] for line in read(tmp_path / "cut")} == {1, 2, 3, 4, 5}
    train(rows, str(tiny), chosen, tmp_path / "cut", Silent(), resume=True)
    whole, cut = read(tmp_path / "whole"), read(tmp_path / "cut")
    assert [(line["step"], line["row"]) for line in cut] == [(line["step"], line["row"]) for line in whole]
    assert [line["mean"] for line in cut] == pytest.approx([line["mean"] for line in whole], abs=1e-4)
