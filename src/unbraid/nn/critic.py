"""The critic of FactorVAE."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

Codes = Float[Tensor, "new latent"]
Rows = Float[Tensor, "rows _"]


@dataclass
class Seen:
    """Codes that a critic has seen, and what its layers made of them, without gradients; `Critic` fills and reads it."""

    made: list[Rows] = field(default_factory=list)


class Critic(nn.Sequential):
    """Linear layers and what stands between them, which can go on from what they have seen."""

    def forward(self, z: Codes, seen: Seen | None = None) -> Float[Tensor, "rows 2"]:
        """Logits of codes; with `seen`, those of the codes seen before come first.

        Its gradients for the weights are those of all rows in one product. Codes seen before are constants, and must have been
        seen with the weights as they are.
        """
        seen = seen or Seen()
        before = iter(seen.made)
        x = _after(next(before, None), z)
        made = [x.detach()]
        for layer in self:
            if not isinstance(layer, nn.Linear):
                x = layer(x)
                continue
            known = next(before, None)
            x = layer(x) if known is None else cast(Tensor, _Onwards.apply(x, layer.weight, layer.bias, known))  # type: ignore[no-untyped-call]
            made.append(x.detach())
        seen.made = made
        return x


def critic(latent_dim: int, layers: int = 6, width: int = 1000) -> Critic:
    """Fully connected: codes -> two logits, "drawn" and "permuted"; hidden layers are rectified and leak with slope 0.2.

    Six hidden layers of 1000 as in Kim and Mnih (2018) and the code of Locatello et al. (2019); the codes of 1Konny/FactorVAE
    and Dubois et al. (2019) have five. Initial weights are PyTorch's own.
    """
    stack: list[nn.Module] = []
    for inputs, outputs in pairwise([latent_dim, *[width] * layers]):
        stack += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return Critic(*stack, nn.Linear(width, 2))


def _after(known: Float[Tensor, "seen _"] | None, new: Float[Tensor, "new _"]) -> Rows:
    return new if known is None else torch.cat([known, new])


class _Onwards(torch.autograd.Function):
    """A linear layer of rows, the first of which have been through it."""

    @staticmethod
    def forward(ctx: Any, x: Rows, weight: Tensor, bias: Tensor, known: Float[Tensor, "seen _"]) -> Rows:
        """The known rows, and those of the others."""
        ctx.save_for_backward(x, weight)
        return _after(known, linear(x[len(known) :], weight, bias))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Rows) -> tuple[Tensor | None, Tensor, Tensor, None]:
        """As if all rows had been through it now."""
        x, weight = (tensor.to(gradient.dtype) for tensor in ctx.saved_tensors)
        return gradient @ weight if ctx.needs_input_grad[0] else None, gradient.T @ x, gradient.sum(0), None
