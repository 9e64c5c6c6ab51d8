"""What the base model knows of the raw text before a call is paid for, and so whether there is something to gain."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources

from rawtune.comparison.arms import BASE, RETRIEVAL
from rawtune.comparison.knowledge import Finding, judge
from rawtune.errors import UsageError
from rawtune.passages import sentences
from rawtune.records import Answer, Passage, Suite, content_hash
from rawtune.stages import arms as asking
from rawtune.stages.questions import Question
from rawtune.stages.stage import Work
from rawtune.verification.headings import heading, names
from rawtune.verification.source import Source
from rawtune.verification.units import units
from rawtune.verification.weights import Weights

_SUPPORTED = 0.35
"""The share of an answer's weight that its passage holds at least, as RT204 has it."""
_FEWEST = 4  # units of an answer that says something
_BLANK = "____"
_LONGEST = 240  # characters of a sentence that is asked about


@dataclass(frozen=True, slots=True)
class Probed:
    """One question with what base answered, alone and with the passage before its eyes."""

    concept: str
    passage_id: str
    kind: str  # easy, hard or own
    question: str
    answer: str
    right: bool
    with_passage: str
    right_with_passage: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """All that was asked, and what follows. ``left_out`` says in words what could not be asked about, and why."""

    asked: tuple[Probed, ...]
    finding: Finding
    left_out: tuple[str, ...]


def probe(work: Work, own: Sequence[str], size: int) -> Probe:
    """Ask the base model about ``size`` passages spread over the text, or these questions of the user's ``own``.

    Of each passage the easy question asks what its heading names; the hard one shows its most telling sentence without
    that name. An easy or own question is answered rightly if the passage holds 35% of the answer's weight, and more
    than any other passage asked about; a hard one if the name is in the answer. Raises ``UsageError`` if nothing can be
    asked.
    """
    weights = Weights(passage.text for passage in work.ledger.passages())
    asked, left_out = _own(work, own) if own else _of_passages(work, weights, size)
    if not asked:
        raise UsageError(
            "no question can be made of this text: " + ("; ".join(left_out) or "it holds no passage"),
            "give each sample a first line that names what it is about, or name questions: rawtune probe --file FILE",
        )
    texts = {passage.id: passage.text for passage, _, _ in asked}
    questions = [Question(Suite.PHRASING, text, passage.id, passage.text) for passage, _, text in asked]
    given, *_ = asking.ask(work, [BASE, RETRIEVAL], questions, texts)
    said = {arm.name: [answer for answer in given if answer.model == arm.name] for arm in (BASE, RETRIEVAL)}
    held = {id: units(text) for id, text in texts.items()}
    probed = []
    for (passage, kind, text), alone, reading in zip(asked, said[BASE.name], said[RETRIEVAL.name], strict=True):
        right, right_then = (
            _names(answer.text, passage) if kind == "hard" else _supported(answer, held, weights)
            for answer in (alone, reading)
        )
        name = _concept(passage)
        probed.append(Probed(name, passage.id, kind, text, alone.text, right, reading.text, right_then))
    rights: dict[str, list[bool]] = defaultdict(list)
    reading_rights: dict[str, list[bool]] = defaultdict(list)
    for one in probed:
        rights[one.passage_id].append(one.right)
        if one.kind != "hard":  # with the passage in sight, its heading gives the name away
            reading_rights[one.passage_id].append(one.right_with_passage)
    return Probe(tuple(probed), judge(rights, reading_rights), tuple(left_out))


def _of_passages(work: Work, weights: Weights, size: int) -> tuple[list[tuple[Passage, str, str]], list[str]]:
    """The questions on a sample of the passages that have a heading: those with the smallest hashes, so by lot."""
    named, nameless = [], 0
    for passage in work.ledger.passages():
        if heading(passage.text):
            named.append(passage)
        else:
            nameless += 1
    drawn = {passage.id for passage in sorted(named, key=lambda passage: content_hash(passage.id))[:size]}
    templates = _templates(work.config.language)
    asked = []
    for passage in named:
        if passage.id in drawn:
            asked.append((passage, "easy", templates["easy"].format(concept=_concept(passage))))
            if sentence := _telling(passage, weights):
                asked.append((passage, "hard", templates["hard"].format(sentence=sentence)))
    left_out = [f"{nameless} passages have no heading that says what they are about"] if nameless else []
    return asked, left_out


def _own(work: Work, own: Iterable[str]) -> tuple[list[tuple[Passage, str, str]], list[str]]:
    """The user's questions, each with the passage that it is most probably about."""
    passages = list(work.ledger.passages())
    source = Source(passage.text for passage in passages)
    asked, left_out = [], []
    for text in dict.fromkeys(own):
        index = source.find(text, text)
        if index is None:
            left_out.append(f"no passage speaks of what is asked here: {text}")
        else:
            asked.append((passages[index], "own", text))
    return asked, left_out


def _concept(passage: Passage) -> str:
    return heading(passage.text) or " ".join(passage.text.split())[:30]


def _telling(passage: Passage, weights: Weights) -> str:
    """The sentence that tells most of those which name the concept, its name left out; empty if there is none."""
    pattern = _pattern(passage)
    body = passage.text.lstrip().partition("\n")[2]
    found = [body[start:end] for start, end in sentences.spans(body) if end - start <= _LONGEST]
    naming = [pattern.sub(_BLANK, sentence) for sentence in found if pattern.search(sentence)]
    return max(naming, key=lambda sentence: weights.total(units(sentence)), default="")


def _pattern(passage: Passage) -> re.Pattern[str]:
    """The names that the heading gives, the longest first, as whole words where they are of Latin letters."""
    longest_first = sorted(names(passage.text), key=len, reverse=True)
    parts = (rf"(?<![^\W_]){re.escape(n)}(?![^\W_])" if n.isascii() else re.escape(n) for n in longest_first)
    return re.compile("|".join(parts), re.IGNORECASE)


def _names(answer: str, passage: Passage) -> bool:
    return _pattern(passage).search(answer) is not None


def _supported(answer: Answer, held: dict[str, set[str]], weights: Weights) -> bool:
    said = units(answer.text) - units(answer.question)
    if len(said) < _FEWEST:
        return False
    shares = {id: weights.containment(said, known) for id, known in held.items()}
    own = shares.pop(answer.passage_id)
    return own >= _SUPPORTED and own > max(shares.values(), default=0.0)


def _templates(language: str) -> dict[str, str]:
    from ruamel.yaml import YAML

    text = resources("rawtune.comparison").joinpath("probe.yaml").read_text(encoding="utf-8")
    return dict(YAML(typ="safe").load(text)[language])
