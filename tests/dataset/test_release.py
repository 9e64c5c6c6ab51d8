import codecs
import csv
import errno
import hashlib
import io
import json
import os
from itertools import groupby
from operator import attrgetter
from typing import get_args

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from rawtune.config import DatasetFormat
from rawtune.dataset import files
from rawtune.dataset.entry import Entry, Group, Source
from rawtune.dataset.formats import FORMATS, wanted
from rawtune.dataset.readers import open_rows
from rawtune.dataset.release import Release
from rawtune.errors import RawTextError, StorageFull, UsageError

COLUMNS = ("content", "summary")
FACTS = {
    "language": "zh",
    "teacher": "openai:模型",
    "teacher_address": None,
    "repaired_rows": 1,
    "warnings": {"en": {"few_answers": "3 rows, 2 answers: few"}, "zh": {"few_answers": "3 行，2 个答案：太少"}},
    "raw": [("raw/易经.txt", "ab" * 32)],
}
STEM = "d_dataset_20261122_120000"


def entry(number, question, answer, suite=None, template="{concept}是什么？", **more):
    source = Source("蒙卦", "train", suite, "written", "openai:模型", "0f" * 8, "r1", "raw/易经.txt", "ab" * 32, 10, 20)
    return Entry(f"{number:016x}", question, answer, template, source._replace(**more))


TRAIN = [
    entry(1, "蒙卦是什么？", "山下出泉。"),
    entry(2, "What is Meng?", "山下出泉。"),
    entry(3, "Xu?", 'He said "wait",\tand\nwaited; {"a": [1]}'),
]
HELD_OUT = [entry(4, "讲讲蒙卦。", "山下出泉。", "phrasing"), entry(5, "讲讲需卦。", "云上于天。", "concept")]
PAIRS = [(row.question, row.answer) for row in TRAIN]


def groups(rows):
    for shared, run in groupby(rows, attrgetter("source", "history")):
        yield Group(*zip(*(row[:4] for row in run), strict=True), *shared)


def write(folder, *formats, columns=COLUMNS, train=TRAIN, held_out=HELD_OUT):
    return Release(folder, STEM, columns, wanted(*formats)).write(groups(train), groups(held_out), FACTS)


def pairs(rows, split=None):
    records = [record for record in rows if split in (None, record.split)]
    assert not [record.fault for record in records if record.fault]
    return [(turn.question, turn.answer) for record in records for turn in record.turns]


def test_the_formats_are_those_that_the_settings_may_name():
    assert tuple(FORMATS) == get_args(DatasetFormat)
    assert wanted("messages", "alpaca", "messages") == ("csv", "alpaca", "messages")
    with pytest.raises(UsageError, match="'chatml'") as caught:
        wanted("chatml")
    assert "messages" in caught.value.hint


@pytest.mark.parametrize("columns", [COLUMNS, ("问题", "回答")])
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read_again(tmp_path, name, columns):
    write(tmp_path, name, columns=columns)
    path = tmp_path / FORMATS[name].file.format(stem=STEM)
    assert pairs(open_rows(path)) == PAIRS
    if name == "hf":
        folder = open_rows(tmp_path / f"{STEM}.hf")
        assert pairs(folder, "train") == PAIRS
        assert pairs(folder, "test") == [(row.question, row.answer) for row in HELD_OUT]


