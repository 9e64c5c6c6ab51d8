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


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most ``count`` of the items, evenly from all subjects."""
    most = min(count, len(items))
    return [items[at * len(items) // most] for at in range(most)]


def choose(model: Any, tokenizer: Any, items: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]]) -> list[int]:
    """The index of the likeliest option of each item, in order; the first of equals.

    An item is the token ids of its prompt, up to where the answer begins, and those of each option. An option's score
    is its mean log-likelihood a token, given the prompt: the sum would favour short ones (Brown 2020, "Language Models
    are Few-Shot Learners", section 2.4). ``ValueError`` for an option without tokens.
    """
    if not all(option for _, options in items for option in options):
        raise ValueError("an option without tokens has no likelihood")
    scores = [_mean_log_likelihoods(model, tokenizer.pad_token_id, prompt, options) for prompt, options in items]
    return [own.index(max(own)) for own in scores]


def _mean_log_likelihoods(model: Any, pad: int, prompt: Sequence[int], options: Sequence[Sequence[int]]) -> list[float]:
    """The mean log-likelihood of each option's ids, given the prompt, which is read once and kept as keys and values.

    Options are padded on the right, where a causal model never looks from the left.
    """
    import torch

    longest = max(map(len, options))
    padded = torch.tensor([[*option, *[pad] * (longest - len(option))] for option in options], device=model.device)
    with torch.inference_mode():
        read = model(input_ids=torch.tensor([list(prompt)], device=model.device), use_cache=True)
        logits = read.logits[:, -1:].expand(len(options), -1, -1)
        if longest > 1:  # the last id foretells nothing that is asked
            read.past_key_values.batch_repeat_interleave(len(options))
            rest = model(input_ids=padded[:, :-1], past_key_values=read.past_key_values).logits
            logits = torch.cat([logits, rest], dim=1)
    likelihoods = logits.float().log_softmax(-1).gather(-1, padded[..., None])[..., 0]
    return [float(own[: len(option)].mean()) for own, option in zip(likelihoods, options, strict=True)]
