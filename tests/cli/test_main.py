"""Errors to exit codes, and verbs to output, in this process."""

import errno
import json
from pathlib import Path

import pytest

from rawtune import cli, errors, project


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["rawtune", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = project.create(tmp_path / "book", "zhouyi-zh", limit=4, settings={"teacher": {"model": "scripted:"}})
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x", "y"), 2),
        (errors.ConfigError("x"), 2),
        (errors.KeyRejected("x", "y"), 2),
        (errors.ModelNotFound("x", "y"), 2),
        (errors.GateFailed("x", "y"), 1),
        (errors.EndpointDown("x", "y"), 1),
        (errors.StorageFull("x", "y"), 1),
        (PermissionError(errno.EACCES, "Permission denied", "raw/a.txt"), 2),
        (OSError(errno.ENOSPC, "No space left on device"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error, code) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    assert run(monkeypatch) == code
    assert capsys.readouterr().err.startswith("error: ")


def test_an_error_that_quotes_a_model_cannot_drive_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise errors.UsageError("it said \x1b[2J", "look at 卦\x07\nor not")

    monkeypatch.setattr(cli, "app", fail)
    assert run(monkeypatch) == 2
    assert capsys.readouterr().err == "error: it said \\x1b[2J\nhint: look at 卦\\x07\nor not\n"


def test_a_bug_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OSError(errno.EIO, "broken disk")  # names no file

    monkeypatch.setattr(cli, "app", fail)
    monkeypatch.setattr("sys.argv", ["rawtune"])
    with pytest.raises(OSError, match="broken disk"):
        cli.main()


def test_unknown_verb_and_option(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "fly") == 2
    assert run(monkeypatch, "run", "--fast") == 2
    assert "No such command 'fly'" in capsys.readouterr().err


def test_export_then_status(book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "export", "--json") == 0
    out = capsys.readouterr().out
    assert json.loads(out)["ran"] == ["read", "synthesise", "verify", "augment", "export"]
    assert run(monkeypatch, "export") == 0
    assert "everything is current" in capsys.readouterr().out
    assert run(monkeypatch, "status", "--json") == 0
    stages = {stage["name"]: stage for stage in json.loads(capsys.readouterr().out)["stages"]}
    assert stages["export"]["current"]
    assert stages["export"]["product"].startswith("datasets/book_dataset_")
    assert stages["train"]["reasons"] == ["not run to its end yet"]
    assert run(monkeypatch, "status") == 0
    assert "synthesise  current" in capsys.readouterr().out
    with project.Project(book) as opened:
        opened._work.ledger.forget_stage("synthesise")  # as an import does
        assert opened.status()[1].reasons == ("not run to its end since its rows were changed",)
    assert run(monkeypatch, "status", "--quarantine") == 0
    assert "0 passages without a row that is kept" in capsys.readouterr().out
    assert run(monkeypatch, "status", "--quarantine", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_try_as_json_keeps_chinese_readable(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "try", "--passage", "2", "--json") == 0
    out = capsys.readouterr().out
    assert "坤卦" in out
    tried = json.loads(out)
    assert tried["outcome"]["state"] == "kept"
    assert tried["exchanges"][0]["reply"]["text"].startswith('content:"坤卦"')


def test_init_says_what_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "init", "a") == 0
    assert "put your UTF-8 .txt files into a/raw" in capsys.readouterr().out
    assert run(monkeypatch, "init", "b", "--example", "zhouyi-zh") == 0
    assert "hardly know Chinese" in capsys.readouterr().out
    assert run(monkeypatch, "init", "c", "--example", "zhouyi-zh", "--from", "x.txt") == 2


def test_doctor_fails_on_a_fault(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "doctor", "--json") == 0
    assert {check["name"] for check in json.loads(capsys.readouterr().out)} >= {"teacher", "student", "disk"}
    (book / "rawtune.yaml").write_text("name: 1 2\n")
    assert run(monkeypatch, "doctor") == 2
    assert "FAULT" in capsys.readouterr().out
