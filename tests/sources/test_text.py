import codecs
import hashlib
import subprocess
import weakref

import pytest

from rawtune.errors import RawTextError
from rawtune.records import Document
from rawtune.sources import text

ZH = "蒙卦\n山下出泉。\n\n需卦\n云上于天。\n"
EN = "Meng\nA spring below a mountain.\n\nXu\nClouds above heaven.\n"


def project(tmp_path, **files):
    (tmp_path / "raw").mkdir()
    for name, data in files.items():
        (tmp_path / "raw" / f"{name}.txt").write_bytes(data)
    return tmp_path


@pytest.mark.parametrize(
    ("texts", "language"),
    [([ZH], "zh"), ([EN], "en"), ([EN, ZH], "zh"), ([EN + "卦"], "en"), (["Ένα κείμενο."], "en"), ([], "")],
)
def test_the_language_is_chinese_if_a_tenth_of_some_file_is(tmp_path, texts, language):
    folder = project(tmp_path, **{f"f{number}": content.encode() for number, content in enumerate(texts)})
    assert text.language(folder) == language


@pytest.mark.parametrize("content", [ZH, EN])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark_give_the_same_text(tmp_path, content, mark, line_end):
    data = mark + content.replace("\n", line_end).encode()
    (document,) = text.read(project(tmp_path, a=data))
    assert document.text == content
    assert document.path == "raw/a.txt"
    assert document.sha256 == hashlib.sha256(data).hexdigest()  # of the file as it lies on the disk


def test_files_are_read_in_the_order_of_their_names_and_other_files_left_alone(tmp_path):
    folder = project(tmp_path, b="乙".encode(), a="甲".encode(), c=b"third")
    (folder / "raw" / "notes.md").write_text("not raw text", encoding="utf-8")
    (folder / "raw" / "folder.txt").mkdir()
    assert [document.text for document in text.read(folder)] == ["甲", "乙", "third"]


def test_no_raw_file_says_where_to_put_one(tmp_path):
    with pytest.raises(RawTextError, match="no raw text") as caught:
        next(text.read(tmp_path))
    assert str(tmp_path / "raw") in caught.value.message
    assert "UTF-8" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", "\u3000\n".encode(), codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\n"])
def test_an_empty_file_is_a_fault(tmp_path, data):
    with pytest.raises(RawTextError, match=r"raw/a\.txt: is empty"):
        list(text.read(project(tmp_path, a=data)))


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        ("GB18030", ZH.encode("gb18030")),
        ("UTF-16", ZH.encode("utf-16")),
        ("UTF-16", EN.encode("utf-16")),
        ("UTF-16LE", EN.encode("utf-16le")),
        ("UTF-16BE", EN.encode("utf-16be")),
    ],
)
def test_the_remedy_for_another_encoding_works_when_it_is_followed(tmp_path, codec, data):
    folder = project(tmp_path, a=data)
    with pytest.raises(RawTextError) as caught:
        list(text.read(folder))
    _, _, command = caught.value.message.partition(f"if it is {codec}: ")
    assert command == f"iconv -f {codec} -t UTF-8 raw/a.txt > new.txt"
    subprocess.run(command, shell=True, cwd=folder, check=True)
    (folder / "new.txt").replace(folder / "raw" / "a.txt")
    (document,) = text.read(folder)
    assert document.text in (ZH, EN)


def test_a_file_name_with_a_space_is_quoted_in_the_remedy(tmp_path):
    with pytest.raises(RawTextError, match=r"-t UTF-8 'raw/my book\.txt' > new\.txt"):
        list(text.read(project(tmp_path, **{"my book": ZH.encode("gb18030")})))


def test_the_line_of_the_first_undecodable_byte_is_named(tmp_path):
    data = "第一行\n第二行\n".encode() + b"third \xff line\n"
    with pytest.raises(RawTextError, match=rf"raw/a\.txt:3: not UTF-8 \(byte {data.index(0xFF)} of {len(data)}\)"):
        list(text.read(project(tmp_path, a=data)))


def test_bytes_of_no_known_encoding_are_not_given_a_wrong_command(tmp_path):
    with pytest.raises(RawTextError, match="save it as UTF-8 in your editor"):
        list(text.read(project(tmp_path, a=b"caf\xff\xff \x81")))


def test_nul_characters_are_a_fault_with_their_line(tmp_path):
    with pytest.raises(RawTextError, match=r"raw/a\.txt:2: holds NUL characters"):
        list(text.read(project(tmp_path, a=b"fine\nbad\x00\n")))


def test_all_bad_files_are_reported_at_once_after_the_good_ones(tmp_path):
    folder = project(
        tmp_path, a=ZH.encode(), b=b"", c=ZH.encode("gb18030"), d=EN.encode("utf-16"), e=b"x\x00y", f=EN.encode()
    )
    read = []
    with pytest.raises(RawTextError) as caught:
        read.extend(text.read(folder))
    lines = caught.value.message.splitlines()
    assert [line.split(":")[0] for line in lines] == ["raw/b.txt", "raw/c.txt", "raw/d.txt", "raw/e.txt"]
    documents = text.read(folder)
    assert [next(documents).path, next(documents).path] == ["raw/a.txt", "raw/f.txt"]


class Tracked(Document):
    """A document of which one can tell whether it is still in memory; records themselves are too small for that."""


def test_files_are_in_memory_one_at_a_time(tmp_path, monkeypatch):
    folder = project(tmp_path, **{f"{number:02}": f"第{number}卷。".encode() for number in range(10)})
    alive, read = weakref.WeakSet(), []
    monkeypatch.setattr(text, "Document", Tracked)
    for document in text.read(folder):
        read.append(document.text)
        alive.add(document)
        del document
        assert len(alive) == 0
    assert read == [f"第{number}卷。" for number in range(10)]


def test_a_file_is_opened_when_its_turn_comes(tmp_path):
    folder = project(tmp_path, a="甲".encode(), b="乙".encode())
    documents = text.read(folder)
    assert next(documents).text == "甲"
    (folder / "raw" / "b.txt").write_text("改", encoding="utf-8")
    assert next(documents).text == "改"


def test_what_is_not_read_is_told(tmp_path):
    folder = project(tmp_path, a=b"a")
    (folder / "raw" / "笔记.md").write_text("x", encoding="utf-8")
    (folder / "raw" / "folder.txt").mkdir()
    assert text.ignored(folder) == ["folder.txt", "笔记.md"]
    assert text.files(folder) == [folder / "raw" / "a.txt"]
