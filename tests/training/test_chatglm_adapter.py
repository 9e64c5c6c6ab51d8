"""An adapter of the original, fused layers computes the same on the converted model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.chatglm3_reference import CONFIG, Reference, make_checkpoint, make_weights

from rawtune import cli
from rawtune.errors import ModelUnavailable, UsageError
from rawtune.training import models
from rawtune.training.chatglm_adapter import migrate

IDS = torch.arange(2 * 21).reshape(2, 21) * 9 % CONFIG["padded_vocab_size"]
FUSED = ["query_key_value"]
ALL = ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]


def module_tree(weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    """Modules named as in the original, so that peft itself names the adapter's weights."""
    root = torch.nn.Module()
    for name, weight in weights.items():
        *path, leaf, kind = name.split(".")
        at = root
        for part in path:
            if part not in at._modules:
                at.add_module(part, torch.nn.Module())
            at = at.get_submodule(part)
        if kind == "weight" and weight.dim() == 2 and "embedding" not in name:
            at.add_module(leaf, torch.nn.Linear(weight.shape[1], weight.shape[0], bias=f"{name[:-6]}bias" in weights))
    return root


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("RAWTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "compute_dtype", lambda on: torch.float32)
    make_checkpoint(tmp_path / "original")
    return models.load(str(tmp_path / "original"))[0]


@pytest.fixture
def fused(tmp_path: Path) -> Callable[..., Path]:
    def make(modules: list[str], **options: Any) -> Path:
        from peft import LoraConfig, get_peft_model

        options = {"r": 4, "lora_alpha": 8, "target_modules": modules, **options}
        peft = get_peft_model(module_tree(make_weights(CONFIG)), LoraConfig(**options))
        torch.manual_seed(3)
        for name, weight in peft.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight, std=0.1)
        with models.quiet():
            peft.save_pretrained(tmp_path / "old")
        return tmp_path / "old"

    return make


def in_reference(folder: Path, scale: float) -> dict[str, Any]:
    weights = load_file(folder / "adapter_model.safetensors")
    down = {name.split("model.", 2)[2]: weight for name, weight in weights.items() if name.endswith("lora_A.weight")}
    return {
        name.removesuffix(".lora_A.weight"): (
            weight,
            weights[f"base_model.model.{name.replace('lora_A', 'lora_B')}"],
            scale,
        )
        for name, weight in down.items()
    }


@torch.inference_mode()
def difference(model: Any, reference: Reference) -> float:
    return float((model(input_ids=IDS).logits - reference.logits(IDS)).abs().max())


@pytest.mark.parametrize("modules", [FUSED, ALL], ids=["fused", "all"])
@pytest.mark.parametrize(("options", "scale"), [({}, 2.0), ({"use_rslora": True}, 4.0)], ids=["plain", "rslora"])
def test_it_computes_the_same(
    model: Any, fused: Callable[..., Path], tmp_path: Path, modules: list[str], options: dict[str, Any], scale: float
) -> None:
    old = fused(modules, **options)
    names = migrate(old, tmp_path / "new")
    assert names == tuple(
        sorted({"q_proj", "k_proj", "v_proj"} | ({"o_proj", "gate_up_proj", "down_proj"} if modules is ALL else set()))
    )
    reference = Reference(make_weights(CONFIG), adapter=in_reference(old, scale))
    assert difference(model, reference) > 1e-2  # the adapter does something
    tuned = models.with_adapter(model, tmp_path / "new")
    assert difference(tuned, reference) < 1e-5
    with tuned.disable_adapter():
        assert difference(tuned, Reference(make_weights(CONFIG))) < 1e-5


