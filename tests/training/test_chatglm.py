"""The converted model computes what the original describes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.training.chatglm3_reference import CONFIG, Reference, make_checkpoint, make_weights, original_shapes

from rawtune.comparison.answers import answer
from rawtune.config import Training
from rawtune.errors import ModelUnavailable
from rawtune.progress import Silent
from rawtune.records import Row
from rawtune.training import models
from rawtune.training.chatglm import converted, glm_modules, native, split_rows, vocabulary
from rawtune.training.tokens import prompt_ids
from rawtune.training.trainer import train

IDS = torch.arange(2 * 21).reshape(2, 21) * 9 % CONFIG["padded_vocab_size"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "chatglm3-6b"
    make_checkpoint(folder)
    return folder


@pytest.fixture(autouse=True)
def exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, and float32, in which a difference is a fault and not rounding."""
    monkeypatch.setenv("RAWTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "compute_dtype", lambda on: torch.float32)


@torch.inference_mode()
def difference(model: Any, reference: Reference, ids: torch.Tensor = IDS) -> float:
    return float((model(input_ids=ids).logits - reference.logits(ids)).abs().max())


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize(
    "changed", [{}, {"multi_query_group_num": 4}, {"rope_ratio": 50}, {"layernorm_epsilon": 1e-2}], ids=str
)
def test_logits_are_those_of_the_original(tmp_path: Path, kind: str, changed: dict[str, Any]) -> None:
    weights = make_checkpoint(tmp_path / "original", kind, **changed)
    model, _ = models.load(str(tmp_path / "original"))
    assert type(model).__name__ == "GlmForCausalLM"
    assert difference(model, Reference(weights, {**CONFIG, **changed})) < 1e-5


def swapped(name: str, *starts: int) -> Callable[[dict[str, torch.Tensor]], None]:
    """Exchange the two blocks of rows that begin at ``starts`` in every layer."""

    def swap(weights: dict[str, torch.Tensor]) -> None:
        first, second = starts
        for key in [key for key in weights if name in key]:
            rows = weights[key].clone()
            size = second - first
            weights[key] = torch.cat((rows[:first], rows[second : second + size], rows[first:second]))

    return swap


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"weights": swapped("query_key_value", 64, 96)}, id="keys and values swapped"),
        pytest.param({"weights": swapped("dense_h_to_4h", 0, 48)}, id="gate and up swapped"),
        pytest.param({"config": {"layernorm_epsilon": 1e-2}}, id="another epsilon"),
        pytest.param({"config": {"rope_ratio": 50}}, id="another theta"),
        pytest.param({"rotary_share": 1.0}, id="the whole head turned"),
        pytest.param({"interleaved": False}, id="halves turned, not neighbours"),
    ],
)
def test_the_comparison_can_tell(original: Path, wrong: dict[str, Any]) -> None:
    weights = make_weights(CONFIG)
    wrong.get("weights", lambda _: None)(weights)
    options = {name: wrong[name] for name in wrong.keys() - {"weights", "config"}}
    reference = Reference(weights, {**CONFIG, **wrong.get("config", {})}, **options)
    model, _ = models.load(str(original))
    assert difference(model, reference) > 1e-2


def test_all_weights_of_the_6b_model_have_their_place(original: Path) -> None:
    from transformers import AutoConfig, GlmForCausalLM

    config = AutoConfig.from_pretrained(converted(original, Silent()))
    sizes = {"num_hidden_layers": 28, "hidden_size": 4096, "intermediate_size": 13696, "num_attention_heads": 32}
    for name, value in {**sizes, "num_key_value_heads": 2, "head_dim": 128, "vocab_size": 65024}.items():
        setattr(config, name, value)
    real = {"num_layers": 28, "hidden_size": 4096, "ffn_hidden_size": 13696, "kv_channels": 128}
    with torch.device("meta"):
        expected = {name: weight.shape for name, weight in GlmForCausalLM(config).state_dict().items()}
        weights = {
            key: torch.empty(shape)
            for key, shape in original_shapes({**CONFIG, **real, "padded_vocab_size": 65024}).items()
        }
    found = {
        f"{name}.{key.rpartition('.')[2]}": part.shape
        for key, weight in weights.items()
        for name, part in split_rows(weight, glm_modules(key.rpartition(".")[0]) or (), 4096).items()
    }
    assert found == expected
    assert found["model.layers.27.self_attn.v_proj.weight"] == (256, 4096)
    assert sum(shape.numel() for shape in found.values()) == 6_243_584_000


