"""The report in a few lines of Markdown, for a pull request."""

from collections.abc import Iterator, Mapping
from typing import Any

from rawtune.comparison.page import MAIN, load_texts, number, signed
from rawtune.comparison.signs import flagged


def _scale(metric: str) -> int:
    """By what a metric's figures are multiplied where they are shown: shares as percentages."""
    return 1 if metric in ("chrf", "rouge_l") else 100


def markdown(report: Mapping[str, Any]) -> str:
    """The verdict, a table of scores, the signs of harm, and what to know about both."""
    return "\n".join(_lines(report, load_texts(report["language"]))) + "\n"


def _lines(report: Mapping[str, Any], text: Mapping[str, str]) -> Iterator[str]:
    (primary,) = (arm for arm in report["arms"] if arm["name"] == report["primary"])
    raised = flagged(primary["harm"])
    verdict = text[report["verdict"].replace(" ", "_")]
    yield f"## {text['title'].format(name=report['name'])} {verdict}{text['headline_but'] if raised else ''}"
    yield ""
    yield report["sentence"]
    if primary["scores"]:
        yield ""
        yield "| | " + " | ".join(_plain(arm["name"]) for arm in report["arms"]) + " |"
        yield "| --- |" + " --- |" * len(report["arms"])
        for suite, measured in primary["scores"].items():
            for metric in (metric for metric in MAIN if metric in measured):
                cells = " | ".join(_cell(arm, suite, metric, text) for arm in report["arms"])
                yield f"| {text[suite]}: {text[metric]} | {cells} |"
    yield ""
    for sign in primary["harm"]:
        state = "unmeasured" if sign["value"] is None else "flagged" if sign["flagged"] else "clear"
        mark = "**" if sign["flagged"] else ""
        yield f"- {mark}{text['sign_' + sign['name']]}: {text[state]}{mark}. {sign['sentence']}"
    yield ""
    yield from (f"> {warning}\n>" for warning in report["warnings"])
    yield f"{text['student']}: `{report['student']}` · {text['adapter']}: `{report['adapter']}`"
    if report["how_to_reproduce"]:
        yield ""
        yield f"{text['reproduce']}: " + "; ".join(f"`{line}`" for line in report["how_to_reproduce"])


def _cell(arm: Mapping[str, Any], suite: str, metric: str, text: Mapping[str, str]) -> str:
    score = number(arm["scores"][suite][metric]["estimate"] * _scale(metric))
    if not arm["difference"]:
        return score
    gain = arm["difference"][suite][metric]
    return f"{score} ({signed(gain['estimate'] * _scale(metric))}, {text[gain['verdict'].replace(' ', '_')]})"


def _plain(name: str) -> str:
    return name.replace("|", "\\|")
