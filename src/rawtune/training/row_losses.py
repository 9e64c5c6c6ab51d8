"""What every row lost at every step: a file beside the adapter, from losses that the training computes anyway."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

LOSSES = "losses.jsonl"
ROW_LOSSES = "row_losses.csv"
HEADER = ("step", "row", "id", "tokens", "mean", "max")
"""Step and row count from 1, the row in its dataset; losses are per answer token, in nats."""


class _Seen(NamedTuple):
    """The rows of one micro-batch: number, learnt tokens, sum and maximum of their losses, each (batch,)."""

    rows: "Tensor"
    tokens: "Tensor"
    sums: "Tensor"
    maxima: "Tensor"


class RowLosses:
    """Gathers the losses of rows on their device, and writes them once a step, when the step's loss is read, too."""

    def __init__(self, ids: Sequence[str] = ()) -> None:
        self._ids = ids
        self._seen: list[_Seen] = []
        self._path = Path()

    def add(self, rows: "Tensor", learnt: "Tensor", losses: "Tensor") -> None:
        """Take in a micro-batch: row numbers (batch,), which tokens are learnt (batch, seq), their losses in order.

        The padding of a batch and the place of a row in it do not matter: a row's number comes with it.
        """
        row_of_token = learnt.nonzero()[:, 0]
        zeros = losses.new_zeros(len(rows))
        sums = zeros.index_add(0, row_of_token, losses)
        maxima = zeros.scatter_reduce(0, row_of_token, losses, "amax")  # a cross-entropy is never below zero
        self._seen.append(_Seen(rows, learnt.sum(1), sums, maxima))

    def begin(self, folder: Path, step: int) -> None:
        """Write into ``folder`` from now on, behind what an earlier session wrote there up to ``step``."""
        self._path = folder / ROW_LOSSES
        kept = [line for line in _lines(self._path) if line[0].isdigit() and int(line[0]) <= step]
        partial = self._path.with_suffix(".partial")
        with partial.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([HEADER, *kept])
        partial.replace(self._path)

    def write(self, step: int) -> None:
        """Write down what was taken in since the last step."""
        lines = []
        for seen in self._seen:
            for row, tokens, total, most in zip(*(values.tolist() for values in seen), strict=True):
                name = self._ids[row - 1] if self._ids else ""
                lines.append((step, row, name, tokens, f"{total / tokens:.6g}", f"{most:.6g}"))
        self._seen.clear()
        with self._path.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)


def _lines(path: Path) -> Iterator[list[str]]:
    """The lines of a file that may be missing, or torn at its end."""
    if path.exists():
        with path.open(newline="") as file:
            yield from (line for line in csv.reader(file) if len(line) == len(HEADER))
