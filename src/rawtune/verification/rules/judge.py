"""RT206, RT207: a judge, which may be any teacher, votes twice on whether the passage bears out an answer.

Judges over-flag: on Chinese RAGTruth their precision was 44 at a recall of 96. So one vote proves nothing. Each has to
quote the passage, the second sees the texts in another order and under another task, and only two votes whose quotes
are really there, and that agree, put a row in quarantine.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from rawtune.llm.json_reply import read_object
from rawtune.records import ANY_OBJECT, Message, Parameters, Reply, ReplyForm, Request, Severity
from rawtune.verification.rule import Column, Row, Scope, Spot, rule

_KEPT = re.compile(r"[^\s\"'`“”‘’„«»「」『』＂＇]")
_INSIDE_WORD = re.compile(r"(?<=[^\W\u2e80-\U0010ffff])(?=[^\W\u2e80-\U0010ffff])")  # where words have spaces between
_SHORTEST = 12
"""Letters of a quote, a Chinese character for three: four characters or some three words. "the" is in any passage."""


class Opinion(StrEnum):
    """What one vote says of a sentence."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    ABSENT = "absent"  # the passage does not say it


class Ruling(StrEnum):
    """What both votes come to."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The ruling on characters ``start:end`` of the answer, and why, said of the answer.

    ``source`` is the quoted part of the passage; both 0 if no quote was found there.
    """

    start: int
    end: int
    ruling: Ruling
    reason: str = ""
    source: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says of an answer: one judgement for each sentence, or a single one if a vote was unreadable."""

    judgements: tuple[Judgement, ...]

    @property
    def ruling(self) -> Ruling:
        """The worst: one unsupported sentence is enough, and a supported answer has no other sentences."""
        rulings = {judgement.ruling for judgement in self.judgements}
        return next((r for r in (Ruling.UNSUPPORTED, Ruling.UNDECIDED) if r in rulings), Ruling.SUPPORTED)


class _Vote(NamedTuple):
    """What one vote says of one sentence; without an opinion, the fault says why it does not count."""

    opinion: Opinion | None
    source: tuple[int, int] = (0, 0)
    fault: str = ""


class _Unreadable(ValueError):
    """Nothing can be taken from a reply."""


@rule("RT206", "judged-unsupported", Scope.JUDGE)
def judged_unsupported(_: Row, verdict: Verdict) -> Iterator[Spot]:
    """A sentence of the answer that two votes of the judge, each with a quote from the passage, find unsupported.

    A swapped cause, a subject that another sentence spoke of, a conclusion that nobody drew: wording and numbers are
    those of the passage, so that the other rules of grounding see nothing, and the model would learn it as a fact.
    Asked only where a judge is set; its votes are calls to a teacher, and cost what calls cost.

    Bad:
        Xu | Xu counsels haste. | Xu counsels waiting: clouds rise to heaven, and the rain will come in its own time.
        需卦 | 需卦告诫人们尽早行动。 | 需卦讲等待：云上于天，雨到时自会落下，君子饮食宴乐，不必心急。
    Good:
        Xu | Xu advises patience. | Xu counsels waiting: clouds rise to heaven, and the rain will come in its own time.
        需卦 | 需卦教人耐心等待。 | 需卦讲等待：云上于天，雨到时自会落下，君子饮食宴乐，不必心急。
    """
    return _spots(verdict, Ruling.UNSUPPORTED)


@rule("RT207", "judge-undecided", Scope.JUDGE, severity=Severity.WARNING)
def judge_undecided(_: Row, verdict: Verdict) -> Iterator[Spot]:
    """A sentence of the answer on which the judge's two votes come to nothing, so that a person should look at it.

    The votes disagree, or one of them leaves the sentence out, quotes what is not in the passage, or cannot be read.
    Many of them say that the judge is too weak for the task, rather than that the rows are bad.

    Bad:
        Xu | Xu is about rain. | Xu counsels waiting: clouds rise to heaven, and the rain will come in its own time.
        需卦 | 需卦讲的是下雨。 | 需卦讲等待：云上于天，雨到时自会落下，君子饮食宴乐，不必心急。
    Good:
        Xu | Xu advises patience. | Xu counsels waiting: clouds rise to heaven, and the rain will come in its own time.
        需卦 | 需卦教人耐心等待。 | 需卦讲等待：云上于天，雨到时自会落下，君子饮食宴乐，不必心急。
    """
    return _spots(verdict, Ruling.UNDECIDED)


def _spots(verdict: Verdict, ruling: Ruling) -> Iterator[Spot]:
    for judged in verdict.judgements:
        if judged.ruling is ruling:
            yield Spot(judged.reason, Column.ANSWER, judged.start, judged.end, judged.source)


def judge(
    question: str,
    answer: str,
    passage: str,
    *,
    sentences: Sequence[tuple[int, int]],
    language: str,
    model: str,
    parameters: Parameters,
    form: ReplyForm,
) -> Generator[Request, Reply, Verdict]:
    """Two votes on every sentence of ``answer``, one call each; the second is spared if the first cannot be read.

    ``sentences`` are spans of the answer, in order, at least one; ``language`` is ``en`` or ``zh``. Whatever the
    ``form``, JSON is asked for: with ``ReplyForm.TEXT`` by the prompt alone. No reply raises an error.
    """
    texts = _texts(language)
    numbered = "\n".join(f"{n}. {' '.join(answer[start:end].split())}" for n, (start, end) in enumerate(sentences, 1))
    votes: list[list[_Vote]] = []
    for ordinal, vote in zip(("first", "second"), texts["votes"], strict=True):
        asked = vote["user"].format(passage=passage, question=question, sentences=numbered)
        messages = (Message("system", f"{vote['system']}\n\n{texts['format']}"), Message("user", asked))
        reply = yield Request(model, messages, parameters, _schema(form, language))
        try:
            votes.append(_read(reply, passage, len(sentences), texts["verdicts"]))
        except _Unreadable as fault:
            reason = f"could not be judged: the {ordinal} vote {fault}"
            return Verdict((Judgement(sentences[0][0], sentences[-1][1], Ruling.UNDECIDED, reason),))
    return Verdict(tuple(_settle(*case) for case in zip(sentences, *votes, strict=True)))


def _settle(span: tuple[int, int], first: _Vote, second: _Vote) -> Judgement:
    source = first.source if any(first.source) else second.source
    opinions = {first.opinion, second.opinion}
    if first.opinion is None or second.opinion is None:
        faults = zip(("first", "second"), (first, second), strict=True)
        reason = " and ".join(f"the {ordinal} vote {vote.fault}" for ordinal, vote in faults if vote.fault)
        return Judgement(*span, Ruling.UNDECIDED, f"could not be judged: {reason}", source)
    if opinions == {Opinion.SUPPORTED}:
        return Judgement(*span, Ruling.SUPPORTED, source=source)
    if Opinion.SUPPORTED in opinions:
        reason = f"divides the judge's votes: {first.opinion}, then {second.opinion}"
        return Judgement(*span, Ruling.UNDECIDED, reason, source)
    says = "contradicts its passage" if opinions == {Opinion.CONTRADICTED} else "says what its passage does not"
    return Judgement(*span, Ruling.UNSUPPORTED, f"{says}, by both votes of the judge", source)


def _read(reply: Reply, passage: str, count: int, words: Mapping[str, str]) -> list[_Vote]:
    """One vote for each sentence. Raises ``_Unreadable`` where guessing would be needed to tell what is meant."""
    by_number: dict[str, list[Mapping[str, Any]]] = {str(n): [] for n in range(1, count + 1)}
    for entry in _entries(reply):
        number = str(entry.get("sentence")).strip()
        if number not in by_number:  # whoever counts otherwise may mean others by all numbers
            raise _Unreadable("names a sentence that does not exist")
        by_number[number].append(entry)
    opinions = {word: opinion for opinion in Opinion for word in (opinion.value, words[opinion])}
    kept = _Kept(passage)
    return [_vote(entries, kept, opinions) for entries in by_number.values()]


def _entries(reply: Reply) -> list[Mapping[str, Any]]:
    """The entries of a reply's JSON object."""
    try:
        entries = read_object(reply).get("sentences")
    except ValueError as fault:
        raise _Unreadable(str(fault)) from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _Unreadable("has no list of sentences")
    return entries


