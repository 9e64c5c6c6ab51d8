"""Answers, greedily decoded, in batches or as they come: the same ids always bring the same answer."""

from collections.abc import Callable, Sequence
from typing import Any

from rawtune.records import content_hash


def key(student: str, quantise: str, adapter: str, prompt: Sequence[int], max_new_tokens: int) -> str:
    """Identity of an answer: the model, the hash of its adapter (empty for base), the prompt, the limit."""
    return content_hash([student, quantise, adapter, list(prompt), max_new_tokens], 32)


def answer(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int, batch_size: int
) -> list[str]:
    """What ``model`` answers to each prompt (token ids), in order; an answer ends at the end token or at the limit.

    Prompts are padded on the left, so that all answers of a batch begin at one place, and prompts of like length share
    a batch. Whether an adapter takes part is the caller's affair (peft's ``disable_adapter``).
    """
    import torch

    texts = [""] * len(prompts)
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    for start in range(0, len(by_length), batch_size):
        group = by_length[start : start + batch_size]
        longest = max(len(prompts[i]) for i in group)
        ids = torch.full((len(group), longest), tokenizer.pad_token_id)
        attended = torch.zeros_like(ids)
        for row, i in enumerate(group):
            ids[row, longest - len(prompts[i]) :] = torch.tensor(prompts[i])
            attended[row, longest - len(prompts[i]) :] = 1
        with torch.inference_mode():
            whole = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=attended.to(model.device),
                **_greedy(tokenizer, max_new_tokens),
            )
        for i, text in zip(group, tokenizer.batch_decode(whole[:, longest:], skip_special_tokens=True), strict=True):
            texts[i] = text.strip()
    return texts


def room(model: Any) -> int | None:
    """How many tokens of prompt and answer together a model reads; None where it does not say."""
    told: int | None = getattr(model.config, "max_position_embeddings", None)
    return told


def stream(
    model: Any, tokenizer: Any, prompt: Sequence[int], max_new_tokens: int, on_text: Callable[[str], None]
) -> str:
    """What ``model`` answers to one prompt, as ``answer`` would tell it; ``on_text`` gets each piece as it comes."""
    import torch

    pieces = _Pieces(tokenizer, on_text)
    ids = torch.tensor([list(prompt)], device=model.device)
    with torch.inference_mode():
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            streamer=pieces,
            **_greedy(tokenizer, max_new_tokens),
        )
    return pieces.shown


class _Pieces:
    """A streamer, as transformers' ``generate`` calls it: tokens to the text that they add."""

    def __init__(self, tokenizer: Any, on_text: Callable[[str], None]) -> None:
        self.shown = ""
        self._tokenizer, self._on_text = tokenizer, on_text
        self._ids: list[int] | None = None

    def put(self, value: Any) -> None:
        """Take the prompt's ids, the first time, then each token's."""
        if self._ids is None:
            self._ids = []
            return
        self._ids += value.tolist()
        # A sign of which only some bytes are there is shown when it is whole.
        self._show(self._text().rstrip("\ufffd"))

    def end(self) -> None:
        """Show what was held back."""
        self._show(self._text())

    def _text(self) -> str:
        # All ids anew: a token's text depends on those around it.
        text: str = self._tokenizer.decode(self._ids or [], skip_special_tokens=True)
        return text.strip()

    def _show(self, text: str) -> None:
        self._on_text(text[len(self.shown) :])
        self.shown = text


def _greedy(tokenizer: Any, max_new_tokens: int) -> dict[str, Any]:
    """The likeliest token and nothing else, whatever settings came with the model."""
    return {
        "max_new_tokens": max_new_tokens,
        "do_sample": False,
        "num_beams": 1,
        "repetition_penalty": 1.0,
        "no_repeat_ngram_size": 0,
        "temperature": None,
        "top_p": None,
        "top_k": None,
        "pad_token_id": tokenizer.pad_token_id,
    }
