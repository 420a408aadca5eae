"""The usual prior."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.registry import priors


@priors.register("standard_normal", source="Kingma and Welling (2014)")
class StandardNormal(nn.Module):
    """p(z) = N(0, I).

    >>> prior = StandardNormal(latent_dim=2)
    >>> prior.sample(3, torch.Generator().manual_seed(0)).shape
    torch.Size([3, 2])
    >>> prior.log_prob(torch.zeros(1, 2))  # -log 2 pi
    tensor([-1.8379])
    """

    device_marker: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.register_buffer("device_marker", torch.empty(0), persistent=False)  # moves with the model: where to sample

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log p(z) in nats."""
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """Independent standard normal latents."""
        marker = self.device_marker
        return torch.randn(n, self.latent_dim, generator=generator, device=marker.device, dtype=marker.dtype)
