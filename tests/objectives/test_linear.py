"""The linear VAE, whose optimum is known exactly.

Data x ~ N(0, diag lambda), a linear encoder and decoder, a Gaussian likelihood of standard deviation sigma. At the optimum
of rec + beta KL a dimension is active iff lambda > beta sigma^2; then its KL is 1/2 log(lambda / (beta sigma^2)), its squared
error beta sigma^2 and its posterior variance beta sigma^2 / lambda; else KL 0 and squared error lambda.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import ELBO
from unbraid.objectives.moves import Objective
from unbraid.rates.capacity import Capacity
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Context, Draw
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import train_step
from unbraid.zoo.recipe import Optimizer, Recipe

SIGMA = 0.5
LAMBDAS = torch.tensor([4.0, 2.0, 1.0, 0.3], dtype=torch.float64)
DIM = len(LAMBDAS)


class LinearEncoder(nn.Module):
    """Means that are linear in x, variances that do not depend on it."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.eye(DIM, dtype=torch.float64) * 0.3 + 0.05)
        self.logvar = nn.Parameter(torch.zeros(DIM, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1) @ self.gain.T
        return torch.cat([mean, self.logvar.expand_as(mean)], 1)


def whitened_data() -> torch.Tensor:
    """A sample whose mean is 0 and whose covariance is exactly diag(lambda), so that the optimum is that of the closed form."""
    x = torch.randn(512, DIM, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = x - x.mean(0)
    cholesky = torch.linalg.cholesky(x.T @ x / len(x))
    return (torch.linalg.solve_triangular(cholesky, x.T, upper=False).T * LAMBDAS.sqrt()).reshape(-1, 1, 1, DIM)


def trained(objective: Objective, steps: int = 500) -> tuple[VAE, torch.Tensor]:
    decoder = nn.utils.skip_init(nn.Linear, DIM, DIM, bias=False, dtype=torch.float64)
    with torch.no_grad():
        decoder.weight.copy_(torch.eye(DIM) + 0.05)
    likelihood = Gaussian(SIGMA, squash="none")
    vae = VAE(
        LinearEncoder(),
        nn.Sequential(decoder, nn.Unflatten(1, (1, 1, DIM))),
        likelihood,
        StandardNormal(DIM),
        DiagonalNormalHead(DIM),
        objective.networks({"likelihood": likelihood}, (1, 1, DIM), DIM),
    )
    images, noise = whitened_data(), torch.Generator().manual_seed(1)
    optimizers = make_optimizers(vae, Recipe(objective, optimizer=Optimizer("adam", 0.1)))
    for step in range(steps):
        for optimizer in optimizers.values():
            optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / steps)
        train_step(vae, objective, optimizers, Draw((images,)), Context(step, steps, len(images), noise))
    return vae, images


def shown(vae: VAE, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """KL of each latent and expected squared error of each pixel, the noise integrated exactly."""
    q = vae.encode(images)
    weight = vae.networks["decoder"][0].weight
    bias = (q.mean @ weight.T - images.flatten(1)).square().mean(0)
    return q.kl_per_dim(vae.prior).mean(0).detach(), (bias + weight.square() @ q.variance.mean(0)).detach()


def optimum(beta: float) -> tuple[torch.Tensor, torch.Tensor]:
    level = beta * SIGMA**2
    return 0.5 * torch.log(LAMBDAS / level).clamp(min=0), LAMBDAS.clamp(max=level)


@pytest.mark.parametrize(("beta", "active"), [(1.0, 4), (4.0, 2), (20.0, 0)])
def test_beta_vae_reaches_the_exact_optimum(beta, active):
    vae, images = trained(ELBO((KL(beta),)))
    kl, errors = shown(vae, images)
    expected_kl, expected_errors = optimum(beta)
    assert int((expected_kl > 1e-9).sum()) == active
    torch.testing.assert_close(errors, expected_errors, rtol=0.02, atol=0.01)
    torch.testing.assert_close(kl.sort(descending=True).values, expected_kl, rtol=0.02, atol=0.02)
    assert int((kl > 0.05).sum()) == active  # which dimensions collapse


def test_known_example_of_the_closed_form():
    kl, errors = optimum(4.0)
    assert kl[0].item() == pytest.approx(math.log(2))
    assert errors[0].item() == pytest.approx(1.0)


def test_capacity_is_reached_by_the_water_level_that_spends_it():
    capacity = 2.5
    vae, images = trained(ELBO((Capacity(10.0, 0.0, capacity, duration=0.2),)), steps=1200)
    kl, errors = shown(vae, images)
    assert kl.sum().item() == pytest.approx(capacity, abs=0.05)
    low, high = 1e-3, 20.0
    for _ in range(60):  # the beta whose optimum spends exactly this much
        beta = (low * high) ** 0.5
        low, high = (beta, high) if optimum(beta)[0].sum() > capacity else (low, beta)
    torch.testing.assert_close(errors, optimum(beta)[1], rtol=0.06, atol=0.03)


def test_beta_zero_is_an_autoencoder_whose_variance_collapses():
    vae, images = trained(ELBO((KL(0.0),)), steps=500)
    kl, errors = shown(vae, images)
    assert torch.isfinite(kl).all()
    assert errors.max() < 0.02
    q = vae.encode(images)
    assert (q.variance.mean(0) / q.mean.var(0)).max() < 0.01  # the noise vanishes beside the signal
    (move,) = ELBO((KL(0.0),)).moves(vae, Draw((images,)), Context(0, 1, 1, torch.Generator()))
    assert torch.isfinite(move.loss)
    assert move.players == AUTOENCODER
