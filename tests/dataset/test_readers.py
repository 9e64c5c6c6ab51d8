import codecs
import json
from pathlib import Path

import pytest

from rawtune.dataset.layout import Turn
from rawtune.dataset.readers import open_rows
from rawtune.errors import RawTextError

PAIR = [{"question": "蒙卦是什么？", "answer": "山下出泉。"}, {"question": "What is Meng?", "answer": 'A "spring".'}]


def made(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(path, columns=None):
    return list(open_rows(path, columns))


def texts(records):
    return [(turn.question, turn.answer) for record in records for turn in record.turns]


def places(records):
    return [(record.number, record.line, record.fault) for record in records]


def copied(path, change=lambda rows, record: record):
    rows = open_rows(path)
    target = path.with_name("copy" + path.suffix)
    with rows.writer(target) as writer:
        for record in rows:
            writer.write(change(rows, record))
    return target


def mended(rows, record):
    if record.fault:
        return record
    first = record.turns[0]
    return rows.replace_texts(record, 0, first.question, first.answer + "（改）")


# ---- which file it is


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("d.csv", "question,answer\n问,答\n", "csv"),
        ("d.csv", "question;answer\n问, 再问;答\n", "csv"),
        ("d.csv", "question\tanswer\n问, 再问\t答\n", "tsv"),
        ("d.tsv", "question\tanswer\n问\t答\n", "tsv"),
        ("d.txt", "question\tanswer\n问\t答\n", "tsv"),
        ("d.jsonl", '{"question": "问", "answer": "答"}\n', "jsonl"),
        ("d.json", '{"question": "问", "answer": "答"}\n{"question": "q", "answer": "a"}\n', "jsonl"),
        ("d.json", '[{"question": "问", "answer": "答"}]', "json"),
        ("d.jsonl", '[\n{"question": "问", "answer": "答"}\n]', "json"),
        ("d.jsonl", '[{"question": "问", "answer": "答"},\n{"question": "q", "answer": "a"}]', "json"),
        ("d.json", '{"data": [{"question": "问", "answer": "答"}]}', "json"),
        ("d.json", '{"常见问题": [{"question": "问", "answer": "答"}]}', "json"),
        ("no_ending", '\ufeff[{"question": "问", "answer": "答"}]', "json"),
    ],
)
def test_the_format_is_known_by_name_and_content(tmp_path, name, content, format):
    rows = open_rows(made(tmp_path / name, content))
    assert rows.format == format
    assert texts(rows)[0][1] == "答"


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("d.csv", "", "is empty", "with rows"),
        ("d.csv", "\n\n \n", "no columns", "--columns"),
        ("d.csv", "编号,标题,说明\n1,蒙卦,山下出泉。\n2,屯卦,云雷。\n3,a,b,\n", None, ""),
        ("d.csv", "a1,b1,c1\n问,答,评\n", "found: a1, b1, c1", "--columns"),
        ("d.csv", "蒙卦是什么？,山下出泉。\n屯卦是什么？,云雷屯。\n", "no columns", "header line"),
        ("d.csv", "question,question,answer\n问,问,答\n", "'question' twice", "another name"),
        ("d.jsonl", '{"x": 1}\n', "found: x", "--columns"),
        ("d.jsonl", "乱\n码\n", "no line holds a JSON object", "--columns"),
        ("d.json", "[\n  nonsense", ":2: is not JSON: Expecting value", "mend"),
        ("d.json", '{"名": 1}', "no array|found: 名", ""),
        ("d.json", "[1, 2]", "no array of objects", "[{...}, {...}]"),
        ("d.parquet", "no such thing", "cannot be read as a Parquet file", "again"),
        ("d.arrow", "no such thing", "cannot be read as an Arrow file", "again"),
        ("d.xlsx", b"PK\x03\x04etc", "is packed", "CSV"),
    ],
)
def test_a_file_without_rows_says_why_and_what_to_do(tmp_path, name, content, message, hint):
    path = made(tmp_path / name, content)
    if message is None:
        assert texts(open_rows(path)) == [("蒙卦", "山下出泉。"), ("屯卦", "云雷。")]
        return
    with pytest.raises(RawTextError, match=message) as caught:
        open_rows(path)
    assert str(path) in caught.value.message
    assert hint in caught.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RawTextError, match="no such file"):
        open_rows(tmp_path / "没有.csv")


