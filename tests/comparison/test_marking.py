import pytest

from rawtune.comparison.marking import Piece, differences


def test_words_that_are_more_and_less_are_parted():
    assert differences("It is the fifth hexagram of sixty-four.", "It is the fourth hexagram of sixty-four.") == [
        Piece("same", "It is the "),
        Piece("less", "fourth "),
        Piece("more", "fifth "),
        Piece("same", "hexagram of sixty-four."),
    ]


def test_chinese_is_marked_by_character():
    assert differences("蒙卦是第五卦。", "蒙卦是第四卦。") == [
        Piece("same", "蒙卦是第"),
        Piece("less", "四"),
        Piece("more", "五"),
        Piece("same", "卦。"),
    ]


@pytest.mark.parametrize("text", ["", "Nothing of the kind was ever said here.", "毫不相干的一段话"])
def test_texts_with_little_in_common_are_left_unmarked(text):
    assert differences(text, "Meng is a spring at the foot of a mountain.") == [Piece("same", text)]


def test_the_answer_is_whole_again_without_what_is_less():
    text, reference = "Meng is a cold spring at a mountain.", "Meng is a spring at the foot of a mountain."
    assert "".join(piece.text for piece in differences(text, reference) if piece.kind != "less") == text
