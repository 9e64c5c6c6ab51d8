"""Cross-entropy on the answer's tokens alone, in chunks, so that no (tokens, vocabulary) logits ever exist whole."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

SLICE = 256
"""Tokens whose logits exist at once: 50 MB of float32 for a vocabulary of 49,152."""
IGNORED = -100
"""The label of a token that is not learnt, as transformers has it."""


class FrozenHeadLoss(torch.autograd.Function):
    """(tokens, width), (vocabulary, width), (tokens,) -> each token's cross-entropy, (tokens,) in float32."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, labels: Tensor) -> Tensor:
        """Compute the losses and keep the gradient for ``hidden``, one slice of tokens after another."""
        gradient = torch.empty_like(hidden)
        losses = hidden.new_empty(len(labels), dtype=torch.float32)
        # Both are used for every slice: that much memory fetched anew takes as long as a third of the product.
        logits = head.new_empty(min(SLICE, len(labels)), len(head))
        logarithms = logits if logits.dtype is torch.float32 else torch.empty_like(logits, dtype=torch.float32)
        for start in range(0, len(labels), SLICE):
            part, label = hidden[start : start + SLICE].to(head.dtype), labels[start : start + SLICE, None]
            now, log = logits[: len(part)], logarithms[: len(part)]
            torch.mm(part, head.T, out=now)
            torch.log_softmax(now, -1, dtype=torch.float32, out=log)  # in one pass, where logsumexp takes four
            losses[start : start + SLICE] = -log.gather(1, label).squeeze(1)
            probability = log.exp_()
            probability.scatter_add_(1, label, probability.new_full(label.shape, -1))
            gradient[start : start + SLICE] = (probability if logits is logarithms else now.copy_(probability)) @ head
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        """Scale the gradient that the forward pass kept, token by token."""
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0][:, None].to(gradient.dtype), None, None


def answer_losses(hidden: Tensor, head: Tensor, labels: Tensor) -> Tensor:
    """The loss of every label that is not ``IGNORED``, in reading order, through a head that gets no gradient.

    ``hidden`` is (batch, seq, width), after the last norm; ``head`` is (vocabulary, width); ``labels`` is (batch, seq),
    and ``labels[:, i]`` is predicted by ``hidden[:, i - 1]``. Returns (learnt tokens,), float32.
    """
    wanted = labels[:, 1:]
    learnt = wanted != IGNORED
    losses: Tensor = FrozenHeadLoss.apply(hidden[:, :-1][learnt], head.detach(), wanted[learnt])  # type: ignore[no-untyped-call]
    return losses


def whole_logits_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """The same from (batch, seq, vocabulary) logits, for models that do more to them than one matrix product."""
    wanted = labels[:, 1:]
    learnt = wanted != IGNORED
    return functional.cross_entropy(logits[:, :-1][learnt].float(), wanted[learnt], reduction="none")
