"""Quantized latents: each takes the nearest value of its own codebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.precision import at_least_float32
from unbraid.distributions.priors.codebook import CodebookPrior
from unbraid.distributions.protocols import Posterior, Prior
from unbraid.distributions.registry import posteriors
from unbraid.errors import IncompatibleParts
from unbraid.options import Option

REACH = 0.5
"""Codebooks begin as values evenly spaced from minus this to this, as published."""


@posteriors.register(
    "quantized",
    source="Hsu, Dorrell, Whittington, Wu and Finn (2023), Disentanglement via Latent Quantization, NeurIPS, and its code",
)
class QuantizedHead(nn.Module):
    """q(z|x) is a point: the encoder's outputs, quantized to the nearest values of their codebooks.

    Of two values that are equally near the first in the codebook is taken. The values are learned.

    >>> head = QuantizedHead(latent_dim=1, values=3)
    >>> head.codebooks.shape
    torch.Size([1, 3])
    >>> q = head(torch.tensor([[0.2]]))
    >>> bool((q.mean == head.codebooks).any())  # it is one of the codebook's values
    True
    """

    def __init__(
        self, latent_dim: int, values: Annotated[int, Option("values in the codebook of each latent", ge=2, le=10_000)] = 10
    ) -> None:
        super().__init__()
        self.n_params = latent_dim
        self.values = nn.Parameter(torch.linspace(-REACH, REACH, values).repeat(latent_dim, 1))

    @property
    def codebooks(self) -> Float[Tensor, "latent value"]:
        """The values that each latent can take, without their gradient."""
        return self.values.detach()

    def forward(self, params: Float[Tensor, "batch params"]) -> Quantized:
        """The encoder's outputs and their quantized values, in float32 at least."""
        continuous = at_least_float32(params)
        index = (continuous[:, :, None] - self.codebooks).abs().argmin(2)
        # not `gather`, whose gradient is summed in any order on a GPU, nor `one_hot`, which waits for the index
        chosen = (index[:, :, None] == torch.arange(self.values.shape[1], device=index.device)).to(self.values.dtype)
        return Quantized(continuous, (chosen * self.values).sum(2).to(continuous.dtype))

    def nearest(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch latent"]:
        """Latents moved to the nearest values of their codebooks, without gradient."""
        return self(z).value.detach()


@dataclass(frozen=True)
class Quantized:
    """Points on a grid, as distributions over it: all probability on one value of each latent.

    Args:
        continuous: the encoder's outputs.
        value: the values of the codebooks nearest to them; its gradient goes to the codebooks alone.
    """

    continuous: Float[Tensor, "batch latent"]
    value: Float[Tensor, "batch latent"]

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> Quantized:
        """The posteriors of several batches as one."""
        own = [part for part in parts if isinstance(part, Quantized)]
        return cls(torch.cat([part.continuous for part in own]), torch.cat([part.value for part in own]))

    @property
    def mean(self) -> Float[Tensor, "batch latent"]:
        """The values, with straight-through gradients to the encoder: d mean / d continuous = 1."""
        return self.value.detach() + (self.continuous - self.continuous.detach())  # the difference is exactly 0

    @property
    def variance(self) -> Float[Tensor, "batch latent"]:
        """Zeros."""
        return torch.zeros_like(self.value)

    def sample(self, generator: torch.Generator) -> Float[Tensor, "batch latent"]:
        """The mean; nothing is drawn."""
        return self.mean

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log q(z|x), of a probability and not a density: 0 nats at the value, minus infinity elsewhere."""
        return (z == self.value).all(1).to(self.value.dtype).log()

    def kl(self, prior: Prior) -> Float[Tensor, "batch"]:
        """KL(q(z|x) || p(z)) = -log p(value), in nats per image.

        Against codebooks of V values, each as probable as the others, D log V: the same for all images and all weights.

        Raises `IncompatibleParts` for a prior with a density, to which the divergence of a point is infinite.
        """
        if not isinstance(prior, CodebookPrior):
            raise IncompatibleParts(
                f"The KL of a quantized posterior is known against the prior codebook, not against {type(prior).__name__}, "
                "which has a density; choose another rate or prior."
            )
        return -prior.log_prob(self.value.detach())

    def kl_per_dim(self, prior: Prior) -> None:
        """None: it would be log V for each latent, whatever the latent encodes."""
