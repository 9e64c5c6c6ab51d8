"""Losses as files hold them: of this program's runs, or of any trainer that writes step and loss."""

import codecs
import csv
import shlex
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from rawtune.diagnosis.entries import LOSSES, STEPS, Entry, entries, is_summary, number, value
from rawtune.diagnosis.visits import RowLoss
from rawtune.errors import UsageError

_HINT = "give an adapter's folder, a trainer_state.json, or a CSV or JSONL with step and loss"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # so PowerShell writes what a console would show


class Log(NamedTuple):
    """The losses of a run, in order of their steps."""

    steps: list[int]
    losses: list[float]


def read(path: Path) -> Log:
    """The losses in a file, told by its content; entries without a loss, such as evaluations, are passed over.

    It may be JSON, JSON lines, a table or the output of a console, and is of transformers, TRL, LLaMA-Factory, Swift,
    TensorBoard, Weights & Biases or whoever else writes a loss by that name. Raises ``UsageError`` if it holds none, or
    cannot be read.
    """
    try:
        data = path.read_bytes()
        found = entries(data.decode("utf-16" if data.startswith(_UTF16) else "utf-8").lstrip("\ufeff"))
        log = _ordered(_seen(entry) for entry in found if not is_summary(entry) and value(entry, LOSSES))
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: cannot be read as losses: not UTF-8 (byte {error.start})",
            f"save it as UTF-8; if it is GB18030 (GBK): iconv -f GB18030 -t UTF-8 {shlex.quote(str(path))} > new.csv",
        ) from error
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as losses: {error}", _HINT) from error
    if log.losses:
        return log
    if any(map(is_summary, found)):
        raise UsageError(
            f"{path}: holds no losses of steps, only the mean of a whole run", "train with logging_steps: 1, or 10"
        )
    names = ", ".join(dict.fromkeys(name for entry in found for name in entry))
    raise UsageError(f"{path}: holds no losses" + (f", only {names}" if names else ""), _HINT)


def read_rows(path: Path) -> list[RowLoss]:
    """The losses of rows as training writes them; raises ``UsageError`` naming a line that is none.

    Those of an answer's form are not in the files of older versions.
    """
    rows = []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        for line in reader:
            try:
                step, row, tokens = (int(line[name]) for name in ("step", "row", "tokens"))
                form = [float(line[name]) if line.get(name) else None for name in ("first", "punctuation", "end")]
                rows.append(RowLoss(step, row, line["id"], tokens, float(line["mean"]), float(line["max"]), *form))
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


def _seen(entry: Entry) -> tuple[int | None, float | None, float]:
    """Step, epoch and loss of an entry that has a loss; the others if they are known."""
    step, epoch, loss = value(entry, STEPS), value(entry, ["epoch"]), value(entry, LOSSES)
    whole = None if step is None else int(number(step.split("/")[0]))  # 10/300: the tenth of three hundred
    return whole, None if epoch is None else number(epoch), number(str(loss))


def _ordered(seen: Iterable[tuple[int | None, float | None, float]]) -> Log:
    """By step, or by number where steps are not told, or begin anew in each epoch.

    Where a step comes again, as in a run that was resumed from its last checkpoint, the later loss holds.
    """
    every = list(seen)
    steps = [step for step, _, _ in every if step is not None]
    back = [(a[1], b[1]) for a, b in pairwise(every) if (b[0] or 0) < (a[0] or 0)]
    anew = bool(back) and all(a is not None and b is not None and a < b for a, b in back)
    if len(steps) < len(every) or anew:
        return Log(list(range(1, len(every) + 1)), [loss for _, _, loss in every])
    if not back:
        return Log(steps, [loss for _, _, loss in every])
    latest = {step: loss for step, (_, _, loss) in zip(steps, every, strict=True)}
    return Log(sorted(latest), [latest[step] for step in sorted(latest)])