def test_a_link_is_followed(tmp_path):
    made(tmp_path / "真.csv", "问题,答案\n问,答\n")
    (tmp_path / "链.csv").symlink_to(tmp_path / "真.csv")
    assert texts(open_rows(tmp_path / "链.csv")) == [("问", "答")]


# ---- CSV


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_are_counted_through_quoted_line_ends_and_blank_lines(tmp_path, line_end):
    lines = ["content,summary", "", '"蒙', '卦","山下""出泉""。"', "  ", "需卦,云上于天。", "屯卦,", ""]
    path = made(tmp_path / "d.csv", line_end.join(lines))
    records = read(path)
    assert places(records) == [(1, 3, ""), (2, 6, ""), (3, 7, "")]
    assert texts(records) == [(f"蒙{line_end}卦", '山下"出泉"。'), ("需卦", "云上于天。"), ("屯卦", "")]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("蒙卦", "has 1 cell, the header has 2"),
        ("蒙卦,山下,出泉", "has 3 cells, the header has 2"),
        ("content,summary", "is the header again"),
        ('"蒙卦"是,山下出泉', "cannot be split into cells"),
        ('蒙卦,"山下出泉', "cannot be split into cells"),
    ],
)
def test_a_faulty_row_of_a_csv_costs_no_other_row(tmp_path, line, fault):
    good = [f"第{n}卦,答案{n}" for n in range(5)]
    path = made(tmp_path / "d.csv", "\n".join(["content,summary", *good[:2], line, *good[2:]]) + "\n")
    records = read(path)
    assert [(record.number, record.line) for record in records] == [(n, n + 1) for n in range(1, 7)]
    assert [bool(record.fault) for record in records] == [False, False, True, False, False, False]
    assert fault in records[2].fault
    assert texts(records) == [tuple(row.split(",")) for row in good]
    assert copied(path).read_bytes() == path.read_bytes()


def test_a_cell_may_be_as_long_as_a_book(tmp_path):
    path = made(tmp_path / "d.csv", f"content,summary\n蒙卦,{'泉' * 200_000}\n")
    assert len(read(path)[0].turns[0].answer) == 200_000


@pytest.mark.parametrize(
    ("encoding", "mark", "note"),
    [
        ("utf-8", b"", ""),
        ("utf-8", codecs.BOM_UTF8, ""),
        ("utf-16-le", codecs.BOM_UTF16_LE, ""),
        ("utf-16-be", codecs.BOM_UTF16_BE, ""),
        ("utf-32-le", codecs.BOM_UTF32_LE, ""),
        ("gb18030", b"", "GB18030"),
    ],
)
@pytest.mark.parametrize("name", ["d.csv", "d.jsonl", "d.json"])
def test_encodings_are_told_apart_and_kept(tmp_path, encoding, mark, note, name):
    content = {
        "d.csv": "question,answer\r\n蒙卦是什么？,山下出泉𝌆。\r\n",
        "d.jsonl": '{"question": "蒙卦是什么？", "answer": "山下出泉𝌆。"}\n',
        "d.json": '[{"question": "蒙卦是什么？", "answer": "山下出泉𝌆。"}]',
    }[name]
    path = made(tmp_path / name, mark + content.encode(encoding))
    rows = open_rows(path)
    assert texts(rows) == [("蒙卦是什么？", "山下出泉𝌆。")]
    assert note in rows.note
    assert bool(note) == bool(rows.note)
    assert copied(path).read_bytes() == path.read_bytes()
    assert copied(path, mended).read_bytes() == mark + content.replace("𝌆。", "𝌆。（改）").encode(encoding)


def test_a_bad_byte_makes_one_row_faulty_not_the_whole_file_gb18030(tmp_path):
    rows = [f"蒙卦{n},山下出泉。\n".encode() for n in range(5)]
    rows[3] = rows[3].replace("泉".encode(), b"\xff\xfe")
    path = made(tmp_path / "d.csv", b"content,summary\n" + b"".join(rows))
    records = read(path)
    assert [bool(record.fault) for record in records] == [False, False, False, True, False]
    assert records[3].fault == "holds bytes that are not UTF-8: FF FE"
    assert copied(path).read_bytes() == path.read_bytes()


def test_texts_replaced_in_a_csv_leave_all_other_cells_and_rows(tmp_path):
    path = made(tmp_path / "d.csv", '"id","content","summary","备注"\r\n"1","蒙","泉","a, b"\r\n"2",需,云,\r\n3,屯\r\n')
    assert copied(path, mended).read_bytes().decode() == (
        '"id","content","summary","备注"\r\n"1","蒙","泉（改）","a, b"\r\n"2","需","云（改）",""\r\n3,屯\r\n'
    )


