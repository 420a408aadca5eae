"""Linear VAEs, whose optimum is known."""

from __future__ import annotations

import torch
from torch import nn

from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Objective
from unbraid.terms import Context, Draw
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
