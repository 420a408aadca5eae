from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special, stats

from unbraid.distributions.inverse_wishart import chi_square, require_proper, sample_covariances, scale
from unbraid.errors import UsageError

N = 40_000


def test_scale_makes_the_mean_covariance_one():
    assert scale(33.0, 10) == 22.0
    assert scale(12.0, 10) == scale(9.5, 10) == 1.0  # as published, and the mean is no longer I
    for nu in (12.0, 15.0, 200.0):
        np.testing.assert_allclose(stats.invwishart(nu, scale(nu, 10) * np.eye(10)).mean(), np.eye(10), rtol=1e-12)


def test_samples_have_the_moments_that_scipy_gives(generator):
    latents, nu = 3, 14.0
    drawn = sample_covariances(N, latents, nu, generator)
    known = stats.invwishart(nu, scale(nu, latents) * np.eye(latents))
    error = 5 * np.sqrt(known.var() / N)
    assert (np.abs(drawn.mean(0).numpy() - known.mean()) < error).all()
    np.testing.assert_allclose(drawn.var(0).numpy(), known.var(), rtol=0.15)
    inverse = torch.linalg.inv(drawn)
    wishart = stats.wishart(nu, np.eye(latents) / scale(nu, latents))
    assert (np.abs(inverse.mean(0).numpy() - wishart.mean()) < 5 * np.sqrt(wishart.var() / N)).all()
    torch.testing.assert_close(drawn, drawn.mT)


@pytest.mark.parametrize(("latents", "nu"), [(1, 0.5), (3, 4.0), (4, 30.0)])
def test_the_log_determinant_and_the_diagonal_are_distributed_as_they_should(latents, nu, generator):
    """E log|S| = D log kappa - D log 2 - psi_D(nu / 2); each S_ii is inverse gamma; a wrong order of freedoms shows in both."""
    kappa = scale(nu, latents)
    drawn = sample_covariances(N, latents, nu, generator)
    log_determinant = torch.logdet(drawn)
    psi = sum(special.digamma((nu + 1 - i) / 2) for i in range(1, latents + 1))
    expected = latents * np.log(kappa / 2) - psi
    assert abs(log_determinant.mean().item() - expected) < 5 * log_determinant.std().item() / N**0.5
    marginal = stats.invgamma((nu - latents + 1) / 2, scale=kappa / 2)
    for i in range(latents):
        assert stats.kstest(drawn[:, i, i].numpy(), marginal.cdf).pvalue > 1e-3


def test_correlations_are_those_of_scipy_s_samples(generator):
    """The correlation of two latents is wide for little freedom, narrow for much."""
    for nu in (2.5, 40.0):
        ours = sample_covariances(5000, 3, nu, generator).numpy()
        theirs = stats.invwishart(nu, np.eye(3)).rvs(5000, random_state=np.random.default_rng(0))
        found = [one[:, 0, 2] / np.sqrt(one[:, 0, 0] * one[:, 2, 2]) for one in (ours, theirs)]
        assert stats.ks_2samp(*found).pvalue > 1e-3


def test_draws_that_follow_each_other_differ(generator):
    draws = [chi_square(np.ones(1), generator).item() for _ in range(100)]
    assert len(set(draws)) == 100


def test_below_bartlett_s_diagonal_is_normal_noise_of_full_precision(generator):
    """kappa S^-1 is A A', so A is its Cholesky factor."""
    twin = generator.clone_state()
    drawn = sample_covariances(5, 3, 9.0, generator)
    chi_square(np.ones(1), twin)
    noise = torch.randn(5, 3, 3, generator=twin, dtype=torch.float64)
    factor = torch.linalg.cholesky(scale(9.0, 3) * torch.linalg.inv(drawn))
    torch.testing.assert_close(factor.tril(-1), noise.tril(-1), rtol=0, atol=1e-12)


def test_freedom_may_be_a_whole_number():
    whole, same = (sample_covariances(2, 3, nu, torch.Generator().manual_seed(0)) for nu in (5, 5.0))
    assert torch.equal(whole, same)


def test_seeds_repeat_and_too_little_freedom_is_refused():
    draws = [sample_covariances(3, 2, 5.0, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    with pytest.raises(UsageError, match="--nu is 2; .* of 3 latents needs more than 2"):
        sample_covariances(1, 3, 2.0, torch.Generator())
    require_proper(2.001, 3)
