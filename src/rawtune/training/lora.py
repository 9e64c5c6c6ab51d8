"""The linear layer with its adapter, as it is trained: peft's, with fewer passes over what it gives.

This module imports torch and peft; it is itself imported only when training starts.
"""

from typing import Any

from peft import LoraConfig
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.nn import functional


class LeanLinear(Linear):  # type: ignore[misc]
    """``x W + s (x A) B``, the product with B added to the first one in place, s taken on the few columns of ``x A``.

    peft makes a tensor as large as the output for each of product, scaling and sum, and one of the input in the
    adapter's precision, which the way back keeps. The adapter's weights stay in their own precision and are used in
    that of ``x``, as autocast would have it.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """(..., inputs) -> (..., outputs); as peft does it where the adapter is off, merged or one of many."""
        if args or kwargs or self.disable_adapters or self.merged or len(self.active_adapters) != 1:
            whole: Tensor = super().forward(x, *args, **kwargs)
            return whole
        name = self.active_adapters[0]
        result: Tensor = self.base_layer(x)
        down, up = (part[name].weight.to(result.dtype) for part in (self.lora_A, self.lora_B))
        low = functional.linear(self.lora_dropout[name](x), down) * self.scaling[name]
        result.flatten(0, -2).addmm_(low.flatten(0, -2), up.T)
        return result


def lean(config: LoraConfig) -> LoraConfig:
    """``config``, for plain linear layers: ``LeanLinear`` takes their place. The adapter is stored as ever."""
    config._register_custom_module({nn.Linear: LeanLinear})
    return config
