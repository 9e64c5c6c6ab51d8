import pytest
import torch
from torch.nn import functional

from rawtune.training import loss
from rawtune.training.loss import IGNORED, answer_losses, whole_logits_losses


def case(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    hidden = torch.randn(3, 9, 16, generator=draw).to(dtype).requires_grad_()
    head = torch.randn(50, 16, generator=draw).to(dtype).requires_grad_()
    labels = torch.randint(50, (3, 9), generator=draw)
    labels[0, :4], labels[1, :], labels[2, 6:] = IGNORED, IGNORED, IGNORED
    return hidden, head, labels


def reference(hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    logits = (hidden @ head.T).float()[:, :-1].reshape(-1, 50)
    return functional.cross_entropy(logits, labels[:, 1:].reshape(-1), ignore_index=IGNORED, reduction="sum")


@pytest.mark.parametrize("size", [1, 4, 256])  # slices of one token, several with a rest, one for all
def test_it_is_cross_entropy_with_its_gradient(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(loss, "SLICE", size)
    hidden, head, labels = case()
    expected = reference(hidden, head, labels)
    (gradient,) = torch.autograd.grad(expected / 7, hidden)
    ours = answer_losses(hidden, head, labels).sum()
    (our_gradient,) = torch.autograd.grad(ours / 7, hidden)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(our_gradient, gradient)


def test_the_head_gets_no_gradient() -> None:
    hidden, head, labels = case()
    answer_losses(hidden, head, labels).sum().backward()  # type: ignore[no-untyped-call]
    assert head.grad is None
    assert hidden.grad is not None


def test_half_precision_sums_in_full() -> None:
    hidden, head, labels = case(torch.bfloat16)
    ours = answer_losses(hidden, head, labels).sum()
    assert ours.dtype is torch.float32
    torch.testing.assert_close(ours, reference(hidden.float(), head.float(), labels), rtol=2e-2, atol=0)


def test_whole_logits_give_the_same() -> None:
    hidden, head, labels = case()
    torch.testing.assert_close(whole_logits_losses(hidden @ head.T, labels), answer_losses(hidden, head, labels))
