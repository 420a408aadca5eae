"""Student's t: the mixture of normal priors whose covariance is inverse-Wishart."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.inverse_wishart import chi_square, require_proper, sample_covariances, scale
from unbraid.distributions.registry import priors
from unbraid.options import Option

NODES = 65
"""Of the quadrature in `mean_log_prob`: its errors are below 1e-8 nats, or 2e-6 where latents are in the thousands."""


@priors.register(
    "student_t", source="Ansari and Soh (2019), Hyperprior Induced Unsupervised Disentanglement of Latent Representations"
)
class StudentT(nn.Module):
    r"""Student's t: p(z) where z ~ N(0, S) and S ~ IW(kappa I, nu), with kappa = max(nu - D - 1, 1).

    .. math:: p(z) = t_{\nu - D + 1}\Bigl(z;\, 0, \frac{\kappa}{\nu - D + 1} I\Bigr)
        \propto \Bigl(1 + \frac{z'z}{\kappa}\Bigr)^{-(\nu + 1)/2}

    Latents are uncorrelated and of equal scale, but not independent: their tails go together. As nu grows it becomes N(0, I).

    Raises `UsageError` unless nu > D - 1.

    >>> prior = StudentT(latent_dim=2, nu=5.0)
    >>> at_0, far = prior.log_prob(torch.tensor([[0.0, 0.0], [4.0, 4.0]]))
    >>> bool(at_0 - far < 16)  # less than the 16 nats of N(0, I): its tails are heavier
    True
    """

    device_marker: Tensor

    def __init__(
        self,
        latent_dim: int,
        nu: Annotated[float, Option("degrees of freedom of the inverse-Wishart distribution; above latents - 1", gt=0)] = 33.0,
    ) -> None:
        super().__init__()
        require_proper(nu, latent_dim)
        self.latent_dim, self.nu, self.scale = latent_dim, nu, scale(nu, latent_dim)
        half = 0.5 * (nu + 1)
        gammas = math.lgamma(half) - math.lgamma(half - 0.5 * latent_dim)
        self.log_peak = gammas - 0.5 * latent_dim * math.log(math.pi * self.scale)
        self.register_buffer("device_marker", torch.empty(0), persistent=False)  # moves with the model: where to sample

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log p(z) in nats."""
        return self.log_peak - 0.5 * (self.nu + 1) * torch.log1p(z.square().sum(1) / self.scale)

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n latent"]:
        """Independent draws: noise * sqrt(kappa / chi-square of nu - D + 1 degrees of freedom)."""
        marker = self.device_marker
        spread = chi_square(np.full((n, 1), self.nu - self.latent_dim + 1), generator)
        noise = torch.randn(n, self.latent_dim, generator=generator, device=marker.device, dtype=marker.dtype)
        return noise * (self.scale / spread).sqrt().to(noise)

    def sample_covariances(self, n: int, generator: torch.Generator) -> Float[Tensor, "n latent latent"]:
        """Covariances from the hyperprior, to look at, in float64 on the CPU."""
        return sample_covariances(n, self.latent_dim, self.nu, generator)

    def mean_log_prob(
        self, mean: Float[Tensor, "batch latent"], covariance: Float[Tensor, "batch latent latent"]
    ) -> Float[Tensor, "batch"]:
        r"""E[log p(z)] over z ~ N(mean, covariance), in nats: with Q = z'z, of mean m, by Frullani's integral

        .. math:: E \log(\kappa + Q) = \log(\kappa + m) + \int_0^\infty \frac{e^{-s\kappa}}{s} (e^{-sm} - E e^{-sQ})\, ds,
            \quad E e^{-sQ} = |I + 2sS|^{-1/2} \exp(-s \mu' (I + 2sS)^{-1} \mu)

        The trapezoidal rule over log s converges exponentially. Computed in float64.
        """
        mu, cov = mean.double(), covariance.double()
        size = cov.diagonal(dim1=1, dim2=2).sum(1) + mu.square().sum(1)
        low, high = -16 - (self.scale + size.detach()).log(), 4 - math.log(self.scale)  # where the integrand vanishes
        step = (high - low) / (NODES - 1)
        s = (low[:, None] + step[:, None] * torch.arange(NODES, device=mu.device)).exp()
        precision, _ = torch.linalg.cholesky_ex(
            torch.eye(self.latent_dim, dtype=cov.dtype, device=cov.device) + 2 * s[:, :, None, None] * cov[:, None]
        )
        root = torch.linalg.solve_triangular(precision, mu[:, None, :, None].expand(-1, NODES, -1, 1), upper=False)
        log_transform = -precision.diagonal(dim1=2, dim2=3).log().sum(2) - s * root.square().sum((2, 3))
        integrand = (-s * self.scale).exp() * ((-s * size[:, None]).exp() - log_transform.exp())
        mean_log = torch.log1p(size / self.scale) + step * integrand.sum(1)
        return (self.log_peak - 0.5 * (self.nu + 1) * mean_log).to(mean.dtype)
