from typing import Any

import pytest
import torch
from tests.tiny_model import make_tiny_model

from rawtune.comparison.answers import _Pieces, answer, stream
from rawtune.training import models

QUESTIONS = (
    "What is Kun?",
    "坤卦代表什么？请用一句话回答。",
    "Meng?",
    "What does Meng stand for in the book of the sages?",
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    return models.load(str(make_tiny_model(tmp_path_factory.mktemp("model") / "tiny")))


@pytest.fixture
def prompts(loaded: tuple[Any, Any]) -> list[list[int]]:
    def ids(question: str) -> list[int]:
        turns = [{"role": "user", "content": question}]
        found: list[int] = loaded[1].apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
        return found

    return [ids(question) for question in QUESTIONS]


def step_by_step(model: Any, tokenizer: Any, prompt: list[int], limit: int) -> str:
    """Greedy decoding as it is defined: no batch, no padding, no cache."""
    ids = list(prompt)
    with torch.no_grad():
        while len(ids) < len(prompt) + limit and (ids[-1] != tokenizer.eos_token_id or len(ids) == len(prompt)):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return str(tokenizer.decode(ids[len(prompt) :], skip_special_tokens=True)).strip()


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_batches_answer_as_each_prompt_alone_would_be(
    loaded: tuple[Any, Any], prompts: list[list[int]], batch_size: int
) -> None:
    expected = [step_by_step(*loaded, prompt, 12) for prompt in prompts]
    assert len(set(expected)) == len(expected)
    assert answer(*loaded, prompts, 12, batch_size) == expected


def test_it_stops_at_the_end_token(loaded: tuple[Any, Any], prompts: list[list[int]], monkeypatch: Any) -> None:
    model, tokenizer = loaded
    text = answer(model, tokenizer, prompts[:1], 12, 1)[0]
    with torch.no_grad():
        ids = model.generate(torch.tensor(prompts[:1]), max_new_tokens=12, do_sample=False)[0, len(prompts[0]) :]
    monkeypatch.setattr(model.generation_config, "eos_token_id", [tokenizer.eos_token_id, int(ids[3])])
    shorter = answer(model, tokenizer, prompts[:1], 12, 1)[0]
    assert text.startswith(shorter)
    assert len(shorter) < len(text)


def test_sampling_settings_that_come_with_a_model_are_not_used(
    loaded: tuple[Any, Any],
    prompts: list[list[int]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    expected = answer(*loaded, prompts, 12, 4)
    for name, value in {
        "do_sample": True,
        "temperature": 5.0,
        "top_p": 0.5,
        "top_k": 7,
        "repetition_penalty": 3.0,
    }.items():
        monkeypatch.setattr(loaded[0].generation_config, name, value)
    assert answer(*loaded, prompts, 12, 4) == expected
    assert capfd.readouterr() == ("", "")


def test_with_its_adapter_off_a_model_is_the_base_bit_for_bit(
    loaded: tuple[Any, Any], prompts: list[list[int]]
) -> None:
    from copy import deepcopy

    from peft import LoraConfig, get_peft_model

    base, tokenizer = deepcopy(loaded[0]), loaded[1]
    ids = torch.tensor(prompts[:1])
    with torch.no_grad(), models.quiet():
        before, said_before = base(ids).logits, answer(base, tokenizer, prompts, 12, 4)
        config = LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear", init_lora_weights=False)
        tuned = get_peft_model(base, config).eval()
        assert not torch.equal(tuned(ids).logits, before)
        with tuned.disable_adapter():
            assert torch.equal(tuned(ids).logits, before)
            assert answer(tuned, tokenizer, prompts, 12, 4) == said_before
        assert answer(tuned, tokenizer, prompts, 12, 4) != said_before


def test_no_prompts_no_answers(loaded: tuple[Any, Any]) -> None:
    assert answer(*loaded, [], 12, 4) == []


def test_a_stream_says_piece_by_piece_what_a_batch_says(loaded: tuple[Any, Any], prompts: list[list[int]]) -> None:
    expected = answer(*loaded, prompts, 12, 4)
    for prompt, text in zip(prompts, expected, strict=True):
        pieces: list[str] = []
        assert stream(*loaded, prompt, 12, pieces.append) == text
        assert "".join(pieces) == text
        assert len([piece for piece in pieces if piece]) > 1


@pytest.mark.parametrize("text", [" Kun is\n the earth. ", "坤卦六爻皆阴𝄞，象征大地。"])
def test_no_sign_is_shown_before_it_is_whole(loaded: tuple[Any, Any], text: str) -> None:
    _, tokenizer = loaded
    shown: list[str] = []
    pieces = _Pieces(tokenizer, shown.append)
    pieces.put(torch.tensor([[1, 2, 3]]))  # the prompt's
    for token in tokenizer(text)["input_ids"]:
        pieces.put(torch.tensor([token]))
        assert text.strip().startswith("".join(shown))
    pieces.end()
    assert "".join(shown) == pieces.shown == text.strip()


def test_a_sign_that_never_becomes_whole_is_shown_as_such(loaded: tuple[Any, Any]) -> None:
    _, tokenizer = loaded
    shown: list[str] = []
    pieces = _Pieces(tokenizer, shown.append)
    pieces.put(torch.tensor([[1]]))
    for token in tokenizer("地𝄞")["input_ids"][:-1]:
        pieces.put(torch.tensor([token]))
    assert "".join(shown) == "地"
    pieces.end()
    assert "".join(shown) == tokenizer.decode(tokenizer("地𝄞")["input_ids"][:-1])
