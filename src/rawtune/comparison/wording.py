"""What a report says in sentences: its verdict, what lowers trust in it, and the texts behind both."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from rawtune.comparison.page import MOST_DECIMALS, decimals, number
from rawtune.comparison.signs import flagged
from rawtune.comparison.statistics import MIN_CLUSTERS
from rawtune.records import Suite


def sentence(base: Mapping[str, Any], primary: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """Put the verdict into words, with its numbers and the signs of harm that are raised."""
    raised = [texts[f"harm_{name}"] for name in flagged(primary["harm"])]
    but = texts["but"].format(signs=texts["and"].join(raised)) if raised else ""
    if Suite.PHRASING not in primary["scores"]:
        return texts["sentence_nothing"] + but
    gain = primary["difference"][Suite.PHRASING]["chrf"]
    key = "sentence_few" if gain["low"] is None else f"sentence_{gain['verdict'].replace(' ', '_')}"
    before, after = (arm["scores"][Suite.PHRASING]["chrf"]["estimate"] for arm in (base, primary))
    figures = gain["estimate"], gain["low"], gain["high"]
    if gain["verdict"] == "worse":  # its words already say that it is a loss
        figures = -gain["estimate"], -gain["high"], -gain["low"]
    at = _decimals(before, after, gain)
    difference, low, high = (number(figure, at) for figure in figures)
    said = texts[key].format(
        questions=gain["n"],
        passages=gain["clusters"],
        base=number(before, at),
        tuned=number(after, at),
        difference=difference,
        low=low,
        high=high,
        least=MIN_CLUSTERS,
    )
    return said + but


def _decimals(before: float, after: float, gain: Mapping[str, Any]) -> int:
    """As few as the difference needs, and as let the two scores look alike only if their difference looks 0."""
    told = (
        at
        for at in range(decimals(gain), MOST_DECIMALS)
        if (round(before, at) == round(after, at)) == (round(gain["estimate"], at) == 0)
    )
    return next(told, MOST_DECIMALS)


def warnings(
    counts: Mapping[str, Any],
    losses: Sequence[float],
    primary: Mapping[str, Any],
    texts: Mapping[str, str],
    chosen: Mapping[str, int],
    elsewhere: Sequence[str] = (),
) -> list[str]:
    """Say what a reader must know before trusting the numbers; what is not named here is as in ``report.Evidence``."""
    found: list[tuple[str, dict[str, Any]]] = []
    if elsewhere:
        found.append(("warning_elsewhere", {"arms": ", ".join(elsewhere)}))
    for suite, measured in primary["difference"].items():
        gain = measured.get("chrf") or measured["refused"]
        if gain["low"] is None and suite is not Suite.SEEN:
            found.append(("warning_few", {"suite": texts[suite], "passages": gain["clusters"], "least": MIN_CLUSTERS}))
        if suite is Suite.CONCEPT and (gain["verdict"] == "better" or (gain["low"] is None and gain["estimate"] > 0)):
            found.append(("warning_concept", {"difference": number(gain["estimate"])}))
    if counts["distinct_answers"] < counts["train_rows"]:
        found.append(("warning_repeated", {"rows": counts["train_rows"], "answers": counts["distinct_answers"]}))
    if counts["extracted"]:
        found.append(("warning_extracted", {"extracted": counts["extracted"], "kept": counts["kept"]}))
    if chosen and Suite.PHRASING in primary["difference"]:
        found.append(("warning_chosen", {**chosen, "of": primary["difference"][Suite.PHRASING]["chrf"]["n"]}))
    if told := primary["preferred"].get(Suite.PHRASING):
        if told.get("verdict") == "worse":
            found.append(("warning_judge_worse", {"won": told["won"], "lost": told["lost"]}))
        if told["split"] > told["won"] + told["lost"]:
            found.append(("warning_judge_split", {name: told[name] for name in ("split", "won", "lost")}))
        if told["unreadable"]:
            found.append(("warning_judge_unreadable", {"unreadable": told["unreadable"]}))
    if not all(map(isfinite, losses)):
        found.append(("warning_diverged", {}))
    return [texts[key].format(**values) for key, values in found]
