import numpy as np
import pytest
import scipy.linalg

from unbraid.errors import UsageError
from unbraid.metrics.aggregate_posterior import kl_decomposition
from unbraid.metrics.posterior_statistics import (
    active_units,
    dimension_wise_kl,
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
    kl_per_dim,
    var_dimension_wise_kl,
    var_kl_per_dim,
)


def test_active_units_by_the_variance_of_their_means():
    step = np.array([-1.0, 1.0])  # a variance of 2 with n - 1
    means = np.stack([step * 0.0706, step * 0.0708, step * 0 + 9, step], 1)
    assert active_units(means).tolist() == [False, True, False, True]
    assert active_units(means, threshold=1.5).sum() == 1


def test_total_correlation_of_two_correlated_latents():
    first, second = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    codes = np.stack([first, 0.6 * first + 0.8 * second], 1)
    assert gaussian_total_correlation(codes) == pytest.approx(0.22314, abs=1e-5)
    assert gaussian_total_correlation(codes * [-1e-6, 1e6] + 3) == pytest.approx(0.22314, abs=1e-5)
    assert gaussian_total_correlation(np.stack([first, second], 1)) == pytest.approx(0, abs=1e-12)
    assert gaussian_total_correlation(np.hstack([codes, np.full((4, 1), 0.1)])) == pytest.approx(0.22314, abs=1e-5)
    for constant in (0.0, -0.1, -9.0):
        assert gaussian_total_correlation(np.hstack([codes, np.full((4, 1), constant)])) == pytest.approx(0.22314, abs=1e-5)
    assert gaussian_total_correlation(codes[:, :1]) == 0
    assert gaussian_total_correlation(codes[:, [0, 0]]) == np.inf


def test_total_correlation_is_the_textbook_formula():
    codes = np.random.default_rng(0).normal(size=(500, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    covariance = np.cov(codes.T)
    closed = 0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1])
    assert gaussian_total_correlation(codes) == pytest.approx(closed)


def test_the_two_readings_differ_where_an_encoder_fills_the_prior():
    """Latent 0 tells much and its aggregate is the prior; latent 1 tells nothing; latent 2 sits at 1."""
    spread = np.sqrt(0.9) * np.linspace(-3, 3, 4001)
    weights = np.exp(-0.5 * (spread / np.sqrt(0.9)) ** 2)
    repeats = np.rint(weights / weights.max() * 50).astype(int)
    first = np.repeat(spread, repeats)
    mean = np.stack([first, 0 * first, 0 * first + 1], 1)
    variance = np.tile([0.1, 1.0, 1.0], (len(first), 1))
    per_dim = kl_per_dim(mean, variance)
    closed = 0.5 * ((first**2).mean() + 0.1 - np.log(0.1) - 1)
    assert per_dim == pytest.approx([closed, 0, 0.5])
    wise = dimension_wise_kl(mean, variance)
    assert wise == pytest.approx([0, 0, 0.5], abs=2e-3)
    assert var_kl_per_dim(mean, variance) == pytest.approx(np.mean((per_dim - per_dim.mean()) ** 2))
    assert var_dimension_wise_kl(mean, variance) == pytest.approx(0.5**2 * 2 / 9, abs=2e-3)


def test_the_third_term_of_the_decomposition():
    rng = np.random.default_rng(0)
    mean, variance = rng.normal(size=(200, 3)) * [2, 1, 0.1], rng.uniform(0.1, 1, size=(200, 3))
    parts = kl_decomposition(mean, variance, rng=rng, samples=10)
    assert dimension_wise_kl(mean, variance) == pytest.approx(parts.dimension_wise_kl_per_dim)
    assert kl_per_dim(mean, variance).sum() == pytest.approx(parts.kl)


def test_wrong_arrays_are_refused():
    good = np.ones((4, 2))
    with pytest.raises(UsageError, match="2 samples or more"):
        active_units(good[:1])
    for statistic in (gaussian_total_correlation, gaussian_wasserstein_correlation):
        with pytest.raises(UsageError, match="2 samples or more"):
            statistic(good[:1])
    with pytest.raises(UsageError, match=r"given shape \(4,\)"):
        gaussian_total_correlation(good[:, 0])
    with pytest.raises(UsageError, match="sample 2, latent 1 is nan"):
        gaussian_total_correlation(np.where(np.arange(8).reshape(4, 2) == 5, np.nan, 1.0))
    with pytest.raises(UsageError, match="must be above 0"):
        var_kl_per_dim(good, good * 0)
    with pytest.raises(UsageError, match=r"shape \(4, 2\) and variances of shape \(2, 4\)"):
        var_dimension_wise_kl(good, good.T)


def test_wasserstein_correlation_of_known_covariances():
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(500, 2))
    white = (raw - raw.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    assert gaussian_wasserstein_correlation(white * [1, 30]) == pytest.approx(0, abs=1e-12)
    codes = white @ np.linalg.cholesky(np.array([[1, 0.6], [0.6, 1]])).T
    closed = 4 - 2 * (1.6**0.5 + 0.4**0.5)
    assert gaussian_wasserstein_correlation(codes, normalized=False) == pytest.approx(closed)
    assert gaussian_wasserstein_correlation(codes) == pytest.approx(closed / 2)
    assert gaussian_wasserstein_correlation(codes * 1e-9) == pytest.approx(closed / 2)
    assert gaussian_wasserstein_correlation(codes) == pytest.approx(0.10263, abs=1e-5)
    assert gaussian_wasserstein_correlation(codes * [-7, 7] + 3) == pytest.approx(closed / 2)
    assert gaussian_wasserstein_correlation(codes * 7, normalized=False) == pytest.approx(49 * closed)
    assert gaussian_wasserstein_correlation(white[:, [0, 0]]) == pytest.approx(2 - 2**0.5)


def test_wasserstein_correlation_by_roots_of_matrices():
    """Between normal distributions: tr(S + D - 2 (S^(1/2) D S^(1/2))^(1/2))."""
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    covariance = np.cov(codes, rowvar=False)
    root, apart = scipy.linalg.sqrtm(covariance), np.diag(np.diag(covariance))
    expected = np.trace(covariance + apart - 2 * scipy.linalg.sqrtm(root @ apart @ root))
    assert gaussian_wasserstein_correlation(codes, normalized=False) == pytest.approx(expected)


def test_wasserstein_correlation_of_constants_and_single_latents():
    code = np.random.default_rng(0).normal(size=(50, 1))
    assert gaussian_wasserstein_correlation(np.ones((5, 3))) == 0
    assert gaussian_wasserstein_correlation(code) == pytest.approx(0, abs=1e-12)
    assert gaussian_wasserstein_correlation(np.hstack([code, np.full((50, 1), 0.1)])) == pytest.approx(0, abs=1e-12)
    assert gaussian_wasserstein_correlation(np.hstack([code, code]).astype(np.float16)) == pytest.approx(2 - 2**0.5, abs=1e-3)
    with pytest.raises(UsageError, match="2 samples"):
        gaussian_wasserstein_correlation(code[:1])
