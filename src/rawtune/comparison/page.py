"""The report as one HTML page: no script, nothing fetched, light and dark, and a text for every picture."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from rawtune.comparison.marking import differences

TEMPLATES = Path(__file__).parent / "templates"
MAIN = ("chrf", "identified", "stated", "grounded", "refused")
"""The metrics of the main tables."""
REST = ("rouge_l", "exact")
MOST_DECIMALS = 5
_SUSPECTS = 10
_LINES = 6


@cache
def load_texts(language: str) -> dict[str, str]:
    """Load the page's words in ``language`` (``en`` or ``zh``)."""
    from ruamel.yaml import YAML

    return dict(YAML(typ="safe").load(TEMPLATES / f"texts.{language}.yaml"))


def number(value: float | None, decimals: int = 1) -> str:
    """Format with a true minus sign, none for 0; a dash for what is not known."""
    return "–" if value is None else f"{value:z.{decimals}f}".replace("-", "−")


def signed(value: float | None, decimals: int = 1) -> str:
    """Format a difference: as ``number``, with its sign."""
    return "–" if value is None else f"{value:+z.{decimals}f}".replace("-", "−")


def decimals(gain: Mapping[str, Any], scale: float = 1, least: int = 1) -> int:
    """Return with how many decimals to show a difference: as few as let its interval exclude 0 if its verdict does."""
    bound = {"better": gain["low"], "worse": gain["high"]}.get(gain["verdict"])
    told = (at for at in range(least, MOST_DECIMALS) if bound is None or round(bound * scale, at))
    return next(told, MOST_DECIMALS)


def render(report: Mapping[str, Any], loss_curve: bytes | None = None) -> str:
    """Render a report of ``report.build``; ``loss_curve`` is a PNG. All that models and raw text wrote is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"number": number, "signed": signed, "decimals_of": decimals, "differences": differences}
    width = len(report["arms"])
    losses = [(step, loss) for step, loss in enumerate(report["training"]["losses"], 1) if loss is not None]
    (primary,) = (arm for arm in report["arms"] if arm["name"] == report["primary"])
    suspects, text = report["training"]["suspects"], load_texts(report["language"])
    return environment.get_template("report.html.jinja").render(
        report=report,
        primary=primary,
        raised=any(sign["flagged"] for sign in primary["harm"]),
        main=MAIN,
        rest=REST,
        diversity=_some(report["diversity"]),
        suspects=suspects[:_SUSPECTS],
        more_suspects=max(0, len(suspects) - _SUSPECTS),
        text=text,
        settings=[(name, _told(value, text)) for name, value in report["training"]["settings"].items()],
        losses={"first": losses[0], "last": losses[-1], "lowest": min(losses, key=lambda x: x[1])} if losses else {},
        loss_curve=b64encode(loss_curve).decode() if loss_curve else "",
        asked=[report["answers"][at : at + width] for at in range(0, len(report["answers"]), width)],
    )


def _told(value: Any, text: Mapping[str, str]) -> Any:
    """A setting's value, in the reader's words where Python would put in its own."""
    return text[f"value_{value}".lower()] if value is None or isinstance(value, bool) else value


def _some(lines: Sequence[Any]) -> list[Any]:
    """The first, the last and a few between."""
    most = min(_LINES, len(lines))
    return [lines[at * (len(lines) - 1) // max(1, most - 1)] for at in range(most)]