def test_files_hold_what_their_formats_say(tmp_path):
    write(tmp_path, *FORMATS)

    def load(ending):
        return json.loads((tmp_path / f"{STEM}{ending}").read_text(encoding="utf-8"))

    def lines(ending):
        text = (tmp_path / f"{STEM}{ending}").read_text(encoding="utf-8")
        assert text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]

    question, answer = PAIRS[0]
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    assert (tmp_path / f"{STEM}.csv").read_bytes().startswith(codecs.BOM_UTF8 + b"content,summary\r\n")
    assert (tmp_path / f"{STEM}.tsv").read_bytes().startswith(b"content\tsummary\r\n")
    assert lines(".jsonl")[0] == {"id": TRAIN[0].id, "content": question, "summary": answer}
    assert load(".alpaca.json")[0] == {"id": TRAIN[0].id, "instruction": question, "input": "", "output": answer}
    assert load(".sharegpt.json")[0] == {
        "id": TRAIN[0].id,
        "conversations": [{"from": "human", "value": question}, {"from": "gpt", "value": answer}],
    }
    assert lines(".messages.jsonl")[0] == {"messages": turns}
    assert lines(".chatglm3.jsonl")[0] == {"content": question, "summary": answer}
    assert lines(".chatglm3-chat.jsonl")[0] == {"conversations": turns}
    table = pq.read_table(tmp_path / f"{STEM}.parquet")
    assert table.to_pylist()[2] == {"id": TRAIN[2].id, "content": TRAIN[2].question, "summary": TRAIN[2].answer}
    assert question in (tmp_path / f"{STEM}.messages.jsonl").read_text(encoding="utf-8")  # for a reader, not escaped


plain = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1)


@settings(max_examples=40)
@given(st.lists(st.tuples(plain, plain), max_size=8))
def test_any_text_survives_and_tables_are_byte_for_byte_those_of_the_csv_module(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("datasets")
    write(folder, "tsv", "jsonl", "alpaca", "parquet", train=[entry(n, *row) for n, row in enumerate(rows)])
    assert [row[:2] for row in files.read(folder / f"{STEM}.csv", COLUMNS)] == rows
    for ending, encoding, delimiter in (("csv", "utf-8-sig", ","), ("tsv", "utf-8", "\t")):
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter).writerows([COLUMNS, *rows])
        assert (folder / f"{STEM}.{ending}").read_bytes() == text.getvalue().encode(encoding)
    assert pq.read_table(folder / f"{STEM}.parquet", columns=[*COLUMNS]).to_pylist() == [
        dict(zip(COLUMNS, row, strict=True)) for row in rows
    ]
    array = json.loads((folder / f"{STEM}.alpaca.json").read_bytes())
    assert [(row["instruction"], row["output"]) for row in array] == rows
    with (folder / f"{STEM}.jsonl").open("rb") as file:
        assert [tuple(json.loads(line)[name] for name in COLUMNS) for line in file] == rows


def test_held_out_questions_are_a_file_of_their_own_with_their_suites(tmp_path):
    write(tmp_path, columns=("问题", "回答"))
    with (tmp_path / f"{STEM}.held_out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"问题": "讲讲蒙卦。", "回答": "山下出泉。", "suite": "phrasing"},
            {"问题": "讲讲需卦。", "回答": "云上于天。", "suite": "concept"},
        ]


def test_many_rows_are_all_written_once_and_numbered(tmp_path):
    train = (entry(n, f"{n}?", f"{n}。", None) for n in range(10_000))
    held_out = (entry(n, f"{n}?", f"{n}。", "phrasing") for n in range(10_000, 15_000))
    manifest = write(tmp_path, "alpaca", "parquet", train=train, held_out=held_out)
    assert (manifest["rows"], manifest["held_out_rows"], manifest["distinct_answers"]) == (10_000, 5_000, 10_000)
    lines = (tmp_path / f"{STEM}.provenance.jsonl").read_text(encoding="utf-8").splitlines()
    numbers = [(line["id"], line["row"]) for line in map(json.loads, lines)]
    assert numbers == [(f"{n:016x}", n + 1 if n < 10_000 else n - 9_999) for n in range(15_000)]
    rows = json.loads((tmp_path / f"{STEM}.alpaca.json").read_text(encoding="utf-8"))
    assert [row["instruction"] for row in rows] == [f"{n}?" for n in range(10_000)]
    table = pq.ParquetFile(tmp_path / f"{STEM}.parquet")
    assert table.read(["content"]).column(0).to_pylist() == [f"{n}?" for n in range(10_000)]
    assert [table.metadata.row_group(at).num_rows for at in range(table.num_row_groups)] == [1024] * 9 + [784]


