"""What every row lost at every step: a file beside the adapter, from losses that the training computes anyway."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rawtune.training.ranks import gathered, is_first

if TYPE_CHECKING:
    from torch import Tensor

LOSSES = "losses.jsonl"
ROW_LOSSES = "row_losses.csv"
FIRST = 2
"""Tokens with which an answer begins that are looked at by themselves: faults stand there that a mean hides."""
HEADER = ("step", "row", "id", "tokens", "mean", "max", "first", "punctuation", "end")
"""Step and row count from 1, the row in its dataset; losses are per answer token, in nats.

``max`` is the highest of all tokens, ``punctuation`` of those without letter or digit: rare words are unlikely where
nothing is wrong, but marks only where the form is. ``first`` is the mean of the ``FIRST``, ``end`` that of the last,
which ends the answer: where an answer is cut, none is as unlikely."""
NO_ROW = 0
"""The number of a row that only fills a batch up."""


class RowLosses:
    """Gathers the losses of rows on their device, and writes them once a step, when the step's loss is read, too.

    With several processes each takes in its own rows, and the first writes those of all, in the order of one process.
    """

    def __init__(self, ids: Sequence[str] = (), punctuation: Sequence[int] = ()) -> None:
        """``ids`` are those of the rows in their dataset, ``punctuation`` those of tokens."""
        self._ids = ids
        self._punctuation = punctuation
        # One for each micro-batch: number, tokens, sum, maximum, first, punctuation, end: (batch, 7). One tensor,
        # so that processes exchange one; float32 is exact for numbers below 2**24, far above what is ever trained on.
        self._seen: list[Tensor] = []
        self._path = Path()

    def add(self, rows: "Tensor", learnt: "Tensor", tokens: "Tensor", losses: "Tensor") -> None:
        """Take in a micro-batch: row numbers (batch,), which tokens are learnt (batch, seq), their ids and losses.

        The padding of a batch and the place of a row in it do not matter: a row's number comes with it.
        """
        from torch import isin, stack

        row_of_token, place, count = learnt.nonzero()[:, 0], learnt.cumsum(1)[learnt], learnt.sum(1)
        begins, ends = place <= FIRST, place == count[row_of_token]
        marks = isin(tokens, tokens.new_tensor(self._punctuation))
        zeros = losses.new_zeros(len(rows))
        # A cross-entropy is never below zero, so that zeros are neither seen in a sum nor in a maximum.
        total, first, end = (
            zeros.index_add(0, row_of_token, some)
            for some in (losses, losses.where(begins, 0.0), losses.where(ends, 0.0))
        )
        most, mark = (
            zeros.scatter_reduce(0, row_of_token, some, "amax") for some in (losses, losses.where(marks, 0.0))
        )
        first = first / count.clamp(1, FIRST)
        self._seen.append(stack([rows.to(total), count.to(total), total, most, first, mark, end], 1))

    def begin(self, folder: Path, step: int) -> None:
        """Write into ``folder`` from now on, behind what an earlier session wrote there up to ``step``."""
        self._path = folder / ROW_LOSSES
        kept = [line for line in _lines(self._path) if line[0].isdigit() and int(line[0]) <= step]
        partial = self._path.with_suffix(".partial")
        with partial.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADER, *kept])
        partial.replace(self._path)

    def write(self, step: int) -> None:
        """Write down what was taken in since the last step; with several processes, all of them must call this."""
        lines = []
        for seen in map(gathered, self._seen):
            for number, tokens, total, *others in seen.tolist():
                row = int(number)
                if row == NO_ROW:
                    continue
                name = self._ids[row - 1] if self._ids else ""
                lines.append((step, row, name, int(tokens), *(f"{loss:.6g}" for loss in (total / tokens, *others))))
        self._seen.clear()
        if not is_first():
            return
        with self._path.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)


def _lines(path: Path) -> Iterator[list[str]]:
    """The lines of a file that may be missing, or torn at its end, or an older version's, with other columns."""
    if path.exists():
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            whole = (line for line in reader if None not in line.values())
            yield from ([line.get(name, "") for name in HEADER] for line in whole)
