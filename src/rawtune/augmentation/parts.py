"""One request for several parts, each judged on its own: what is at fault is asked again once, its fault named."""

import json
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple

from rawtune.augmentation.writing import read_object
from rawtune.records import ANY_OBJECT, Message, Parameters, Reply, ReplyForm, Request

NOTHING = "nothing-there"
"""The code of a part that the teacher left empty, as it was told to where the passage holds nothing for it."""


class Fault(NamedTuple):
    """Why a part is left out: a rule's code or a name, and the reason."""

    code: str
    reason: str


class Part(NamedTuple):
    """What the teacher wrote for one part: its texts by name, and what is wrong with them, if anything is."""

    texts: Mapping[str, str]
    fault: Fault | None = None


Names = tuple[str, ...]
Check = Callable[[str, Mapping[str, str]], Fault | None]
"""A part's name and its texts, none of them empty, to what is wrong with them."""


def ask(
    messages: tuple[Message, ...],
    wanted: Mapping[str, Names],
    check: Check,
    *,
    again: str,
    model: str,
    parameters: Parameters,
    form: ReplyForm,
) -> Generator[Request, Reply, dict[str, Part]]:
    """Ask for a JSON object of the parts ``wanted``, each an object of the texts so named; every part, taken or not.

    ``again`` is what is said of those at fault, with ``<FAULTS>`` and ``<SHAPE>`` in it. Whatever the ``form``, JSON is
    asked for: with ``ReplyForm.TEXT`` by the prompt alone. No reply raises an error.
    """
    reply = yield Request(model, messages, parameters, schema(wanted, form))
    parts = _judged(reply, wanted, check)
    faults = {name: part.fault for name, part in parts.items() if part.fault and part.fault.code != NOTHING}
    if faults:
        left = {name: wanted[name] for name in faults}
        lines = "\n".join(f"- {name}: {fault.reason}" for name, fault in faults.items())
        # An empty turn would itself be refused by some endpoints.
        said = Message("assistant", reply.text if reply.text.strip() else "...")
        told = Message("user", again.replace("<SHAPE>", shape(left)).replace("<FAULTS>", lines))
        reply = yield Request(model, (*messages, said, told), parameters, schema(left, form))
        parts.update(_judged(reply, left, check))
    return parts


def shape(wanted: Mapping[str, Names]) -> str:
    """The object that a teacher is to reply with, as it is shown in a prompt."""
    return json.dumps({name: dict.fromkeys(texts, "...") for name, texts in wanted.items()})


def schema(wanted: Mapping[str, Names], form: ReplyForm) -> Mapping[str, Any] | None:
    """What the endpoint is to hold a reply of these parts to."""
    if form is not ReplyForm.JSON_SCHEMA:
        return ANY_OBJECT if form is ReplyForm.JSON_OBJECT else None
    texts = {name: _object({text: {"type": "string"} for text in names}) for name, names in wanted.items()}
    return _object(texts)


def _judged(reply: Reply, wanted: Mapping[str, Names], check: Check) -> dict[str, Part]:
    try:
        tree = read_object(reply)
    except ValueError as fault:
        return dict.fromkeys(wanted, Part({}, Fault("unreadable", str(fault))))
    return {name: _part(tree.get(name), name, texts, check) for name, texts in wanted.items()}


def _part(entry: Any, name: str, wanted: Names, check: Check) -> Part:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(text), str) for text in wanted):
        return Part({}, Fault("missing", f"must be an object with the texts {', '.join(wanted)}"))
    texts = {text: entry[text].strip() for text in wanted}
    if not any(texts.values()):
        return Part(texts, Fault(NOTHING, "the teacher found nothing for it"))
    if empty := [text for text in wanted if not texts[text]]:
        return Part(texts, Fault("missing", f"{', '.join(empty)} must not be empty"))
    return Part(texts, check(name, texts))


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
