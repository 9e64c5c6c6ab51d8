"""Argilla's records: which text counts, and where it is written back."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rawtune.dataset.readers import open_rows
from rawtune.errors import RawTextError


def record(**parts):
    """As ``Record.to_dict`` gives it."""
    base = {
        "id": "1",
        "fields": {},
        "metadata": {},
        "suggestions": {},
        "responses": {},
        "vectors": {},
        "_server_id": "s",
    }
    return {**base, **parts}


def responses(*values):
    return [{"value": value, "user_id": "u"} for value in values]


def suggestion(value):
    return {"value": value, "score": None, "agent": "teacher"}


FIELDS = {"instruction": "蒙卦？", "response": "旧。"}
FLAT = {"id": "1", "status": "completed", "_server_id": "s", "instruction": "蒙卦？", "response": "旧。"}


def opened(folder, *rows, columns=None):
    path = folder / "records.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return open_rows(path, columns)


def only(rows):
    (found,) = rows
    return (
        (found.turns[0].question, found.turns[0].answer, found.turns[0].answer_column) if found.turns else found.fault
    )


NESTED = "responses.response[0].value"


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (record(fields=FIELDS, responses={"response": responses("新。")}), ("蒙卦？", "新。", NESTED)),
        (record(fields=FIELDS, responses={"response": responses("新。", "新。")}), ("蒙卦？", "新。", NESTED)),
        (
            record(fields=FIELDS, responses={"response": responses("新。", "别。")}),
            "'response' has 2 responses that differ",
        ),
        (
            record(fields=FIELDS, suggestions={"response": suggestion("建。")}),
            ("蒙卦？", "建。", "suggestions.response.value"),
        ),
        (record(fields=FIELDS, responses={"quality": responses(3)}), ("蒙卦？", "旧。", "fields.response")),
        (
            record(fields=FIELDS, responses={"corrected_response": responses("新。"), "tone": responses("good")}),
            ("蒙卦？", "新。", "responses.corrected_response[0].value"),
        ),
        (FLAT | {"response.responses": ["新。"]}, ("蒙卦？", "新。", "response.responses[0]")),
        (
            FLAT | {"response.responses": ["别。", "新。"], "response.responses.status": ["discarded", "submitted"]},
            ("蒙卦？", "新。", "response.responses[1]"),
        ),
        (
            FLAT | {"response.responses": ["新。"], "response.responses.status": ["draft"]},
            "'response' was discarded, or is a draft",
        ),
        (
            FLAT | {"response.responses": None, "response.suggestion": "建。"},
            ("蒙卦？", "建。", "response.suggestion"),
        ),
    ],
)
def test_what_people_said_counts_before_suggestions_and_fields(tmp_path, row, wanted):
    rows = opened(tmp_path, row)
    assert rows.shape == "argilla"
    assert only(rows) == wanted


def test_a_question_may_be_corrected_too(tmp_path):
    said = {"question": responses("什么是蒙卦？"), "answer": responses("新。")}
    rows = opened(tmp_path, record(fields={"text": "蒙：山水蒙。"}, responses=said))
    assert only(rows)[:2] == ("什么是蒙卦？", "新。")


def test_columns_say_what_is_meant(tmp_path):
    row = record(fields={"a": "蒙卦？", "b": "旧。"}, responses={"c": responses("新。")})
    assert only(opened(tmp_path, row, columns=("a", "c")))[:2] == ("蒙卦？", "新。")
    with pytest.raises(RawTextError, match="no keys with a question"):
        opened(tmp_path, row, columns=("a", "z"))


def test_a_guess_is_told(tmp_path):
    row = record(fields=FIELDS, responses={"corrected_response": responses("新。")})
    assert "took 'instruction' for the question and 'corrected_response'" in opened(tmp_path, row).note
    assert opened(tmp_path, record(fields=FIELDS, responses={"response": responses("新。")})).note == ""


def test_other_files_are_not_taken_for_records(tmp_path):
    assert opened(tmp_path, {"question": "问？", "answer": "答。", "fields": "x", "responses": 3}).shape == "columns"


@pytest.mark.parametrize(
    "row",
    [
        record(fields=FIELDS, responses={"response": responses("新。", "新。")}),
        record(fields=FIELDS, suggestions={"response": suggestion("新。")}),
        record(fields={**FIELDS, "response": "新。"}),
        FLAT | {"response.responses": ["别。", "新。"], "response.responses.status": ["discarded", "submitted"]},
    ],
)
def test_new_texts_go_where_the_old_ones_stood(tmp_path, row):
    rows = opened(tmp_path, row)
    (found,) = rows
    assert found.turns[0].answer == "新。"
    with rows.writer(tmp_path / "out.json") as writer:
        writer.write(rows.replace_texts(found, 0, "什么是蒙卦？", "订正。"))
    (again,) = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    text = json.dumps(row, ensure_ascii=False).replace("新。", "订正。").replace("蒙卦？", "什么是蒙卦？")
    assert again == json.loads(text)


def test_flat_records_in_parquet(tmp_path):
    rows = [FLAT | {"response.responses": ["新。"], "response.responses.status": ["submitted"]}, FLAT]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "r.parquet")
    assert [found.turns[0].answer for found in open_rows(tmp_path / "r.parquet")] == ["新。", "旧。"]
