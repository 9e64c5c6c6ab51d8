"""The general suite, put to a model that is loaded: what it chose is stored, so that it is asked once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rawtune.comparison.likelihood import Item, general, spread
from rawtune.records import content_hash
from rawtune.stages.stage import Work
from rawtune.training import tokens

_GROUP = 20
"""Items of which an interruption loses the choices."""


class Offer(NamedTuple):
    """An item as token ids: its question up to where the answer begins, and each option."""

    prompt: list[int]
    options: list[list[int]]


def items(work: Work) -> list[Item]:
    """As many as the settings name, from all subjects."""
    count = work.config.comparison.general
    return spread(general(work.config.language), count) if count else []


def offer(tokenizer: Any, item: Item) -> Offer:
    """The item as the student reads it."""
    options = [tokenizer(option, add_special_tokens=False)["input_ids"] for option in item.options]
    return Offer(tokens.prompt_ids(tokenizer, item.question), options)


def rights(
    work: Work,
    arm: str,
    identity: Sequence[str],
    items: Sequence[Item],
    offers: Sequence[Offer],
    choose: Callable[[list[Offer]], list[int]],
) -> list[bool]:
    """Which items ``arm`` chooses rightly; ``identity`` is what its choices depend on beside the item.

    ``choose`` is only asked for choices that are not stored.
    """
    stored = work.ledger.answers()
    keys = [content_hash(["choice", *identity, *offered], 32) for offered in offers]
    left = [at for at, key in enumerate(keys) if key not in stored]
    for start in range(0, len(left), _GROUP):
        some = left[start : start + _GROUP]
        picked = choose([offers[at] for at in some])
        new = [
            {"key": keys[at], "model": arm, "question": items[at].question, "text": str(pick)}
            for at, pick in zip(some, picked, strict=True)
        ]
        work.ledger.save_answers(new)
        stored |= {row["key"]: row["text"] for row in new}
        work.progress.advance(start + len(some), len(left), f"{arm} choices of the general suite")
    return [stored[key] == str(item.right) for key, item in zip(keys, items, strict=True)]
