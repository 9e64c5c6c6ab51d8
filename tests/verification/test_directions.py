from hypothesis import given
from hypothesis import strategies as st

from rawtune.verification.directions import turned


def test_a_clause_with_its_direction_turned_is_found():
    passage = "压力不得高于0.8兆帕。The wind moves above the lake in Huan. Then it rests."
    assert list(turned("压力不得高于0.8兆帕。", passage)) == []
    ((start, end, *_),) = turned("注意：压力不得低于0.8兆帕。", passage)
    assert (start, end) == (3, 14)
    assert len(list(turned("The wind moves below the lake in Huan.", passage))) == 1
    assert list(turned("The wind moves below the lake in Huan.", passage, upright=False)) == []


@given(st.text(st.sampled_from("上下前后高低，。卦艮坎 above below before after the"), max_size=60))
def test_no_text_turns_itself(text):
    assert list(turned(text, text)) == []
