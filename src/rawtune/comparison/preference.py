"""Which of two answers a judge prefers, base's or another arm's: asked blind, in both orders.

Judges prefer what stands first (Wang 2023, "Large Language Models are not Fair Evaluators"). So each pair is shown
twice, the answers as A and B and then exchanged, with no word of who gave them; a judge that does not hold to its
verdict has none, which is a tie. A reply that cannot be read strictly leaves its pair unscored.
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from rawtune.comparison.pairs import FourCells, mcnemar
from rawtune.comparison.statistics import mean, verdict
from rawtune.llm.json_reply import read_object
from rawtune.records import ANY_OBJECT, Message, Parameters, Reply, ReplyForm, Request, Suite

JUDGED = (Suite.PHRASING, Suite.CONCEPT)
"""Suites whose answers are judged: what was never trained in these words, and has a passage to be judged by."""


class Preference(StrEnum):
    """What the judge says of a pair."""

    WON = "won"  # both times the arm's answer
    TIE = "tie"  # both times neither, or the answers are the same
    SPLIT = "split"  # another verdict in each order: a tie
    LOST = "lost"  # both times base's
    UNREADABLE = "unreadable"  # unscored


_WORTH = {Preference.WON: 1, Preference.TIE: 0, Preference.SPLIT: 0, Preference.LOST: -1}


def prefer(
    question: str,
    passage: str,
    base: str,
    arm: str,
    *,
    language: str,
    model: str,
    parameters: Parameters,
    form: ReplyForm,
) -> Generator[Request, Reply, Preference]:
    """Two calls, base's answer first and then the arm's; none for answers that are the same.

    Whatever the ``form``, JSON is asked for. The second call is spared if the first reply cannot be read.
    """
    if base.strip() == arm.strip():
        return Preference.TIE
    texts, schema = _texts()[language], _schema(form, language)
    found = []
    for answers in ((base, arm), (arm, base)):
        told = texts["user"].format(passage=passage, question=question, first=answers[0], second=answers[1])
        reply = yield Request(model, (Message("system", texts["system"]), Message("user", told)), parameters, schema)
        preferred = _read(reply, texts["tie"])
        if preferred is None:
            return Preference.UNREADABLE
        found.append(preferred if answers[0] == base else -preferred)
    first, second = found
    if first != second:
        return Preference.SPLIT
    return {1: Preference.WON, 0: Preference.TIE, -1: Preference.LOST}[first]


def summary(found: Sequence[Preference], clusters: Sequence[str]) -> dict[str, Any]:
    """What the judge says of an arm on one suite; ``clusters[i]`` is the passage of ``found[i]``.

    ``won``, ``tie``, ``split``, ``lost`` and ``unreadable`` are counts; the fields of an ``Interval`` are of the mean
    of won as 1, lost as -1 and the rest as 0, over the pairs that were scored, with its ``verdict``. ``sign_test`` is
    that test's two-sided p, which is McNemar's: half of what is won or lost should go each way. The interval alone
    heeds that several questions are about one passage. Without a scored pair there are the counts only.
    """
    counts = Counter(found)
    told: dict[str, Any] = {kind.value: counts[kind] for kind in Preference}
    scored = [(_WORTH[preference], id) for preference, id in zip(found, clusters, strict=True) if preference in _WORTH]
    if not scored:
        return told
    estimate = mean(*zip(*scored, strict=True))
    ties = counts[Preference.TIE] + counts[Preference.SPLIT]
    cells = FourCells(0, counts[Preference.LOST], counts[Preference.WON], ties)
    return {**told, **asdict(estimate), "verdict": verdict(estimate), "sign_test": mcnemar(cells)}


def _read(reply: Reply, tie: str) -> int | None:
    """-1 for the first answer, 1 for the second, 0 for a tie; None where guessing would be needed."""
    try:
        said = read_object(reply).get("verdict")
    except ValueError:
        return None
    known = {"a": -1, "b": 1, "tie": 0, tie: 0}
    return known.get(said.strip().casefold()) if isinstance(said, str) else None


def _schema(form: ReplyForm, language: str) -> Mapping[str, Any] | None:
    if form is not ReplyForm.JSON_SCHEMA:
        return ANY_OBJECT if form is ReplyForm.JSON_OBJECT else None
    properties = {  # the reason comes first, so that the verdict can follow from it
        "reason": {"type": "string"},
        "verdict": {"type": "string", "enum": ["A", "B", _texts()[language]["tie"]]},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@cache
def _texts() -> Mapping[str, Mapping[str, str]]:
    from ruamel.yaml import YAML

    text = files(__package__).joinpath("preference.yaml").read_text(encoding="utf-8")
    texts: Mapping[str, Mapping[str, str]] = YAML(typ="safe").load(text)
    return texts
