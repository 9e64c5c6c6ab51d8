import csv
import json

import pytest

from rawtune.dataset.layout import Turn
from rawtune.dataset.readers import open_rows
from rawtune.errors import RawTextError


def jsonl(folder, *rows):
    path = folder / "d.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def turns(rows):
    return [(turn.question, turn.answer, turn.question_column, turn.answer_column) for r in rows for turn in r.turns]


def after(folder, row, turn, question, answer):
    """The row as it is written after its texts were replaced, and the turns read back from it."""
    rows = open_rows(jsonl(folder, row))
    record = rows.replace_texts(next(iter(rows)), turn, question, answer)
    with rows.writer(folder / "out.jsonl") as writer:
        writer.write(record)
    assert next(iter(open_rows(folder / "out.jsonl"))).turns == record.turns
    assert (record.turns[turn].question, record.turns[turn].answer) == (question, answer)
    return json.loads((folder / "out.jsonl").read_text("utf-8"))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("content", "summary"),
        ("question", "answer"),
        ("Question", "Answer"),
        ("prompt", "response"),
        ("prompt", "completion"),
        ("query", "response"),
        ("input", "output"),
        ("问题", "答案"),
        ("问", "答"),
        ("提问", "回答"),
        ("q", "a"),
        ("USER", "ASSISTANT"),
        ("instruction", "answer"),
    ],
)
def test_pairs_of_columns_are_known_by_name(tmp_path, question, answer):
    rows = open_rows(jsonl(tmp_path, {"id": 1, answer: "山下出泉。", question: "蒙卦？", "topic": "易"}))
    assert (rows.shape, rows.columns, rows.note) == ("columns", (question, answer), "")
    assert turns(rows) == [("蒙卦？", "山下出泉。", question, answer)]


def test_columns_named_win_over_those_recognised(tmp_path):
    row = {"question": "旧问", "answer": "旧答", "改写": "新问", "定稿": "新答"}
    assert turns(open_rows(jsonl(tmp_path, row), ("改写", "定稿"))) == [("新问", "新答", "改写", "定稿")]
    assert turns(open_rows(jsonl(tmp_path, row), ("Question", "定稿"))) == [("旧问", "新答", "question", "定稿")]
    with pytest.raises(RawTextError, match="found: question, answer, 改写, 定稿"):
        open_rows(jsonl(tmp_path, row), ("没有", "定稿"))


def test_the_only_two_columns_of_text_are_taken_and_it_is_said(tmp_path):
    rows = open_rows(jsonl(tmp_path, {"编号": 1, "卦": "蒙", "辞": "山下出泉。", "concept": "蒙"}))
    assert turns(rows) == [("蒙", "山下出泉。", "卦", "辞")]
    assert "took '卦' for the question and '辞' for the answer" in rows.note
    assert "--columns" in rows.note


@pytest.mark.parametrize("given", ["input", "context"])
def test_alpaca_joins_instruction_and_input(tmp_path, given):
    row = {"instruction": "解释", given: "蒙卦", "output": "山下出泉。", "system": "你是老师"}
    rows = open_rows(jsonl(tmp_path, row, {**row, given: ""}, {**row, given: None}, {**row, given: 3}))
    assert (rows.shape, rows.columns) == ("alpaca", ("instruction", "output"))
    assert turns(rows) == [(q, "山下出泉。", "instruction", "output") for q in ("解释\n蒙卦", "解释", "解释")]
    assert list(rows)[3].fault == f"'{given}' is the number 3, not text"


@pytest.mark.parametrize(
    ("question", "written"),
    [
        ("解释一下\n蒙卦", {"instruction": "解释一下", "input": "蒙卦"}),
        ("解释\n需卦", {"instruction": "解释", "input": "需卦"}),
        ("请讲\n需卦", {"instruction": "请讲\n需卦", "input": ""}),
    ],
)
def test_an_alpaca_question_goes_back_into_its_two_keys(tmp_path, question, written):
    row = {"instruction": "解释", "input": "蒙卦", "output": "山下出泉。", "分": 1}
    assert after(tmp_path, row, 0, question, "新。") == {**row, **written, "output": "新。"}


def test_alpaca_history_is_turns_before(tmp_path):
    row = {"instruction": "再问", "output": "再答", "history": [["问", "答"]]}
    assert turns(open_rows(jsonl(tmp_path, row))) == [
        ("问", "答", "history[0][0]", "history[0][1]"),
        ("再问", "再答", "instruction", "output"),
    ]
    assert after(tmp_path, row, 0, "问！", "答") == {**row, "history": [["问！", "答"]]}
    broken = open_rows(jsonl(tmp_path, row, {**row, "history": [["问"]]}))
    assert list(broken)[1].fault == "'history[0]' is not a pair of texts"


