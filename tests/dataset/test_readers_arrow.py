import builtins
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rawtune.dataset.readers import open_rows
from rawtune.errors import MissingDependency, RawTextError

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("question", pa.string()),
        ("answer", pa.large_string()),
        ("split", pa.dictionary(pa.int32(), pa.string())),
        ("when", pa.timestamp("ns")),
    ],
    metadata={"huggingface": '{"名": 1}'},
)


def table(count, first=0):
    numbers = range(first, first + count)
    columns = [list(numbers), [f"第{n}卦？" for n in numbers], [f"答案{n}。" for n in numbers]]
    return pa.table([*columns, ["train"] * count, [n * 1000 + 1 for n in numbers]], schema=SCHEMA)


def stream(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.ipc.new_stream(path, data.schema) as writer:
        writer.write_table(data, max_chunksize=700)


def arrow_file(path, data):
    with pa.ipc.new_file(path, data.schema) as writer:
        writer.write_table(data, max_chunksize=700)


def copy(path, target, change=lambda rows, record: record):
    rows = open_rows(path)
    with rows.writer(target) as writer:
        for record in rows:
            writer.write(change(rows, record))


def everything(path):
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.memory_map(str(path)) as source:
        opened = pa.ipc.open_file(source) if source.read(6) == b"ARROW1" else None
    if opened is None:
        return pa.ipc.open_stream(path.read_bytes()).read_all()
    return pa.ipc.open_file(path.read_bytes()).read_all()


FILES = pytest.mark.parametrize(
    ("name", "make"),
    [("d.parquet", lambda path, data: pq.write_table(data, path)), ("d.arrow", stream), ("f.arrow", arrow_file)],
)


@FILES
def test_rows_are_read_and_go_back_with_types_and_metadata(tmp_path, name, make):
    path = tmp_path / name
    make(path, table(2500))
    rows = open_rows(path)
    records = list(rows)
    assert [record.number for record in records] == list(range(1, 2501))
    assert records[2400].turns[0].question == "第2400卦？"
    assert (records[0].line, records[0].split, rows.shape) == (0, "train", "columns")
    assert rows.position == rows.size
    copy(path, tmp_path / ("copy_" + name))
    again = everything(tmp_path / ("copy_" + name))
    assert again.equals(table(2500))
    assert again.schema.equals(SCHEMA, check_metadata=True)


@FILES
def test_texts_replaced_and_rows_left_out(tmp_path, name, make):
    path = tmp_path / name
    make(path, table(1500))
    rows = open_rows(path)
    with rows.writer(tmp_path / ("out_" + name)) as writer:
        for record in rows:
            if record.number % 3 == 0:
                writer.write(rows.replace_texts(record, 0, record.turns[0].question, "新。"))
            elif record.number % 3 == 1:
                writer.write(record)
    out = everything(tmp_path / ("out_" + name)).drop_columns("when").to_pylist()
    source = [row for row in table(1500).drop_columns("when").to_pylist() if row["id"] % 3 != 1]
    expected = [{**row, "answer": "新。"} if row["id"] % 3 == 2 else row for row in source]
    assert out == expected


def test_conversations_are_nested_values(tmp_path):
    chats = [[{"role": "user", "content": "蒙卦？"}, {"role": "assistant", "content": "泉。"}], None, []]
    pq.write_table(pa.table({"messages": chats, "n": [1, 2, 3]}), tmp_path / "d.parquet")
    rows = open_rows(tmp_path / "d.parquet")
    first, second, third = rows
    assert (rows.shape, first.turns[0].answer) == ("messages", "泉。")
    assert second.fault == "'messages' is null, not a list"
    assert third.fault == "'messages' holds no answer to a question"
    copy(
        tmp_path / "d.parquet",
        tmp_path / "o.parquet",
        lambda rows, r: r if r.fault else rows.replace_texts(r, 0, "需卦？", "云。"),
    )
    chats[0] = [{"role": "user", "content": "需卦？"}, {"role": "assistant", "content": "云。"}]
    assert pq.read_table(tmp_path / "o.parquet").to_pydict() == {"messages": chats, "n": [1, 2, 3]}


def test_a_value_of_bad_bytes_is_one_faulty_row(tmp_path):
    bad = pa.array([b"\xe8\x92\x99", b"\xff\xfe", b"ok"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"question": bad, "answer": ["泉", "雷", "云"]}), tmp_path / "d.parquet")
    records = list(open_rows(tmp_path / "d.parquet"))
    assert [bool(record.fault) for record in records] == [False, True, False]
    assert records[1].fault.startswith("'question' cannot be read: 'utf-8' codec can't decode byte 0xff")


