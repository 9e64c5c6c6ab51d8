import errno
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from rawtune.config import Training
from rawtune.errors import StorageFull
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import embedded, models
from rawtune.training.embedded import converted
from rawtune.training.tokens import encode
from rawtune.training.trainer import train


@pytest.fixture
def gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that stands for the weights, a cache of its own, and a conversion that takes no time."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    monkeypatch.setenv("RAWTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(embedded, "_convert", lambda gguf, folder: (folder / "config.json").write_text("{}"))
    return path


def test_it_is_converted_once(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = converted(Silent(), gguf)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    monkeypatch.setattr(embedded, "_convert", None)
    assert converted(Silent(), gguf) == folder


def test_other_weights_are_another_folder(gguf: Path) -> None:
    first = converted(Silent(), gguf)
    gguf.write_bytes(b"newer weights")
    assert converted(Silent(), gguf) != first


def test_of_two_at_once_the_first_to_finish_provides_the_folder(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(path: Path, folder: Path) -> None:
        with monkeypatch.context() as other:
            other.setattr(embedded, "_convert", lambda gguf, folder: (folder / "config.json").write_text("first"))
            converted(Silent(), path)
        (folder / "config.json").write_text("second")

    monkeypatch.setattr(embedded, "_convert", slowly)
    folder = converted(Silent(), gguf)
    assert (folder / "config.json").read_text() == "first"
    assert len(list(folder.parent.iterdir())) == 1


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_half_a_conversion_leaves_nothing(
    gguf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    def fail(gguf: Path, folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise error

    monkeypatch.setattr(embedded, "_convert", fail)
    with pytest.raises(StorageFull if isinstance(error, OSError) else KeyboardInterrupt):
        converted(Silent(), gguf)
    assert list((tmp_path / "cache").iterdir()) == []


def test_the_real_one_keeps_its_template_and_where_to_stop() -> None:
    folder = models.resolve(embedded.NAME)
    assert isinstance(folder, Path)
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config
    assert config["tie_word_embeddings"]
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == 2
    assert "<|im_end|>" in (folder / "chat_template.jinja").read_text()
    with safe_open(folder / "model.safetensors", "pt") as weights:
        assert weights.get_tensor("model.embed_tokens.weight").dtype is torch.bfloat16


def test_the_real_one_learns(tmp_path: Path) -> None:
    _, tokenizer = models.load(embedded.NAME)
    row = encode(tokenizer, "What is Kun?", "Kun is earth.", 100, 100)
    assert tokenizer.decode(row.ids).startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert tokenizer.decode(row.ids).endswith("<|im_start|>assistant\nKun is earth.<|im_end|>")
    rows = [Row("What is Kun?", "Kun is earth."), Row("坤卦代表什么？", "坤卦象征大地。")]
    run = train(rows, embedded.NAME, Training(epochs=4, batch_size=2), tmp_path, Silent())
    assert run.trainable_parameters == 4_884_480  # r=16 on seven projections of 30 layers
    assert run.losses[-1] < run.losses[0] - 0.5