@pytest.mark.parametrize("positions", [True, False])
def test_left_padding_changes_nothing(original: Path, positions: bool) -> None:
    model, _ = models.load(str(original))
    attended = torch.ones_like(IDS)
    attended[1, :6] = 0
    reference = Reference(make_weights(CONFIG)).logits(IDS, attended)
    given = {"position_ids": (attended.cumsum(1) - 1).clamp(min=0)} if positions else {}
    with torch.inference_mode():
        logits = model(input_ids=IDS, attention_mask=attended, **given).logits
    real = attended.bool()
    assert (logits[real] - reference[real]).abs().max() < 1e-5
    alone = Reference(make_weights(CONFIG)).logits(IDS[1:, 6:])
    assert (logits[1, 6:] - alone[0]).abs().max() < 1e-5


def test_greedy_answers_with_a_cache_are_the_originals(original: Path) -> None:
    model, tokenizer = models.load(str(original))
    prompts = [prompt_ids(tokenizer, question) for question in ("What is Kun?", "蒙卦代表什么？它象征着什么？")]
    assert len(prompts[0]) != len(prompts[1])  # so that one is padded
    reference = Reference(make_weights(CONFIG))
    expected = [reference.greedy(prompt, 16) for prompt in prompts]
    model.generation_config.eos_token_id = None
    texts = answer(model, tokenizer, prompts, max_new_tokens=16, batch_size=2)
    assert texts == [text.strip() for text in tokenizer.batch_decode(expected, skip_special_tokens=True)]
    ids = model.generate(torch.tensor(prompts[:1]), max_new_tokens=16, do_sample=False, pad_token_id=0)
    assert ids[0, len(prompts[0]) :].tolist() == expected[0]


def test_it_stops_where_chatglm3_stops(original: Path) -> None:
    model, tokenizer = models.load(str(original))
    assert model.generation_config.eos_token_id == [
        2,
        tokenizer.special["<|user|>"],
        tokenizer.special["<|observation|>"],
    ]
    assert model.config.pad_token_id == 0


