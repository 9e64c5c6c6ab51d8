import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from rawtune.training import card

RUN = {
    "model": "Qwen/Qwen3-0.6B",
    "steps": 2,
    "losses": [3.14159, 0.5],
    "trainable_parameters": 1234567,
    "device": "cpu",
    "dtype": "float32",
    "seconds": 61.4,
    "settings": {"rank": 16, "seed": 7, "micro_batch_size": None},
    "versions": {"torch": "2.13.0", "peft": "0.21.2"},
}
DATA = {"dataset": "book_dataset_20261122_210000.csv", "sha256": "ab" * 32, "rows": 320, "curve": "healthy"}


def render(folder: Path, language: str = "en", **changes: Any) -> tuple[dict[str, Any], str]:
    text = card.render(folder, language, {**RUN, **changes}, DATA)
    _, front, body = text.split("---\n", 2)
    return YAML(typ="safe").load(front), body


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_holds_what_the_hub_and_a_reader_want(tmp_path: Path, language: str) -> None:
    front, body = render(tmp_path / "run", language)
    assert front["base_model"] == "Qwen/Qwen3-0.6B"
    assert (front["library_name"], front["language"], front["license"]) == ("peft", [language], "unknown")
    for fact in (*map(str, DATA.values()), "3.1416", "0.5000", "1,234,567", "torch 2.13.0", "| seed | 7 |"):
        assert fact in body
    assert "micro_batch_size" not in body
    assert 'PeftModel.from_pretrained(base, "run")' in body
    assert ("许可证" in body) == (language == "zh")


def test_the_hub_library_reads_it(tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    (tmp_path / "README.md").write_text("left by peft")
    card.write(tmp_path, "zh", RUN, DATA)
    read = ModelCard.load(tmp_path / "README.md")
    assert read.data.base_model == "Qwen/Qwen3-0.6B"
    assert "left by peft" not in read.content


def test_a_folder_of_the_users_is_not_told(tmp_path: Path) -> None:
    front, body = render(tmp_path / "run", model=str(tmp_path / "secret" / "my-model"))
    assert "base_model" not in front
    assert "`my-model`" in body
    assert "secret" not in body


def test_models_that_only_rawtune_reads_are_loaded_by_it(tmp_path: Path) -> None:
    front, body = render(tmp_path, model="embedded:smollm2")
    assert front["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert 'models.load("embedded:smollm2")' in body
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "ChatGLMTokenizer"}))
    _, body = render(tmp_path, model="THUDM/chatglm3-6b")
    assert 'models.load("THUDM/chatglm3-6b")' in body
    assert "PeftModel.from_pretrained" not in body
