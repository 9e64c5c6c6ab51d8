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
    ],
)
def test_losses_of_any_trainer(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text, encoding="utf-8")
    assert read(tmp_path / "log") == ([10, 20], [2.5, 1.5])


def test_without_steps_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("train_loss\n3\n2\nnan\n")
    log = read(tmp_path / "log")
    assert log.steps == [1, 2, 3]
    assert log.losses[2] != log.losses[2]


@pytest.mark.parametrize("text", ["", "step,loss\n", "some,other\n1,2\n", "step,loss\n1,much\n", "[1, 2]", '{"a"'])
def test_what_holds_no_losses_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "log").write_text(text)
    with pytest.raises(UsageError, match="losses") as caught:
        read(tmp_path / "log")
    assert "trainer_state.json" in caught.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x01")
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