def test_a_tsv_may_be_written_without_quoting(tmp_path):
    path = made(tmp_path / "d.tsv", 'q\ta\n"蒙"卦？\t"山下出泉\n需卦？\t云。\n')
    assert texts(open_rows(path)) == [('"蒙"卦？', '"山下出泉'), ("需卦？", "云。")]
    assert texts(open_rows(copied(path, mended))) == [('"蒙"卦？', '"山下出泉（改）'), ("需卦？", "云。（改）")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.csv", "q,a\n问,答\n需,云\n"),
        ("d.jsonl", '{"q": "问", "a": "答"}\n{"q": "需", "a": "云"}\n'),
        ("d.json", '[{"q": "问", "a": "答"}, {"q": "需", "a": "云"}]'),
    ],
)
def test_a_file_may_be_written_over_itself(tmp_path, name, content):
    path = made(tmp_path / name, content)
    rows = open_rows(path)
    with rows.writer(path) as writer:
        for record in rows:
            writer.write(mended(rows, record))
    assert texts(open_rows(path)) == [("问", "答（改）"), ("需", "云（改）")]
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_writer_that_fails_leaves_no_file(tmp_path):
    def fail(rows, record):
        raise RuntimeError

    made(tmp_path / "d.csv", "q,a\n问,答\n")
    with pytest.raises(RuntimeError):
        copied(tmp_path / "d.csv", fail)
    assert [file.name for file in tmp_path.iterdir()] == ["d.csv"]


def test_rows_left_out_leave_a_whole_file(tmp_path):
    path = made(tmp_path / "d.csv", "content,summary\n蒙,泉\n屯,雷\n需,云")
    rows = open_rows(path)
    records = list(rows)
    with rows.writer(tmp_path / "out.csv") as writer:
        writer.write(records[2])
        writer.write(records[0])
    assert (tmp_path / "out.csv").read_text("utf-8") == "content,summary\n需,云\n蒙,泉\n"


# ---- JSON Lines


def test_json_lines_number_every_line_that_is_not_blank(tmp_path):
    lines = [
        '{"question": "蒙卦？", "answer": "泉。", "concept": "蒙", "split": "train"}',
        "",
        '{"question": "蒙卦？", "answer": ',
        '["问", "答"]',
        '{"question": "蒙卦？"}',
        '{"question": "蒙卦？", "answer": null}',
        '{"question": 7, "answer": "泉。"}',
        '{"question": "蒙卦？", "answer": ["泉"]}',
        '{"question": "\\ud83d", "answer": "泉。"}',
        "[" * 100_000,
        f'{{"question": {"9" * 5000}, "answer": "泉。"}}',
        '{"question": "需卦？", "answer": "云。", "分数": NaN}',
    ]
    path = made(tmp_path / "d.jsonl", "\ufeff" + "\n".join(lines))
    records = read(path)
    assert [record.line for record in records] == [1, *range(3, 13)]
    assert [record.number for record in records] == list(range(1, 12))
    assert (records[0].concept, records[0].split) == ("蒙", "train")
    expected = [
        "",
        "is not JSON: Expecting value",
        "is a list, not an object",
        "has no key 'answer'",
        "'answer' is null, not text",
        "'question' is the number 7, not text",
        "'answer' is a list, not text",
        "'question' holds half a character: \\ud83d",
        "is not JSON that can be read",
        "is not JSON that can be read",
        "",
    ]
    for record, fault in zip(records, expected, strict=True):
        assert record.fault.startswith(fault)
        assert bool(record.fault) == bool(fault)
    assert copied(path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("raw", "new"),
    [
        ('{"question":"问","answer":"答","分":[1,2.50]}\n', '{"question":"问","answer":"答（改）","分":[1,2.50]}\n'),
        ('{"question": "问", "answer": "答", "n": NaN}\r\n', '{"question": "问", "answer": "答（改）", "n": NaN}\r\n'),
        ('{"question": "\\u95ee", "answer": "A"}', '{"question": "\\u95ee", "answer": "A\\uff08\\u6539\\uff09"}'),
    ],
)
def test_a_json_line_is_rewritten_in_its_own_style(tmp_path, raw, new):
    assert copied(made(tmp_path / "d.jsonl", raw), mended).read_bytes().decode() == new


# ---- JSON


