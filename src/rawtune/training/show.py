"""Training rows as the model reads them, taken apart into what is learnt and what is not."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from rawtune.config import Training
from rawtune.printable import printable
from rawtune.progress import Progress
from rawtune.records import Row
from rawtune.training import models
from rawtune.training.rows import encode_rows, refuse_cut, remarks
from rawtune.training.tokens import Encoded

_LAYOUT = {"\n": "↵\n"}  # so tabs are told from spaces, too


class Shown(NamedTuple):
    """A row, decoded: its number from 1, runs of text with whether they are learnt, and how many tokens are which."""

    number: int
    runs: tuple[tuple[str, bool], ...]
    prompt: int
    learnt: int
    cut: int


def show(rows: Sequence[Row], model_name: str, settings: Training, count: int, progress: Progress) -> Iterator[Shown]:
    """``count`` of ``rows``, evenly spread over them, with only the student's tokenizer loaded.

    Then says what training would say, or raises ``UsageError`` as training would.
    """
    tokenizer = models.load_tokenizer(model_name, progress)
    encoded = encode_rows(rows, tokenizer, settings)
    count = min(count, len(encoded))
    for at in range(count):
        number = at * len(encoded) // count
        yield decoded(encoded[number], tokenizer, number + 1)
    for remark in remarks(encoded, tokenizer, settings):
        progress.say(remark)
    refuse_cut(encoded, settings)


def decoded(row: Encoded, tokenizer: Any, number: int) -> Shown:
    """One row, its control tokens spelt out; characters that would drive a terminal are made visible."""
    runs = tuple(
        (printable(tokenizer.decode([token for token, _ in run], skip_special_tokens=False), _LAYOUT), learnt)
        for learnt, run in groupby(zip(row.ids, row.mask, strict=True), key=lambda pair: pair[1])
    )
    learnt = sum(row.mask)
    return Shown(number, runs, len(row.ids) - learnt, learnt, row.cut)
