"""From a question and its answer to token ids and the loss mask, which grow together and so cannot drift apart."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Protocol, runtime_checkable

from rawtune.errors import ModelUnavailable, UsageError
from rawtune.records import History, Message


@dataclass(slots=True)
class Encoded:
    """One training row. Where ``mask[i]`` is true, ``ids[i]`` is learnt: predicted from what comes before it.

    ``cut`` counts the tokens of its answer, with their end, that are left out because they are too many.
    """

    ids: list[int] = field(default_factory=list)
    mask: list[bool] = field(default_factory=list)
    cut: int = 0

    def grow(self, ids: list[int], learn: bool) -> None:
        """Append ``ids``, all learnt or none."""
        self.ids += ids
        self.mask += [learn] * len(ids)


Turns = Sequence[Mapping[str, str]]
"""Messages of a chat, as templates take them: ``role`` and ``content``."""
_SYSTEM = "Answer as a librarian would."
_OF_WORD = re.compile(r"[^\W_]|\ufffd")


@runtime_checkable
class Segmenting(Protocol):
    """A tokenizer that needs no template: it puts a conversation together from ids, and never reads tokens in text."""

    def conversation(self, turns: Turns, answering: bool = False) -> Encoded:
        """Turns of ``role`` and ``content``, the last one's answer learnt; or, if ``answering``, up to the next one."""


def prompt_ids(tokenizer: Any, question: str, history: Sequence[Message] = ()) -> list[int]:
    """What the model reads before it answers, the same in training and in use: the chat template up to the answer.

    ``history`` are the turns before the question. A template may add a system prompt of its own (SmolLM2's does); it is
    then there on both sides.
    """
    said = [{"role": turn.role, "content": turn.content} for turn in history]
    return _asked(tokenizer, [*said, *_turns(question)])


def messages(history: History) -> tuple[Message, ...]:
    """Earlier turns as the messages of a chat."""
    return tuple(Message(**turn) for said in history for turn in _turns(*said))


def _asked(tokenizer: Any, turns: Turns) -> list[int]:
    if isinstance(tokenizer, Segmenting):
        return tokenizer.conversation(turns, answering=True).ids
    ids: list[int] = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    return ids


def end_of_turn(tokenizer: Any) -> int:
    """The token with which the template closes an answer; generation stops at it.

    Raises ``ModelUnavailable`` if the template does not close answers with a token of its own.
    """
    if isinstance(tokenizer, Segmenting):
        return tokenizer.conversation(_turns("A question?", "An answer.")).ids[-1]
    closing = _closing(tokenizer, _turns("A question?"), "An answer.")
    if not closing or closing[0] not in tokenizer.all_special_ids:
        raise ModelUnavailable(
            "the chat template does not end an answer with a special token, so that stopping could not be learnt",
            "choose another chat model",
        )
    return closing[0]


def encode(
    tokenizer: Any, question: str, answer: str, max_input: int, max_output: int, history: History = ()
) -> Encoded:
    """One question and answer as the template renders them, up to and with the token that ends the answer.

    White space around the answer is dropped. The answer and its end are learnt, the prompt is not: neither are the
    answers of ``history``, earlier turns that are rows of their own, which would otherwise weigh twice. An answer
    longer than ``max_output`` tokens, its end included, is cut there, and the row tells by how much; it then has no
    end, or the model would learn to stop in the middle. A prompt longer than ``max_input`` is not cut: without its
    earlier turns a question that leans on them would mean nothing. Raises ``UsageError`` if the row cannot be trained
    on as it is, ``ModelUnavailable`` if the template does not fit.
    """
    answer = answer.strip()
    if not answer:
        raise UsageError("the answer is empty, so there is nothing to learn", "remove the row")
    said = [question, answer, *(text for turn in history for text in turn)]
    for token in () if isinstance(tokenizer, Segmenting) else tokenizer.all_special_tokens:
        if any(token in text for text in said):
            raise UsageError(f"the text holds the model's control token {token}", "mend or remove the row")
    turns = [turn for earlier in history for turn in _turns(*earlier)] + _turns(question)
    prompt = _asked(tokenizer, turns)
    if len(prompt) > max_input:
        raise UsageError(
            f"the question takes {len(prompt)} tokens, template {'and earlier turns ' if history else ''}included;"
            f" max_input_tokens is {max_input}",
            f"raise training.max_input_tokens, or {'take the row out' if history else 'shorten the question'}",
        )
    learnt = _learnt(tokenizer, prompt, turns, answer)
    if len(learnt) < 2:
        raise UsageError("every token of the answer is masked, so there is nothing to learn", "mend or remove the row")
    row = Encoded(cut=max(len(learnt) - max_output, 0))
    row.grow(prompt, learn=False)
    row.grow(learnt[:max_output], learn=True)
    return row


def punctuation(tokenizer: Any, rows: Iterable[Encoded]) -> list[int]:
    """Those of the learnt ids whose text has no letter and no digit: marks, line breaks, but not the end of a turn.

    A part of a character, as vocabularies of bytes have it, is none: it may be of a letter.
    """
    learnt = sorted({id for row in rows for id in compress(row.ids, row.mask)})
    texts = [tokenizer.decode([id], skip_special_tokens=True) for id in learnt]
    return [id for id, text in zip(learnt, texts, strict=True) if text and not _OF_WORD.search(text)]


def keeps_system(tokenizer: Any) -> bool | None:
    """Whether the model would read a system message: False if the template drops it, None if it refuses to take one.

    Where a template folds it into the question, as some do, it is read.
    """
    if isinstance(tokenizer, Segmenting):
        return True
    from jinja2 import TemplateError

    turns = [{"role": "system", "content": _SYSTEM}, *_turns("A question?")]
    try:
        return _SYSTEM in tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError:
        return None


def _learnt(tokenizer: Any, prompt: list[int], turns: Turns, answer: str) -> list[int]:
    """The ids of an answer and its end, as they follow those of ``prompt``, which is made of ``turns``."""
    answered = [*turns, _said(answer)]
    if isinstance(tokenizer, Segmenting):
        row = tokenizer.conversation(answered)
        return list(compress(row.ids, row.mask))
    whole: list[int] = tokenizer.apply_chat_template(answered, return_dict=False)
    closing = _closing(tokenizer, turns, answer)
    end = len(whole) - len(closing)
    if whole[: len(prompt)] != prompt or whole[end:] != closing:
        raise ModelUnavailable(
            "the chat template's tokens cannot be split into prompt, answer and end", "choose another chat model"
        )
    return whole[len(prompt) : end + 1]


def _closing(tokenizer: Any, turns: Turns, answer: str) -> list[int]:
    """The ids of what the template puts after an answer."""
    prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    whole = tokenizer.apply_chat_template([*turns, _said(answer)], tokenize=False)
    if not whole.startswith(prompt + answer):
        raise ModelUnavailable(
            "the chat template writes answers in another way than it asks for them (as some reasoning models do),"
            " so training and use would differ",
            "choose another chat model",
        )
    ids: list[int] = tokenizer(whole[len(prompt + answer) :], add_special_tokens=False)["input_ids"]
    return ids


def _turns(question: str, answer: str | None = None) -> list[dict[str, str]]:
    turns = [{"role": "user", "content": question}]
    return turns if answer is None else [*turns, _said(answer)]


def _said(answer: str) -> dict[str, str]:
    return {"role": "assistant", "content": answer}