def test_it_is_converted_once_shard_by_shard(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = converted(original, Silent())
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    for number, shard in enumerate(sorted(original.glob("*.safetensors")), 1):
        with safe_open(shard, "pt") as weights:
            names = {
                f"{new}.{key.rpartition('.')[2]}"
                for key in weights.keys()  # noqa: SIM118
                for new in glm_modules(key.rpartition(".")[0]) or ()
            }
        assert names == {name for name, file in index.items() if file == f"model-{number:05}-of-00003.safetensors"}
    monkeypatch.setattr("rawtune.training.chatglm._convert", None)
    assert converted(original, Silent()) == folder
    assert models.load(str(folder))  # and is itself a student


def test_other_weights_are_converted_anew(original: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(original, tmp_path / "copy")
    first = converted(folder, Silent())
    shard = next(iter(sorted(folder.glob("*.safetensors"))))
    weights = {name: weight + 1 for name, weight in load_file(shard).items()}
    save_file(weights, shard)
    assert converted(folder, Silent()) != first


def test_what_a_killed_conversion_left_is_cleared(original: Path, tmp_path: Path) -> None:
    folder = converted(original, Silent())
    leftover = folder.rename(folder.parent / f".{folder.name}-killed")
    assert converted(original, Silent()) == folder
    assert not leftover.exists()


def test_half_precision_stays_as_it_is(tmp_path: Path) -> None:
    weights = make_checkpoint(tmp_path / "original", "bin", torch.float16)
    folder = converted(tmp_path / "original", Silent())
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    found = {name: weight for file in folder.glob("*.safetensors") for name, weight in load_file(file).items()}
    down = found["model.layers.1.mlp.down_proj.weight"]
    assert down.dtype is torch.float16
    assert torch.equal(down, weights["transformer.encoder.layers.1.mlp.dense_4h_to_h.weight"])


class Malice:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('a pickle was run')",)


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    folder = tmp_path / "original"
    make_checkpoint(folder, "bin")
    torch.save({"transformer.output_layer.weight": Malice()}, folder / "pytorch_model-00001-of-00003.bin")
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        models.load(str(folder))
    assert not list((tmp_path / "cache").glob("[!.]*"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"shard": None}, "weights are missing"),
        ({"extra": "transformer.prefix_encoder.embedding.weight"}, "ChatGLM3 has no weight transformer.prefix_encoder"),
        ({"extra": "transformer.output_layer.weight"}, "a second time"),
        ({"config": {"ffn_hidden_size": 50}}, "does not fit config"),
        ({"config": {"num_layers": 1}}, "does not fit config"),
        ({"config": {"num_layers": 3}}, "weights are missing, model.layers.2"),
        ({"config": {"multi_query_attention": False}}, "multi_query_attention is False"),
        ({"config": {"kv_channels": 8}}, "is not hidden_size"),
        ({"config": {"padded_vocab_size": 400}}, "more tokens than padded_vocab_size"),
        ({"without": "kv_channels"}, "no kv_channels"),
        ({"vocabulary": b"not one"}, "not a SentencePiece vocabulary"),
        ({"vocabulary": None}, "no tokenizer.model"),
        ({"weights": None}, "no weights there"),
    ],
    ids=str,
)
def test_what_is_not_a_whole_chatglm3_is_named(
    original: Path, tmp_path: Path, damage: dict[str, Any], words: str
) -> None:
    folder = shutil.copytree(original, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text()) | damage.get("config", {})
    config.pop(damage.get("without"), None)
    (folder / "config.json").write_text(json.dumps(config))
    shards = sorted(folder.glob("*.safetensors"))
    if "extra" in damage:
        save_file({damage["extra"]: torch.ones(448, 64)}, folder / "model-00004-of-00003.safetensors")
    for shard in {"shard": shards[:1], "weights": shards}.get(next(iter(damage)), []):
        shard.unlink()
    if "vocabulary" in damage:
        (folder / "tokenizer.model").unlink()
        if damage["vocabulary"]:
            (folder / "tokenizer.model").write_bytes(damage["vocabulary"])
    with pytest.raises(ModelUnavailable, match=words) as caught:
        models.load(str(folder))
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_from_the_hub_only_what_is_needed_is_fetched(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    make_checkpoint(tmp_path / "hub", kind)
    asked: dict[str, Any] = {}

    def snapshot(name: str, allow_patterns: list[str]) -> str:
        asked.update(name=name, patterns=allow_patterns)
        return str(tmp_path / "hub")

    files = [path.name for path in (tmp_path / "hub").iterdir()]
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda self, name, timeout: None)
    monkeypatch.setattr(huggingface_hub.HfApi, "list_repo_files", lambda self, name: files)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr("transformers.PreTrainedConfig.get_config_dict", lambda source: (CONFIG, {}))
    source = models.resolve("THUDM/chatglm3-6b")
    assert native(source, Silent()) == converted(tmp_path / "hub", Silent())
    weights = "model*.safetensors" if kind == "safetensors" else "pytorch_model*.bin"
    assert asked == {"name": "THUDM/chatglm3-6b", "patterns": ["config.json", "tokenizer.model", weights]}
    assert vocabulary(source) == tmp_path / "hub"
    assert asked["patterns"] == ["config.json", "tokenizer.model"]


def test_its_tokenizer_needs_no_weights(original: Path, tmp_path: Path, rows: tuple[Row, ...]) -> None:
    (bare := tmp_path / "bare").mkdir()
    for name in ("config.json", "tokenizer.model"):
        (bare / name).write_bytes((original / name).read_bytes())
    found, whole = models.load_tokenizer(str(bare)), models.load(str(original))[1]
    assert prompt_ids(found, rows[2].question) == prompt_ids(whole, rows[2].question)


def test_it_learns(original: Path, tmp_path: Path, rows: tuple[Row, ...]) -> None:
    settings = Training(epochs=12, batch_size=4, learning_rate=1e-2, checkpoint_steps=100)
    run = train(rows, str(original), settings, tmp_path / "run", Silent())
    # r=16 on q, k, v, o, gate_up and down of two layers
    assert run.trainable_parameters == 2 * 16 * (128 + 2 * 96 + 128 + 160 + 112)
    assert run.losses[-1] < run.losses[0] / 2
    model, tokenizer = models.load(str(original))
    prompts = [prompt_ids(tokenizer, row.question) for row in rows]
    before = answer(model, tokenizer, prompts, 40, 4)
    after = answer(models.with_adapter(model, tmp_path / "run"), tokenizer, prompts, 40, 4)
    assert before != after
    assert (tmp_path / "run" / "tokenizer.model").is_file()
