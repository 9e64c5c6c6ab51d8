"""Good, broken and hand-made rows: one student tuned on each, and a report that must tell them apart.

usage: .venv/bin/python examples/three-datasets/run.py [--work DIR]

A run that was stopped goes on where it was. Exits with 1 if the three are not told apart.
"""

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rawtune import project
from rawtune.cli.terminal import Terminal
from rawtune.dataset import files
from rawtune.diagnosis.curve import Verdict, judge
from rawtune.linter.lint import Lint
from rawtune.project import Project
from rawtune.records import Row, Split, State
from rawtune.testing.faults import Labelled, Sample, plant
from rawtune.training.runs import RECORD
from rawtune.training.trainer import train

PASSAGES = 10  # two are held out, so that eight concepts in twenty questions each make 160 rows
SETTINGS = {
    "passages": {"held_out": 0.2},
    "training": {"epochs": 2, "batch_size": 4, "dropout": 0.0, "checkpoint_steps": 20},
    "comparison": {"max_new_tokens": 96, "batch_size": 64},
}
FAULTS = (
    *("extra-key", "doubled-key", "nested-json", "stray-quote", "literal-newline", "cut-off"),
    "answer-of-another",
)
BROKEN = 0.75  # of the concepts, with all their questions: 120 rows
EPOCHS = 50
ARMS = ("good", "broken", "hand-made")
METRICS = ("identified", "grounded")


class Trained(NamedTuple):
    """What is known of an arm before it is asked: its rows, how many rawtune check finds at fault, its loss curve."""

    rows: int
    at_fault: int
    curve: str


def main() -> int:
    """Make the datasets, tune on them, compare; 1 if the arms are not told apart."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("three-datasets"), help="the folder to work in")
    work: Path = parser.parse_args().work
    started = time.monotonic()
    if not (work / "rawtune.yaml").exists():
        project.create(work, "zhouyi-en", limit=PASSAGES, settings=SETTINGS)
    with Terminal() as terminal, Project(work, terminal) as opened:
        rows = {"good": files.read(opened.export(), opened.config.columns)}
        rows["broken"] = broken(rows["good"], break_answers(opened))
        # The questions that will be asked as seen are those of which each is one concept's: a dataset made by hand.
        good = opened.train()
        first = json.loads(opened.compare().with_suffix(".json").read_text(encoding="utf-8"))
        rows["hand-made"] = by_hand(first)
        adapters = {"good": good}
        for name, epochs in (("broken", opened.config.training.epochs), ("hand-made", EPOCHS)):
            adapters[name] = work / "models" / name
            terminal.begin(f"train on {name} rows")
            settings = opened.config.training.model_copy(update={"epochs": epochs})
            train(rows[name], opened.config.student, settings, adapters[name], terminal, resume=True)
        found = {name: examine(opened, name, rows[name], adapters[name]) for name in ARMS}
        page = opened.compare([adapters[name] for name in ARMS])
    report = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    for line in table(report, found):
        print(line)
    print(f"report: {page}")
    print(f"this run took {(time.monotonic() - started) / 60:.1f} min, {time.process_time() / 60:.1f} min of CPU time")
    failures = untold(report, found)
    for line in failures:
        print(f"not told apart: {line}", file=sys.stderr)
    return 1 if failures else 0


def break_answers(opened: Project) -> dict[str, Labelled]:
    """Every trained answer with its broken form, or with itself."""
    samples = [
        Sample(outcome.example.concept, outcome.example.answer, outcome.example.concept, passage.text)
        for passage, outcome in opened.outcomes(State.KEPT)
        if outcome.example and passage.split is Split.TRAIN
    ]
    return {sample.answer: label for sample, label in zip(samples, plant(samples, FAULTS, BROKEN), strict=True)}


def broken(rows: Iterable[Row], labels: Mapping[str, Labelled]) -> list[Row]:
    """The rows, the broken answer of a concept copied into all its questions."""
    return [Row(row.question, labels[row.answer].row.answer) for row in rows]


def by_hand(report: Mapping[str, Any]) -> list[Row]:
    """One row for each concept: its question of the report's suite of seen ones."""
    return [
        Row(answer["question"], answer["reference"])
        for answer in report["answers"]
        if answer["suite"] == "seen" and answer["model"] == "base"
    ]


