from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.errors import UsageError
from unbraid.metrics.information.mixture_entropy import Quadrature, mixture_entropy

NORMAL = 0.5 * math.log(2 * math.pi * math.e)


def by_brute_force(mean: np.ndarray, variance: np.ndarray) -> float:
    """-sum q log q on a grid twenty times as fine as the narrowest component."""
    sigma = np.sqrt(variance)
    x = np.arange((mean - 9 * sigma).min(), (mean + 9 * sigma).max(), sigma.min() / 20)
    parts = [np.exp(-0.5 * (x - m) ** 2 / v) / math.sqrt(2 * math.pi * v) for m, v in zip(mean, variance, strict=True)]
    q = np.mean(parts, axis=0)
    return float(-(q * np.log(np.where(q > 0, q, 1))).sum() * (x[1] - x[0]))


@pytest.mark.parametrize("mean", [0.0, 0.3, -1e3])
@pytest.mark.parametrize("sigma", [1e-4, 0.7, 50.0])
def test_one_normal(mean, sigma):
    found = mixture_entropy(np.array([mean]), np.array([sigma**2]))
    assert found.value == pytest.approx(NORMAL + math.log(sigma), abs=1e-7)
    assert found.error < 2e-5


@pytest.mark.parametrize("k", [2, 7, 40])
def test_separate_normals_of_one_width_add_log_k(k):
    found = mixture_entropy(np.repeat(30.0 * np.arange(k), 50), np.full(50 * k, 0.25))
    assert found.value == pytest.approx(math.log(k) + NORMAL + math.log(0.5), abs=1e-6)


def test_separate_normals_of_two_widths():
    """log 2 + the mean of their entropies."""
    found = mixture_entropy(np.array([-100.0, 100.0]), np.array([0.01, 4.0]))
    assert found.value == pytest.approx(math.log(2) + NORMAL + 0.25 * math.log(0.04), abs=1e-6)


@settings(max_examples=60, derandomize=True)
@given(st.integers(1, 25), st.floats(-2, 0.5), st.floats(0, 1.5), st.integers(0, 2**32 - 1))
def test_the_truth_lies_within_the_error(n, log10_sigma, spread, seed):
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=n)
    variance = 10 ** (2 * (log10_sigma + spread * rng.uniform(-0.5, 0.5, size=n)))
    found = mixture_entropy(mean, variance)
    assert abs(found.value - by_brute_force(mean, variance)) <= found.error + 1e-8
    assert found.error < 1e-3


def test_many_images_of_normal_means_are_a_normal():
    rng = np.random.default_rng(0)
    mean = rng.normal(size=200_000)
    mean = (mean - mean.mean()) / mean.std()
    found = mixture_entropy(mean, np.full(200_000, 0.05))
    assert found.value == pytest.approx(NORMAL + 0.5 * math.log(1.05), abs=1e-4)
    assert found.error < 2e-5


def test_the_error_is_four_times_what_a_grid_half_as_fine_is_off(monkeypatch):
    from unbraid.metrics.information import mixture_entropy as module

    mean, variance = np.array([0.0, 3.0]), np.array([1.0, 0.01])
    monkeypatch.setattr(module, "_entropies_on_grid", lambda grid, m, v, sizes: np.array([1.0 + grid.spacing]))
    found = mixture_entropy(mean, variance)
    assert found.error == pytest.approx(4 * 0.9 * (found.value - 1.0))


def test_scale_and_shift():
    rng = np.random.default_rng(1)
    mean, variance = rng.normal(size=100), rng.uniform(0.01, 0.2, size=100)
    base = mixture_entropy(mean, variance).value
    assert mixture_entropy(-3 * mean + 7, 9 * variance).value == pytest.approx(base + math.log(3), abs=1e-6)


@pytest.mark.parametrize("variance", [1e-13, 1e-10])
def test_collapsed_posteriors_are_widened_within_the_stated_bound(variance):
    """So narrow that every image stands alone: log N + the entropy of one."""
    mean = np.random.default_rng(2).permutation(np.linspace(-3, 3, 1000))
    exact = math.log(1000) + NORMAL + 0.5 * math.log(variance)
    found = mixture_entropy(mean, np.full(1000, variance))
    assert exact <= found.value <= exact + found.error
    assert found.error > 0.1


def test_components_are_widened_to_two_points_of_the_largest_grid_and_the_error_says_by_how_much():
    mean, variance = np.array([0.0, 1.0]), np.array([1e-12, 100.0])
    quadrature = Quadrature.over(mean, variance)
    span = 1 + 12 * 10  # of the means, and 6 standard deviations of the widest on either side
    assert quadrature.narrowest == pytest.approx((2 * span / 2**16) ** 2)
    widening = 0.5 * 0.5 * math.log(quadrature.narrowest / 1e-12)  # of one of two
    assert widening <= mixture_entropy(mean, variance).error < widening + 0.01
    grid = quadrature.coarse
    x = grid.low + grid.spacing * np.arange(grid.size)
    widths = np.sqrt([quadrature.narrowest, 100.0])
    exact = np.mean([np.exp(-0.5 * ((x - m) / w) ** 2) / w for m, w in zip(mean, widths, strict=True)], axis=0)
    (density,) = next(quadrature.densities(mean, variance, np.array([2])))
    assert np.abs(density - exact / math.sqrt(2 * math.pi)).max() < 0.05 * exact.max()


def test_an_outlier_costs_accuracy_and_says_so():
    mean = np.append(np.linspace(-1, 1, 999), 1e6)
    found = mixture_entropy(mean, np.full(1000, 1e-4))
    near = mixture_entropy(mean[:-1], np.full(999, 1e-4))
    exact = 0.999 * (near.value - math.log(0.999)) + 0.001 * (NORMAL + math.log(0.01) - math.log(0.001))
    assert abs(found.value - exact) <= found.error


@pytest.mark.parametrize(("mean", "variance"), [(math.nan, 1.0), (0.0, 0.0), (0.0, -1.0), (0.0, math.inf), (math.inf, 1.0)])
def test_what_is_no_normal_is_refused(mean, variance):
    with pytest.raises(UsageError, match="finite"):
        mixture_entropy(np.array([0.0, mean]), np.array([1.0, variance]))


def test_several_mixtures_at_once_are_each_on_its_own():
    rng = np.random.default_rng(4)
    mean, variance, sizes = rng.normal(size=600), 10 ** rng.uniform(-3, 0, size=600), np.array([1, 99, 300, 200])
    quadrature = Quadrature.over(mean, variance)
    values, errors = quadrature.entropies(mean, variance, sizes)
    for own, value, error in zip(np.split(np.arange(600), np.cumsum(sizes)[:-1]), values, errors, strict=True):
        (alone,), (its_error,) = quadrature.entropies(mean[own], variance[own], np.array([len(own)]))
        assert (value, error) == pytest.approx((alone, its_error), abs=1e-12)
        exact = mixture_entropy(mean[own], variance[own])  # on a grid of its own
        assert value == pytest.approx(exact.value, abs=error + exact.error)
