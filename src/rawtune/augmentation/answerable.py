"""A teacher is asked which question templates the answers do not answer."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from rawtune.augmentation.writing import prompts, read_list
from rawtune.records import ANY_OBJECT, Message, Parameters, Reply, ReplyForm, Request

_LONGEST = 300
"""Characters of an answer that the teacher is shown."""
_ENTRY = {"template": {"type": "integer"}, "concept": {"type": "string"}, "reason": {"type": "string"}}


def ask(
    templates: Sequence[str],
    answers: Mapping[str, str],
    *,
    language: str,
    model: str,
    parameters: Parameters,
    form: ReplyForm,
) -> Generator[Request, Reply, dict[str, str]]:
    """Templates that do not suit every concept, each with the reason that the teacher gave.

    ``answers`` hold what is known of each of some concepts. A verdict must name a template by its number and a concept
    that was shown: a reply where one does not, or that cannot be read, is asked for once more. Raises ``ValueError``
    saying what is wrong with the second.
    """
    texts = prompts(language)
    schema = {ReplyForm.JSON_SCHEMA: _schema(), ReplyForm.JSON_OBJECT: ANY_OBJECT}.get(form)
    numbered = "\n".join(f"{number}. {template}" for number, template in enumerate(templates, 1))
    shown = "\n".join(f"- {concept}: {' '.join(answer[:_LONGEST].split())}" for concept, answer in answers.items())
    asked = texts["answerable_user"].replace("<TEMPLATES>", numbered).replace("<CONCEPTS>", shown)
    messages = (Message("system", texts["answerable_system"]), Message("user", asked))
    reply = yield Request(model, messages, parameters, schema)
    try:
        return _read(reply, templates, answers)
    except ValueError as fault:
        again = texts["answerable_fault"].replace("<FAULT>", str(fault))
    # An empty turn would itself be refused by some endpoints.
    said = Message("assistant", reply.text if reply.text.strip() else "...")
    reply = yield Request(model, (*messages, said, Message("user", again)), parameters, schema)
    return _read(reply, templates, answers)


def _read(reply: Reply, templates: Sequence[str], answers: Mapping[str, str]) -> dict[str, str]:
    unfit = {}
    for entry in read_list(reply, "unfit"):
        number, concept, reason = (entry.get(name) if isinstance(entry, dict) else None for name in _ENTRY)
        if type(number) is not int or not 1 <= number <= len(templates):
            raise ValueError("an entry names no template by its number")
        if not isinstance(concept, str) or concept not in answers:
            raise ValueError(f"the entry of template {number} names no concept from the list")
        unfit[templates[number - 1]] = f"{concept}: {reason}"
    return unfit


def _schema() -> Mapping[str, Any]:
    entry = {"type": "object", "properties": _ENTRY, "required": list(_ENTRY), "additionalProperties": False}
    unfit = {"type": "array", "items": entry}
    return {"type": "object", "properties": {"unfit": unfit}, "required": ["unfit"], "additionalProperties": False}
