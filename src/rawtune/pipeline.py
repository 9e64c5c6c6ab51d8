"""The order of the stages: what is stale and why, and how to make it current."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, cast

from rawtune.errors import RawtuneError
from rawtune.ledger.ledger import StageRecord
from rawtune.stages.stage import Stage, Work

STAGES = ("read", "synthesise", "verify", "augment", "export", "train", "compare")
"""Each is the module of that name in ``rawtune.stages``, imported when it is needed: the last ones bring much along."""


@dataclass(frozen=True, slots=True)
class StageState:
    """Where a stage stands. ``reasons`` say why it is stale; empty when it is current."""

    name: str
    reasons: tuple[str, ...]
    record: StageRecord | None

    @property
    def current(self) -> bool:
        """Whether there is nothing to do."""
        return not self.reasons


def run(work: Work, until: str = "compare") -> list[str]:
    """Run every stale stage up to and with ``until``, in order; the names of those that ran."""
    ran = []
    for name in _up_to(until):
        if state(work, name).current:
            continue
        work.progress.begin(name)
        run_stage(work, name)
        ran.append(name)
    return ran


def run_stage(work: Work, name: str) -> dict[str, Any]:
    """Run one stage, stale or not, and record it; its figures."""
    stage = _stage(name)
    # Taken before the work: what changes during it leaves the stage stale, as it should.
    inputs = stage.inputs(work)
    # A run that is cut short has changed rows already; the record of the run before must not vouch for them.
    work.ledger.forget_stage(name)
    work.log.write("began", stage=name)
    started = time.monotonic()
    try:
        done = stage.run(work)
    except BaseException as error:
        work.log.write("broke off", stage=name, error=type(error).__name__)
        raise
    finally:
        work.log.flush()
    seconds = round(time.monotonic() - started, 3)
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    work.log.write("ended", stage=name, seconds=seconds)
    work.ledger.save_stage(name, StageRecord(inputs, done.output, done.product, done.summary, seconds, finished))
    return done.summary


def states(work: Work) -> Iterator[StageState]:
    """Where every stage stands, in order; a stage behind a stale one is stale, too."""
    stale_before = ""
    for name in STAGES:
        found = state(work, name)
        if found.current and stale_before:
            found = StageState(name, (f"{stale_before} comes first",), found.record)
        stale_before = stale_before or ("" if found.current else name)
        yield found


def state(work: Work, name: str) -> StageState:
    """Where one stage stands, by its own inputs and product."""
    record = work.ledger.stage(name)
    if record is None:
        later = list(STAGES)[list(STAGES).index(name) + 1 :]
        ran = any(work.ledger.stage(other) for other in later)  # so this one did, before its record was dropped
        return StageState(name, (f"not run to its end {'since its rows were changed' if ran else 'yet'}",), None)
    try:
        inputs = _stage(name).inputs(work)
    except RawtuneError as error:
        return StageState(name, (error.message,), record)
    reasons = [f"{key} {_change(record.inputs.get(key), inputs.get(key))}" for key in record.inputs | inputs]
    if record.product and not (work.folder / record.product).exists():
        reasons.append(f"{record.product} is gone")
    return StageState(name, tuple(reason for reason in reasons if not reason.endswith("unchanged")), record)


def _change(before: str | None, now: str | None) -> str:
    if before == now:
        return "unchanged"
    return "new" if before is None else "removed" if now is None else "changed"


def _up_to(last: str) -> list[str]:
    return list(STAGES[: STAGES.index(last) + 1])


def _stage(name: str) -> Stage:
    return cast(Stage, import_module(f"rawtune.stages.{name}"))