SHARED = {
    "id": "甲",
    "conversations": [
        {"from": "system", "value": "你是老师"},
        {"from": "human", "value": "蒙卦？"},
        {"from": "gpt", "value": "山下出泉。"},
        {"from": "observation", "value": "{}"},
        {"from": "user", "value": "需卦？"},
        {"from": "assistant", "value": "云上于天。"},
    ],
}
MESSAGES = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "看图"}, {"type": "image_url"}, {"text": "蒙卦？"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "泉"},
        {"role": "assistant", "content": "山下出泉。"},
    ]
}


def test_sharegpt_has_a_turn_for_each_answer(tmp_path):
    rows = open_rows(jsonl(tmp_path, SHARED))
    assert rows.shape == "sharegpt"
    assert turns(rows) == [
        ("蒙卦？", "山下出泉。", "conversations[1].value", "conversations[2].value"),
        ("需卦？", "云上于天。", "conversations[4].value", "conversations[5].value"),
    ]
    new = after(tmp_path, SHARED, 1, "需卦？", "云上于天！")
    assert new["conversations"][5] == {"from": "assistant", "value": "云上于天！"}
    assert {**new, "conversations": new["conversations"][:5]} == {
        **SHARED,
        "conversations": SHARED["conversations"][:5],
    }


def test_messages_may_have_parts_and_calls_of_tools(tmp_path):
    rows = open_rows(jsonl(tmp_path, MESSAGES))
    assert rows.shape == "messages"
    assert turns(rows) == [("看图\n蒙卦？", "山下出泉。", "messages[1].content", "messages[4].content")]
    new = after(tmp_path, MESSAGES, 0, "看图\n需卦？", "山下出泉。")
    assert new["messages"][1]["content"] == [{"type": "text", "text": "看图\n需卦？"}, {"type": "image_url"}]
    assert new["messages"][2:] == MESSAGES["messages"][2:]


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([{"role": "user", "content": "问"}], "'messages' holds no answer to a question"),
        ([], "'messages' holds no answer to a question"),
        ([{"role": "user", "content": 3}], "'messages[0].content' is the number 3, not text"),
        ([{"role": "user"}], "'messages[0].content' is null, not text"),
        ([{"role": "某", "content": "问"}], "'messages[0]' has no role that is known: '某'"),
        ([{"content": "问"}], "'messages[0]' has no role that is known: None"),
        ([{"role": ["user"], "content": "问"}], "'messages[0]' has no role that is known: ['user']"),
        (["问"], "'messages[0]' is text, not an object with keys"),
        ("问", "'messages' is text, not a list"),
        (None, "'messages' is null, not a list"),
        ({"role": "user"}, "'messages' is an object, not a list"),
    ],
)
def test_faults_of_messages_name_their_place(tmp_path, messages, fault):
    records = list(open_rows(jsonl(tmp_path, MESSAGES, {"messages": messages})))
    assert (records[1].fault, records[1].turns) == (fault, ())


def test_cells_of_a_csv_may_hold_conversations(tmp_path):
    path = tmp_path / "d.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "conversations"])
        table.writerow(["甲", json.dumps(SHARED["conversations"], ensure_ascii=False)])
        table.writerow(["乙", "[不是 JSON"])
    rows = open_rows(path)
    first, second = rows
    assert (rows.shape, len(first.turns)) == ("sharegpt", 2)
    assert second.fault == "'conversations' is text, not a list"
    with rows.writer(tmp_path / "out.csv") as writer:
        writer.write(rows.replace_texts(first, 0, "蒙？", "泉。"))
    assert turns(open_rows(tmp_path / "out.csv"))[0][:2] == ("蒙？", "泉。")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "蒙卦？", "chosen": "山下出泉。", "rejected": "不知。"},
        {"question": "蒙卦？", "chosen": [{"role": "assistant", "content": "山下出泉。"}], "rejected": []},
        {
            "chosen": [{"role": "user", "content": "蒙卦？"}, {"role": "assistant", "content": "山下出泉。"}],
            "rejected": [],
        },
        {"conversations": [{"from": "human", "value": "蒙卦？"}], "chosen": {"from": "gpt", "value": "山下出泉。"}},
    ],
)
def test_preferences_are_asked_and_chosen(tmp_path, row):
    rows = open_rows(jsonl(tmp_path, row))
    assert [turn[:2] for turn in turns(rows)] == [("蒙卦？", "山下出泉。")]
    new = after(tmp_path, row, 0, "需卦？", "云上于天。")
    assert json.dumps(new, ensure_ascii=False) == json.dumps(row, ensure_ascii=False).replace("蒙卦", "需卦").replace(
        "山下出泉", "云上于天"
    )


def test_texts_that_are_the_same_change_nothing(tmp_path):
    rows = open_rows(jsonl(tmp_path, SHARED))
    record = next(iter(rows))
    assert rows.replace_texts(record, 0, "蒙卦？", "山下出泉。") is record
    assert record.turns[0] == Turn("蒙卦？", "山下出泉。", "conversations[1].value", "conversations[2].value")