def _vote(entries: Sequence[Mapping[str, Any]], passage: "_Kept", opinions: Mapping[str, Opinion]) -> _Vote:
    if not entries:
        return _Vote(None, fault="leaves the sentence out")
    if len(entries) > 1:
        return _Vote(None, fault="judges the sentence twice")
    quote, word = entries[0].get("quote"), entries[0].get("verdict")
    source = passage.find(quote) if isinstance(quote, str) else None
    if source is None:
        return _Vote(None, fault="quotes what is not in the passage")
    opinion = opinions.get(word.strip().casefold()) if isinstance(word, str) else None
    return _Vote(opinion, source, "" if opinion else "gives no verdict that was asked for")


class _Kept:
    """A passage without white space and quote marks, in which teachers differ, to look quotes up in."""

    def __init__(self, passage: str) -> None:
        self._passage = passage
        self._places = [match.start() for match in _KEPT.finditer(passage)]
        self._text = "".join([passage[place] for place in self._places])
        self._shortest = min(_SHORTEST, _letters(self._text))

    def find(self, quote: str) -> tuple[int, int] | None:
        """Where the quote stands verbatim; None if it does not, or is too short to prove anything.

        Punctuation at its ends does not count: a clause is often quoted with a full stop or dots behind it. Whole words
        do: "likely to last" is no quote from "unlikely to last".
        """
        wanted = "".join(_KEPT.findall(quote))
        letters = [place for place, character in enumerate(wanted) if character.isalnum()]
        if not letters or _letters(wanted) < self._shortest:
            return None
        wanted = wanted[letters[0] : letters[-1] + 1]
        at = self._text.find(wanted)
        while at >= 0:
            start, end = self._places[at], self._places[at + len(wanted) - 1] + 1
            if not any(_INSIDE_WORD.match(self._passage, edge) for edge in (start, end)):
                return start, end
            at = self._text.find(wanted, at + 1)
        return None


def _letters(text: str) -> int:
    return sum([3 if character > "\u2e7f" else 1 for character in text if character.isalnum()])


@lru_cache
def _schema(form: ReplyForm, language: str) -> Mapping[str, Any] | None:
    if form is not ReplyForm.JSON_SCHEMA:
        return ANY_OBJECT if form is ReplyForm.JSON_OBJECT else None
    entry = {
        "sentence": {"type": "integer"},
        "quote": {"type": "string"},  # comes before the verdict, so that the verdict can follow from it
        "verdict": {"type": "string", "enum": list(_texts(language)["verdicts"].values())},
    }
    return _object(sentences={"type": "array", "items": _object(**entry)})


def _object(**properties: Any) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@lru_cache
def _texts(language: str) -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    text = files(__package__).joinpath(f"prompts/{language}.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Any] = YAML(typ="safe").load(text)
    return texts
