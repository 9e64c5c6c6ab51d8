"""The nouns that flow through rawtune, each frozen; every stage takes some and yields others.

Document -> Passage -> Request -> Reply -> Example -> Answer, and Finding, which says what is wrong with an Example.
Identity is the hash of canonical content, so the same input always has the same id.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

import orjson


def canonical(content: Any) -> bytes:
    """``content`` as canonical JSON: sorted keys, no white space, UTF-8 text as it is."""
    return orjson.dumps(content, _plain, orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def _plain(content: Any) -> Any:
    """What orjson knows in place of what it does not: named tuples, and mappings that are no ``dict``."""
    if isinstance(content, tuple):
        return [*content]
    if isinstance(content, Mapping):
        return {**content}
    raise TypeError(f"{type(content).__name__} has no canonical form")


def content_hash(content: Any, length: int = 16) -> str:
    """The first ``length`` hex digits of the SHA-256 of ``content`` as canonical JSON."""
    return hashlib.sha256(canonical(content)).hexdigest()[:length]


class Split(StrEnum):
    """Where a passage, and all that descends from it, may be used."""

    TRAIN = "train"
    HELD_OUT = "held_out"


class Suite(StrEnum):
    """A set of questions that are asked in the comparison; all but ``SEEN`` are never trained on."""

    SEEN = "seen"  # questions as they were trained on
    PHRASING = "phrasing"  # trained passages, unseen question forms
    CONCEPT = "concept"  # passages that were never trained on
    FOLLOW_UP = "follow_up"  # passages that were never trained on, a second question behind a first with its answer
    REFUSAL = "refusal"  # passages that were never trained on, questions that they do not answer
    OUTSIDE = "outside"  # questions from outside the domain


NEVER_TRAINED = (Suite.PHRASING, Suite.CONCEPT, Suite.FOLLOW_UP, Suite.REFUSAL)
"""Suites of a dataset's held-out rows, in the order in which they are asked."""


class State(StrEnum):
    """How work on one passage ended."""

    KEPT = "kept"
    QUARANTINED = "quarantined"
    FAILED = "failed"


class Origin(StrEnum):
    """Who made the answer of a synthesised row."""

    WRITTEN = "written"  # the teacher wrote it freely
    PICKED = "picked"  # the teacher picked sentences of the passage
    EXTRACTED = "extracted"  # fall-back: no valid pick, the passage's opening sentences were taken
    EDITED = "edited"  # a person wrote it


@dataclass(frozen=True, slots=True)
class Document:
    """One raw file, decoded. ``path`` is POSIX, relative to the project; ``text`` has LF line ends and no BOM."""

    path: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: ``document.text[start:end] == text``."""

    id: str
    document: str
    document_sha256: str
    start: int
    end: int
    text: str
    split: Split = Split.TRAIN


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sampling parameters as OpenAI-compatible endpoints name them; None leaves the endpoint's default."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


class ReplyForm(StrEnum):
    """How a teacher is asked to form its reply, the strictest first."""

    JSON_SCHEMA = "json_schema"  # held to the row's schema while decoding
    JSON_OBJECT = "json_object"  # held to some JSON object; the prompt names the keys
    TEXT = "text"  # labelled lines, by the prompt alone


ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
"""The schema of ``ReplyForm.JSON_OBJECT``."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a teacher. ``schema`` is a JSON schema for the reply, where the teacher can hold to one."""

    model: str
    messages: tuple[Message, ...]
    parameters: Parameters = Parameters()
    schema: Mapping[str, Any] | None = None
    _canonical: bytes = field(default=b"", init=False, repr=False, compare=False)
    _key: str = field(default="", init=False, repr=False, compare=False)

    @property
    def canonical(self) -> bytes:
        """All of it as canonical JSON: what is hashed, and what the ledger stores."""
        if not self._canonical:
            content = {
                "messages": [{"content": message.content, "role": message.role} for message in self.messages],
                "model": self.model,
                "parameters": _parameters(self.parameters),
                "schema": self.schema,  # in the order in which the teacher is to fill it
            }
            # Made once, as it is needed several times a call; frozen protects from others, not from this.
            object.__setattr__(self, "_canonical", orjson.dumps(content))
        return self._canonical

    @property
    def key(self) -> str:
        """Identity: two requests with one key would ask the same thing, so a stored reply answers both."""
        if not self._key:
            object.__setattr__(self, "_key", hashlib.sha256(self.canonical).hexdigest()[:32])
        return self._key


@lru_cache(maxsize=64)
def _parameters(parameters: Parameters) -> dict[str, Any]:
    return dict(sorted(asdict(parameters).items()))


@dataclass(frozen=True, slots=True)
class Reply:
    """What a teacher sent back, unparsed. ``latency`` in seconds; ``cost`` in the price's currency, None if unknown."""

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False  # the endpoint gave no usage; the token counts are estimates
    latency: float = 0.0
    attempts: int = 1
    cost: float | None = None
    status: int = 200  # HTTP status; of a call that brought no reply, ``text`` says why


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"  # the row goes into quarantine
    WARNING = "warning"  # the row is kept, and a person should look at it


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a row: a rule's code, why, and where (characters ``start:end`` of ``column``).

    ``source_start:source_end`` are the characters of the row's passage that the finding speaks of; both 0 for none.
    ``fixable`` says that the rule's safe fix mends it.
    """

    code: str
    message: str
    column: str = ""
    start: int = 0
    end: int = 0
    severity: Severity = Severity.ERROR
    fixable: bool = False
    source_start: int = 0
    source_end: int = 0


History = tuple[tuple[str, str], ...]
"""The earlier turns of a conversation, each a question with its answer."""


def told(history: History) -> str:
    """Earlier turns as one text; empty if there are none."""
    return "\n".join(text for turn in history for text in turn)


class Row(NamedTuple):
    """What is trained of an example: a question with its answer, behind the turns that it leans on, if there are."""

    question: str
    answer: str
    history: History = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A training or test row. A synthesised row has no parent; its question is the bare concept."""

    id: str
    passage_id: str
    split: Split
    concept: str
    question: str
    answer: str
    origin: Origin
    teacher: str
    prompt_hash: str
    parent: str | None = None
    template: str | None = None
    suite: Suite | None = None  # set on rows that are asked and never trained on
    history: History = ()

    @property
    def row(self) -> Row:
        """What is trained of it."""
        return Row(self.question, self.answer, self.history)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one passage ended: a row, or the reasons why there is none. ``replies`` are the keys of the calls it took."""

    passage_id: str
    state: State
    example: Example | None = None
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    repairs: tuple[str, ...] = ()
    replies: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Answer:
    """What one arm of a comparison said; ``model`` is the arm's name, such as ``base`` or an adapter's folder."""

    model: str
    suite: Suite
    passage_id: str
    question: str
    reference: str
    text: str
    concept: str = ""
    history: History = ()
