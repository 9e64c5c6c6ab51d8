"""``rawtune compare``: what it prints, on a real small project."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.end_to_end.harness import configure
from tests.stages.compared import make_adapter, make_book
from tests.tiny_model import make_tiny_model

from rawtune.cli import app
from rawtune.cli.compare import folders
from rawtune.errors import GateFailed, ModelUnavailable, UsageError


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    student = make_tiny_model(folder / "tiny")
    book = make_book(folder, student, "en", seen=0)
    for seed, name in enumerate(("one", "two")):
        make_adapter(book / "models" / name, student, seed)
    (book / "models" / "notes.txt").touch()
    return book


def run(book: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str):
    monkeypatch.chdir(book)
    return CliRunner().invoke(app, ["compare", *arguments], catch_exceptions=False)


def test_json_holds_the_verdict_and_the_scores_of_every_arm(book, monkeypatch):
    ran = run(book, monkeypatch, "models/*", "--json")
    assert ran.exit_code == 0
    told = json.loads(ran.stdout)
    assert told["verdict"] == "not shown", "four passages cannot show anything, which is no failure"
    assert [arm["name"] for arm in told["arms"]] == ["base", "one", "two"]
    assert told["primary"] == "one"
    assert {*told["arms"][2]["scores"]} == {*told["arms"][2]["difference"]} == {"phrasing", "concept"}
    assert Path(told["report"]).is_file()
    assert json.loads(Path(told["report"]).with_suffix(".json").read_text(encoding="utf-8"))["arms"] == told["arms"]


def test_people_get_a_line_for_each_arm(book, monkeypatch):
    ran = run(book, monkeypatch, "models/two", "models/one", "--retrieval")
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert lines[0].split() == ["chrF,", "0", "to", "100", "phrasing", "concept"]
    assert [line.split()[0] for line in lines[1:5]] == ["base", "two", "one", "base+passage"]
    assert "not shown)" in lines[2]
    signs, verdict, report = lines[5:-2], *lines[-2:]
    assert {line.split(": ")[0] for line in signs} <= {"one", "two"}
    assert verdict == "not shown (two)"
    assert report.startswith("report: ")


def test_the_gate_fails_with_its_reasons(book, monkeypatch):
    with pytest.raises(GateFailed) as raised:
        run(book, monkeypatch, "models/one", "--gate")
    assert raised.value.exit_code == 1
    closed, *reasons = str(raised.value).splitlines()
    assert closed == "the gate is closed:"
    assert reasons[0].startswith("not shown: ")
    report = json.loads(max(book.glob("reports/*.json")).read_text(encoding="utf-8"))
    flagged = [sign["name"] for sign in report["arms"][1]["harm"] if sign["flagged"]]
    assert [reason.partition(":")[0] for reason in reasons[1:]] == flagged
    allowed = ["not shown", *flagged]
    configure(book, {"  gate_allows": json.dumps(allowed)})
    assert run(book, monkeypatch, "models/one", "--gate").exit_code == 0


def test_a_pattern_passes_over_what_is_no_adapter_and_a_name_does_not(book, monkeypatch):
    models = book / "models"
    for name, file in (("merged", "config.json"), ("未完成", "adapter_config.json")):
        (models / name).mkdir()
        (models / name / file).write_text("{}", encoding="utf-8")
    monkeypatch.chdir(book)
    try:
        ran = run(book, monkeypatch, "models/*", "--json")
        assert [arm["name"] for arm in json.loads(ran.stdout)["arms"]] == ["base", "one", "two"]
        assert "passed over, as no whole adapter is in there: models/merged, models/未完成\n" in ran.stderr
        for name in ("merged", "未完成"):
            assert list(folders((f"models/{name}",))) == [Path("models") / name]
            with pytest.raises(ModelUnavailable, match="no adapter in "):
                run(book, monkeypatch, f"models/{name}")
        with pytest.raises(UsageError, match=r"models/mer\*: there is no such folder with an adapter"):
            run(book, monkeypatch, "models/mer*")
    finally:
        for name in ("merged", "未完成"):
            shutil.rmtree(models / name)


def test_a_pattern_without_a_folder_is_wrong_use(book, monkeypatch):
    with pytest.raises(UsageError, match=r"models/notes.txt: there is no such folder"):
        run(book, monkeypatch, "models/notes.txt")
