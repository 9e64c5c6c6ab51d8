"""A teacher answers a user's question from the passage that it is about."""

from collections.abc import Generator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from rawtune.augmentation.writing import read_list
from rawtune.records import ANY_OBJECT, Message, Parameters, Reply, ReplyForm, Request

_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "array", "items": {"type": "string"}}},
    "required": ["answer"],
    "additionalProperties": False,
}


def answer(
    question: str, passage: str, *, language: str, model: str, parameters: Parameters, form: ReplyForm
) -> Generator[Request, Reply, str]:
    """The answer, empty if the passage holds none.

    Whatever the ``form``, JSON is asked for. A reply that cannot be read is asked for once more; raises ``ValueError``
    saying what is wrong with the second.
    """
    texts = _prompts()[language]
    schema = {ReplyForm.JSON_SCHEMA: _SCHEMA, ReplyForm.JSON_OBJECT: ANY_OBJECT}.get(form)
    # Taken apart first, so that nothing in the passage is taken for the place of the question.
    head, _, rest = texts["user"].partition("<PASSAGE>")
    asked = f"{head}{passage}{rest.replace('<QUESTION>', question)}"
    messages = (Message("system", texts["system"]), Message("user", asked))
    reply = yield Request(model, messages, parameters, schema)
    try:
        return _read(reply)
    except ValueError as fault:
        again = texts["fault"].replace("<FAULT>", str(fault))
    # An empty turn would itself be refused by some endpoints.
    said = Message("assistant", reply.text if reply.text.strip() else "...")
    reply = yield Request(model, (*messages, said, Message("user", again)), parameters, schema)
    return _read(reply)


def _read(reply: Reply) -> str:
    entries = read_list(reply, "answer")
    if not entries:
        return ""
    if len(entries) > 1 or not isinstance(entries[0], str) or not entries[0].strip():
        raise ValueError("the list 'answer' does not hold one text")
    return entries[0].strip()


@cache
def _prompts() -> Mapping[str, Mapping[str, str]]:
    from ruamel.yaml import YAML

    text = files(__package__).joinpath("answering.yaml").read_text(encoding="utf-8")
    prompts: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(text)
    return prompts
