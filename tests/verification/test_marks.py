"""The side file of accepted findings."""

import pytest

from rawtune.errors import ConfigError
from rawtune.verification import marks


def test_a_mark_that_is_written_is_read_again(tmp_path):
    path = marks.beside(tmp_path / "行.csv")
    row = marks.row_id("蒙卦是什么？", "启蒙")
    path.write_text(marks.line(row, ["RT106", "RT402", "RT106"], "蒙卦\n是什么？"), encoding="utf-8")
    assert path.name == "行.csv.noqa"
    assert path.read_text(encoding="utf-8") == f"{row} RT106, RT402  # 蒙卦 是什么？\n"
    read = marks.read(path)
    assert read.accepted(row) == {"RT106", "RT402"}
    assert read.accepted(marks.row_id("别的", "启蒙")) == frozenset()


def test_a_changed_row_has_another_id_and_half_a_character_has_one_too():
    ids = {marks.row_id(*texts) for texts in [("a", "b"), ("ab", ""), ("a", "b."), ("a", "\udc80"), ("a", "�")]}
    assert len(ids) == 5


def test_marks_that_fit_nothing_are_counted():
    given = marks.Marks({"0" * 16: ["RT106"], "1" * 16: ["RT106"]})
    given.accepted("0" * 16)
    assert given.unused == 1


def test_every_line_that_is_no_mark_is_named(tmp_path):
    path = tmp_path / "a.noqa"
    path.write_text("# 说明\n\n0123456789abcdef RT106\nRT106\n0123456789abcdef all\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        marks.read(path)
    assert ":4:" in caught.value.message
    assert ":5:" in caught.value.message
    assert ":3:" not in caught.value.message
    assert marks.read(tmp_path / "none.noqa").unused == 0
