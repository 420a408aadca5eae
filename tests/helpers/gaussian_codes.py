"""Models whose codes have a distribution that is known exactly, and the discriminator that is best for them."""

from __future__ import annotations

import math

import torch
from torch import nn

from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import LOGVAR_RANGE, DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.nn.discriminator import ActivationCache
from unbraid.nn.vae import VAE
from unbraid.objectives.factor import FactorVAE


def gaussian_total_correlation(covariance: torch.Tensor) -> torch.Tensor:
    """1/2 (sum_j log C_jj - log det C), in nats."""
    return 0.5 * (covariance.diagonal().log().sum() - torch.logdet(covariance))


def correlated(rho: float) -> torch.Tensor:
    """A matrix A such that A x, with x standard normal, is two latents of variance 1 and correlation rho."""
    return torch.tensor([[1.0, 0.0], [rho, math.sqrt(1 - rho**2)]], dtype=torch.float64)


class Judge(nn.Module):
    """A discriminator whose logits are given by a formula."""

    def forward(self, z: torch.Tensor, cache: ActivationCache | None = None) -> torch.Tensor:
        if cache is not None:
            z = torch.cat([*cache.activations, z])
            cache.activations = [z.detach()]
        return self.logits(z)


class BestDiscriminator(Judge):
    """Logits whose difference is log q(z) - sum_j log q(z_j) for z ~ N(0, C)."""

    def __init__(self, covariance: torch.Tensor) -> None:
        super().__init__()
        self.offset = nn.Parameter(torch.zeros((), dtype=torch.float64))  # so that the discriminator has something to learn
        self.register_buffer("precision", torch.linalg.inv(covariance))
        self.register_buffer("variances", covariance.diagonal().clone())
        self.register_buffer("correlation", gaussian_total_correlation(covariance))

    def logits(self, z: torch.Tensor) -> torch.Tensor:
        joint = -0.5 * torch.einsum("bi,ij,bj->b", z, self.precision, z) + self.correlation
        product = -0.5 * (z.square() / self.variances).sum(1)
        return torch.stack([joint + self.offset, product], 1)


class LinearEncoder(nn.Module):
    """Means A x, and variances so small that the codes are A x."""

    def __init__(self, gain: torch.Tensor) -> None:
        super().__init__()
        self.gain = nn.Parameter(gain.clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1) @ self.gain.T
        return torch.cat([mean, torch.full_like(mean, LOGVAR_RANGE[0])], 1)


def linear_vae(game: FactorVAE, gain: torch.Tensor, judge: nn.Module | None = None) -> VAE:
    """A model of images 1 x 1 x n in float64, whose codes are `gain` times the image; `judge` replaces the discriminator."""
    latents, pixels = gain.shape
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        decoder = nn.Sequential(nn.Linear(latents, pixels), nn.Unflatten(1, (1, 1, pixels)))
        vae = VAE(
            LinearEncoder(gain),
            decoder,
            Gaussian(1.0, squash="none"),
            StandardNormal(latents),
            DiagonalNormalHead(latents),
            game.networks({}, (1, 1, pixels), latents),
            game.players,
        )
    if judge is not None:
        vae.networks["discriminator"] = judge
    return vae.double()


def white_images(n: int, pixels: int, seed: int = 0) -> torch.Tensor:
    """Images with mean 0 and covariance I to the last digit, so that averages of squares are those of the distribution."""
    x = torch.randn(n, pixels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = x - x.mean(0)
    cholesky = torch.linalg.cholesky(x.T @ x / n)
    return torch.linalg.solve_triangular(cholesky, x.T, upper=False).T.reshape(n, 1, 1, pixels)
