"""What `rawtune check` writes replaces nothing but FILE itself, and that only when told to."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from rawtune.cli.check import check
from rawtune.errors import UsageError
from rawtune.linter.writing import targets

GOOD = "蒙卦代表什么？,蒙卦上艮下坎，山下出泉，象征启蒙。\n"
BAD = 'What is {concept}?,"It is a spring, they say."\n'
MENDED = "屯卦是什么？,屯卦象征艰难。\n"
FIXABLE = "屯卦是什么？,屯卦象征艰难。<|im_end|>\n"
HEADER = "question,answer\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(HEADER + GOOD + BAD + FIXABLE, encoding="utf-8")
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(check, arguments, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mode(path):
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.mark.parametrize(
    ("there", "arguments"),
    [
        ("bad.csv", ["--quarantine", "bad.csv"]),
        ("bad.csv", ["--fix", "--in-place", "--quarantine", "bad.csv"]),
        ("a.fixed.csv", ["--fix"]),
        ("a.kept.csv", ["--quarantine", "bad.csv"]),
    ],
)
def test_a_file_that_exists_is_named_and_left_alone(here, there, arguments):
    Path(there).write_text("隔离", encoding="utf-8")
    before = contents(here)
    with pytest.raises(UsageError, match=f"{there}: exists already") as caught:
        run("a.csv", *arguments)
    assert caught.value.hint == "remove or rename it"
    assert contents(here) == before


def test_rows_quarantined_by_one_run_outlast_the_next():
    run("a.csv", "--fix", "--in-place", "--quarantine", "bad.csv")
    with pytest.raises(UsageError, match=r"bad\.csv: exists already"):
        run("a.csv", "--fix", "--in-place", "--quarantine", "bad.csv")
    assert Path("bad.csv").read_text(encoding="utf-8") == HEADER + BAD
    assert Path("a.csv").read_text(encoding="utf-8") == HEADER + GOOD + MENDED


def test_a_link_that_leads_nowhere_is_not_followed():
    Path("bad.csv").symlink_to("nowhere.csv")
    with pytest.raises(UsageError, match="exists already"):
        run("a.csv", "--quarantine", "bad.csv")


@pytest.mark.parametrize(
    "quarantine", ["a.csv", "./a.csv", "a.fixed.csv", "a.csv.noqa", "raw/../a.csv", "raw/bad.csv", "raw/卷/bad.csv"]
)
def test_a_quarantine_is_apart_from_all_that_is_read_and_written(here, quarantine):
    Path("raw/卷").mkdir(parents=True)
    Path("raw/a.txt").write_text("蒙卦\n山下出泉。\n", encoding="utf-8")
    before = contents(here)
    with pytest.raises(UsageError, match=r"another file than|is inside raw"):
        run("a.csv", "--fix", "--source", "raw", "--quarantine", quarantine)
    assert contents(here) == before


def test_a_quarantine_is_not_the_source_nor_inside_the_folder_that_is_checked():
    Path("a.txt").touch()
    Path("ds").mkdir()
    with pytest.raises(UsageError, match=r"another file than a\.txt"):
        targets(Path("a.csv"), Path("a.txt"), fix=False, in_place=False, quarantine=Path("a.txt"))
    with pytest.raises(UsageError, match="is inside ds"):
        targets(Path("ds"), None, fix=False, in_place=False, quarantine=Path("ds/bad"))


def test_files_keep_the_permissions_of_the_file_that_was_checked():
    Path("a.csv").chmod(0o640)
    run("a.csv", "--fix", "--quarantine", "bad.csv")
    assert (mode("a.fixed.csv"), mode("bad.csv")) == (0o640, 0o640)
    Path("a.csv").chmod(0o600)
    run("a.csv", "--fix", "--in-place")
    assert mode("a.csv") == 0o600


def test_a_folder_is_checked_from_inside_and_its_copy_is_not_replaced(here, monkeypatch):
    folder = here / "数据.v1"
    folder.mkdir(mode=0o700)
    Path("a.csv").rename(folder / "train.csv")
    (folder / "README.md").touch(mode=0o600)
    (folder / "train.csv").chmod(0o640)
    monkeypatch.chdir(folder)
    run(".", "--mark")
    assert "RT103" in (here / "数据.v1.noqa").read_text(encoding="utf-8")
    run(".", "--fix")
    fixed = here / "数据.fixed.v1"
    assert (fixed / "train.csv").read_text(encoding="utf-8") == HEADER + GOOD + BAD + MENDED
    assert [mode(path) for path in (fixed, fixed / "train.csv", fixed / "README.md")] == [0o700, 0o640, 0o600]
    with pytest.raises(UsageError, match=r"数据\.fixed\.v1: exists already"):
        run(".", "--fix")
