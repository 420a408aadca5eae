from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from unbraid.errors import UsageError
from unbraid.metrics.aggregate_posterior import kl_decomposition


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def within(estimate, exact: float, slack: float = 0.0) -> bool:
    return abs(estimate.value - exact) < 4 * estimate.error + slack


def test_the_linear_gaussian_case(rng):
    """x ~ N(0, I), mean A x, covariance S: with C = A A' + S all parts are log-determinants."""
    a, s = np.array([[0.8, 0.3], [0.2, 0.7]]), np.array([0.2, 0.3])
    c = a @ a.T + np.diag(s)
    n = 20_000
    x = rng.normal(size=(n, 2))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T, bias=True))).T  # covariance exactly I
    found = kl_decomposition(x @ a.T, np.tile(s, (n, 1)), rng=rng, samples=4000)
    log_det = np.linalg.slogdet(c)[1]
    assert within(found.mi, 0.5 * (log_det - np.log(s).sum()), 2e-3)
    assert within(found.tc, 0.5 * (np.log(np.diag(c)).sum() - log_det), 2e-3)
    assert found.dimension_wise_kl == pytest.approx(0.5 * (np.diag(c) - 1 - np.log(np.diag(c))).sum(), abs=2e-3)
    assert found.kl == pytest.approx(0.5 * (np.trace(a @ a.T) + s.sum() - 2 - np.log(s).sum()), abs=1e-10)
    assert found.mi.error < 0.03


def test_parts_add_up_to_the_closed_form(rng):
    mean, variance = rng.normal(size=(500, 4)), np.exp(rng.normal(size=(500, 4)))
    found = kl_decomposition(mean, variance, rng=rng, samples=50)
    closed = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(1).mean()
    assert found.kl == pytest.approx(closed, rel=1e-12)
    assert found.mi.value + found.tc.value + found.dimension_wise_kl == pytest.approx(closed, abs=found.quadrature_error + 1e-9)
    assert found.dimension_wise_kl_per_dim.sum() == pytest.approx(found.dimension_wise_kl)
    assert (found.images, found.samples) == (500, 50)


def test_draws_from_all_images_alike_by_hand():
    """Each image once, two of them twice; log q(z) by SciPy, one image at a time."""
    mean, variance = np.random.default_rng(0).normal(size=(2, 5, 2)) ** 2
    found = kl_decomposition(mean, variance, rng=np.random.default_rng(3), samples=7)
    twin = np.random.default_rng(3)
    rows = [*range(5), *twin.permutation(5)[:2]]
    z = mean[rows] + np.sqrt(variance[rows]) * twin.standard_normal((7, 2))
    log_each = norm(mean, np.sqrt(variance)).logpdf(z[:, None]).sum(2)
    mi = -logsumexp(log_each, axis=1, b=1 / 5) - norm(mean, np.sqrt(variance)).entropy().sum(1).mean()
    assert found.mi.value == pytest.approx(mi.mean(), rel=1e-10)
    assert found.mi.error == pytest.approx(np.sqrt(((mi - mi.mean()) ** 2).sum() / 6 / 7), rel=1e-10)
    assert found.tc.error == pytest.approx(found.mi.error, rel=1e-10)


def test_two_draws_are_enough_and_more_images_than_fit_in_a_block_are_not_too_many(rng):
    n = 300_000
    found = kl_decomposition(np.zeros((n, 1)), np.ones((n, 1)), rng=rng, samples=2)
    twin = np.random.default_rng(0)
    twin.permutation(n)
    assert found.mi.value == pytest.approx((twin.standard_normal(2) ** 2 / 2 - 0.5).mean())  # q(z) is the prior


@pytest.mark.parametrize("k", [3, 8])
def test_a_copied_latent_has_log_k_nats_of_total_correlation_and_of_information(rng, k):
    mean = np.tile(100.0 * np.arange(k)[:, None], (50, 2))
    found = kl_decomposition(mean, np.ones_like(mean), rng=rng, samples=4000)
    assert within(found.tc, math.log(k))
    assert within(found.mi, math.log(k))


def test_a_grid_with_a_latent_for_each_factor_has_no_total_correlation(rng):
    values = np.array([-1.0, 0.2, 2.0])
    mean = np.stack(np.meshgrid(values, values, values, indexing="ij"), -1).reshape(-1, 3)
    found = kl_decomposition(mean, np.tile([0.05, 0.4, 1.5], (27, 1)), rng=rng, samples=4000)
    assert within(found.tc, 0.0)


def test_a_code_that_tells_every_image_apart_has_log_n_nats_of_information(rng):
    mean = 50.0 * rng.permutation(300)[:, None].astype(float)
    found = kl_decomposition(mean, np.ones((300, 1)), rng=rng, samples=4000)
    assert within(found.mi, math.log(300))
    assert within(found.tc, 0.0, 1e-6)


def test_draws_are_spread_over_all_images(rng):
    """Images in order, the first half of which repeat one code: draws from the first alone would see no information."""
    mean = np.concatenate([np.zeros(5000), 50.0 * np.arange(1, 5001)])[:, None]
    found = kl_decomposition(mean, np.ones((10_000, 1)), rng=rng, samples=1000)
    assert within(found.mi, 0.5 * math.log(2) + 0.5 * math.log(10_000))


def test_far_from_the_origin_nothing_cancels(rng):
    mean, variance = rng.normal(size=(300, 2)), np.full((300, 2), 0.01)
    near = kl_decomposition(mean, variance, rng=np.random.default_rng(1), samples=200)
    far = kl_decomposition(mean + 1e6, variance, rng=np.random.default_rng(1), samples=200)
    assert far.tc.value == pytest.approx(near.tc.value, abs=1e-5)


def test_one_draw_is_no_estimate(rng):
    with pytest.raises(UsageError, match="samples is 1; allowed: at least 2"):
        kl_decomposition(np.zeros((3, 2)), np.ones((3, 2)), rng=rng, samples=1)


def test_the_prior_itself_has_nothing(rng):
    found = kl_decomposition(np.zeros((100, 3)), np.ones((100, 3)), rng=rng, samples=100_000)
    assert found.kl == pytest.approx(0, abs=1e-12)
    assert found.dimension_wise_kl == pytest.approx(0, abs=1e-6)
    assert within(found.mi, 0.0)


@pytest.mark.parametrize(
    ("mean", "variance"),
    [
        (np.zeros((0, 2)), np.zeros((0, 2))),
        (np.zeros((3, 2)), np.ones((3, 1))),
        (np.zeros((3, 2)), np.zeros((3, 2))),
        (np.full((3, 2), np.nan), np.ones((3, 2))),
        (np.array([[0.0, np.inf]]), np.ones((1, 2))),
        (np.zeros((1, 2)), np.array([[1.0, np.nan]])),
        (np.zeros((1, 2)), np.array([[1.0, np.inf]])),
        (np.zeros((1, 2)), np.array([[1.0, 0.0]])),
        (np.zeros(3), np.ones(3)),
    ],
)
def test_arrays_that_are_no_posteriors_are_refused(rng, mean, variance):
    with pytest.raises(UsageError):
        kl_decomposition(mean, variance, rng=rng)
