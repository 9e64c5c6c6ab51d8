import codecs
import errno
import os
import stat

import pytest

from rawtune.dataset import files
from rawtune.errors import RawTextError, StorageFull, UsageError
from rawtune.records import Row

COLUMNS = ("content", "summary")


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "d.txt"
    with files.replacing(path, "utf-8") as file:
        file.write("蒙卦")
        assert not path.exists()
    assert [(one.name, one.read_text(encoding="utf-8")) for one in tmp_path.iterdir()] == [("d.txt", "蒙卦")]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_breaks_off_leaves_the_file_of_before(tmp_path, error):
    path = tmp_path / "d.txt"
    path.write_text("old", encoding="utf-8")

    def write():
        with files.replacing(path, "utf-8") as file:
            file.write("new")
            raise error

    with pytest.raises((StorageFull, KeyboardInterrupt)):
        write()
    assert [(one.name, one.read_text(encoding="utf-8")) for one in tmp_path.iterdir()] == [("d.txt", "old")]


def test_a_file_keeps_its_permissions_and_a_new_one_takes_those_of_its_model(tmp_path):
    old, new = tmp_path / "d.txt", tmp_path / "新.txt"
    old.touch()
    old.chmod(0o440)
    for path in (old, new):
        with files.replacing(path, "utf-8", like=old) as file:
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o440, "before anything is in it"
            file.write("蒙")
        assert stat.S_IMODE(path.stat().st_mode) == 0o440


def test_only_regular_files_are_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(pipe)
    for name in ("pipe", "folder", "link"):
        with pytest.raises(UsageError, match="is not a regular file"), files.replacing(tmp_path / name):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "folder", "link"}
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_made_by_hand_is_read(tmp_path, mark, line_end):
    path = tmp_path / "d.csv"
    lines = ["id,summary,content", "1,山下出泉。,蒙卦", '2,"a, ""b""",Xu', ""]
    path.write_bytes(mark + line_end.join(lines).encode())
    assert files.read(path, COLUMNS) == [Row("蒙卦", "山下出泉。"), Row("Xu", 'a, "b"')]


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
