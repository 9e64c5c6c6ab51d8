"""Whether base stayed base: its logits, taken before any adapter is loaded and again beside them, must not differ."""

from collections.abc import Sequence
from typing import Any

from rawtune.errors import IsolationError

_PROMPTS = 4


class Isolation:
    """Base's logits on a few prompts, to which it is held later, bit for bit."""

    def __init__(self, base: Any, prompts: Sequence[Sequence[int]]) -> None:
        """Take the logits of ``base``, which no adapter has touched yet, on four of ``prompts`` (token ids)."""
        by_length = sorted({tuple(prompt) for prompt in prompts}, key=lambda prompt: (len(prompt), prompt))
        most = min(_PROMPTS, len(by_length))
        self._prompts = [by_length[i * (len(by_length) - 1) // max(1, most - 1)] for i in range(most)]
        self._before = [_logits(base, prompt) for prompt in self._prompts]
        self._checks = 0

    def check(self, model: Any) -> None:
        """Hold ``model``, all its adapters switched off, to what base said. Raises ``IsolationError``."""
        import torch

        for prompt, before in zip(self._prompts, self._before, strict=True):
            now = _logits(model, prompt)
            if not torch.equal(now, before):
                differing, most = int((now != before).sum()), float((now - before).abs().max())
                raise IsolationError(
                    f"base is no longer itself: with every adapter off, {differing:,} of {before.numel():,} logits on"
                    f" one prompt are not what they were before any adapter was loaded, by up to {most:.3g}",
                    "no answer since the last check was stored; this is a fault of rawtune or peft: please report it",
                )
        self._checks += 1

    @property
    def figures(self) -> dict[str, int]:
        """How often base was held to itself, on how many ``prompts`` with how many ``logits`` together."""
        logits = sum(int(before.numel()) for before in self._before)
        return {"prompts": len(self._prompts), "logits": logits, "checks": self._checks}


def _logits(model: Any, prompt: Sequence[int]) -> Any:
    """The logits at every token of one prompt, ``(1, tokens, vocabulary)``."""
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([list(prompt)], device=model.device)).logits.cpu()
