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
    """(tokens, width), (vocabulary, width), (tokens,) -> the summed cross-entropy, a float32 scalar."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss and keep the gradient for ``hidden``, one slice of tokens after another."""
        gradient = torch.empty_like(hidden)
        loss = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, len(labels), SLICE):
            part, label = hidden[start : start + SLICE], labels[start : start + SLICE, None]
            logits = functional.linear(part.to(head.dtype), head).float()
            log_sum = logits.logsumexp(-1, keepdim=True)
            loss += (log_sum - logits.gather(1, label)).sum()
            probability = logits.sub_(log_sum).exp_()
            probability.scatter_add_(1, label, -torch.ones_like(log_sum))
            gradient[start : start + SLICE] = probability.to(head.dtype) @ head
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:
        """Scale the gradient that the forward pass kept."""
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0].to(gradient.dtype), None, None


def answer_loss(hidden: Tensor, head: Tensor, labels: Tensor) -> Tensor:
    """The summed loss of all labels that are not ``IGNORED``, through a head that gets no gradient.

    ``hidden`` is (batch, seq, width), after the last norm; ``head`` is (vocabulary, width); ``labels`` is (batch, seq),
    and ``labels[:, i]`` is predicted by ``hidden[:, i - 1]``.
    """
    wanted = labels[:, 1:]
    learnt = wanted != IGNORED
    loss: Tensor = FrozenHeadLoss.apply(hidden[:, :-1][learnt], head.detach(), wanted[learnt])  # type: ignore[no-untyped-call]
    return loss


def whole_logits_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The same sum from (batch, seq, vocabulary) logits, for models that do more to them than one matrix product."""
    wanted = labels[:, 1:]
    learnt = wanted != IGNORED
    return functional.cross_entropy(logits[:, :-1][learnt].float(), wanted[learnt], reduction="sum")