def test_the_comparison_can_tell(model: Any, fused: Callable[..., Path], tmp_path: Path) -> None:
    old = fused(FUSED)
    migrate(old, tmp_path / "new")
    file = tmp_path / "new" / "adapter_model.safetensors"
    weights = load_file(file)
    swap = {"k_proj.lora_B": "v_proj.lora_B", "v_proj.lora_B": "k_proj.lora_B"}
    for name in list(weights):
        for part, other in swap.items():
            if part in name:
                weights[name] = load_file(file)[name.replace(part, other)]
    save_file(weights, file)
    reference = Reference(make_weights(CONFIG), adapter=in_reference(old, 2.0))
    assert difference(models.with_adapter(model, tmp_path / "new"), reference) > 1e-2


def test_settings_and_layers_carry_over(model: Any, fused: Callable[..., Path], tmp_path: Path) -> None:
    old = fused(FUSED, layers_to_transform=[1], lora_dropout=0.05)
    migrate(old, tmp_path / "new")
    config = json.loads((tmp_path / "new" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["lora_dropout"], config["layers_to_transform"]) == (
        4,
        8,
        0.05,
        [1],
    )
    reference = Reference(make_weights(CONFIG), adapter=in_reference(old, 2.0))
    assert difference(models.with_adapter(model, tmp_path / "new"), reference) < 1e-5


def test_a_pickled_adapter_is_read_as_tensors_only(fused: Callable[..., Path], tmp_path: Path) -> None:
    old = fused(FUSED)
    migrate(old, tmp_path / "new")
    pickled = shutil.copytree(old, tmp_path / "pickled")
    (pickled / "adapter_model.safetensors").unlink()
    torch.save(load_file(old / "adapter_model.safetensors"), pickled / "adapter_model.bin")
    migrate(pickled, tmp_path / "other")
    assert (tmp_path / "other/adapter_model.safetensors").read_bytes() == (
        tmp_path / "new/adapter_model.safetensors"
    ).read_bytes()
    torch.save({"code": print}, pickled / "adapter_model.bin")
    with pytest.raises(ModelUnavailable, match=r"adapter_model\.bin: cannot be loaded"):
        migrate(pickled, tmp_path / "third")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"use_dora": True}, "lora_magnitude_vector"),
        ({"bias": "lora_only"}, r"bias is no LoRA matrix"),
        ({"modules_to_save": ["output_layer"]}, r"output_layer\.weight is no LoRA matrix"),
        ({"rank_pattern": {"query_key_value": 2}}, "rank_pattern"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights=pissa"),
    ],
    ids=str,
)
def test_what_does_not_carry_over_is_named(
    fused: Callable[..., Path], tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelUnavailable, match=words) as caught:
        migrate(fused(FUSED, **options), tmp_path / "new")
    assert caught.value.hint
    assert not (tmp_path / "new").exists()


def test_what_is_no_such_adapter_is_named(fused: Callable[..., Path], tmp_path: Path) -> None:
    old = fused(FUSED)
    new = tmp_path / "new"
    migrate(old, new)
    with pytest.raises(UsageError, match="already holds an adapter"):
        migrate(old, new)
    with pytest.raises(ModelUnavailable, match="is no LoRA matrix of a layer of ChatGLM3"):
        migrate(new, tmp_path / "twice")
    weights = load_file(old / "adapter_model.safetensors")
    save_file(dict(list(weights.items())[1:]), old / "adapter_model.safetensors")
    with pytest.raises(ModelUnavailable, match="one of a pair is missing"):
        migrate(old, tmp_path / "half")
    (old / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match=r"no adapter_model\.safetensors"):
        migrate(old, tmp_path / "none")
    with pytest.raises(ModelUnavailable, match=r"adapter_config\.json"):
        migrate(tmp_path / "nowhere", tmp_path / "none")
    (old / "adapter_config.json").write_text('{"peft_type": "PREFIX_TUNING"}')
    with pytest.raises(ModelUnavailable, match="not LoRA but PREFIX_TUNING"):
        migrate(old, tmp_path / "none")


def test_from_the_command_line(
    fused: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["rawtune", "convert-adapter", str(fused(FUSED)), str(tmp_path / "new")])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"{tmp_path / 'new'}: an adapter of k_proj, q_proj, v_proj\n"
    assert (tmp_path / "new" / "adapter_model.safetensors").is_file()
