import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.passages import sentences

TEXTS = st.text(alphabet=st.sampled_from("ab A3。！？.!?“”\"'）)，；: \n\t\u3000甲乙…"), max_size=60) | st.text(
    max_size=40
)


def cut(text):
    return [text[start:end] for start, end in sentences.spans(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["山下出泉。", "君子以果行育德！", "真的吗？！", "是。"],
        ["他说：“走吧！”", "然后走了。"],
        ["「等一等。」", "『好。』", "（见上。）", "完"],
        ["圆周率是3.14，版本是2.0.1。", "网址是example.com。"],
        ["请联系Dr. Wang。", "见表No. 5的说明。"],
        ["什么?！", "不行。"],
        ["省略……还没完。", "完了。"],
    ],
)
def test_chinese(parts):
    assert cut("".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["Pi is 3.14.", "See example.com for more.", "Bye!"],
        ["Dr. Wang and Mr. Li met Prof. J. Smith.", "They talked."],
        ["Use a tool, e.g. a knife, i.e. something sharp.", "Or not?"],
        ['He said "Stop."', "Then he left."],
        ["“Stop!”", "(It was late.)", "He left."],
        ["Really?!", "Yes..."],
        ["No full stop at the end"],
        ["Cats vs. dogs, St. Paul, Fig. 3 and No. 7."],
    ],
)
def test_english(parts):
    assert cut(" ".join(parts)) == parts


def test_a_line_end_ends_a_sentence():
    assert cut("Meng hexagram\nA spring.\n  蒙卦\n- item\n") == ["Meng hexagram", "A spring.", "蒙卦", "- item"]


@given(TEXTS)
def test_spans_cover_every_character_but_white_space_exactly_once(text):
    seen = [at for start, end in sentences.spans(text) for at in range(start, end)]
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    assert set(range(len(text))) - set(seen) <= {at for at, char in enumerate(text) if char.isspace()}
    assert all(piece and piece == piece.strip() for piece in cut(text))


@given(TEXTS, st.data())
def test_trim_keeps_everything_but_outer_white_space(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    span = sentences.trim(text, start, end)
    assert (text[slice(*span)] if span else "") == text[start:end].strip()
