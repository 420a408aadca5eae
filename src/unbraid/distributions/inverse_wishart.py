r"""The inverse-Wishart distribution IW(kappa I, nu), a hyperprior on the latents' covariance.

.. math:: p(\Sigma) \propto |\Sigma|^{-(\nu + D + 1)/2} \exp(-\tfrac{\kappa}{2} \mathrm{tr}\, \Sigma^{-1})

It is proper for nu > D - 1. Its mean, for nu > D + 1, is :math:`\kappa I / (\nu - D - 1)`. The larger nu, the closer to it
covariances lie.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from unbraid.errors import UsageError


def require_proper(nu: float, latent_dim: int) -> None:
    """Raise `UsageError` unless nu > D - 1."""
    if not nu > latent_dim - 1:
        raise UsageError(
            f"--nu is {nu:g}; an inverse-Wishart distribution over the covariance of {latent_dim} latents needs more than "
            f"{latent_dim - 1}. Give a larger --nu or a smaller --latent-dim."
        )


def scale(nu: float, latent_dim: int) -> float:
    """kappa = max(nu - D - 1, 1), as published: the mean covariance is I for nu >= D + 2."""
    return max(nu - latent_dim - 1, 1.0)


def chi_square(freedom: Float[np.ndarray, "*shape"], generator: torch.Generator) -> Float[Tensor, "*shape"]:
    """Independent draws of chi-square variables, in float64 on the CPU.

    PyTorch has no public sampler of gamma variables that takes a generator; NumPy's is seeded from it.
    """
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    draws = np.random.default_rng(seed).chisquare(freedom)
    return torch.from_numpy(np.maximum(draws, 1e-30))  # nearly no freedom gives 0, and latents of infinite size


def sample_covariances(n: int, latent_dim: int, nu: float, generator: torch.Generator) -> Float[Tensor, "n latent latent"]:
    r"""Independent covariances from IW(kappa I, nu), in float64 on the CPU.

    .. math:: \Sigma = \kappa\, A^{-\top} A^{-1}, \quad A_{ii}^2 \sim \chi^2_{\nu - i + 1}, \quad A_{ij} \sim N(0, 1) \; (i > j)

    with a lower triangular A, i from 1: A A' is Bartlett's decomposition of a Wishart matrix.

    Raises `UsageError` unless nu > D - 1.
    """
    require_proper(nu, latent_dim)
    freedom = np.broadcast_to(nu - np.arange(latent_dim, dtype=np.float64), (n, latent_dim))
    diagonal = chi_square(freedom, generator).sqrt()
    noise = torch.randn(n, latent_dim, latent_dim, generator=generator, device=generator.device, dtype=torch.float64).cpu()
    root = torch.linalg.solve_triangular(
        noise.tril(-1) + torch.diag_embed(diagonal), torch.eye(latent_dim, dtype=torch.float64).expand_as(noise), upper=False
    )
    return scale(nu, latent_dim) * root.mT @ root
