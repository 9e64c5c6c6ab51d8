from typing import Any

import pytest

from rawtune.errors import ModelUnavailable, UsageError
from rawtune.records import Message
from rawtune.training.tokens import encode, end_of_turn, messages, prompt_ids, punctuation

QUESTIONS = [("What is Kun?", "Kun is six broken lines."), ("坤卦代表什么？", "坤卦象征大地，厚德载物。")]


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_only_the_answer_and_its_end_are_learnt(tokenizer: Any, question: str, answer: str) -> None:
    row = encode(tokenizer, question, answer, 100, 100)
    learnt = [token for token, learn in zip(row.ids, row.mask, strict=True) if learn]
    assert tokenizer.decode(learnt) == f"{answer}<|im_end|>"
    assert row.mask == sorted(row.mask)  # prompt first, then answer
    assert not row.cut


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_training_reads_what_serving_reads(tokenizer: Any, question: str, answer: str) -> None:
    row = encode(tokenizer, question, answer, 100, 100)
    prompt = prompt_ids(tokenizer, question)
    assert row.ids[: len(prompt)] == prompt
    assert not any(row.mask[: len(prompt)])
    assert tokenizer.decode(prompt) == f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


def test_what_was_said_before_stands_before_the_question(tokenizer: Any) -> None:
    history = [Message("user", "坤卦代表什么？"), Message("assistant", "大地。")]
    assert tokenizer.decode(prompt_ids(tokenizer, "And Meng?", history)) == (
        "<|im_start|>user\n坤卦代表什么？<|im_end|>\n<|im_start|>assistant\n大地。<|im_end|>\n"
        "<|im_start|>user\nAnd Meng?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_ids_are_the_templates_own(tokenizer: Any) -> None:
    turns = [{"role": "user", "content": "What is Kun?"}, {"role": "assistant", "content": "六爻皆阴。"}]
    whole = tokenizer.apply_chat_template(turns, return_dict=False)
    ids = encode(tokenizer, "What is Kun?", "六爻皆阴。", 100, 100).ids
    assert whole[: len(ids)] == ids
    assert tokenizer.decode(whole[len(ids) :]) == "\n"  # what the template puts after the end is never generated


def test_a_system_prompt_of_the_templates_own_is_there_on_both_sides(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = "{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}"
    monkeypatch.setattr(tokenizer, "chat_template", system + tokenizer.chat_template)
    prompt = prompt_ids(tokenizer, "What is Kun?")
    assert "Be kind." in tokenizer.decode(prompt)
    assert encode(tokenizer, "What is Kun?", "Earth.", 100, 100).ids[: len(prompt)] == prompt


def test_white_space_around_an_answer_is_dropped(tokenizer: Any) -> None:
    assert encode(tokenizer, "Q?", "\n Earth. \n", 100, 100) == encode(tokenizer, "Q?", "Earth.", 100, 100)


def test_a_cut_answer_says_so_and_has_no_end(tokenizer: Any) -> None:
    whole = encode(tokenizer, "坤卦代表什么？", "坤卦象征大地。", 100, 100)
    length = sum(whole.mask)
    assert not encode(tokenizer, "坤卦代表什么？", "坤卦象征大地。", 100, length).cut
    cut = encode(tokenizer, "坤卦代表什么？", "坤卦象征大地。", 100, length - 1)
    assert cut.cut
    assert cut.ids == whole.ids[:-1]
    assert cut.ids[-1] != end_of_turn(tokenizer)


@pytest.mark.parametrize(
    ("question", "answer", "words"),
    [
        ("What is Kun?", " \n", "empty"),
        ("What is <|im_end|>?", "Earth.", "control token <|im_end|>"),
        ("What is Kun?", "Earth.<|im_start|>user", "control token <|im_start|>"),
        ("坤" * 50, "大地。", "max_input_tokens is 100"),
    ],
)
def test_a_row_that_cannot_be_trained_on_is_refused(tokenizer: Any, question: str, answer: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        encode(tokenizer, question, answer, 100, 100)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_template_that_rewrites_answers_is_refused(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    thinking = tokenizer.chat_template.replace("assistant\n'", "assistant\n<think>\n'")
    monkeypatch.setattr(tokenizer, "chat_template", thinking)
    with pytest.raises(ModelUnavailable, match="training and use would differ"):
        encode(tokenizer, "What is Kun?", "Earth.", 100, 100)


def test_a_template_without_an_end_is_refused(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    prompted = endless + "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    monkeypatch.setattr(tokenizer, "chat_template", prompted)
    with pytest.raises(ModelUnavailable, match="does not end an answer"):
        end_of_turn(tokenizer)


HISTORY = (("坤卦代表什么？", "大地。"),)


def test_of_a_conversation_the_last_answer_alone_is_learnt(tokenizer: Any) -> None:
    row = encode(tokenizer, "它下面呢？", "还是坤。", 100, 100, HISTORY)
    prompt = prompt_ids(tokenizer, "它下面呢？", messages(HISTORY))
    assert row.ids[: len(prompt)] == prompt
    assert row.mask == [at >= len(prompt) for at in range(len(row.ids))]
    assert tokenizer.decode(row.ids[len(prompt) :]) == "还是坤。<|im_end|>"
    assert tokenizer.decode(prompt) == (
        "<|im_start|>user\n坤卦代表什么？<|im_end|>\n<|im_start|>assistant\n大地。<|im_end|>\n"
        "<|im_start|>user\n它下面呢？<|im_end|>\n<|im_start|>assistant\n"
    )


def test_earlier_turns_are_never_cut_and_hold_no_control_token(tokenizer: Any) -> None:
    length = len(prompt_ids(tokenizer, "它下面呢？", messages(HISTORY)))
    assert encode(tokenizer, "它下面呢？", "坤。", length, 100, HISTORY).ids
    with pytest.raises(UsageError, match=f"takes {length} tokens, template and earlier turns included") as caught:
        encode(tokenizer, "它下面呢？", "坤。", length - 1, 100, HISTORY)
    assert "raise training.max_input_tokens" in caught.value.hint
    with pytest.raises(UsageError, match="control token"):
        encode(tokenizer, "它下面呢？", "坤。", 100, 100, (("坤卦？", "大地。<|im_end|>"),))


def test_punctuation_is_what_is_learnt_without_letter_or_digit(tokenizer: Any) -> None:
    row = encode(tokenizer, "(Kun)?", '"Kun_9,坤鼎"。!', 512, 512)
    marks = [tokenizer.decode([id]) for id in punctuation(tokenizer, [row])]
    assert sorted(marks) == sorted(['"', "_", ",", "!", "。"])  # no part of 鼎
