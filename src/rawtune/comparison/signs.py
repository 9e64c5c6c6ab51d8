"""The signs of harm of one arm: measured on its answers and base's, and put into words."""

from collections.abc import Mapping, Sequence
from typing import Any

from rawtune.comparison import harm
from rawtune.comparison.scores import Case
from rawtune.records import Suite

NAMES = ("recited", "gap", "forgetting", "drift", "loops", "collapse", "remnants", "empty")
"""All signs, in the order of the report."""
_SHOWN = 3
_RATIOS = ("collapse",)
"""Signs that are no share of 100."""


def signs(
    cases: Sequence[Case],
    arm: str,
    base: str,
    language: str,
    trained: Mapping[str, Sequence[str]],
    general: Mapping[str, Sequence[bool]],
    texts: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Every sign, JSON-ready: ``name``, ``value`` (None: not measured), ``threshold``, ``flagged``, ``n``, in words.

    ``trained`` holds each passage's texts under its id, ``general`` by arm which items were chosen rightly, ``texts``
    the words of the page. ``questions`` are the first three at fault.
    """
    before, after = [case.answer(base) for case in cases], [case.answer(arm) for case in cases]
    found = {sign.name: sign for sign in harm.signs(before, after, language, trained)}
    found["gap"] = harm.gap(_sides(cases, base), _sides(cases, arm))
    found["forgetting"] = harm.forgetting(general.get(base, ()), general.get(arm, ()))
    return [
        {
            "name": name,
            "value": sign.value,
            "threshold": sign.threshold,
            "flagged": sign.flagged,
            "n": sign.n,
            "sentence": _sentence(sign, texts),
            "questions": [] if name == "forgetting" else [cases[i].question for i in sign.where[:_SHOWN]],
        }
        for name, sign in ((name, found[name]) for name in NAMES)
    ]


def flagged(signs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of those that are raised."""
    return [sign["name"] for sign in signs if sign["flagged"]]


def _sides(cases: Sequence[Case], arm: str) -> list[harm.Sides]:
    """Of passages that were asked about in both ways only, so that both sides are as hard.

    Right is an answer on the right concept that its passage bears out, if that was looked at: what was learnt by heart
    finds its concept under any question, with the facts of others.
    """
    rights: dict[Suite, dict[str, list[bool]]] = {Suite.SEEN: {}, Suite.PHRASING: {}}
    for case in cases:
        if case.suite in rights:
            rights[case.suite].setdefault(case.passage_id, []).append(_is_right(case, arm))
    seen, unseen = rights.values()
    return [harm.Sides(seen[id], unseen[id]) for id in seen if id in unseen]


def _is_right(case: Case, arm: str) -> bool:
    score = case.scores[arm]
    return score.identified and score.grounded is not False


def _sentence(sign: harm.Sign, texts: Mapping[str, str]) -> str:
    said = texts[sign.message].format(
        value=_figure(sign.name, sign.value), threshold=_figure(sign.name, sign.threshold), n=sign.n
    )
    if sign.excused is None:
        return said
    unit = "" if sign.name in _RATIOS else "%"
    return said + texts["harm_excused"].format(base=_figure(sign.name, sign.excused) + unit)


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if name in _RATIOS else f"{100 * value:.0f}".replace("-", "−")
