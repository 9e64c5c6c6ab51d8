import json
from pathlib import Path

import pytest

from rawtune import cli, project


def test_export_to_formats_prints_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project.create(tmp_path / "book", "zhouyi-zh", limit=4, settings={"teacher": {"model": "scripted:"}})
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["rawtune", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return (int(stopped.value.code or 0), *capsys.readouterr())

    code, out, _ = run("export", "--to", "alpaca, messages", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["ran"] == ["read", "synthesise", "verify", "augment", "export"]
    assert len(list(folder.glob("datasets/*.alpaca.json"))) == 1
    assert len(list(folder.glob("datasets/book_dataset_????????_??????.messages.jsonl"))) == 1
    assert "everything is current up to export" in run("export", "--to", "messages")[1]
    assert "export: " in run("export", "--to", "tsv")[1]
    code, _, error = run("export", "--to", "excel")
    assert code == 2
    assert "chatglm3-chat" in error
