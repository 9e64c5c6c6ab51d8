"""When a run has learnt enough, or begins to learn by heart: checked as it goes, decided by rules, the best kept.

The thresholds are proposals, to be calibrated on data.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import Any

BEST = "best-"
PATIENCE = 2  # checks in a row without improvement
GAP = 0.20  # accuracy on questions as trained, less accuracy on the same in new phrasings
RECITED = 0.20  # share of answers that recite a text on something else
STILL = 0.02  # of the first loss: by less it has not moved
STILL_STEPS = 10
BY_HEART = 0.2  # nats per token: at that loss the model gives each token of the answers a chance of 82%
_BETTER_CHRF = 1.0  # of 100 points: less is noise where as many concepts are told right
_LEAST_STEPS = 10  # between checks: a shorter half epoch would be spent on checking


class Why(StrEnum):
    """What it means that a run is stopped."""

    CONVERGED = "converged"
    MEMORISED = "memorised"


@dataclass(frozen=True, slots=True)
class Figures:
    """What a model can do, measured on few questions.

    ``unseen`` and ``seen``: share of answers that speak of the right concept, on new phrasings and on questions as
    trained, None if none was asked; ``chrf``: closeness of the answers to new phrasings, 0 to 100; ``recited``: share
    of all answers that recite a text trained for something else.
    """

    unseen: float
    chrf: float
    seen: float | None = None
    recited: float = 0.0

    def __str__(self) -> str:
        seen = "" if self.seen is None else f", {self.seen:.0%} of those as trained"
        return (
            f"{self.unseen:.0%} of new phrasings are answered with the right concept{seen}; chrF {self.chrf:.1f};"
            f" {self.recited:.0%} recite a text on something else"
        )


@dataclass(frozen=True, slots=True)
class Check:
    """Figures at the end of a step, counted from 1."""

    step: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run is stopped, in words with the number that decided."""

    why: Why
    reason: str

    def __str__(self) -> str:
        return f"{self.why}: {self.reason}"


Evaluate = Callable[[Any, Any], Figures]
"""Model, ready to generate, and tokenizer to figures; it must leave both as they were."""


def every(steps_per_epoch: int) -> int:
    """Steps from check to check: half an epoch, but no fewer than ten."""
    return max(_LEAST_STEPS, ceil(steps_per_epoch / 2))


def best(checks: Sequence[Check]) -> Check:
    """The check at which the model was best on new phrasings; the earlier one where that is a tie."""
    found, *others = checks
    for check in others:
        if _better(check.figures, found.figures):
            found = check
    return found


def decide(checks: Sequence[Check], losses: Sequence[float], warmup: int = 0) -> Stop | None:
    """Whether to stop after the last of ``checks``; ``losses`` are those of all steps up to it.

    Losses of the first ``warmup`` steps, which hardly train, say nothing about rest.
    """
    if not checks:
        return None
    now, top = checks[-1].figures, best(checks)
    if now.seen is not None and round(now.seen - now.unseen, 9) > GAP:
        return Stop(
            Why.MEMORISED,
            f"{now.seen:.0%} of questions as trained are answered rightly, but {now.unseen:.0%} of the same in new"
            f" phrasings, more than {100 * GAP:.0f} points fewer",
        )
    if now.recited > RECITED:
        return Stop(Why.MEMORISED, f"{now.recited:.0%} of answers recite a text on something else")
    waited = len(checks) - 1 - checks.index(top)
    if waited >= PATIENCE:
        return Stop(
            Why.CONVERGED,
            f"answers to new phrasings have not improved for {waited} checks; the best were {top.figures.unseen:.0%}"
            f" right, chrF {top.figures.chrf:.1f}, at step {top.step}",
        )
    return _at_rest(losses, warmup)


def best_folder(output: Path, step: int) -> Path:
    """Where a run in ``output`` keeps the adapter of the check at ``step``, for as long as that is the best."""
    return output / f"{BEST}{step}"


def _better(new: Figures, old: Figures) -> bool:
    return new.unseen > old.unseen or (new.unseen == old.unseen and new.chrf > old.chrf + _BETTER_CHRF)


def _at_rest(losses: Sequence[float], warmup: int) -> Stop | None:
    """By the mean of ten steps, against that of the ten before."""
    trained = losses[warmup:]
    if len(trained) < 2 * STILL_STEPS:
        return None
    level, before = fmean(trained[-STILL_STEPS:]), fmean(trained[-2 * STILL_STEPS : -STILL_STEPS])
    moved = abs(level - before) / losses[0]
    if moved >= STILL:
        return None
    why = Why.MEMORISED if level < BY_HEART else Why.CONVERGED
    return Stop(why, f"the loss has moved by {moved:.1%} of where it began in {STILL_STEPS} steps, and is {level:.2f}")


def entry(check: Check) -> dict[str, Any]:
    """A check as the Trainer's log keeps it, from where checkpoints take it along."""
    return {"step": check.step, "check": asdict(check.figures)}


def checks_of(log_history: Sequence[dict[str, Any]]) -> list[Check]:
    """All checks in a Trainer's log."""
    return [Check(entry["step"], Figures(**entry["check"])) for entry in log_history if "check" in entry]
