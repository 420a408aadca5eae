from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from unbraid.distributions.interfaces import likelihoods
from unbraid.distributions.likelihoods.bernoulli import Bernoulli
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.errors import UsageError


@pytest.fixture
def pair(generator):
    output = 3 * torch.randn(5, 2, 4, 4, generator=generator, dtype=torch.float64)
    return output, torch.rand(5, 2, 4, 4, generator=generator, dtype=torch.float64)


def test_bernoulli_is_the_cross_entropy_summed_over_channels_and_pixels(pair):
    output, images = pair
    p = output.sigmoid()
    expected = -(images * p.log() + (1 - images) * (1 - p).log()).sum((1, 2, 3))
    torch.testing.assert_close(Bernoulli().nll(output, images), expected)
    torch.testing.assert_close(Bernoulli().mean(output), p)


def test_bernoulli_of_grey_pixels_is_least_at_the_truth_and_then_their_entropy():
    images = torch.full((1, 1, 2, 2), 0.25, dtype=torch.float64, requires_grad=False)
    truth = torch.logit(images)
    least = Bernoulli().nll(truth, images).item()
    assert least == pytest.approx(-4 * (0.25 * math.log(0.25) + 0.75 * math.log(0.75)))
    assert all(Bernoulli().nll(truth + shift, images).item() > least for shift in (-0.1, 0.1))


@pytest.mark.parametrize("logit", [-1e4, -90.0, 90.0, 1e4])
def test_bernoulli_is_finite_where_probabilities_saturate(logit):
    output = torch.full((1, 1, 1, 1), logit)
    wrong = torch.full((1, 1, 1, 1), float(logit < 0))
    assert Bernoulli().nll(output, wrong).item() == pytest.approx(abs(logit))
    assert Bernoulli().nll(output, 1 - wrong).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 2.5])
def test_gaussian_is_the_normal_density_summed_over_channels_and_pixels(pair, sigma):
    output, images = pair
    likelihood = Gaussian(sigma=sigma, squash="none")
    expected = -Normal(output, sigma).log_prob(images).sum((1, 2, 3))
    torch.testing.assert_close(likelihood.nll(output, images), expected)
    torch.testing.assert_close(likelihood.mean(output), output)
    squashed = Gaussian(sigma=sigma)
    torch.testing.assert_close(squashed.nll(output, images), -Normal(output.sigmoid(), sigma).log_prob(images).sum((1, 2, 3)))


def test_beta_and_sigma_squared_multiply_to_one_thing(pair):
    """rec at sigma + beta KL is proportional to rec at sigma 1 + beta sigma^2 KL, up to constants."""
    output, images = pair

    def without_constant(sigma: float) -> torch.Tensor:
        constant = 32 * (math.log(sigma) + 0.5 * math.log(2 * math.pi))
        return Gaussian(sigma, "none").nll(output, images) - constant

    kl, beta, sigma = 7.0, 4.0, 0.3
    torch.testing.assert_close(sigma**2 * (without_constant(sigma) + beta * kl), without_constant(1.0) + beta * sigma**2 * kl)


def test_stated_conventions_of_other_code_bases(pair):
    output, images = pair
    squares = (output - images).square().sum((1, 2, 3))
    constant = 16 * 2 * 0.5 * math.log(2 * math.pi)
    for sigma, factor in ((0.5**0.5, 1.0), ((1 / 510) ** 0.5, 255.0)):
        got = Gaussian(sigma, "none").nll(output, images) - constant - 32 * math.log(sigma)
        torch.testing.assert_close(got, factor * squares)


@pytest.mark.parametrize("entry", list(likelihoods), ids=lambda entry: entry.name)
def test_every_likelihood_gives_nats_per_image_in_float32_at_least(entry):
    likelihood = entry.factory(**entry.resolve({}))
    output = torch.zeros(3, 2 * likelihood.outputs_per_channel, 4, 4, dtype=torch.bfloat16)
    nll = likelihood.nll(output, torch.full((3, 2, 4, 4), 0.5))
    assert nll.shape == (3,)
    assert nll.dtype == torch.float32
    assert likelihood.mean(output).shape == (3, 2, 4, 4)
    assert 0 <= likelihood.mean(output.float()).min() <= likelihood.mean(output.float()).max() <= 1
    doubled = likelihood.nll(output.repeat(1, 1, 2, 1), torch.full((3, 2, 8, 4), 0.5))
    torch.testing.assert_close(doubled, 2 * nll)  # a sum over pixels, never a mean


def test_sigma_must_be_positive():
    with pytest.raises(UsageError, match=r"--sigma of likelihood 'gaussian' is 0"):
        likelihoods["gaussian"].resolve({"sigma": 0.0})
