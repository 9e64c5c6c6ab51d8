import pytest

from rawtune.llm.tokens import estimate_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("蒙", 1), ("蒙卦象征启蒙", 6), ("蒙卦 (Meng)", 2 + 2)],
)
def test_a_chinese_character_is_a_token_and_four_others_are_one(text, tokens):
    assert estimate_tokens(text) == tokens
