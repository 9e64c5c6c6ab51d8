import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

from rawtune.errors import ModelUnavailable
from rawtune.training import models
from rawtune.training.models import load, resolve, with_adapter

HUB_NAME = "nobody/no-such-model"


def hub_answers(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    def model_info(self: object, name: str, timeout: float) -> None:
        if error:
            raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)


def test_a_model_is_a_local_folder_or_on_the_hub(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_answers(monkeypatch, None)
    assert resolve(str(tiny)) == tiny
    assert resolve(HUB_NAME) == HUB_NAME


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("./missing", "no such model folder"),
        ("/missing/model", "no such model folder"),
        ("models/of/mine", "no such model folder"),
        ("embedded:other", "no embedded model"),
    ],
)
def test_what_cannot_be_a_hub_name_is_not_looked_for_there(name: str, words: str) -> None:
    with pytest.raises(ModelUnavailable, match=words) as caught:
        resolve(name)
    assert caught.value.hint


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"no config\.json"):
        resolve(str(tmp_path))


def test_a_hub_that_says_no_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    response = httpx.Response(404, request=httpx.Request("GET", "http://hub"))
    hub_answers(monkeypatch, huggingface_hub.errors.RepositoryNotFoundError("not found", response=response))
    with pytest.raises(ModelUnavailable, match=r"neither a local folder nor on the model hub \(it answers 404\)"):
        resolve(HUB_NAME)


def test_without_a_network_only_what_was_downloaded_is_found(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_answers(monkeypatch, ConnectionError("no network"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"not a local folder, .*, and the model hub cannot be reached"):
        resolve(HUB_NAME)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, local_files_only: str(tiny))
    assert resolve(HUB_NAME) == tiny


def test_a_model_is_ready_to_answer(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model, tokenizer = load(str(tiny))
    assert not model.training
    assert model.dtype is models.compute_dtype("cpu")
    assert model.generation_config.eos_token_id == [tokenizer.eos_token_id]
    assert capfd.readouterr() == ("", "")


def test_generation_stops_where_the_template_ends_a_turn(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**config, "eos_token_id": 0}))
    model, tokenizer = load(str(folder))
    assert model.generation_config.eos_token_id == [0, tokenizer.eos_token_id]


def test_a_model_without_a_chat_template_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelUnavailable, match="no chat template") as caught:
        load(str(folder))
    assert "chat" in caught.value.hint


@pytest.mark.parametrize("damage", ["weights", "config", "kind", "tokenizer"])
def test_a_damaged_model_is_named(tiny: Path, tmp_path: Path, damage: str) -> None:
    folder = shutil.copytree(tiny, tmp_path / "model")
    if damage == "weights":
        (folder / "model.safetensors").write_bytes(b"torn")
    elif damage == "config":
        (folder / "config.json").write_text("{")
    elif damage == "kind":
        own_code = {"model_type": "homemade", "auto_map": {"AutoModelForCausalLM": "code.Model"}}
        (folder / "config.json").write_text(json.dumps(own_code))
        (folder / "code.py").write_text("raise SystemExit('code of a model was run')")
    else:
        (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelUnavailable) as caught:
        load(str(folder))
    assert str(folder) in caught.value.message


def test_precision_follows_the_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    for tiles, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda tiles=tiles: {"amx_tile": tiles})
        assert models.compute_dtype("cpu") is dtype
    for real, dtype in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, real=real: real)
        assert models.compute_dtype("cuda") is dtype
    assert models.compute_dtype("npu") is torch.bfloat16
    assert models.compute_dtype("mps") is torch.float32


def test_an_adapter_that_is_not_there_is_named(tiny: Path, tmp_path: Path) -> None:
    model: Any = load(str(tiny))[0]
    (tmp_path / "adapter_model.bin").write_bytes(b"a pickle is not even opened")
    with pytest.raises(ModelUnavailable, match="no adapter in"):
        with_adapter(model, tmp_path)


def test_torch_is_imported_only_when_it_is_needed() -> None:
    code = (
        "import sys, rawtune.training.trainer, rawtune.training.curve, rawtune.comparison.answers;"
        "print(sorted({'torch', 'transformers', 'peft', 'matplotlib', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