PRETTY = """{
  "version": "1.0 版",
  "train": [
    {
      "question": "蒙卦？",
      "answer": "山下出泉。"
    },
    {"question": "需卦？", "answer": "云上于天。"}
  ],
  "tags": ["易", "经"],
  "test": [
    {"question": "屯卦？", "answer": "云雷，屯。"}
  ],
  "empty": []
}
"""


def test_json_in_an_object_has_splits_and_lines(tmp_path):
    records = read(made(tmp_path / "d.json", PRETTY))
    assert [(record.number, record.line, record.split) for record in records] == [
        (1, 4, "train"),
        (2, 8, "train"),
        (3, 12, "test"),
    ]


def test_json_goes_back_as_it_was_but_for_new_texts(tmp_path):
    path = made(tmp_path / "d.json", PRETTY)
    assert copied(path).read_text("utf-8") == PRETTY
    assert copied(path, mended).read_text("utf-8") == PRETTY.replace('。"', '。（改）"')


@pytest.mark.parametrize("kept", [[], [0], [1], [2], [0, 2], [1, 2]])
def test_json_with_rows_left_out_is_json_with_all_else(tmp_path, kept):
    path = made(tmp_path / "d.json", PRETTY)
    rows = open_rows(path)
    with rows.writer(tmp_path / "out.json") as writer:
        for at, record in enumerate(rows):
            if at in kept:
                writer.write(record)
    whole, out = json.loads(PRETTY), json.loads((tmp_path / "out.json").read_text("utf-8"))
    left = [row for at, row in enumerate(whole["train"] + whole["test"]) if at in kept]
    assert out["train"] + out["test"] == left
    assert (out["version"], out["tags"], out["empty"]) == (whole["version"], whole["tags"], [])


def test_a_writer_that_got_no_row_still_closes_the_brackets(tmp_path):
    rows = open_rows(made(tmp_path / "d.json", PRETTY))
    with rows.writer(tmp_path / "out.json"):
        pass
    assert json.loads((tmp_path / "out.json").read_text("utf-8"))["train"] == []


def test_json_broken_in_the_middle_keeps_what_was_before(tmp_path):
    path = made(tmp_path / "d.json", PRETTY.replace('"test": [', '"test": [{"question" "断"},'))
    records = read(path)
    assert len(records) == 3
    assert not any(record.fault for record in records[:2])
    assert records[2].fault.startswith("from here to its end the file is not JSON: Expecting ':'")
    assert records[2].line == 11
    assert copied(path).read_bytes() == path.read_bytes()
    with open_rows(path).writer(tmp_path / "out.json") as writer:
        for record in records[:2]:
            writer.write(record)
    assert len(json.loads((tmp_path / "out.json").read_text("utf-8"))["train"]) == 2


def test_json_larger_than_the_window_is_read_piece_by_piece(tmp_path):
    rows = [{"question": f"第{n}卦？", "answer": "泉" * n * 37, "n": -1.5e300} for n in range(200)]
    path = made(tmp_path / "d.json", json.dumps(rows, ensure_ascii=False))
    assert texts(open_rows(path)) == [(row["question"], row["answer"]) for row in rows]
    assert copied(path).read_bytes() == path.read_bytes()


def test_position_runs_to_the_files_size(tmp_path):
    for name, content in (("d.csv", "q,a\n" + "问,答\n" * 9000), ("d.jsonl", '{"q": "问", "a": "答"}\n' * 9000)):
        rows = open_rows(made(tmp_path / name, content))
        assert rows.position == 0
        seen = [rows.position for _ in rows]
        assert seen == sorted(seen)
        assert 0 < seen[0] < rows.size // 2
        assert rows.position == rows.size
        assert len(list(rows)) == len(list(rows)) == 9000


# ---- turns


def test_turn_tells_where_it_stands(tmp_path):
    path = made(tmp_path / "d.jsonl", json.dumps(PAIR[0], ensure_ascii=False))
    assert read(path)[0].turns == (Turn("蒙卦是什么？", "山下出泉。", "question", "answer"),)


@pytest.mark.parametrize("name", ["rows.csv", "行.tsv", "rows.bin"])
@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"SQLite format 3\0\x10",
        "几天可以退货？".encode("utf-16-le") + b"\x0a\x00",
        b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        bytes([*range(200, 256), *range(200)]) * 9,
    ],
)
def test_what_is_no_text_is_said_to_be_none_and_is_not_shown(tmp_path, name, data):
    with pytest.raises(RawTextError) as raised:
        open_rows(made(tmp_path / name, data))
    assert str(raised.value) == f"{tmp_path / name}: is no text, so no file of rows"