def test_provenance_tells_where_each_row_comes_from(tmp_path):
    more = {"split": "held_out", "document": "raw/b.txt", "concept": 'a"b'}
    other = entry(5, "讲讲需卦。", "云上于天。", "concept", template=None, **more)
    write(tmp_path, held_out=[HELD_OUT[0], other])
    text = (tmp_path / f"{STEM}.provenance.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert rows[1] == {
        "id": TRAIN[1].id,
        "row": 2,
        "template": "{concept}是什么？",
        "source": "raw/易经.txt",
        "source_sha256": "ab" * 32,
        "start": 10,
        "end": 20,
        "prompt": "0f" * 8,
        "teacher": "openai:模型",
        "origin": "written",
        "parent": "r1",
        "concept": "蒙卦",
        "split": "train",
        "suite": None,
    }
    told = [(row["row"], row["suite"], row["split"], row["source"]) for row in rows[3:]]
    assert told == [(1, "phrasing", "train", "raw/易经.txt"), (2, "concept", "held_out", "raw/b.txt")]
    assert (rows[4]["template"], rows[4]["concept"]) == (None, 'a"b')


def test_the_manifest_tells_counts_facts_and_the_hash_of_every_file(tmp_path):
    manifest = write(tmp_path, *FORMATS)
    text = (tmp_path / f"{STEM}.manifest.json").read_text(encoding="utf-8")
    assert "openai:模型" in text
    assert json.loads(text) == json.loads(json.dumps(manifest))
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == there - {f"{STEM}.manifest.json", "dataset_info.json"}
    for name, value in manifest["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == value
    assert manifest["sha256"] == manifest["files"][manifest["file"]] == manifest["files"][f"{STEM}.csv"]
    assert manifest["held_out_sha256"] == manifest["files"][f"{STEM}.held_out.csv"]
    assert (manifest["rows"], manifest["held_out_rows"], manifest["distinct_answers"]) == (3, 2, 2)
    assert (manifest["prompt"], manifest["formats"]) == (["0f" * 8], tuple(FORMATS))


def test_the_manifest_is_written_last_and_nothing_else_is_left(tmp_path, monkeypatch):
    order = []
    replace = type(tmp_path).replace
    monkeypatch.setattr(type(tmp_path), "replace", lambda self, to: (order.append(to.name), replace(self, to))[1])
    write(tmp_path, "messages")
    assert order[-1] == f"{STEM}.manifest.json"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(order)


@pytest.mark.parametrize("whole", range(6))
def test_a_full_disk_leaves_no_half_file_and_no_manifest(tmp_path, monkeypatch, whole):
    fsync, calls = os.fsync, []

    def full_after(descriptor):
        calls.append(descriptor)
        if len(calls) > whole:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full_after)
    with pytest.raises(StorageFull, match="No space left on device") as caught:
        write(tmp_path)
    names = [file.name for file in tmp_path.iterdir()]
    assert len(names) == whole
    assert not [name for name in names if name.endswith((".partial", ".manifest.json"))]
    assert "space" in caught.value.hint


@pytest.mark.parametrize("format", FORMATS)
def test_rows_that_break_off_leave_no_file(tmp_path, format):
    def rows():
        yield from (entry(n, "蒙卦", "山下出泉。") for n in range(5000))
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFull):
        write(tmp_path, format, train=rows())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_may_not_be_written_is_not_called_a_full_disk(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UsageError, match="Permission denied") as caught:
        write(tmp_path)
    assert "writable" in caught.value.hint


def test_the_card_speaks_both_languages_and_leaves_the_licence_open(tmp_path):
    write(tmp_path, "hf")
    text = (tmp_path / f"{STEM}.card.md").read_text(encoding="utf-8")
    assert text == (tmp_path / f"{STEM}.hf" / "README.md").read_text(encoding="utf-8")
    front = YAML(typ="safe").load(text.split("---\n")[1])
    assert (front["license"], front["language"]) == ("unknown", ["zh"])
    for line in ("| 训练行数 | 3 |", "| rows to train on | 3 |", "| teacher | openai:模型 |", "- `raw/易经.txt` abab"):
        assert line in text
    assert text.index("许可证") < text.index("Licence")
    assert "fil" in text[text.index("Licence") :]


