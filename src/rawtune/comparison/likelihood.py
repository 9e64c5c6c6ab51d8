"""Multiple choice by likelihood: which option a model holds for the likeliest, without having to form a reply.

A small model seldom answers with a letter, but its likelihoods are told apart from chance well below the size where it
does; and nothing has to be parsed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """A question of the general suite; ``right`` is the index of the only right one of its ``options``."""

    subject: str
    question: str
    options: tuple[str, ...]
    right: int


def general(language: str) -> list[Item]:
    """The general suite, 60 items in ``language`` (``en`` or ``zh``): common knowledge and simple reasoning."""
    from ruamel.yaml import YAML

    text = files("rawtune.comparison").joinpath("general", f"{language}.yaml").read_text(encoding="utf-8")
    return [
        Item(subject, item["question"], tuple(item["options"]), item["options"].index(item["answer"]))
        for subject, items in YAML(typ="safe").load(text).items()
        for item in items
    ]


def choose(
    model: Any, tokenizer: Any, items: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]], batch_size: int
) -> list[int]:
    """The index of the likeliest option of each item, in order; the first of equals.

    An item is the token ids of its prompt, up to where the answer begins, and those of each option. An option's score
    is its mean log-likelihood a token, given the prompt: the sum would favour short ones (Brown 2020, "Language Models
    are Few-Shot Learners", section 2.4). ``ValueError`` for an option without tokens.
    """
    rows = [(len(prompt), [*prompt, *option]) for prompt, options in items for option in options]
    scores = iter(_mean_log_likelihoods(model, tokenizer.pad_token_id, rows, batch_size))
    chosen = []
    for _, options in items:
        own = [next(scores) for _ in options]
        chosen.append(own.index(max(own)))
    return chosen


def _mean_log_likelihoods(
    model: Any, pad: int, rows: Sequence[tuple[int, Sequence[int]]], batch_size: int
) -> list[float]:
    """The mean log-likelihood of each row's ids from its start on, given those before.

    Rows of like length share a batch. They are padded on the right, where a causal model never looks from the left.
    """
    import torch

    if any(start == len(ids) for start, ids in rows):
        raise ValueError("an option without tokens has no likelihood")
    scores = [0.0] * len(rows)
    by_length = sorted(range(len(rows)), key=lambda row: len(rows[row][1]))
    for first in range(0, len(by_length), batch_size):
        group = by_length[first : first + batch_size]
        padded = torch.full((len(group), len(rows[group[-1]][1])), pad)
        attended = torch.zeros_like(padded)
        for line, row in enumerate(group):
            _, ids = rows[row]
            padded[line, : len(ids)] = torch.tensor(ids)
            attended[line, : len(ids)] = 1
        with torch.inference_mode():
            logits = model(input_ids=padded.to(model.device), attention_mask=attended.to(model.device)).logits
        for line, row in enumerate(group):
            start, ids = rows[row]
            # The logits at one place are of the id at the next.
            likelihoods = logits[line, start - 1 : len(ids) - 1].float().log_softmax(-1)
            said = torch.tensor(ids[start:], device=logits.device)
            scores[row] = float(likelihoods.gather(-1, said[:, None]).mean())
    return scores
