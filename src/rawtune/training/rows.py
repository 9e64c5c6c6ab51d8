"""All rows of a dataset as token ids, and what is refused before any step is trained."""

from collections.abc import Sequence
from typing import Any

from rawtune.config import Training
from rawtune.errors import UsageError
from rawtune.records import Row
from rawtune.training.tokens import Encoded, encode, keeps_system

_NAMED = 10
"""So many rows are named where a refusal speaks of many."""


def encode_rows(rows: Sequence[Row], tokenizer: Any, settings: Training) -> list[Encoded]:
    """All rows as token ids with their loss mask.

    Raises ``UsageError`` naming every row that cannot be trained on, by its number from 1.
    """
    if not rows:
        raise UsageError("there are no rows to train on", "make a dataset first")
    encoded, faults = [], []
    longest = settings.max_input_tokens, settings.max_output_tokens
    for number, (question, answer, history) in enumerate(rows, 1):
        try:
            encoded.append(encode(tokenizer, question, answer, *longest, history))
        except UsageError as error:
            if type(error) is not UsageError:  # the model's fault, not the row's
                raise
            faults.append((f"row {number}: {error.message}", error.hint))
    if faults:
        raise UsageError("\n".join(line for line, _ in faults), "; or ".join(dict.fromkeys(hint for _, hint in faults)))
    return encoded


def refuse_cut(encoded: Sequence[Encoded], settings: Training) -> None:
    """Raise ``UsageError`` if more than the share ``max_cut`` of the answers is cut.

    A cut answer has no end: of too many, the model learns not to stop.
    """
    numbers = [number for number, row in enumerate(encoded, 1) if row.cut]
    if len(numbers) <= settings.max_cut * len(encoded):
        return
    longest = max(sum(row.mask) + row.cut for row in encoded)
    named = ", ".join(map(str, numbers[:_NAMED])) + (", ..." if len(numbers) > _NAMED else "")
    raise UsageError(
        f"{len(numbers)} of {len(encoded)} answers are cut at {settings.max_output_tokens} tokens, more than the share"
        f" training.max_cut, {settings.max_cut:g}; rows {named}",
        f"set training.max_output_tokens to {longest}, which the longest takes; or shorten these answers; or raise"
        " training.max_cut",
    )


def remarks(encoded: Sequence[Encoded], tokenizer: Any, settings: Training) -> list[str]:
    """What the reader should know of rows that can be trained on."""
    told = []
    if cut := sum(row.cut > 0 for row in encoded):
        told.append(f"{cut} of {len(encoded)} answers are cut at {settings.max_output_tokens} tokens")
    if keeps_system(tokenizer) is False:
        # Rows hold no system message, so that nothing is lost here; who serves the model should know.
        told.append("the model's chat template drops system messages: in use, say in the question what is to be heard")
    return told
