"""The report in a few lines of Markdown, for a pull request."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rawtune.comparison.page import MAIN, decimals, load_texts, number, signed
from rawtune.comparison.signs import flagged

_ACTIVE = re.compile(r"[\\`*_\[\]<>|~]")
"""Signs that may begin code, emphasis, a link, HTML, or a table's next cell (CommonMark and GitHub's tables)."""


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
    yield f"## {_plain(text['title'].format(name=report['name']))} {verdict}{text['headline_but'] if raised else ''}"
    yield ""
    yield _plain(report["sentence"])
    if primary["scores"]:
        yield ""
        yield "| | " + " | ".join(_plain(arm["name"]) for arm in report["arms"]) + " |"
        yield "| --- |" + " --- |" * len(report["arms"])
        for suite, measured in primary["scores"].items():
            for metric in (metric for metric in MAIN if metric in measured):
                cells = " | ".join(_cell(arm, suite, metric, text) for arm in report["arms"])
                yield f"| {text[suite]}: {text[metric]} | {cells} |"
    yield ""
    for suite, told in primary["preferred"].items():
        net = ""
        if "verdict" in told:
            shown = signed(100 * told["estimate"], decimals(told, 100))
            net = text["preferred_net"].format(net=shown, verdict=text[told["verdict"].replace(" ", "_")])
        counts = {"suite": text[suite], "judge": _plain(report["judge"]), **told}
        yield "- " + text["preferred_line"].format(**counts) + net
    for sign in primary["harm"]:
        state = "unmeasured" if sign["value"] is None else "flagged" if sign["flagged"] else "clear"
        mark = "**" if sign["flagged"] else ""
        words = {"sign": text[f"sign_{sign['name']}"], "state": text[state], "sentence": _plain(sign["sentence"])}
        yield "- " + text["sign_line"].format(mark=mark, **words)
    yield ""
    yield from (f"> {_plain(warning)}\n>" for warning in report["warnings"])
    yield f"{text['student']}: {_code(report['student'])} · {text['adapter']}: {_code(report['adapter'])}"
    if report["how_to_reproduce"]:
        yield ""
        yield f"{text['reproduce']}: " + "; ".join(map(_code, report["how_to_reproduce"]))


def _cell(arm: Mapping[str, Any], suite: str, metric: str, text: Mapping[str, str]) -> str:
    scale = _scale(metric)
    score = number(arm["scores"][suite][metric]["estimate"] * scale)
    if not arm["difference"]:
        return score
    gain = arm["difference"][suite][metric]
    shown = signed(gain["estimate"] * scale, decimals(gain, scale))
    return f"{score} ({shown}, {text[gain['verdict'].replace(' ', '_')]})"


def _plain(text: str) -> str:
    """``text`` on one line, read by Markdown as it stands."""
    return _ACTIVE.sub(r"\\\g<0>", " ".join(text.split()))


def _code(text: str) -> str:
    """``text`` as code, whose fence is longer than any run of backticks in it (CommonMark 0.31, 6.1)."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{' '.join(text.splitlines())}{space}{fence}"
