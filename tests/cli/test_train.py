"""`rawtune train --show`, in this process."""

from pathlib import Path

import pytest
from tests.cli.test_main import run
from tests.tiny_model import make_tiny_model

from rawtune import project


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    student = make_tiny_model(tmp_path / "tiny")
    (student / "model.safetensors").unlink()  # nothing is to read the weights
    settings = {"teacher": {"model": "scripted:"}, "student": str(student)}
    folder = project.create(tmp_path / "book", "zhouyi-zh", limit=4, settings=settings)
    monkeypatch.chdir(folder)
    return folder


def test_rows_are_shown_with_what_is_learnt_and_nothing_is_trained(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "train", "--show", "2") == 0
    shown = capsys.readouterr()
    assert shown.out.count("── row ") == 2
    assert "<|im_start|>assistant↵\n⟦" in shown.out
    assert shown.out.rstrip().endswith("<|im_end|>⟧")
    assert "nothing was trained" in shown.err
    assert not (book / "models").exists()


def test_colours_take_the_place_of_brackets(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert run(monkeypatch, "train", "--show", "1") == 0
    assert "⟦" not in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(monkeypatch, "train", "--show", "1") == 0
    assert "⟦" in capsys.readouterr().out


def test_three_rows_are_shown_unless_told_otherwise(
    book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "train", "--show") == 0
    assert capsys.readouterr().out.count("── row ") == 3
    settings = book / "rawtune.yaml"
    text = settings.read_text(encoding="utf-8").replace("max_output_tokens: 1536", "max_output_tokens: 8")
    settings.write_text(text, encoding="utf-8")
    assert run(monkeypatch, "train", "--show") == 2
    shown = capsys.readouterr()
    assert "8 are learnt; " in shown.out
    assert "training.max_cut" in shown.err
