import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from rawtune import project
from rawtune.cli import app
from rawtune.cli.import_rows import _print
from rawtune.project import Project
from rawtune.stages.importing import REMEDIES, Ended, Imported


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = project.create(tmp_path / "book", "zhouyi-en", limit=3, settings={"teacher": {"model": "scripted:"}})
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str):
    return CliRunner().invoke(app, ["import", *arguments], standalone_mode=False)


def test_the_sum_and_what_is_next(book: Path) -> None:
    with Project() as opened:
        path = shutil.copy(opened.export(), "rows.csv")
    result = run(path)
    assert (result.return_value, result.stderr) == (0, "")
    assert "0 taken + 60 already here + 0 superseded + 0 held out + 0 not taken = 60 rows" in result.output
    assert "go on with" not in result.output
    text = Path(path).read_text(encoding="utf-8-sig").splitlines()
    Path(path).write_text("\n".join([*text[:3], '"Who wrote Faust?","Goethe did, in two parts."']), encoding="utf-8")
    result = run(path)
    assert result.return_value == 1
    assert "row 3 (line 4): no passage: no passage of this project supports its answer" in result.output
    assert "put the text that they were made from into raw/" in result.output
    assert "0 taken + 2 already here + 0 superseded + 0 held out + 1 not taken = 3 rows" in result.output


def test_json_names_every_row_that_was_not_taken(book: Path) -> None:
    rows = [{"q": f"Who wrote book {number}?", "a": "Goethe."} for number in range(9)]
    Path("r.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    result = run("r.jsonl", "--columns", "q,a")
    assert "... and 4 more (no passage)" in result.output
    result = run("r.jsonl", "--columns", "q,a", "--json")
    told = json.loads(result.stdout)
    assert (result.return_value, told["rows"], told["no_passage"], told["unasked"]) == (1, 9, 9, 3)
    assert [row["row"] for row in told["refused"]] == list(range(1, 10))
    assert {row["fate"] for row in told["refused"]} == {"no passage"}


def test_rows_that_arrive_are_said_to_be_run_on(book: Path) -> None:
    with Project() as opened:
        path = opened.export()
    other = project.create(book.parent / "other", "zhouyi-en", limit=3, settings={"teacher": {"model": "scripted:"}})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(other)
        result = run(str(path))
    assert "60 taken" in result.output
    assert "3 passages got a row, 0 another one than before" in result.output
    assert result.output.endswith("go on with: rawtune run\n")


def test_what_a_file_says_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    row = Ended(1, 2, "a\x1b[2J.csv", next(iter(REMEDIES)), "neither \x07\nnor \u202e")
    _print(Imported((row,), 0, 0, 0, "columns \x9b31m问"), 0)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "columns \\x9b31m问"
    assert said[1] == f"a\\x1b[2J.csv, row 1 (line 2): {row.fate}: neither \\x07 nor \\u202e"
