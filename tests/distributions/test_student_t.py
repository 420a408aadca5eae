from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.distributions.priors.student_t import StudentT
from unbraid.errors import UsageError
from unbraid.rates.inverse_wishart import InverseWishart


@pytest.mark.parametrize(("latents", "nu"), [(1, 0.3), (3, 2.5), (4, 30.0), (10, 33.0)])
def test_log_prob_equals_that_of_scipy(latents, nu, generator):
    prior = StudentT(latents, nu)
    z = 3 * torch.randn(20, latents, generator=generator, dtype=torch.float64)
    freedom, kappa = nu - latents + 1, max(nu - latents - 1, 1)
    t = stats.multivariate_t(np.zeros(latents), kappa / freedom * np.eye(latents), df=freedom)
    np.testing.assert_allclose(prior.log_prob(z), t.logpdf(z), rtol=1e-12)


@pytest.mark.parametrize("nu", [0.7, 5.0])
def test_it_is_a_normal_averaged_over_its_variance(nu):
    """One latent: p(z) = integral of N(z; 0, s) times IW(s; kappa, nu), with SciPy's inverse-Wishart."""
    prior = StudentT(1, nu)
    hyper = stats.invwishart(df=nu, scale=prior.scale)

    def joint(log_s: float, z: float) -> float:
        s = math.exp(log_s)
        return stats.norm(0, math.sqrt(s)).pdf(z) * hyper.pdf(s) * s

    for z in (0.0, 0.5, 3.0):
        density, _ = integrate.quad(joint, -12, 40, args=(z,), limit=200)
        assert prior.log_prob(torch.tensor([[z]], dtype=torch.float64)).exp().item() == pytest.approx(density, rel=1e-6)


def test_it_is_a_normal_averaged_over_covariances(generator):
    prior = StudentT(2, 6.0)
    covariances = prior.sample_covariances(40_000, generator)
    zero = torch.zeros(2, dtype=torch.float64)
    for z in ([0.3, -0.2], [1.5, 1.5]):
        at = torch.tensor(z, dtype=torch.float64)
        densities = torch.distributions.MultivariateNormal(zero, covariances).log_prob(at).exp()
        error = 5 * densities.std() / math.sqrt(len(densities))
        assert abs(densities.mean() - prior.log_prob(at[None]).exp()[0]) < error


@pytest.mark.parametrize(("latents", "nu"), [(2, 1.5), (3, 9.0), (5, 80.0)])
def test_samples_are_distributed_as_they_should(latents, nu, generator):
    """z'z over latents and squared scale is F; directions are uniform, so each sign is a fair coin."""
    prior = StudentT(latents, nu)
    z = prior.sample(20_000, generator)
    assert z.shape == (20_000, latents)
    freedom = nu - latents + 1
    ratio = z.square().sum(1) / latents / (prior.scale / freedom)
    assert stats.kstest(ratio.numpy(), stats.f(latents, freedom).cdf).pvalue > 1e-3
    assert ((z > 0).float().mean(0) - 0.5).abs().max() < 5 * 0.5 / 20_000**0.5
    marginal = stats.t(freedom, scale=math.sqrt(prior.scale / freedom))
    for column in z.T:
        assert stats.kstest(column.numpy(), marginal.cdf).pvalue > 1e-3


def test_tails_of_latents_go_together(generator):
    """Each sample has a spread of its own, shared by its latents: squares are correlated though latents are not."""
    z = StudentT(2, 13.0).sample(50_000, generator)
    assert abs(torch.corrcoef(z.T)[0, 1]) < 0.05
    assert torch.corrcoef(z.square().T)[0, 1] > 0.05


def test_with_much_freedom_it_is_standard_normal(generator):
    z = torch.randn(20, 3, generator=generator, dtype=torch.float64)
    errors = [(StudentT(3, nu).log_prob(z) - StandardNormal(3).log_prob(z)).abs().max().item() for nu in (1e4, 1e5)]
    assert errors[0] < 1e-2
    assert errors[1] == pytest.approx(errors[0] / 10, rel=0.01)


@pytest.mark.parametrize("nu", [0.7, 9.0, 2000.0])
@pytest.mark.parametrize(
    ("mean", "deviation"), [(0.1, 0.01), (0.5, 0.8), (3.0, 2.0), (0.0, 30.0), (100.0, 1.0), (3000.0, 50.0)]
)
def test_the_quadrature_is_as_exact_as_it_says(mean, deviation, nu):
    """One latent, by SciPy's adaptive rule, over 12 deviations, with breaks where log(kappa + z^2) bends."""
    prior = StudentT(1, nu)

    def under_the_normal(x: float) -> float:
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi) * math.log1p((mean + deviation * x) ** 2 / prior.scale)

    bends = [(at * math.sqrt(prior.scale) - mean) / deviation for at in (-5, 0, 5)]
    edges = sorted({-12.0, 12.0, *(min(12.0, max(-12.0, bend)) for bend in bends)})
    pieces = [integrate.quad(under_the_normal, *ends, epsabs=1e-13, epsrel=1e-13, limit=500)[0] for ends in pairwise(edges)]
    expected = prior.log_peak - (nu + 1) / 2 * sum(pieces)
    at, spread = (torch.tensor(number, dtype=torch.float64) for number in ([[mean]], [[[deviation**2]]]))
    error = abs(prior.mean_log_prob(at, spread).item() - expected)
    assert error < (2e-6 if mean > 1000 else 1e-8) + 1e-13 * abs(expected)


@pytest.mark.parametrize("kind", [StandardNormal, StudentT])
def test_priors_draw_in_the_model_s_precision_and_leave_nothing_in_checkpoints(kind, generator):
    prior = kind(3).double()
    assert prior.sample(2, generator).dtype == torch.float64
    assert not prior.state_dict()


def test_the_freedom_by_default_is_that_of_the_rate_that_goes_with_it():
    assert StudentT(10).nu == InverseWishart().nu


def test_extremes_are_finite_and_seeds_repeat():
    prior = StudentT(4, 3.0 + 1e-6)
    draws = [prior.sample(1000, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.isfinite(draws[0]).all()
    assert torch.isfinite(prior.log_prob(draws[0])).all()
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_too_little_freedom_is_refused_in_words():
    with pytest.raises(UsageError, match=r"--nu is 9; .* covariance of 10 latents needs more than 9"):
        StudentT(10, 9.0)
    StudentT(10, 9.01)
