from pathlib import Path

import pytest
from tests.training.test_pace import Lines

from rawtune.config import Training
from rawtune.errors import UsageError
from rawtune.records import Row
from rawtune.training.show import decoded, show
from rawtune.training.tokens import Encoded

Rows = tuple[Row, ...]


def test_rows_are_shown_as_the_model_reads_them(tiny: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", refuse)
    shown = list(show(rows, str(tiny), Training(), 2, Lines()))
    assert [row.number for row in shown] == [1, 3]
    assert shown[1].runs == (
        ("<|im_start|>user↵\n蒙卦代表什么？<|im_end|>↵\n<|im_start|>assistant↵\n", False),
        ("蒙卦象征启蒙与教育。<|im_end|>", True),
    )
    assert shown[0].prompt > 4
    assert shown[0].learnt > 4
    assert shown[0].cut == 0
    assert len(list(show(rows, str(tiny), Training(), 9, Lines()))) == 4


def test_earlier_turns_are_shown_as_read_and_not_learnt(tiny: Path) -> None:
    follow_up = Row("And below?", "Earth.", (("坤卦代表什么？", "坤卦象征大地。"),))
    (row,) = show([follow_up], str(tiny), Training(), 1, Lines())
    (read, _), (said, learnt) = row.runs
    assert "坤卦象征大地。<|im_end|>" in read
    assert (said, learnt) == ("Earth.<|im_end|>", True)


def test_cut_rows_are_shown_before_they_are_refused(tiny: Path, rows: Rows) -> None:
    lines = Lines()
    shown = show(rows, str(tiny), Training(max_output_tokens=8), 1, lines)
    row = next(shown)
    assert (row.learnt, row.runs[-1][0].endswith("<|im_end|>")) == (8, False)
    assert row.cut > 0
    with pytest.raises(UsageError, match="max_cut"):
        next(shown)
    assert lines.lines == ["4 of 4 answers are cut at 8 tokens"]


def test_text_cannot_drive_the_terminal() -> None:
    class Reads:
        def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
            return {1: "a\tb\x1b[2J\r\u202e", 2: "一\u3000二\n"}[ids[0]]

    row = decoded(Encoded(ids=[1, 2], mask=[False, True], cut=0), Reads(), 1)
    assert row.runs == (("a\\tb\\x1b[2J\\r\\u202e", False), ("一\u3000二↵\n", True))
