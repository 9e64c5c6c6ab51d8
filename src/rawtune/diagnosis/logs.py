"""Losses as files hold them: of this program's runs, of transformers, or of any trainer that writes step and loss."""

import csv
import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rawtune.diagnosis.rows import RowLoss
from rawtune.errors import UsageError

_HINT = "give an adapter's folder, a trainer_state.json, or a CSV or JSONL with step and loss"


class Log(NamedTuple):
    """The losses of a run, in order of their steps."""

    steps: list[int]
    losses: list[float]


def read(path: Path) -> Log:
    """The losses in a file, told by its content; entries without a loss, such as evaluations, are passed over.

    Raises ``UsageError`` if it holds none, or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = sorted(((int(step), float(loss)) for step, loss in _entries(text)), key=lambda entry: entry[0])
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: cannot be read as losses: not UTF-8 (byte {error.start})",
            f"save it as UTF-8; if it is GB18030 (GBK): iconv -f GB18030 -t UTF-8 {shlex.quote(str(path))} > new.csv",
        ) from error
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as losses: {error}", _HINT) from error
    if not found:
        raise UsageError(f"{path}: holds no losses", _HINT)
    return Log([step for step, _ in found], [loss for _, loss in found])


def read_rows(path: Path) -> list[RowLoss]:
    """The losses of rows as training writes them; raises ``UsageError`` naming a line that is none."""
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for line in reader:
            try:
                step, row, tokens = (int(line[name]) for name in ("step", "row", "tokens"))
                rows.append(RowLoss(step, row, line["id"], tokens, float(line["mean"]), float(line["max"])))
            except (KeyError, ValueError, TypeError) as error:
                raise UsageError(f"{path}:{reader.line_num}: no row's loss: {error}", "train again") from error
    return rows


def of_rows(rows: Iterable[RowLoss]) -> Log:
    """The loss of each step as the mean over the learnt tokens of these rows."""
    sums: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in rows:
        sums[row.step][0] += row.mean * row.tokens
        sums[row.step][1] += row.tokens
    return Log(sorted(sums), [sums[step][0] / sums[step][1] for step in sorted(sums)])


def _entries(text: str) -> Iterator[tuple[Any, Any]]:
    """Steps and losses; ``text`` is JSON, JSON lines or CSV."""
    if not text.lstrip().startswith(("{", "[")):
        return _pairs(csv.DictReader(text.splitlines()))
    try:
        tree = json.loads(text)
    except json.JSONDecodeError:
        return _pairs(json.loads(line) for line in text.splitlines() if line.strip())
    return _pairs(tree if isinstance(tree, list) else tree.get("log_history", [tree]))


def _pairs(lines: Any) -> Iterator[tuple[Any, Any]]:
    """Of each line its step, or else its number, and its loss."""
    for number, line in enumerate(lines, 1):
        if not isinstance(line, Mapping):
            raise ValueError(f"entry {number} is no object with step and loss")
        line = {str(key).strip().lower(): value for key, value in line.items()}
        loss = line.get("loss", line.get("train_loss", line.get("train/loss")))
        if loss not in (None, "") and "train_runtime" not in line:  # a summary of transformers, not a step
            yield line.get("step") or line.get("global_step") or number, loss
