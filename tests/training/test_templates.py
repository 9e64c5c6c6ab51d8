"""Chat templates in the styles of common families, written for these tests, over one small vocabulary."""

from itertools import compress
from typing import Any

import pytest

from rawtune.errors import ModelUnavailable
from rawtune.training.tokens import encode, end_of_turn, keeps_system, prompt_ids

GENERATE = "{% if add_generation_prompt %}"
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    + GENERATE
    + "<|im_start|>assistant\n{% endif %}"
)
STYLES = {
    "llama": (
        "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
        "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
        + GENERATE
        + "<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
        "<|eot_id|>",
    ),
    "qwen": (
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe of use.<|im_end|>\n{% endif %}" + CHATML,
        "<|im_end|>",
    ),
    "smollm2": (CHATML, "<|im_end|>"),
    "glm4": (
        "[gMASK]<sop>{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}"
        "{% if m['role'] == 'assistant' %}<|user|>{% endif %}{% endfor %}" + GENERATE + "<|assistant|>\n{% endif %}",
        "<|user|>",
    ),
    "gemma": (
        "<bos>{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else 'user' }}\n"
        "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}" + GENERATE + "<start_of_turn>model\n{% endif %}",
        "<end_of_turn>",
    ),
}
CONTROL = {
    "llama": ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
    "qwen": ["<|im_start|>", "<|im_end|>"],
    "smollm2": ["<|im_start|>", "<|im_end|>"],
    "glm4": ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>"],
    "gemma": ["<bos>", "<start_of_turn>", "<end_of_turn>"],
}
ROWS = [("What is Kun?", "Kun is six\n broken lines."), ("坤卦代表什么？", "坤卦象征大地，厚德载物。")]


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def styled(style: str, template: str = "") -> Any:
    """A tokenizer of bytes with the control tokens of ``style``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=STYLES[style][1],
        additional_special_tokens=CONTROL[style],
        chat_template=template or STYLES[style][0],
    )


@pytest.mark.parametrize(("question", "answer"), ROWS)
def test_roles_and_mask_grow_together(style: str, question: str, answer: str) -> None:
    tokenizer = styled(style)
    row = encode(tokenizer, question, answer, 512, 512)
    prompt = prompt_ids(tokenizer, question)
    assert len(row.ids) == len(row.mask)
    assert row.ids[: len(prompt)] == prompt
    assert not any(row.mask[: len(prompt)])
    assert all(row.mask[len(prompt) :])
    assert tokenizer.decode(list(compress(row.ids, row.mask))) == answer + STYLES[style][1]
    assert question in tokenizer.decode(prompt)


def test_the_end_is_learnt_and_stops_generation(style: str) -> None:
    tokenizer = styled(style)
    row = encode(tokenizer, *ROWS[0], 512, 512)
    assert row.mask[-1]
    assert row.ids[-1] == end_of_turn(tokenizer) == tokenizer.convert_tokens_to_ids(STYLES[style][1])


def test_what_becomes_of_a_system_message(style: str) -> None:
    assert keeps_system(styled(style)) is (None if style == "gemma" else True)


def test_a_template_may_fold_or_drop_a_system_message() -> None:
    users_only = "{% for m in messages if m['role'] != 'system' %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
    assert keeps_system(styled("smollm2", users_only)) is False
    folded = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    assert keeps_system(styled("smollm2", folded)) is True


def test_an_answer_that_a_template_trims_away_is_refused() -> None:
    silent = CHATML.replace("{{ m['content'] }}", "{% if m['role'] != 'assistant' %}{{ m['content'] }}{% endif %}")
    with pytest.raises(ModelUnavailable, match="writes answers in another way"):
        encode(styled("smollm2", silent), *ROWS[0], 512, 512)
