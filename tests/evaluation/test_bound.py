"""The bound on log p(x), exact on a linear VAE whose posterior is the true one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from unbraid.data.dataset import Dataset
from unbraid.data.storage import ByteImages
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.evaluation.bound import importance_weighted_bound
from unbraid.nn.vae import VAE

SIGMA, PIXELS = 0.3, 6
WEIGHT = torch.zeros(PIXELS, 2, dtype=torch.float64)
WEIGHT[:3, 0], WEIGHT[3:, 1] = torch.tensor([0.5, -0.2, 0.4]), torch.tensor([0.1, 0.3, -0.6])  # orthogonal: no correlation


class Encoder(nn.Module):
    """Means linear in the image, one width per latent; `error` spoils the mean of the true posterior, `width` its variance."""

    def __init__(self, error: float, width: float) -> None:
        super().__init__()
        variance = 1 / (1 + WEIGHT.square().sum(0) / SIGMA**2)
        self.gain, self.error, self.logvar = variance[:, None] * WEIGHT.T / SIGMA**2, error, (variance * width).log()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.flatten(1).double() @ self.gain.T + self.error
        return torch.cat([mean, self.logvar.expand_as(mean)], 1)


def linear_vae(error: float = 0.0, width: float = 1.0) -> VAE:
    decoder = nn.Linear(2, PIXELS, bias=False, dtype=torch.float64, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        decoder.weight.copy_(WEIGHT)
    return VAE(
        Encoder(error, width),
        nn.Sequential(decoder, nn.Unflatten(1, (1, 1, PIXELS))),
        Gaussian(SIGMA, squash="none"),
        StandardNormal(2),
        DiagonalNormalHead(2),
    )


@pytest.fixture
def images():
    pixels = np.random.default_rng(0).integers(0, 256, size=(300, 1, 1, PIXELS), dtype=np.uint8)
    return Dataset("pixels", ByteImages(pixels), np.arange(0))


def bound(vae: VAE, images: Dataset, draws: int, seed: int = 0):
    return importance_weighted_bound(
        vae,
        images,
        index=np.arange(len(images)),
        draws=draws,
        generator=torch.Generator().manual_seed(seed),
        device=torch.device("cpu"),
    )


def log_p(images: Dataset) -> np.ndarray:
    """log N(x; 0, W W' + sigma^2 I), by torch's own multivariate normal."""
    x = torch.from_numpy(images.images.floats(np.arange(len(images)))).flatten(1).double()
    covariance = WEIGHT @ WEIGHT.T + SIGMA**2 * torch.eye(PIXELS, dtype=torch.float64)
    zero = torch.zeros(PIXELS, dtype=torch.float64)
    return torch.distributions.MultivariateNormal(zero, covariance).log_prob(x).numpy()


@pytest.mark.parametrize("draws", [1, 5])
def test_with_the_true_posterior_every_draw_gives_log_p_exactly(images, draws):
    found = bound(linear_vae(), images, draws)
    exact = log_p(images)
    assert found.value == pytest.approx(exact.mean(), abs=1e-9)
    assert found.error == pytest.approx(exact.std(ddof=1) / math.sqrt(300), rel=1e-9)
    assert (found.images, found.draws) == (300, draws)


def test_with_one_draw_it_is_the_elbo_and_with_many_it_comes_close_from_below(images):
    """A posterior off by 0.1 and twice as wide: ELBO = log p - KL(q || p(z|x)), known for two normals."""
    vae = linear_vae(error=0.1, width=2.0)
    exact = log_p(images).mean()
    variance = 1 / (1 + WEIGHT.square().sum(0) / SIGMA**2)
    gap = 0.5 * (2 + 0.01 / variance - 1 - math.log(2)).sum().item()
    elbo = np.mean([bound(vae, images, 1, seed).value for seed in range(40)])
    assert elbo == pytest.approx(exact - gap, abs=0.05)
    few, many = bound(vae, images, 4).value, bound(vae, images, 400).value
    assert exact - gap < few < many < exact + 0.02
    assert many == pytest.approx(exact, abs=0.02)


def test_it_is_of_the_model_out_of_training(images):
    """A decoder that drops its input in training: the bound is the same as without."""
    vae, plain = linear_vae(), linear_vae()
    vae.networks["decoder"] = nn.Sequential(nn.Dropout(0.9), vae.networks["decoder"])
    assert bound(vae.train(), images, 2).value == pytest.approx(bound(plain, images, 2).value, abs=1e-12)


def test_batches_do_not_matter_and_modes_are_kept(images, monkeypatch):
    vae = linear_vae().train()
    whole = bound(vae, images, 2)
    monkeypatch.setattr("unbraid.evaluation.bound.BATCH", 7)
    assert bound(vae, images, 2).value == pytest.approx(whole.value, abs=1e-9)
    assert vae.training
