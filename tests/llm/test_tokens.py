import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.llm.tokens import estimate_tokens

CJK = [(0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF)]
EDGES = [chr(at + step) for block in CJK for at in block for step in (-1, 0, 1)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("four", 1), ("fives", 2), ("蒙", 1), ("蒙卦象征启蒙", 6), ("蒙卦 (Meng)", 2 + 2)],
)
def test_a_chinese_character_is_a_token_and_four_others_are_one(text, tokens):
    assert estimate_tokens(text) == tokens


@given(st.text() | st.text(st.sampled_from([*"蒙卦山下出泉，。、：“” \nabé1", "𠀀", *EDGES])))
def test_it_is_what_counting_one_by_one_gives(text):
    cjk = sum(any(first <= ord(character) <= last for first, last in CJK) for character in text)
    others = len(text) - cjk
    assert estimate_tokens(text) == cjk + others // 4 + (others % 4 > 0)
    assert estimate_tokens(text) <= len(text)
