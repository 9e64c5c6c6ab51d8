"""The entries of a trainer's log: JSON, JSON lines, a table, or what was printed, each by the names that it uses."""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Entry = Mapping[str, Any]

LOSSES = ("loss", "train_loss", "training_loss", "损失", "训练损失", "value")
STEPS = ("step", "global_step", "current_steps", "global_step/max_steps", "iteration", "iter", "steps", "步数")
"""What trainers call the loss of a step and its number, the likelier names first; ``value`` is TensorBoard's."""

_SUMMARY = "train_runtime"
_MISSING = ("", "-", "None", "null", "No log")
_NUMBER = r"""['"]?\s*[:=]?\s*['"]?([-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|nan|inf))(?!\w|\.\d)"""
_PRINTED = {
    name: re.compile(pattern + _NUMBER, re.IGNORECASE)
    for name, pattern in (
        ("loss", r"(?<![\w/])(?<!val )(?<!eval )(?<!test )(?<!validation )(?:train(?:ing)?[ _/])?(?:loss|损失)"),
        ("step", r"(?<![\w/])(?:global_|current_)?(?:step|iter|iteration|步数)s?"),
        ("epoch", r"(?<![\w/])epoch"),
    )
}
"""What a line of a console says, as in ``{'loss': 3.59, 'epoch': 0.1}`` or ``Iter 10: Train loss 2.1``."""


def entries(text: str) -> list[Entry]:
    """What each entry of a log holds, in order; raises ``ValueError`` for a place that its form does not allow."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not text.lstrip().startswith(("{", "[")):
        return _of_table(lines) or _printed(lines)
    try:
        return _named(_of_tree(json.loads(text)))
    except json.JSONDecodeError:
        pass
    try:
        return _named(json.loads(line) for line in lines)
    except json.JSONDecodeError:
        return _printed(lines)  # dictionaries as Python prints them, or JSON lines of which the last is torn


def value(entry: Entry, names: Sequence[str]) -> str | None:
    """The first of ``names`` that the entry has a value for."""
    found = (str(entry[name]).strip() for name in names if name in entry)
    return next((text for text in found if text not in _MISSING), None)


def number(text: str) -> float:
    """A number as tables write it, also with a decimal comma."""
    return float(text if "." in text else text.replace(",", "."))


def is_summary(entry: Entry) -> bool:
    """Whether it tells of a whole run, as transformers does at its end."""
    return _SUMMARY in entry


def _named(found: Iterable[Any]) -> list[Entry]:
    named: list[Entry] = []
    for at, entry in enumerate(found, 1):
        if not isinstance(entry, Mapping):
            raise ValueError(f"entry {at} is no object with step and loss")
        named.append({_name(key): value for key, value in entry.items()})
    return named


def _name(key: Any) -> str:
    """Without the run's name that Weights & Biases puts before it, and without ``train/``."""
    return str(key).rsplit(" - ", 1)[-1].strip().lower().replace(" ", "_").removeprefix("train/")


def _of_tree(tree: Any) -> Sequence[Any]:
    if isinstance(tree, Mapping):
        if "log_history" in tree:
            return list(tree["log_history"])
        columns = {key: found for key, found in tree.items() if isinstance(found, list)}
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in rows] if columns else [tree]
    if all(isinstance(entry, list) and len(entry) == 3 for entry in tree):  # as TensorBoard saves JSON
        return [dict(zip(("wall_time", "step", "value"), entry, strict=True)) for entry in tree]
    return [{"loss": entry} if isinstance(entry, int | float) else entry for entry in tree]


def _of_table(lines: Sequence[str]) -> list[Entry]:
    """Of a table with a header, or of bare losses, with or without their steps; nothing if it is neither."""
    if not lines:
        return []
    delimiter = max("\t;,", key=lines[0].count)
    header = next(csv.reader(lines[:1], delimiter=delimiter))
    if any(_name(name) in LOSSES for name in header):
        return _named(csv.DictReader(lines, delimiter=delimiter))
    try:
        rows = [[float(field) for field in re.split(r"[\s,;]+", line.strip())] for line in lines]
    except ValueError:
        return []
    if all(len(row) == 1 for row in rows):
        return [{"loss": row[0]} for row in rows]
    if all(len(row) == 2 for row in rows) and all(a[0] < b[0] for a, b in pairwise(rows)):
        return [{"step": step, "loss": loss} for step, loss in rows]
    raise ValueError("it has no header, so which column is the loss is not known")


def _printed(lines: Iterable[str]) -> list[Entry]:
    found: list[Entry] = []
    for line in lines:
        matches = {name: pattern.search(line) for name, pattern in _PRINTED.items()}
        entry = {name: match[1] for name, match in matches.items() if match}
        found.append({**entry, _SUMMARY: ""} if _SUMMARY in line else entry)
    return found
