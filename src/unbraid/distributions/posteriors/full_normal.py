"""A normal posterior with full covariance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unbraid.distributions.precision import at_least_float32
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.distributions.priors.student_t import StudentT
from unbraid.distributions.protocols import Posterior, Prior
from unbraid.distributions.registry import posteriors
from unbraid.errors import IncompatibleParts

FLOOR, JITTER = 1e-4, 1e-4
"""What the published head adds to the diagonal of L, and to that of the covariance: no variance is below 1e-4."""
LIMIT = 1e3
"""The encoder's outputs for L are clamped to this on either side, which is ours: no trained model comes near it, and the
Cholesky factor of the covariance exists in float64."""


@posteriors.register(
    "full_normal",
    source="Ansari and Soh (2019), Hyperprior Induced Unsupervised Disentanglement of Latent Representations, code",
)
class FullNormalHead(nn.Module):
    r"""q(z|x) = N(mean, L L' + 1e-4 I); the encoder emits all means, then a square matrix A row by row.

    L is the lower triangle of A with :math:`\mathrm{softplus}(A_{ii}) + 10^{-4}` on the diagonal. What A has above the diagonal
    is not used, as published.

    >>> head = FullNormalHead(latent_dim=2)
    >>> head.n_params  # 2 means and a matrix of 2 x 2
    6
    >>> head(torch.zeros(1, 6)).covariance.shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.n_params = latent_dim + latent_dim**2

    def forward(self, params: Float[Tensor, "batch params"]) -> FullNormal:
        """Means and the Cholesky factor of the covariance, in float32 at least."""
        mean, factor = self._mean_and_factor(params)
        covariance = factor @ factor.mT + JITTER * torch.eye(self.latent_dim, dtype=factor.dtype, device=factor.device)
        cholesky, _ = torch.linalg.cholesky_ex(covariance)  # NaN stays NaN, for the training loop to find
        return FullNormal(mean, cholesky.to(mean.dtype))

    def marginals(self, params: Float[Tensor, "batch params"]) -> tuple[Float[Tensor, "batch latent"], ...]:
        """Means and variances, the diagonal of the covariance."""
        mean, factor = self._mean_and_factor(params)
        return mean, (factor.square().sum(2) + JITTER).to(mean.dtype)

    def _mean_and_factor(
        self, params: Float[Tensor, "batch params"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent latent"]]:
        d = self.latent_dim
        mean, numbers = torch.split(at_least_float32(params), [d, d * d], dim=1)
        # in float64, where autocast leaves products alone and a large L does not drown the 1e-4
        square = numbers.double().clamp(-LIMIT, LIMIT).reshape(-1, d, d)
        diagonal = functional.softplus(square.diagonal(dim1=1, dim2=2)) + FLOOR
        return mean, square.tril(-1) + torch.diag_embed(diagonal)


@dataclass(frozen=True)
class FullNormal:
    """Normals given by means and lower Cholesky factors C of their covariances C C'."""

    mean: Float[Tensor, "batch latent"]
    cholesky: Float[Tensor, "batch latent latent"]

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> FullNormal:
        """The posteriors of several batches as one."""
        own = [part for part in parts if isinstance(part, FullNormal)]
        return cls(torch.cat([part.mean for part in own]), torch.cat([part.cholesky for part in own]))

    @property
    def variance(self) -> Float[Tensor, "batch latent"]:
        """Marginal variances, the diagonal of the covariance."""
        return self.cholesky.square().sum(2)

    @property
    def covariance(self) -> Float[Tensor, "batch latent latent"]:
        """Covariances."""
        rows = self.cholesky
        return (rows[:, :, None] * rows[:, None]).sum(3)  # a matrix product would be of half precision under autocast

    def sample(self, generator: torch.Generator) -> Float[Tensor, "batch latent"]:
        """mean + C noise, noise ~ N(0, I)."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + (self.cholesky * noise[:, None]).sum(2)

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log q(z|x) in nats."""
        noise = torch.linalg.solve_triangular(self.cholesky, (z - self.mean)[:, :, None], upper=False)[:, :, 0]
        return -0.5 * (noise.square() + math.log(2 * math.pi)).sum(1) - 0.5 * self.log_determinant()

    def log_determinant(self) -> Float[Tensor, "batch"]:
        """Logarithm of the covariance's determinant."""
        return 2 * self.cholesky.diagonal(dim1=1, dim2=2).log().sum(1)

    def quadratic(self, v: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """v' S v with the covariance S: the variance of z along v."""
        return (self.cholesky * v[:, :, None]).sum(1).square().sum(1)

    def kl(self, prior: Prior) -> Float[Tensor, "batch"]:
        r"""KL(q(z|x) || p(z)) in nats per image.

        Against the standard normal :math:`\frac12 (\mathrm{tr}\, S + \mu'\mu - D - \log |S|)`, with S the covariance; against
        Student's t by quadrature (`StudentT.mean_log_prob`).

        Raises `IncompatibleParts` for any other prior.
        """
        latents = self.mean.shape[1]
        if isinstance(prior, StandardNormal):
            return 0.5 * (self.variance.sum(1) + self.mean.square().sum(1) - latents - self.log_determinant())
        if isinstance(prior, StudentT):
            entropy = 0.5 * (latents * math.log(2 * math.pi * math.e) + self.log_determinant())
            return -entropy - prior.mean_log_prob(self.mean, self.covariance)
        raise IncompatibleParts(
            f"The KL of a normal posterior with a full covariance is known against the priors standard_normal and student_t, "
            f"not against {type(prior).__name__}; choose another rate or prior."
        )

    def kl_per_dim(self, prior: Prior) -> None:
        """None: the KL of dependent latents is not a sum over latents."""
