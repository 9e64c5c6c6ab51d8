"""Kinds of questions that a teacher makes of a passage's facts, each with an answer of its own."""

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace

from rawtune.augmentation import parts
from rawtune.augmentation.parts import Fault, Part
from rawtune.augmentation.writing import is_in, prompts, read_object
from rawtune.records import Example, Message, Parameters, Reply, ReplyForm, Request, Suite, content_hash

REVERSE = "reverse"
"""Facts are given and the concept is asked for: a model that learnt "A is B" does not thereby know that B is A
(Berglund et al., "The Reversal Curse", 2023)."""
UNANSWERABLE = "unanswerable"
"""A question that the passage does not answer, so that the model learns to say so."""
FOLLOW_UP = "follow_up"
"""A question that leans on the row's own question and answer, which stand before it as its history."""
OF_HELD_OUT = {UNANSWERABLE: Suite.REFUSAL, FOLLOW_UP: Suite.FOLLOW_UP}
"""Kinds that are made of held-out passages, too, and the suite in which these questions are asked: the one asks for
nothing that training could have taught, the other whether a conversation is still followed."""
PREFIX = "kind:"
"""What stands before the kind where other rows name their template."""
_UNNAMED = (REVERSE, FOLLOW_UP)
"""Kinds whose question must not name the concept; all others must."""
_ASKED_ALONE = (REVERSE, UNANSWERABLE)
"""Kinds whose answer needs no teacher: the concept's name, and a packaged sentence."""
_LANGUAGES = ("zh", "en")
_QUOTE = {"found": ("quote",)}
_BRACKETS = re.compile(r"\s*[(（][^)）]*[)）]?$")

Check = Callable[[str, str, str], Fault | None]
"""Kind, question and answer to what is wrong with them."""


def personas(row_id: str, kinds: Sequence[str], voices: Sequence[str]) -> dict[str, str]:
    """Who asks each kind of question about a row: all voices in turn, the first by lot; "" where none is given."""
    first = int(row_id, 16)
    return {kind: voices[(first + at) % len(voices)] if voices else "" for at, kind in enumerate(kinds)}


def prompt_hash(language: str) -> str:
    """Identity of what the teacher is told; every row carries the one it was made with."""
    texts = prompts(language)
    return content_hash({name: texts[name] for name in texts if name.startswith(("kind", "answered"))})


def ask(
    row: Example,
    passage: str,
    said: str,
    askers: Mapping[str, str],
    check: Check,
    *,
    language: str,
    model: str,
    parameters: Parameters,
    form: ReplyForm,
) -> Generator[Request, Reply, dict[str, Part]]:
    """One question and answer of each kind about ``row``; ``askers`` name the kinds, and whose voice each is to have.

    A part that can be used has the texts ``question`` and ``answer``. ``said`` is a sentence of the row's answer, for
    the refusal to go on with. Of a question that is to have no answer, the teacher is asked for the words of the
    passage that answer it: it is left out if they are really there.
    """
    texts = prompts(language)
    spoken = next((name for name in _LANGUAGES if is_in(passage, name)), language)
    concept = _BRACKETS.sub("", row.concept) or row.concept
    packaged = {
        REVERSE: row.concept,
        UNANSWERABLE: prompts(spoken)["kind_refusal"].replace("<CONCEPT>", concept).replace("<SAID>", said),
    }

    def judge(kind: str, given: Mapping[str, str]) -> Fault | None:
        question = given["question"]
        if (concept.casefold() in question.casefold()) is (kind in _UNNAMED):
            return Fault("concept-named", texts["kind_named" if kind in _UNNAMED else "kind_unnamed"])
        if kind == FOLLOW_UP and _bare(given["answer"]) in _bare(row.answer):
            return Fault("told-before", texts["kind_told_before"])
        return check(kind, question, given.get("answer") or packaged[kind])

    wanted = {kind: ("question",) if kind in _ASKED_ALONE else ("question", "answer") for kind in askers}
    lines = "\n".join(_line(texts, kind, voice) for kind, voice in askers.items())
    asked = texts["kinds_user"].replace("<KINDS>", lines).replace("<SHAPE>", parts.shape(wanted))
    # What may hold any text goes in last, so that nothing in it is filled.
    asked = asked.replace("<CONCEPT>", row.concept).replace("<ANSWER>", row.answer).replace("<PASSAGE>", passage)
    messages = (Message("system", texts["kinds_system"]), Message("user", asked))
    found = yield from parts.ask(
        messages, wanted, judge, again=texts["kinds_fault"], model=model, parameters=parameters, form=form
    )
    for kind in packaged.keys() & found.keys():
        part = found[kind]
        found[kind] = part._replace(texts={**part.texts, "answer": packaged[kind]})
    if UNANSWERABLE in found and not found[UNANSWERABLE].fault:
        part = found[UNANSWERABLE]
        asked = texts["answered_user"].replace("<QUESTION>", part.texts["question"]).replace("<PASSAGE>", passage)
        messages = (Message("system", texts["answered_system"]), Message("user", asked))
        reply = yield Request(model, messages, parameters, parts.schema(_QUOTE, form))
        found[UNANSWERABLE] = part._replace(fault=_answered(reply, passage))
    return found


def behind(follow_up: Example, parent: Example, asked: Iterable[Example]) -> Example:
    """``follow_up`` behind the question and answer that it leans on: its parent's, in the first question of ``asked``.

    ``asked`` are the parent's own questions; the phrasing suite, which is never trained on, is passed over.
    """
    own = (row for row in asked if row.answer == parent.answer and row.suite is not Suite.PHRASING)
    history = ((next(own, parent).question, parent.answer),)
    return replace(follow_up, id=content_hash([follow_up.id, history]), history=history)


def _line(texts: Mapping[str, str], kind: str, voice: str) -> str:
    asked_by = texts["kind_voice"].replace("<VOICE>", voice) if voice else ""
    return f"- {kind}: {texts[f'kind_{kind}']}{asked_by}"


def _answered(reply: Reply, passage: str) -> Fault | None:
    """What is wrong with a question that is to have no answer, by the words that the teacher was asked to quote."""
    try:
        entry = read_object(reply).get("found")
    except ValueError as fault:
        return Fault("unreadable", f"whether the passage answers it: {fault}")
    quote = entry.get("quote") if isinstance(entry, dict) else None
    if not isinstance(quote, str):
        return Fault("unreadable", "whether the passage answers it: the reply has no quote")
    # Words that are not there prove nothing, and neither does "none".
    if (bare := _bare(quote)) and bare in _bare(passage):
        return Fault("answerable", f"the passage answers it: {quote.strip()}")
    return None


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())