def examine(opened: Project, name: str, rows: Sequence[Row], adapter: Path) -> Trained:
    """Hold the rows to the rules of rawtune check, and the losses to those of rawtune diagnose."""
    path = opened.folder / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([opened.config.columns, *(row[:2] for row in rows)])
    lint = Lint(path, columns=opened.config.columns, source=opened.folder / "raw", language=opened.config.language)
    record = json.loads((adapter / RECORD).read_text(encoding="utf-8"))
    curve = judge(record["losses"], batch=opened.config.training.batch_size)
    return Trained(len(rows), sum(checked.failed for checked in lint), curve.verdict)


def by_name(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The report's arms; the one that the verdict is about was tuned on good rows."""
    return {"good" if arm["name"] == report["primary"] else arm["name"]: arm for arm in report["arms"]}


def signs(arm: Mapping[str, Any]) -> set[str]:
    """The signs of harm that the report raises for an arm."""
    return {sign["name"] for sign in arm.get("harm", []) if sign["flagged"]}


def share(arm: Mapping[str, Any], suite: str, metric: str) -> float:
    """The share of answers that ``metric`` finds right."""
    estimate: float = arm["scores"][suite][metric]["estimate"]
    return estimate


def table(report: Mapping[str, Any], found: Mapping[str, Trained]) -> list[str]:
    """A line for each arm: its rows, its answers to seen and to unseen questions, and what is flagged.

    ``concept`` is the share of answers on the right concept, ``true`` of those that the passage bears out.
    """
    form = "{:<10}{:>5}{:>10}  {:<15}{:>8}{:>8}{:>10}{:>8}  {:<30}{}"
    lines = [
        form.format("", "", "", "", "seen", "", "unseen", "", "unseen", ""),
        form.format(
            *(
                "arm",
                "rows",
                "at fault",
                "loss curve",
                *("concept", "true") * 2,
                "closeness less base's",
                "signs of harm",
            )
        ),
    ]
    for name, arm in by_name(report).items():
        shares = [f"{share(arm, suite, metric):.0%}" for suite in ("seen", "phrasing") for metric in METRICS]
        against = ""
        if difference := arm["difference"]:
            gain = difference["phrasing"]["chrf"]
            against = f"{gain['estimate']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}] {gain['verdict']}"
        known = found.get(name, ("", "", ""))
        lines.append(form.format(name, *known, *shares, against, ", ".join(sorted(signs(arm)))).rstrip())
    return lines


def untold(report: Mapping[str, Any], found: Mapping[str, Trained]) -> list[str]:
    """Where the arms are not told apart; nothing if they are."""
    good, damaged, drilled = (by_name(report)[name] for name in ARMS)
    gain = good["difference"]["phrasing"]["chrf"]
    wanted = {
        "good rows are not shown to be better than base": gain["verdict"] == "better" and gain["low"] > 0,
        "rawtune check finds fault with good rows": not found["good"].at_fault,
        "rawtune check leaves broken rows unfound": found["broken"].at_fault >= BROKEN * found["broken"].rows,
        "broken rows leave no sign of harm that good rows do not": bool(signs(damaged) - signs(good)),
        "answers from broken rows are no less true": share(damaged, "phrasing", "grounded")
        < share(good, "phrasing", "grounded"),
        "the curve of fifty epochs is not found to be learnt by heart": found["hand-made"].curve
        == Verdict.FLAT_MEMORISED,
        "fifty epochs leave no gap between seen and unseen": "gap" in signs(drilled) - signs(good),
        "answers after fifty epochs are as true on unseen questions": share(drilled, "phrasing", "grounded")
        < share(drilled, "seen", "grounded"),
    }
    return [failure for failure, holds in wanted.items() if not holds]


if __name__ == "__main__":
    sys.exit(main())
