import codecs
import csv
import errno
import hashlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.dataset import files
from rawtune.errors import RawTextError, StorageFull, UsageError
from rawtune.records import Example, Origin, Split, Suite

COLUMNS = ("content", "summary")


def row(question, answer, suite=None):
    return Example("id", "p", Split.TRAIN, "c", question, answer, Origin.WRITTEN, "t", "h", suite=suite)


TRAIN = [
    row("蒙卦是什么？", "山下出泉。"),
    row("What is Meng?", "山下出泉。"),
    row("Xu?", 'He said "wait", and\nwaited.'),
]
HELD_OUT = [row("讲讲蒙卦。", "山下出泉。", Suite.PHRASING), row("讲讲需卦。", "云上于天。", Suite.CONCEPT)]


def write(folder, stem="test_dataset_20261122_120000", columns=COLUMNS, train=TRAIN, facts=None):
    return files.write(folder, stem, columns, train, HELD_OUT, facts or {})


def test_the_csv_has_a_byte_order_mark_one_header_and_the_rows_in_order(tmp_path):
    path = write(tmp_path / "new folder")
    assert path.name == "test_dataset_20261122_120000.csv"
    data = path.read_bytes()
    assert data.startswith(codecs.BOM_UTF8)
    assert data.count(codecs.BOM_UTF8) == 1
    assert data.decode("utf-8-sig") == (
        "content,summary\r\n"
        "蒙卦是什么？,山下出泉。\r\n"
        "What is Meng?,山下出泉。\r\n"
        'Xu?,"He said ""wait"", and\nwaited."\r\n'
    )


def test_the_questions_held_out_are_a_file_of_their_own_with_their_suites(tmp_path):
    path = write(tmp_path, columns=("问题", "回答"))
    with path.with_suffix(".held_out.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"问题": "讲讲蒙卦。", "回答": "山下出泉。", "suite": "phrasing"},
            {"问题": "讲讲需卦。", "回答": "云上于天。", "suite": "concept"},
        ]


def test_the_manifest_tells_hashes_counts_and_facts(tmp_path):
    path = write(tmp_path, facts={"teacher": "openai:模型"})
    text = path.with_suffix(".manifest.json").read_text(encoding="utf-8")
    assert "openai:模型" in text  # for a reader, not escaped
    assert json.loads(text) == {
        "file": path.name,
        "columns": ["content", "summary"],
        "rows": 3,
        "distinct_answers": 2,
        "held_out_rows": 2,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "held_out_sha256": hashlib.sha256(path.with_suffix(".held_out.csv").read_bytes()).hexdigest(),
        "teacher": "openai:模型",
    }


def test_the_manifest_is_written_last_and_nothing_else_is_left(tmp_path, monkeypatch):
    order = []
    replace = type(tmp_path).replace
    monkeypatch.setattr(type(tmp_path), "replace", lambda self, to: (order.append(to.name), replace(self, to))[1])
    write(tmp_path, stem="d")
    assert order == ["d.csv", "d.held_out.csv", "d.manifest.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(order)


@pytest.mark.parametrize("whole", [0, 1, 2])
def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch, whole):
    fsync, calls = os.fsync, []

    def full_after(descriptor):
        calls.append(descriptor)
        if len(calls) > whole:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full_after)
    with pytest.raises(StorageFull, match="No space left on device") as caught:
        write(tmp_path, stem="d")
    names = ["d.csv", "d.held_out.csv", "d.manifest.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names[:whole]
    assert names[whole] in caught.value.message
    assert "space" in caught.value.hint
    monkeypatch.undo()
    assert files.read(write(tmp_path, stem="d"), COLUMNS)


def test_a_disk_that_is_full_while_rows_are_written_leaves_no_half_file(tmp_path):
    def rows():
        yield ("蒙卦", "山下出泉。")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageFull):
        files._write_csv(tmp_path / "d.csv", COLUMNS, rows())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_not_called_a_full_disk(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UsageError, match="Permission denied") as caught:
        write(tmp_path)
    assert "writable" in caught.value.hint


def test_rows_are_read_back(tmp_path):
    assert files.read(write(tmp_path), COLUMNS) == [(r.question, r.answer) for r in TRAIN]


plain = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1)


@given(st.lists(st.tuples(plain, plain), max_size=8))
def test_any_text_survives(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("datasets")
    path = write(folder, train=[row(*pair) for pair in rows])
    assert files.read(path, COLUMNS) == rows


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_made_by_hand_is_read(tmp_path, mark, line_end):
    path = tmp_path / "d.csv"
    lines = ["id,summary,content", "1,山下出泉。,蒙卦", '2,"a, ""b""",Xu', ""]
    path.write_bytes(mark + line_end.join(lines).encode())
    assert files.read(path, COLUMNS) == [("蒙卦", "山下出泉。"), ("Xu", 'a, "b"')]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"content,answer\na,b\n", r"d\.csv:1: has no column summary; found: content, answer"),
        (b"", r"d\.csv:1: has no column content or summary"),
        ("content,summary\na,b\n蒙卦,\n".encode(), r"d\.csv:3: an empty value"),
        ("content,summary\na,b\n蒙卦\n".encode(), r"d\.csv:3: an empty value"),
        (b'content,summary\n"a\nb",c\n,d\n', r"d\.csv:4: an empty value"),
        (
            'content,summary\na,b\n"蒙卦,c\nd,e\n'.encode(),
            r"d\.csv:3: in the row that begins here: unexpected end of data",
        ),
        (b'"content,summary\na,b\n', r"d\.csv:1: in the row that begins here: unexpected end"),
        (
            'content,summary\na,b\n"蒙卦"x,c\n'.encode(),
            r"d\.csv:3: in the row that begins here: ',' expected after '\"'",
        ),
        ("content,summary\na,b\n蒙卦,山下出泉。\n".encode("gb18030"), r"d\.csv:3: not UTF-8 \(byte 20\)"),
    ],
)
def test_a_fault_names_the_line(tmp_path, data, message):
    path = tmp_path / "d.csv"
    path.write_bytes(data)
    with pytest.raises(RawTextError, match=message) as caught:
        files.read(path, COLUMNS)
    assert caught.value.hint


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(RawTextError, match="No such file") as caught:
        files.read(tmp_path / "d.csv", COLUMNS)
    assert "rawtune export" in caught.value.hint
