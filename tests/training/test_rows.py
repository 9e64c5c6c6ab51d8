from typing import Any

import pytest

from rawtune.config import Training
from rawtune.errors import UsageError
from rawtune.records import Row
from rawtune.training.rows import encode_rows, refuse_cut, remarks
from rawtune.training.tokens import Encoded

Rows = tuple[Row, ...]


class Masking:
    """A tokenizer that puts its conversations together itself, and learns nothing of the answers that it is given."""

    def conversation(self, turns: Any, answering: bool = False) -> Encoded:
        row = Encoded()
        row.grow([1, 2, 3], learn=False)
        return row


def test_rows_of_which_every_label_is_masked_are_refused(rows: Rows) -> None:
    with pytest.raises(UsageError) as caught:
        encode_rows(rows[:2], Masking(), Training())
    assert caught.value.message.splitlines() == [
        f"row {number}: every token of the answer is masked, so there is nothing to learn" for number in (1, 2)
    ]
    assert "remove the row" in caught.value.hint


@pytest.mark.parametrize(("cut", "refused"), [(0, False), (5, False), (6, True), (100, True)])
def test_too_many_cut_answers_are_refused(cut: int, refused: bool) -> None:
    encoded = [Encoded([1] * 10, [False] * 4 + [True] * 6, cut=7 if at < cut else 0) for at in range(100)]
    settings = Training(max_output_tokens=8)
    if not refused:
        refuse_cut(encoded, settings)
        return
    with pytest.raises(UsageError) as caught:
        refuse_cut(encoded, settings)
    assert f"{cut} of 100 answers are cut at 8 tokens" in caught.value.message
    assert caught.value.message.endswith("rows 1, 2, 3, 4, 5, 6" if cut == 6 else "8, 9, 10, ...")
    assert "training.max_output_tokens to 13" in caught.value.hint
    refuse_cut(encoded, Training(max_output_tokens=8, max_cut=1))


def test_what_is_remarked(tokenizer: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Training(max_output_tokens=8)
    assert remarks(encode_rows(rows, tokenizer, Training()), tokenizer, Training()) == []
    assert remarks(encode_rows(rows, tokenizer, settings), tokenizer, settings) == [
        "4 of 4 answers are cut at 8 tokens"
    ]
    deaf = tokenizer.chat_template.replace("in messages", "in messages if message['role'] != 'system'")
    monkeypatch.setattr(tokenizer, "chat_template", deaf)
    assert "drops system messages" in remarks([], tokenizer, settings)[0]
