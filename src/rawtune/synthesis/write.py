"""The way of a teacher that writes freely: one passage, one row, faults asked again by name.

A conversation is a generator that yields requests and is sent replies. It does no I/O, so a test drives it by hand,
the engine drives thousands at once, and a stored reply serves as well as a new one.
"""

from collections.abc import Generator
from typing import Protocol

from rawtune.records import (
    Example,
    Finding,
    Message,
    Origin,
    Outcome,
    Parameters,
    Passage,
    Reply,
    ReplyForm,
    Request,
    Severity,
    State,
    content_hash,
)
from rawtune.synthesis import reply as replies
from rawtune.synthesis.prompt import Prompt

Conversation = Generator[Request, Reply, Outcome]


class Check(Protocol):
    """Concept, answer and passage to what is wrong with them; the row may be kept unless there is an error."""

    def __call__(self, concept: str, answer: str, passage: Passage, /, *, closed: bool = False) -> list[Finding]:
        """``closed`` says that the reply itself showed where the answer ends, so that it cannot have been cut off."""


def write(
    passage: Passage,
    prompt: Prompt,
    *,
    form: ReplyForm,
    teacher: str,
    model: str,
    parameters: Parameters,
    check: Check,
    repeats: int,
) -> Conversation:
    """Ask for a row; while the reply has a fault, name it and ask again, at most ``repeats`` times; then quarantine.

    ``form`` is what is asked for. A reply in another form is read all the same.
    """
    messages = prompt.messages(passage.text, form)
    schema = prompt.schema(form)
    # On the very passage of the worked example, its answer is no echo.
    echo = "" if passage.text.strip() == prompt.example.passage.strip() else prompt.example.answer
    keys: list[str] = []
    for _ in range(repeats + 1):
        request = Request(model, messages, parameters, schema)
        reply = yield request
        keys.append(request.key)
        parsed = replies.parse(reply.text, prompt.columns, reply.finish_reason, echo)
        findings = parsed.faults or tuple(check(parsed.concept, parsed.answer, passage, closed=parsed.closed))
        faults = [finding.message for finding in findings if finding.severity is Severity.ERROR]
        if not faults:
            example = synthesised(passage, parsed.concept, parsed.answer, Origin.WRITTEN, teacher, prompt)
            return Outcome(passage.id, State.KEPT, example, tuple(findings), "", parsed.repairs, tuple(keys))
        # The conversation grows, so that a teacher who errs the same way twice is still asked something new.
        # An empty turn would itself be refused by some endpoints.
        said = Message("assistant", reply.text if reply.text.strip() else "...")
        messages = (*messages, said, prompt.repeat(faults))
    return Outcome(
        passage.id, State.QUARANTINED, findings=tuple(findings), reason="; ".join(faults), replies=tuple(keys)
    )


def synthesised(passage: Passage, concept: str, answer: str, origin: Origin, teacher: str, prompt: Prompt) -> Example:
    """The row that a passage became; its question is the bare concept."""
    return Example(
        id=content_hash([passage.id, concept, answer]),
        passage_id=passage.id,
        split=passage.split,
        concept=concept,
        question=concept,
        answer=answer,
        origin=origin,
        teacher=teacher,
        prompt_hash=prompt.hash,
    )