def test_llama_factory_finds_the_files_and_their_columns_and_keeps_what_it_had(tmp_path):
    index = tmp_path / "dataset_info.json"
    index.write_text(json.dumps({"mine": {"file_name": "mine.json"}}), encoding="utf-8")
    write(tmp_path, *FORMATS, columns=("问题", "回答"))
    info = json.loads(index.read_text(encoding="utf-8"))
    assert info.pop("mine") == {"file_name": "mine.json"}
    assert all((tmp_path / one["file_name"]).is_file() for one in info.values())
    assert info[STEM] == {"file_name": f"{STEM}.csv", "columns": {"prompt": "问题", "response": "回答"}}
    assert info[f"{STEM}.chatglm3"]["columns"] == {"prompt": "content", "response": "summary"}
    assert info[f"{STEM}.messages"]["tags"]["assistant_tag"] == "assistant"
    assert len(info) == len(FORMATS) - 2  # it reads neither TSV nor, by this index, a folder


def test_an_index_that_is_broken_is_left_alone(tmp_path):
    (tmp_path / "dataset_info.json").write_text("[1", encoding="utf-8")
    with pytest.raises(UsageError, match=r"dataset_info\.json"):
        write(tmp_path)
    assert (tmp_path / "dataset_info.json").read_text(encoding="utf-8") == "[1"
    assert not (tmp_path / f"{STEM}.manifest.json").exists()


FOLLOW_UP = entry(6, "那它的下面呢？", "下面是坎。", template="kind:follow_up")._replace(
    history=(("蒙卦是什么？", "山下出泉。"),)
)
ASKED = entry(7, "And below?", "Kan, water.", "follow_up")._replace(history=(("Xu?", 'He said "wait",\nand'),))


HELD_OUT_FILE = "{stem}.held_out.csv"


@pytest.mark.parametrize("name", FORMATS)
def test_earlier_turns_are_written_and_read_again(tmp_path, name):
    folder = tmp_path / "d"
    folder.mkdir()
    out = Release(folder, STEM, COLUMNS, wanted(name), history=True)
    manifest = out.write(groups([*TRAIN, FOLLOW_UP]), groups([*HELD_OUT, ASKED]), FACTS)
    assert (manifest["multi_turn_rows"], manifest["multi_turn_held_out_rows"]) == (1, 1)
    for path in (FORMATS[name].file, HELD_OUT_FILE):
        wanted_rows = [*TRAIN, FOLLOW_UP] if path is not HELD_OUT_FILE else [*HELD_OUT, ASKED]
        records = list(open_rows(folder / path.format(stem=STEM)))
        turns = [[(turn.question, turn.answer) for turn in record.turns] for record in records]
        assert turns == [[*row.history, (row.question, row.answer)] for row in wanted_rows]
    trained = files.read(folder / f"{STEM}.csv", COLUMNS)
    assert [row.history for row in trained] == [(), (), (), FOLLOW_UP.history]
    card = (folder / f"{STEM}.card.md").read_text(encoding="utf-8")
    assert "(`history`) | 1 |" in card
    index = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    assert STEM not in index  # LLaMA-Factory would leave out earlier turns that are text in a cell
    if name in ("alpaca", "jsonl", "parquet", "chatglm3"):
        assert index[f"{STEM}.{name}"]["columns"]["history"] == "history"


def test_a_csv_whose_earlier_turns_are_none_is_refused_with_its_line(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text('content,summary,history\na,b,\nc,d,"[[""x""]]"\n', encoding="utf-8")
    with pytest.raises(RawTextError, match=r"d.csv:3: 'history' is no JSON list of pairs"):
        files.read(path, COLUMNS)


def test_a_column_called_history_of_anything_else_is_left_alone(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("question,answer,history\nWhat is Meng?,A spring.,seen by 李\n", encoding="utf-8")
    (record,) = open_rows(path)
    assert (record.fault, len(record.turns)) == ("", 1)
