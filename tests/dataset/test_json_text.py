"""JSON text whose values are replaced one by one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.dataset.json_text import DECODER, doubled, rewritten
from rawtune.dataset.readers import open_rows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ('{"id":1.50,"answer":"旧","x":0.1234567890123456789}', '{"id":1.50,"answer":"新","x":0.1234567890123456789}'),
        ('\n {"m": 1, "m": 2, "answer" : "旧"}\n', '\n {"m": 1, "m": 2, "answer" : "新"}\n'),
        ('{\n\t"answer": "旧",\n\t"n": [1e3,\t{}]\n}', '{\n\t"answer": "新",\n\t"n": [1e3,\t{}]\n}'),
        ('{"a": "\\/\\u65e7", "answer": "old"}', '{"a": "\\/\\u65e7", "answer": "\\u65b0"}'),
        ('{"x": NaN, "y": {"z": 1.0}, "answer": "旧"}', '{"x": NaN, "y": {"z": 1.0}, "answer": "新"}'),
    ],
)
def test_only_the_text_that_changed_is_replaced(raw, expected):
    assert rewritten(raw, {**json.loads(raw), "answer": "新"}) == expected


def test_of_a_list_of_messages_one_text_is_replaced():
    raw = '{"messages": [{"role": "user",  "content": "问"}, {"content": "旧", "weight": 1.00}]}'
    row = json.loads(raw)
    row["messages"][1]["content"] = '新"'
    assert rewritten(raw, row) == raw.replace("旧", '新\\"')


@given(VALUES, VALUES, st.sampled_from([None, 2, "\t"]))
def test_what_is_rewritten_is_read_as_the_new_value(old, new, indent):
    assert json.loads(rewritten(json.dumps(old, indent=indent), new)) == new


@pytest.mark.parametrize(
    ("raw", "twice"),
    [
        ('{"answer": "甲", "question": "问", "answer": "乙"}', "answer"),
        ('{"answer": "甲", "question": "问", "more": {"answer": "乙"}}', ""),
        ('{"answer": "question", "question": "问"}', ""),
        ('{"question": "问", "answer": "他写 {\\"answer\\": 1, \\"answer\\": 2}"}', ""),
        ('{"note": 1, "question": "问", "note": 2, "answer": "甲"}', ""),
    ],
)
def test_a_key_is_doubled_only_in_the_row_itself(raw, twice):
    row = DECODER.decode(raw)
    assert doubled(row, ("question", "answer")) == (f"the key '{twice}' stands there twice" if twice else "")


@pytest.mark.parametrize("form", ["{}\n{}\n", "[{}, {}]"])
def test_a_row_with_a_doubled_answer_is_faulty_and_copied_as_it_is(tmp_path, form):
    path, copy = tmp_path / "数据.json", tmp_path / "copy.json"
    rows = '{"question": "问", "answer": "答"}', '{"question": "What?", "answer": "a", "answer": "b"}'
    path.write_text(form.format(*rows), encoding="utf-8")
    opened = open_rows(path)
    with opened.writer(copy) as writer:
        records = list(opened)
        for record in records:
            writer.write(record)
    assert [record.fault for record in records] == ["", "the key 'answer' stands there twice"]
    assert copy.read_bytes() == path.read_bytes()
