"""The linear layer with its adapter, as it is trained: peft's, with fewer passes over what it takes and gives.

This module imports torch and peft; it is itself imported only when training starts.
"""

from typing import Any

import torch
from peft import LoraConfig
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.nn import functional


class AdaptedProduct(torch.autograd.Function):
    """(tokens, inputs), (outputs, inputs), (rank, inputs), (outputs, rank) -> ``x W' + s (drop(x) A') B'``.

    The frozen weight gets no gradient. The way back keeps the input, which layers that read the same one share, and of
    dropout only which values are left; left to autograd, it would keep another input, and add up whole gradients.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        down: Tensor,
        up: Tensor,
        scale: float,
        dropout: float,
    ) -> Tensor:
        """Add the adapter's product to the first one in place; both in the precision of ``x``."""
        left = torch.empty_like(x, dtype=torch.bool).bernoulli_(1 - dropout) if dropout else None
        ctx.scale = scale / (1 - dropout)
        low = functional.linear(x if left is None else x * left, down.to(x.dtype)) * ctx.scale
        ctx.save_for_backward(x, weight, down, up, low, left)
        return functional.linear(x, weight, bias).addmm_(low, up.to(x.dtype).T)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of input and adapter."""
        x, weight, down, up, low, left = ctx.saved_tensors
        (gradient,) = upstream
        gradient_up = (low.T @ gradient).T  # with few rows, which is several times faster than with few columns
        gradient_low = gradient @ up.to(x.dtype) * ctx.scale
        gradient_down = gradient_low.T @ (x if left is None else x * left)
        gradient_x = None
        if ctx.needs_input_grad[0]:
            gradient_x = gradient @ weight
            if left is None:
                gradient_x.addmm_(gradient_low, down.to(x.dtype))
            else:
                gradient_x.addcmul_(gradient_low @ down.to(x.dtype), left)
        return gradient_x, None, None, gradient_down.to(down.dtype), gradient_up.to(up.dtype), None, None


class LeanLinear(Linear):  # type: ignore[misc]
    """peft's layer, computed by ``AdaptedProduct``.

    The adapter's weights stay in their own precision and are used in that of the base, as autocast would have it.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """(..., inputs) -> (..., outputs); as peft does it where the adapter is off, merged or one of many."""
        if args or kwargs or self.disable_adapters or self.merged or len(self.active_adapters) != 1:
            whole: Tensor = super().forward(x, *args, **kwargs)
            return whole
        name = self.active_adapters[0]
        base = self.base_layer
        down, up, dropout = self.lora_A[name].weight, self.lora_B[name].weight, self.lora_dropout[name]
        left_out = dropout.p if dropout.training and isinstance(dropout, nn.Dropout) else 0.0
        result: Tensor = AdaptedProduct.apply(  # type: ignore[no-untyped-call]
            x.to(base.weight.dtype).flatten(0, -2), base.weight, base.bias, down, up, self.scaling[name], left_out
        )
        return result.view(*x.shape[:-1], -1)


def lean(config: LoraConfig) -> LoraConfig:
    """``config``, for plain linear layers: ``LeanLinear`` takes their place. The adapter is stored as ever."""
    config._register_custom_module({nn.Linear: LeanLinear})
    return config
