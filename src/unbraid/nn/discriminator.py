"""FactorVAE's discriminator, and the cache that spares it evaluating the same codes twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from unbraid.nn.initialization import glorot_uniform, kaiming_normal

Codes = Float[Tensor, "new latent"]
Rows = Float[Tensor, "rows _"]
Initialization = Literal["kaiming", "glorot", "torch"]

LEAK = 0.2
"""Slope of the hidden units below zero."""
INITIALIZATIONS: Mapping[Initialization, Callable[[nn.Module], None]] = {
    "kaiming": kaiming_normal,
    "glorot": glorot_uniform,
    "torch": lambda network: None,
}


@dataclass
class ActivationCache:
    """Detached activations of the rows evaluated so far: each linear layer's input, then the logits."""

    activations: list[Rows] = field(default_factory=list)


class Discriminator(nn.Sequential):
    """Linear and activation layers that reuse cached activations for rows already evaluated."""

    def forward(self, z: Codes, cache: ActivationCache | None = None) -> Float[Tensor, "rows 2"]:
        """Logits of codes; with a cache, those of the cached rows come first, and all rows are cached.

        Gradients for the weights are those of all rows. Cached rows are constants; they must have been evaluated with the
        current weights.
        """
        cache = cache or ActivationCache()
        cached = iter(cache.activations)
        x = _appended(next(cached, None), z)
        activations = [x.detach()]
        for layer in self:
            if not isinstance(layer, nn.Linear):
                x = layer(x)
                continue
            known = next(cached, None)
            x = (
                layer(x) if known is None else cast(Tensor, _LinearAppendRows.apply(x, layer.weight, layer.bias, known))  # type: ignore[no-untyped-call]
            )
            activations.append(x.detach())
        cache.activations = activations
        return x


def discriminator(
    latent_dim: int, layers: int = 6, width: int = 1000, initialization: Initialization = "kaiming"
) -> Discriminator:
    """Fully connected with leaky rectifiers of slope 0.2: codes -> two logits, "drawn" and "permuted".

    Six hidden layers of 1000 as in Kim and Mnih (2018) and the code of Locatello et al. (2019); the codes of 1Konny/FactorVAE
    and Dubois et al. (2019) have five. Initial weights are `kaiming` in those two codes (normal with zero biases as here, and
    uniform), `glorot` in that of Locatello et al. (TensorFlow's default). Kaiming's keep the scale of activations and gradients
    from layer to layer. PyTorch's default (`torch`) divides it by about 2.4 at each, so that hardly any gradient reaches the
    codes at first.
    """
    stack: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, *[width] * layers]):
        stack += [nn.Linear(inputs, outputs), nn.LeakyReLU(LEAK)]
    network = Discriminator(*stack, nn.Linear(width, 2))
    INITIALIZATIONS[initialization](network)
    return network


def _appended(known: Float[Tensor, "cached _"] | None, new: Float[Tensor, "new _"]) -> Rows:
    return new if known is None else torch.cat([known, new])


class _LinearAppendRows(torch.autograd.Function):
    """A linear layer, given its output for the first rows: only the remaining rows are computed."""

    @staticmethod
    def forward(ctx: Any, x: Rows, weight: Tensor, bias: Tensor, known: Float[Tensor, "cached _"]) -> Rows:
        """The known rows, and those computed from the rest of x."""
        ctx.save_for_backward(x, weight)
        return _appended(known, linear(x[len(known) :], weight, bias))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Rows) -> tuple[Tensor | None, Tensor, Tensor, None]:
        """The gradients of `linear` of all rows."""
        x, weight = (tensor.to(gradient.dtype) for tensor in ctx.saved_tensors)
        return gradient @ weight if ctx.needs_input_grad[0] else None, gradient.T @ x, gradient.sum(0), None
