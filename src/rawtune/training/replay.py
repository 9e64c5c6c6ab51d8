"""Replay: what the base model itself answers to general questions, mixed in among the rows against forgetting.

A model tuned on its own earlier answers beside the new rows forgets less than one tuned on other people's (SSR: Huang
et al. 2024, arXiv:2403.01244). Which questions are asked is told here; who asks them is the caller's affair.
"""

import json
import math
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from rawtune.config import Training
from rawtune.errors import UsageError
from rawtune.records import content_hash
from rawtune.training.saving import saving
from rawtune.training.tokens import Encoded
from rawtune.training.tokens import encode as encode_row

FILE_NAME = "replay.jsonl"
"""The answers that a run replays, beside its adapter."""
LONGEST = 128
"""Most tokens of such an answer. One that is longer is learnt up to there, and without an end."""
_MARK = "replay-"


class Replayed(NamedTuple):
    """Questions with the base model's answers, and how many answers were no good and dropped."""

    rows: tuple[tuple[str, str], ...]
    dropped: int = 0

    @property
    def ids(self) -> list[str]:
        """What these rows are called in the file of losses."""
        return [f"{_MARK}{content_hash(question, 12)}" for question, _ in self.rows]


NONE = Replayed(())
Ask = Callable[[Any, Any], Replayed]
"""Base model, ready to generate, and tokenizer to the rows that are replayed."""


def is_replay(row_id: str) -> bool:
    """Whether a row of this id was replayed: no row of the dataset, and easy by nature."""
    return row_id.startswith(_MARK)


def questions(language: str, seed: int) -> list[str]:
    """The packaged general questions in ``language`` (``en`` or ``zh``), shuffled."""
    from ruamel.yaml import YAML

    source = files(__package__).joinpath("replay", f"{language}.yaml").read_text(encoding="utf-8")
    packaged = [question for family in YAML(typ="safe").load(source).values() for question in family]
    Random(seed).shuffle(packaged)  # noqa: S311  # no secret
    return packaged


def wanted(share: float, rows: int) -> int:
    """How many answers make up ``share`` of all rows, if there are ``rows`` others; at least one of any share."""
    return math.ceil(share * rows / (1 - share) - 1e-9)


def once(ask: Ask, folder: Path, model: Any, tokenizer: Any, settings: Training) -> Replayed:
    """What was asked for this run: taken from ``folder`` if it is there, so that a run which goes on has the same rows.

    Answers that cannot be trained on, as with a control token in them, count as dropped.
    """
    if kept := read(folder):
        return kept
    asked = ask(model, tokenizer)
    good = tuple(row for row in asked.rows if _encoded(row, tokenizer, settings))
    replayed = Replayed(good, asked.dropped + len(asked.rows) - len(good))
    write(folder, replayed)
    return replayed


def encode(replayed: Replayed, tokenizer: Any, settings: Training) -> list[Encoded]:
    """The rows as they are trained on."""
    found = (_encoded(row, tokenizer, settings) for row in replayed.rows)
    return [row for row in found if row]


def _encoded(row: tuple[str, str], tokenizer: Any, settings: Training) -> Encoded | None:
    try:
        return encode_row(tokenizer, *row, settings.max_input_tokens, min(settings.max_output_tokens, LONGEST))
    except UsageError as error:
        if type(error) is not UsageError:  # the model's fault, not the row's
            raise
        return None


def write(folder: Path, replayed: Replayed) -> None:
    """Keep the rows in ``folder``; the file is whole or not there."""
    lines = [
        json.dumps({"question": question, "answer": answer}, ensure_ascii=False) for question, answer in replayed.rows
    ]
    partial = folder / f"{FILE_NAME}.partial"
    with saving(folder):
        partial.write_text("\n".join([json.dumps({"dropped": replayed.dropped}), *lines]) + "\n", encoding="utf-8")
        partial.replace(folder / FILE_NAME)


def read(folder: Path) -> Replayed | None:
    """What ``write`` kept; None if there is nothing."""
    path = folder / FILE_NAME
    if not path.exists():
        return None
    head, *lines = map(json.loads, _lines(path.read_text(encoding="utf-8")))
    return Replayed(tuple((line["question"], line["answer"]) for line in lines), head["dropped"])


def _lines(text: str) -> Sequence[str]:
    return text.removesuffix("\n").split("\n")  # splitlines would cut at U+2028, which JSON leaves as it is