def test_a_table_without_rows_is_read_by_its_columns(tmp_path):
    pq.write_table(table(0), tmp_path / "d.parquet")
    assert list(open_rows(tmp_path / "d.parquet")) == []
    copy(tmp_path / "d.parquet", tmp_path / "o.parquet")
    assert pq.read_table(tmp_path / "o.parquet").equals(table(0))


def test_columns_of_numbers_are_named(tmp_path):
    pq.write_table(pa.table({"甲": [1], "乙": [2]}), tmp_path / "d.parquet")
    with pytest.raises(RawTextError, match="found: 甲, 乙"):
        open_rows(tmp_path / "d.parquet")


def test_without_pyarrow_it_says_what_to_install(tmp_path, monkeypatch):
    pq.write_table(table(1), tmp_path / "d.parquet")
    load = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependency) as caught:
        open_rows(tmp_path / "d.parquet")
    assert "pip install" in caught.value.hint


# ---- folders


def saved(folder):
    """As save_to_disk of the datasets library lays out a DatasetDict."""
    stream(folder / "test" / "data-00000-of-00001.arrow", table(3, 900))
    stream(folder / "train" / "data-00000-of-00002.arrow", table(800))
    stream(folder / "train" / "data-00001-of-00002.arrow", table(5, 800))
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    for split in ("train", "test"):
        (folder / split / "state.json").write_text("{}")
        (folder / split / "dataset_info.json").write_text('{"features": {}}')
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.arrow").write_text("")
    return folder


def test_a_saved_dataset_is_read_split_by_split(tmp_path):
    rows = open_rows(saved(tmp_path / "d"))
    records = list(rows)
    assert (rows.format, rows.shape, rows.columns) == ("hf", "columns", ("question", "answer"))
    assert [record.number for record in records] == list(range(1, 809))
    assert records[804].turns[0].question == "第804卦？"
    assert records[804].file == "train/data-00001-of-00002.arrow"
    assert records[805].turns[0].question == "第900卦？"
    assert rows.position == rows.size


def test_a_saved_dataset_goes_back_with_all_its_files(tmp_path):
    source, target = saved(tmp_path / "d"), tmp_path / "new" / "d"
    for _ in range(2):  # the second time over the first
        copy(source, target, lambda rows, r: rows.replace_texts(r, 0, r.turns[0].question, "新。"))
    names = sorted(file.relative_to(target).as_posix() for file in target.rglob("*") if file.is_file())
    assert [name for name in names if name.endswith(".json")] == [
        "dataset_dict.json",
        *(f"{split}/{name}.json" for split in ("test", "train") for name in ("dataset_info", "state")),
    ]
    assert {turn.answer for record in open_rows(target) for turn in record.turns} == {"新。"}
    assert len(list(open_rows(target))) == 808
    assert [path.name for path in target.parent.iterdir()] == ["d"]


def test_a_folder_as_on_the_hub_has_splits_in_its_files_names(tmp_path):
    (tmp_path / "data").mkdir()
    for split in ("validation", "train"):
        row = {"question": f"{split} 问？", "answer": "答。"}
        (tmp_path / "data" / f"{split}-00000-of-00001.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    (tmp_path / "data" / "test.jsonl").write_text("")
    (tmp_path / "README.md").write_text("---\n---\n说明", "utf-8")
    (tmp_path / "dataset_infos.json").write_text("{}")
    records = list(open_rows(tmp_path))
    assert [(r.number, r.line, r.split, r.file) for r in records] == [
        (1, 1, "train", "data/train-00000-of-00001.jsonl"),
        (2, 1, "validation", "data/validation-00000-of-00001.jsonl"),
    ]


def test_a_folder_that_is_no_dataset_says_what_was_looked_for(tmp_path):
    (tmp_path / "笔记.docx").write_text("x")
    with pytest.raises(RawTextError, match=r"without rows; looked for \*\.arrow, \*\.parquet, \*\.jsonl"):
        open_rows(tmp_path)
    (tmp_path / "a.csv").write_text("q,a\nb,c\n")
    (tmp_path / "b.jsonl").write_text("{}")
    with pytest.raises(RawTextError, match=r"several kinds: \*\.jsonl, \*\.csv"):
        open_rows(tmp_path)
