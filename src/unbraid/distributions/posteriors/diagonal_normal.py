"""The usual posterior: independent normals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.precision import at_least_float32
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.distributions.protocols import Posterior, Prior
from unbraid.distributions.registry import posteriors
from unbraid.errors import IncompatibleParts

LOGVAR_RANGE = (-30.0, 20.0)
"""Log-variances are clamped to this, before KL and sampling alike: wide enough that no trained model meets it (a standard
deviation of 3e-7 is below float32 resolution around 1), narrow enough that exp never overflows."""


@posteriors.register("diagonal_normal", source="Kingma and Welling (2014), Appendix B")
class DiagonalNormalHead(nn.Module):
    """q(z|x) = N(mean, diag exp(logvar)); the encoder emits all means, then all log-variances.

    >>> head = DiagonalNormalHead(latent_dim=2)
    >>> q = head(torch.tensor([[1.0, -1.0, 0.0, 0.0]]))
    >>> q.mean, q.variance
    (tensor([[ 1., -1.]]), tensor([[1., 1.]]))
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.n_params = 2 * latent_dim

    def forward(self, params: Float[Tensor, "batch params"]) -> DiagonalNormal:
        """First half means, second half log-variances, in float32 at least."""
        mean, logvar = at_least_float32(params).chunk(2, dim=1)
        return DiagonalNormal(mean, logvar.clamp(*LOGVAR_RANGE))


@dataclass(frozen=True)
class DiagonalNormal:
    """Independent normals, given by means and log-variances."""

    mean: Float[Tensor, "batch latent"]
    logvar: Float[Tensor, "batch latent"]

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> DiagonalNormal:
        """The posteriors of several batches as one."""
        own = [part for part in parts if isinstance(part, DiagonalNormal)]
        return cls(torch.cat([part.mean for part in own]), torch.cat([part.logvar for part in own]))

    @property
    def variance(self) -> Float[Tensor, "batch latent"]:
        """Posterior variances."""
        return self.logvar.exp()

    def sample(self, generator: torch.Generator) -> Float[Tensor, "batch latent"]:
        """mean + exp(logvar / 2) * noise, noise ~ N(0, I)."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + (0.5 * self.logvar).exp() * noise

    def log_prob(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """log q(z|x) in nats."""
        squares = (z - self.mean).square() * (-self.logvar).exp()
        return -0.5 * (squares + self.logvar + math.log(2 * math.pi)).sum(1)

    def log_determinant(self) -> Float[Tensor, "batch"]:
        """Logarithm of the covariance's determinant."""
        return self.logvar.sum(1)

    def quadratic(self, v: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch"]:
        """v' S v with the covariance S: the variance of z along v."""
        return (v.square() * self.variance).sum(1)

    def kl(self, prior: Prior) -> Float[Tensor, "batch"]:
        """KL(q(z|x) || p(z)) in nats per image, in closed form.

        Raises `IncompatibleParts` for a prior other than the standard normal.
        """
        per_dim = self.kl_per_dim(prior)
        if per_dim is None:
            raise IncompatibleParts(
                f"The KL of a diagonal normal posterior is known in closed form against the standard normal prior, "
                f"not against {type(prior).__name__}; choose another rate or prior."
            )
        return per_dim.sum(1)

    def kl_per_dim(self, prior: Prior) -> Float[Tensor, "batch latent"] | None:
        r"""KL of each latent: :math:`\frac12 (\mu^2 + e^\ell - 1 - \ell)`, with :math:`\ell` the log-variance.

        None for a prior other than the standard normal.
        """
        if not isinstance(prior, StandardNormal):
            return None
        # expm1(l) - l is 0 to first order at l = 0, where exp(l) - 1 - l loses all digits
        return 0.5 * (self.mean.square() + torch.expm1(self.logvar) - self.logvar)
