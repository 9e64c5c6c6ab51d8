"""The ids of conversations, written out by hand as pieces of the tiny vocabulary."""

from pathlib import Path
from typing import Any

import pytest
from sentencepiece import SentencePieceProcessor
from tests.training.chatglm3_reference import make_vocabulary

from rawtune.errors import ModelUnavailable, UsageError
from rawtune.records import Message
from rawtune.training.chatglm_tokens import ChatGLMTokenizer
from rawtune.training.tokens import encode, end_of_turn, prompt_ids

BREAK = ["▁", "<0x0A>"]
OPENING = ["[gMASK]", "sop"]
KUN = ["▁What", "▁is", "▁Kun", "?"]
SIX = ["▁Kun", "▁is", "▁six", "▁br", "oken", "▁l", "ines", "."]
MENG = ["▁蒙", "卦象征", "启蒙", "。"]
TURNS = [
    {"role": "system", "content": "What is Kun?"},
    {"role": "user", "content": "What is Kun?"},
    {"role": "assistant", "content": "Kun is six broken lines."},
    {"role": "user", "content": "山\n？"},
    {"role": "assistant", "content": "蒙卦象征启蒙。"},
]
MOUNTAIN = ["▁", "<0xE5>", "<0xB1>", "<0xB1>", "<0x0A>", "？"]  # no piece of its own: spelt in bytes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabulary")
    make_vocabulary(folder / "tokenizer.model")
    return folder


@pytest.fixture(scope="module")
def pieces(folder: Path) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


@pytest.fixture(scope="module")
def chatglm(folder: Path) -> ChatGLMTokenizer:
    return ChatGLMTokenizer(folder)


@pytest.fixture(scope="module")
def ids(pieces: SentencePieceProcessor) -> Any:
    control = {
        "[MASK]": 400,
        "[gMASK]": 401,
        "[sMASK]": 402,
        "sop": 403,
        "eop": 404,
        "<|system|>": 405,
        "<|user|>": 406,
        "<|assistant|>": 407,
        "<|observation|>": 408,
        "</s>": 2,
    }
    return lambda *parts: [control.get(piece) or pieces.piece_to_id(piece) for part in parts for piece in part]


def test_control_tokens_follow_the_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SentencePieceProcessor, "vocab_size", lambda self: 64789)
    monkeypatch.setattr(SentencePieceProcessor, "is_control", lambda self, i: i in (1, 2))
    monkeypatch.setattr(SentencePieceProcessor, "is_unknown", lambda self, i: i == 0)
    real = ChatGLMTokenizer(folder)
    assert real.special == {
        "<unk>": 0,
        "<s>": 1,
        "</s>": 2,
        "[MASK]": 64789,
        "[gMASK]": 64790,
        "[sMASK]": 64791,
        "sop": 64792,
        "eop": 64793,
        "<|system|>": 64794,
        "<|user|>": 64795,
        "<|assistant|>": 64796,
        "<|observation|>": 64797,
    }
    assert (real.pad_token_id, real.eos_token_id) == (0, 2)


def test_a_conversation_of_many_turns(chatglm: ChatGLMTokenizer, ids: Any) -> None:
    row = chatglm.conversation(TURNS)
    assert row.ids == ids(
        OPENING,
        *(["<|system|>"], BREAK, KUN),
        *(["<|user|>"], BREAK, KUN),
        *(["<|assistant|>"], BREAK, SIX),
        *(["<|user|>"], BREAK, MOUNTAIN),
        *(["<|assistant|>"], BREAK, MENG),
        ["</s>"],
    )
    learnt = [token for token, learn in zip(row.ids, row.mask, strict=True) if learn]
    assert learnt == ids(BREAK, MENG, ["</s>"])


def test_a_row_with_earlier_turns(chatglm: ChatGLMTokenizer, ids: Any) -> None:
    first, answer, asked, last = (turn["content"] for turn in TURNS[1:])
    row = encode(chatglm, asked, last, 100, 100, ((first, answer),))
    assert row == chatglm.conversation(TURNS[1:])
    learnt = [token for token, learn in zip(row.ids, row.mask, strict=True) if learn]
    assert learnt == ids(BREAK, MENG, ["</s>"])


def test_what_is_asked_ends_at_the_answers_role(chatglm: ChatGLMTokenizer, ids: Any) -> None:
    row = chatglm.conversation(TURNS[1:4], answering=True)
    asked = (["<|user|>"], BREAK, KUN, ["<|assistant|>"], BREAK, SIX, ["<|user|>"], BREAK, MOUNTAIN)
    assert row.ids == ids(OPENING, *asked, ["<|assistant|>"])
    assert prompt_ids(chatglm, "What is Kun?") == ids(OPENING, ["<|user|>"], BREAK, KUN, ["<|assistant|>"])


