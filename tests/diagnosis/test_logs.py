import json
from pathlib import Path

import pytest

from rawtune.diagnosis.logs import read, read_rows
from rawtune.errors import UsageError

STATE = {
    "log_history": [
        {"step": 10, "loss": 2.5, "epoch": 0.5},
        {"step": 10, "eval_loss": 2.4},
        {"step": 20, "loss": 1.5},
        {"step": 20, "train_loss": 2.0, "train_runtime": 60.0},
    ],
    "global_step": 20,
}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**STATE, "log_history": STATE["log_history"][:3]}, indent=1),  # type: ignore[index]
        json.dumps(STATE),
        '[{"step": 10, "loss": 2.5}, {"step": 20, "loss": 1.5}]',
        '{"step": 20, "loss": 1.5}\n\n{"step": 10, "loss": "2.5"}\n',
        "step,loss\n10,2.5\n15,\n20,1.5\n",
        "\ufeffStep, Loss\r\n10, 2.5\r\n20, 1.5\r\n",
        "Step;Training Loss\n10;2,5\n20;1,5\n",
        "Step,Training Loss,Validation Loss\n5,No log,2.6\n10,2.5,2.4\n20,1.5,1.6\n",
        "步数\t损失\n10\t2.5\n20\t1.5\n",
        "10,2.5\n20,1.5\n",
        "10 2.5\n20 1.5\n",
        "Wall time,Step,Value\n1698314503.5,10,2.5\n1698314510.9,20.0,1.5\n",
        "[[1698314503.5, 10, 2.5], [1698314510.9, 20, 1.5]]",
        '{"step": [10, 20], "loss": [2.5, 1.5]}',
        '"Step","run-1 - train/loss","run-1 - train/loss__MIN"\n"10","2.5","2"\n"20","1.5","1"\n',
        '{"current_steps": 10, "total_steps": 20, "loss": 2.5, "lr": 0.1, "percentage": 50.0}\n'
        '{"current_steps": 20, "loss": 1.5}\n{"current_steps": 20, "eval_loss": 1.6}\n{"current_steps": 20}\n',
        '{"loss": 2.5, "global_step/max_steps": "10/20"}\n{"loss": 1.5, "global_step/max_steps": "20/20"}\n',
        "Iter 10: Val loss 2.6, Val took 3s\nIter 10: Train loss 2.5, It/sec 0.5\nIter 20: Train loss 1.5\n",
        "Step 10 | loss:2.5 lr:1e-4\nStep 20 | loss:1.5 lr:1e-4\n",
        '{"step": 10, "loss": 2.5}\n{"step": 20, "loss": 1.5}\n{"step": 30, "lo',
        '{"step": 10, "loss": 9}\n{"step": 20, "loss": 9}\n{"step": 10, "loss": 2.5}\n{"step": 20, "loss": 1.5}',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_losses_of_any_trainer(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "log").write_text(text, encoding=encoding)
    assert read(tmp_path / "log") == ([10, 20], [2.5, 1.5])


@pytest.mark.parametrize(
    "text",
    [
        "Loading checkpoint shards: 100%|##| 7/7\n"
        " 50%|#  | 1/2 [00:30<00:30, 1.2it/s] {'loss': 2.5, 'grad_norm': 1.2, 'epoch': 0.5}\n"
        "{'eval_loss': 2.6}\n{'loss': '1.5', 'learning_rate': '1e-3'}\n{'train_runtime': 59.0, 'train_loss': 2.0}\n",
        "{'loss': 2.5, 'epoch': 0.5}\n{'loss': 1.5, 'epoch': 1.0}\n",
        "epoch,step,loss\n1,7,2.5\n2,1,1.5\n",
        "2.5\n1.5\n",
        "[2.5, 1.5]",
    ],
)
def test_where_steps_are_not_told_or_begin_anew_losses_are_counted(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text)
    assert read(tmp_path / "log") == ([1, 2], [2.5, 1.5])


def test_a_step_0_is_a_step(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("step,loss\n0,3\n1,2\n")
    assert read(tmp_path / "log").steps == [0, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"log_history": [{"step": 768, "train_loss": 0.97, "train_runtime": 5980.7}]}',
            "only the mean of a whole run",
        ),
        ("time,reward\n1,2\n", "holds no losses$"),
        ('{"time": 1, "reward": 2}', "holds no losses, only time, reward"),
        ("1,2,3\n4,5,6\n", "no header"),
    ],
)
def test_what_a_file_holds_instead_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "log").write_text(text)
    with pytest.raises(UsageError, match=said):
        read(tmp_path / "log")


def test_without_steps_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("train_loss\n3\n2\nnan\n")
    log = read(tmp_path / "log")
    assert log.steps == [1, 2, 3]
    assert log.losses[2] != log.losses[2]


@pytest.mark.parametrize("text", ["", "step,loss\n", "some,other\n1,2\n", "step,loss\n1,much\n", '["a"]', '{"a"'])
def test_what_holds_no_losses_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text)
    with pytest.raises(UsageError, match="losses") as caught:
        read(tmp_path / "log")
    assert "trainer_state.json" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "binary")


@pytest.mark.parametrize(
    ("data", "byte"), [("step,loss,备注\n1,2.0,好\n".encode("gbk"), 10), (b"step,caf\xe9\n1,2\n", 8)]
)
def test_a_log_that_is_not_utf8_is_told_so_with_the_remedy(tmp_path: Path, data: bytes, byte: int) -> None:
    (tmp_path / "l 3.csv").write_bytes(data)
    with pytest.raises(UsageError, match=rf"l 3\.csv: cannot be read as losses: not UTF-8 \(byte {byte}\)$") as caught:
        read(tmp_path / "l 3.csv")
    assert f"iconv -f GB18030 -t UTF-8 '{tmp_path / 'l 3.csv'}' > new.csv" in caught.value.hint


def test_a_torn_line_of_row_losses_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("step,row,id,tokens,mean,max\n1,3,ab,7,2.5,4\n1,4,cd")
    with pytest.raises(UsageError, match=r"rows\.csv:3"):
        read_rows(tmp_path / "rows.csv")
