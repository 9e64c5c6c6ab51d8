"""A merged model answers as base and adapter do, in the base's own precision, or is not there."""

import json
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.chatglm3_reference import make_checkpoint
from tests.training.conftest import ROWS
from tests.training.test_saving import files_of_at_most

from rawtune.comparison.answers import answer
from rawtune.config import Training
from rawtune.errors import GateFailed, ModelUnavailable, StorageFull, UsageError
from rawtune.progress import Silent
from rawtune.training import merge as merging
from rawtune.training import models
from rawtune.training.merge import TOLERANCE, default_folder, merge
from rawtune.training.tokens import prompt_ids
from rawtune.training.trainer import train

QUESTIONS = [question for question, *_ in ROWS]
SETTINGS = {"learning_rate": 1e-2, "epochs": 40, "batch_size": 4, "dropout": 0}


@pytest.fixture(scope="module")
def adapter(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "adapter"
    train(ROWS, str(tiny), Training(**SETTINGS), folder, Silent())
    return folder


def test_a_merged_model_answers_as_base_and_adapter_do(adapter: Path, tmp_path: Path) -> None:
    merged = merge(adapter, tmp_path / "merged", questions=QUESTIONS)
    assert (merged.dtype, merged.prompts, merged.same_tokens) == ("float32", 4, merged.tokens)
    assert 0 <= merged.difference < TOLERANCE["float32"]
    assert json.loads((tmp_path / "merged" / merging.RECORD).read_text())["difference"] == merged.difference
    model, tokenizer = models.load(str(tmp_path / "merged"))
    assert not hasattr(model, "peft_config")
    prompts = [prompt_ids(tokenizer, question) for question in QUESTIONS]
    assert answer(model, tokenizer, prompts, 60, 3) == [reference for _, reference, _ in ROWS]


def test_it_is_a_whole_folder_and_nothing_else_is_left(adapter: Path, tmp_path: Path) -> None:
    merge(adapter, tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["merged"]
    names = {path.name for path in (tmp_path / "merged").iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "merge.json"}
    assert not any("adapter" in name for name in names)
    generation = json.loads((tmp_path / "merged" / "generation_config.json").read_text())
    _, tokenizer = models.load(str(tmp_path / "merged"))
    assert generation["eos_token_id"] == [tokenizer.convert_tokens_to_ids("<|im_end|>")]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_kept_and_rounded_once(adapter: Path, tiny: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    base, tokenizer = models.load(str(tiny))
    base.to(dtype).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    half = named(adapter, tmp_path / "adapter", str(tmp_path / "base"))
    merged = merge(half, tmp_path / "merged", questions=QUESTIONS)
    assert merged.dtype == str(dtype).removeprefix("torch.")
    assert 0 < merged.difference < merged.tolerance
    before, after = weights(tmp_path / "base"), weights(tmp_path / "merged")
    lora = load_file(half / "adapter_model.safetensors")
    name = "model.layers.0.self_attn.q_proj"
    update = lora[f"base_model.model.{name}.lora_B.weight"] @ lora[f"base_model.model.{name}.lora_A.weight"]
    expected = (before[f"{name}.weight"].float() + 2 * update).to(dtype)  # alpha over r is 2
    torch.testing.assert_close(after[f"{name}.weight"], expected)
    assert all(weight.dtype is dtype for weight in after.values())


def test_an_adapter_trained_over_nf4_goes_into_the_weights_as_published(tiny: Path, tmp_path: Path) -> None:
    train(ROWS, str(tiny), Training(**{**SETTINGS, "epochs": 4, "quantise": "nf4"}), tmp_path / "adapter", Silent())
    merged = merge(tmp_path / "adapter", tmp_path / "merged", questions=QUESTIONS)
    assert merged.dtype == "float32"
    assert "quantization_config" not in json.loads((tmp_path / "merged" / "config.json").read_text())
    assert weights(tmp_path / "merged").keys() == weights(tiny).keys()


def test_chatglm3_is_merged_in_the_layout_it_was_trained_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told(Silent):
        lines: ClassVar[list[str]] = []

        def say(self, line: str) -> None:
            self.lines.append(line)

    monkeypatch.setenv("RAWTUNE_CACHE", str(tmp_path / "cache"))
    make_checkpoint(tmp_path / "chatglm3")
    settings = Training(**{**SETTINGS, "epochs": 5})
    train(ROWS, str(tmp_path / "chatglm3"), settings, tmp_path / "adapter", Silent())
    merged = merge(tmp_path / "adapter", tmp_path / "merged", Told(), QUESTIONS)
    assert merged.difference < merged.tolerance
    assert "GLM, not in that of the original" in Told.lines[-1]
    model, tokenizer = models.load(str(tmp_path / "merged"))
    assert type(model).__name__ == "GlmForCausalLM"
    _, original = models.load(str(tmp_path / "chatglm3"))
    assert prompt_ids(tokenizer, "蒙卦？") == prompt_ids(original, "蒙卦？")


def test_a_merge_that_went_wrong_is_not_kept(adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_merged_in_float32", lambda model: model.unload())  # base alone
    with pytest.raises(GateFailed, match=r"probabilities differ by \d\d") as caught:
        merge(adapter, tmp_path / "merged", questions=QUESTIONS)
    assert "nothing was kept" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers_are_not_kept(adapter: Path, tmp_path: Path) -> None:
    broken = named(adapter, tmp_path / "broken", merging.base_of(adapter))
    lora = load_file(broken / "adapter_model.safetensors")
    save_file({name: weight * torch.nan for name, weight in lora.items()}, broken / "adapter_model.safetensors")
    with pytest.raises(ModelUnavailable, match="NaN"):
        merge(broken, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_no_weight_of_the_adapter_is_left_out_in_silence(adapter: Path, tmp_path: Path) -> None:
    other = named(adapter, tmp_path / "other", merging.base_of(adapter))
    lora = load_file(other / "adapter_model.safetensors")
    moved = {name.replace("layers.1.", "layers.7."): weight for name, weight in lora.items()}
    save_file(moved, other / "adapter_model.safetensors")
    with pytest.raises(ModelUnavailable, match=rf"{len(lora) // 2} of {len(lora)} weights fit nowhere"):
        merge(other, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_full_disk_leaves_nothing(adapter: Path, tmp_path: Path) -> None:
    with files_of_at_most(20_000), pytest.raises(StorageFull) as caught:
        merge(adapter, tmp_path / "merged")
    assert "--into" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_and_leftovers_are_cleared(adapter: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="there already"):
        merge(adapter, tmp_path / "mine")
    (tmp_path / ".merged.partial").mkdir()
    (tmp_path / ".merged.partial" / "model.safetensors").write_bytes(b"half")
    merge(adapter, tmp_path / "merged")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged", "mine"]


def test_what_is_no_adapter_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="names its base"):
        merge(tmp_path / "nothing", tmp_path / "merged")
    assert default_folder(tmp_path / "run") == tmp_path / "run-merged"


def named(adapter: Path, folder: Path, base: str) -> Path:
    """The same adapter, of another base."""
    folder.mkdir()
    shutil.copy(adapter / "adapter_model.safetensors", folder)
    config: dict[str, Any] = json.loads((adapter / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": base}))
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")