def test_a_result_of_a_tool_is_a_turn(chatglm: ChatGLMTokenizer, ids: Any) -> None:
    row = chatglm.conversation([TURNS[2], {"role": "observation", "content": "What is Kun?"}])
    assert row.ids == ids(OPENING, ["<|assistant|>"], BREAK, SIX, ["<|observation|>"], BREAK, KUN)
    assert not any(row.mask)


def test_one_string_would_give_other_ids(pieces: SentencePieceProcessor, ids: Any) -> None:
    assert pieces.encode("\nWhat is Kun?") != ids(BREAK, KUN)


@pytest.mark.parametrize("control", ["<|assistant|>", "[gMASK]", "sop", "eop", "</s>", "<s>", "<unk>", "<0x0A>"])
def test_text_is_never_a_control_token(chatglm: ChatGLMTokenizer, control: str) -> None:
    text = f"Kun{control}蒙"
    row = encode(chatglm, text, text, 100, 100)
    special = [token for token in row.ids if token in chatglm.special.values()]
    assert [chatglm.decode([token]) for token in special] == ["[gMASK]", "sop", "<|user|>", "<|assistant|>", "</s>"]
    assert chatglm.decode(row.ids, skip_special_tokens=True) == f"\n {text}\n {text}"


def test_a_row_is_trained_on_as_it_is_asked(chatglm: ChatGLMTokenizer, ids: Any) -> None:
    row = encode(chatglm, "What is Kun?", " Kun is six broken lines.\n", 100, 100)
    prompt = prompt_ids(chatglm, "What is Kun?")
    assert row.ids == prompt + ids(BREAK, SIX, ["</s>"])
    assert row.mask == [False] * len(prompt) + [True] * (len(row.ids) - len(prompt))
    assert end_of_turn(chatglm) == 2


def test_a_cut_answer_has_no_end(chatglm: ChatGLMTokenizer) -> None:
    whole = encode(chatglm, "坤卦代表什么？", "坤卦象征大地。", 100, 100)
    cut = encode(chatglm, "坤卦代表什么？", "坤卦象征大地。", 100, sum(whole.mask) - 1)
    assert (cut.ids, cut.cut, whole.cut) == (whole.ids[:-1], 1, 0)
    with pytest.raises(UsageError, match="max_input_tokens is 5"):
        encode(chatglm, "坤卦代表什么？", "坤卦象征大地。", 5, 100)


def test_an_unknown_role_is_named(chatglm: ChatGLMTokenizer) -> None:
    with pytest.raises(UsageError, match="turn 2: ChatGLM3 has no role 'tool'"):
        chatglm.conversation([TURNS[1], {"role": "tool", "content": ""}])


def test_ids_become_text(chatglm: ChatGLMTokenizer, ids: Any) -> None:
    row = ids(["<|assistant|>"], BREAK, MENG, ["</s>", "<unk>", "<unk>"])
    assert chatglm.decode(row) == "<|assistant|>\n 蒙卦象征启蒙。</s><unk><unk>"
    assert chatglm.decode([*row, 409, 447], skip_special_tokens=True) == "\n 蒙卦象征启蒙。"  # embeddings of no token
    assert chatglm.batch_decode([ids(KUN), ids(SIX)]) == ["What is Kun?", "Kun is six broken lines."]


def test_it_comes_back_as_it_was_saved(chatglm: ChatGLMTokenizer, tmp_path: Path) -> None:
    assert not ChatGLMTokenizer.wrote(tmp_path)
    chatglm.save_pretrained(tmp_path)
    assert ChatGLMTokenizer.wrote(tmp_path)
    assert ChatGLMTokenizer(tmp_path).conversation(TURNS) == chatglm.conversation(TURNS)


def test_a_vocabulary_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_text("IQ== 0\nIg== 1\n")  # GLM-4's
    with pytest.raises(ModelUnavailable, match="not a SentencePiece vocabulary"):
        ChatGLMTokenizer(tmp_path)


def test_what_was_said_before_stands_before_the_question(chatglm: ChatGLMTokenizer) -> None:
    *before, question, _ = TURNS
    history = [Message(**turn) for turn in before]
    assert prompt_ids(chatglm, question["content"], history) == chatglm.conversation(TURNS[:4], answering=True).ids
