import csv
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rawtune.dataset.readers import open_rows
from rawtune.errors import RawTextError

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
plain = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
pairs = st.lists(st.tuples(plain, plain), min_size=1, max_size=6)


def read(data, name):
    """The records of a file with these bytes, and the bytes of its copy; None if the file as a whole is unusable."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            rows = open_rows(path)
        except RawTextError:
            return None
        first, records = list(rows), []
        try:
            with rows.writer(Path(folder) / "copy") as writer:
                for record in rows:
                    writer.write(record)
                    records.append(record)
        except RawTextError:  # Parquet that breaks off cannot be written back
            assert rows.format in ("parquet", "arrow")
            assert first[-1].fault
            return first, data
        assert [(r.number, r.line, r.turns, r.fault) for r in first] == [
            (r.number, r.line, r.turns, r.fault) for r in records
        ]
        assert [record.number for record in records] == list(range(1, len(records) + 1))
        assert all(bool(record.turns) != bool(record.fault) for record in records)
        assert rows.position <= rows.size
        return records, (Path(folder) / "copy").read_bytes()


def as_csv(rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("问题", "答案"), *rows])
    return out.getvalue().encode()


def as_json_lines(rows):
    return "".join(json.dumps({"q": q, "a": a}, ensure_ascii=False) + "\n" for q, a in rows).encode()


def as_json(rows):
    return json.dumps({"版": 1, "data": [{"q": q, "a": a} for q, a in rows], "x": []}, ensure_ascii=False).encode()


def as_parquet(rows):
    out = io.BytesIO()
    pq.write_table(pa.table({"q": [q for q, _ in rows], "a": [a for _, a in rows]}), out)
    return out.getvalue()


def as_arrow(rows):
    out = io.BytesIO()
    data = pa.table({"q": [q for q, _ in rows], "a": [a for _, a in rows]})
    with pa.ipc.new_stream(out, data.schema) as writer:
        writer.write_table(data)
    return out.getvalue()


FORMATS = {
    "d.csv": as_csv,
    "d.jsonl": as_json_lines,
    "d.json": as_json,
    "d.parquet": as_parquet,
    "d.arrow": as_arrow,
}
TEXTS = ("d.csv", "d.jsonl", "d.json")


@pytest.mark.parametrize("name", FORMATS)
@few
@given(rows=pairs)
def test_what_was_written_is_read_and_goes_back(name, rows):
    data = FORMATS[name](rows)
    records, copy = read(data, name)
    assert [(turn.question, turn.answer) for record in records for turn in record.turns] == rows
    assert name not in TEXTS or copy == data


@pytest.mark.parametrize("name", [*FORMATS, "d.tsv", "d.txt", "d"])
@few
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(name, data):
    read(data, name)


HEADS = st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"\n", b"\r\n", b"\r", b" ", b"\x00", b'"', b'""', b",", b";", b"\t", b"[", b"]", b"{", b"}"]),
        st.sampled_from([b"\\", b"\\ud83d", b":", b"\xff", b"\xe8\x92", "蒙卦".encode(), "蒙卦".encode("gb18030")]),
        st.sampled_from([b'"q":"x","a":"y"', b'{"q":"x","a":"y"}\n', b"q,a\n", b"NaN", b"1e999", b"x,y\n", b"null"]),
    ),
    max_size=30,
).map(b"".join)


@few
@given(head=HEADS, tail=PIECES)
@example(head=b"\xff\xfe", tail=b"\n\x00x")
def test_no_line_of_a_csv_is_lost(head, tail):
    data = head + b"q,a\n" + tail
    if head in (b"\xff\xfe", b"\xfe\xff"):
        data = head + "q,a\n".encode("utf-16-le" if head == b"\xff\xfe" else "utf-16-be") + tail
    if (result := read(data, "d.csv")) is None:
        return
    copy = result[1]
    assert data.startswith(copy)
    assert not data[len(copy) :].replace(b"\x00", b"").strip()  # only blank lines after the last row


@few
@given(head=HEADS, tail=PIECES)
def test_every_line_of_json_lines_that_is_not_blank_is_a_row(head, tail):
    good = '{"q": "Meng?", "a": "A spring."}\n'
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(head, "utf-8")
    data = head + good.encode(encoding) + tail
    records, copy = read(data, "d.jsonl")
    assert records[0].turns
    assert data.startswith(copy)
    if encoding == "utf-8":
        lines = data[len(head) :].splitlines()
        assert [record.line for record in records] == [n for n, line in enumerate(lines, 1) if line.strip()]


@few
@given(head=HEADS, tail=PIECES)
def test_broken_json_keeps_every_byte(head, tail):
    good = '{"version": 1, "data": [{"q": "Meng?", "a": "A spring."}'
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(head, "utf-8")
    data = head + good.encode(encoding) + tail
    records, copy = read(data, "d.json")
    assert records[0].turns or records[0].fault
    assert copy == data


@pytest.mark.parametrize("name", FORMATS)
@few
@given(rows=pairs, where=st.floats(0, 1), length=st.integers(0, 9), patch=st.binary(max_size=9))
def test_a_damaged_file_is_read_or_refused(name, rows, where, length, patch):
    data = FORMATS[name](rows * 3)
    at = int(where * len(data))
    damaged = data[:at] + patch + data[at + length :]
    result = read(damaged, name)
    if result and name == "d.json":
        assert result[1] == damaged
