from collections import Counter
from itertools import product
from math import exp, factorial, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from unbraid.metrics.information.adaptive_bins import (
    adjusted_factor_information,
    adjusted_information,
    information_of_chance,
    plug_in_information,
)
from unbraid.metrics.information.histogram import mutual_information_matrix
from unbraid.metrics.information.types import adjusted_for_chance, beyond_chance

SIZES = [3, 6, 40, 32, 32]
fixed = settings(derandomize=True, max_examples=25, database=None)


def mean_over_orders(rows, columns):
    """Exactly: counts of a cell are hypergeometric."""
    n, total = sum(rows), 0.0
    for (a, b), cells in Counter(product(rows, columns)).items():
        x = np.arange(1, min(a, b) + 1)
        total += cells * (hypergeom.pmf(x, n, a, b) * x / n * np.log(x * n / (a * b))).sum()
    return total


@pytest.mark.parametrize(
    ("rows", "columns", "rel"),
    [
        ([500] * 20, [2500] * 4, 0.01),  # full cells: (20 - 1)(4 - 1) / 2 n
        ([250] * 40, [250] * 40, 0.01),  # six samples a cell
        ([25] * 40, [25] * 40, 0.03),  # less than one sample a cell
        ([10, 50, 140, 800], [900, 70, 30], 0.03),  # uneven
    ],
)
def test_information_of_chance_is_the_mean_over_all_orders(rows, columns, rel):
    found = information_of_chance(np.array(rows, float), np.array(columns, float))
    assert found == pytest.approx(mean_over_orders(rows, columns), rel=rel)


def test_information_of_chance_of_four_samples_by_its_formula():
    """Every rate is 1: sum of (1/2)(1/2) g(1) over four cells, by n - 1 = 3, where g(1) is E[X log X] of Poisson counts."""
    excess = sum(x * log(x) * exp(-1) / factorial(x) for x in range(1, 40))
    for counts in (np.array([2, 2]), np.array([2.0, 2.0])):
        assert information_of_chance(counts, counts) == pytest.approx(excess / 3, rel=1e-4)


def test_information_of_chance_of_full_cells():
    found = information_of_chance(np.full(20, 5e5), np.full(4, 2.5e6))
    assert found == pytest.approx(19 * 3 / (2 * 1e7), rel=1e-3)
    assert information_of_chance(np.array([10.0]), np.array([4.0, 6.0])) == 0
    assert information_of_chance(np.array([1.0]), np.array([1.0])) == 0


def test_the_chance_table_meets_its_series():
    below, above = (information_of_chance(np.full(2, n), np.full(2, n)) * 4 * n for n in (199.9, 200.1))
    assert below == pytest.approx(above, rel=1e-3)


@pytest.mark.parametrize("n", [1000, 10_000])
def test_noise_knows_nothing_and_a_perfect_code_all(n):
    rng = np.random.default_rng(1)
    factors = rng.integers(0, SIZES, size=(n, 5))
    noise = adjusted_information(rng.normal(size=(n, 20)), factors)
    assert not noise.live.any()
    assert noise.matrix.mean(0) == pytest.approx(0, abs=0.03 * 1000 / n)
    plain = mutual_information_matrix(rng.normal(size=(n, 20)), factors)
    assert plain.mean(0)[2] > 0.03 * (10_000 / n) ** 0.9  # what would be there without adjustment
    perfect = adjusted_information(factors[:, [2, 0, 4, 1, 3]] * [-1.0, 3, 1e6, 0.1, 1], factors)
    assert perfect.shares[[1, 3, 0, 4, 2], range(5)] == pytest.approx(np.ones(5), abs=1e-12)
    assert perfect.known.sum() == 5
    noisy = adjusted_information(factors + rng.normal(size=factors.shape) * 0.05, factors)
    assert np.diag(noisy.shares) == pytest.approx(np.ones(5), abs=1e-12)


def test_the_estimate_of_a_noisy_channel():
    """A code that is the factor with probability 3/4 and any other value elsewhere, and jitter within values."""
    rng = np.random.default_rng(0)
    factor = rng.integers(0, 8, size=(40_000, 1))
    sent = np.where(rng.random((40_000, 1)) < 0.75, factor, (factor + rng.integers(1, 8, size=factor.shape)) % 8)
    closed = log(8) + 0.75 * log(0.75) + 0.25 * log(0.25 / 7)
    found = adjusted_information(sent + rng.uniform(-0.3, 0.3, sent.shape), factor)
    assert found.matrix[0, 0] == pytest.approx(closed, abs=0.02)
    assert found.matrix[0, 0] <= closed + 0.015
    assert adjusted_information(sent.astype(float), factor).matrix[0, 0] == pytest.approx(closed, abs=0.015)


def test_a_latent_at_45_degrees_knows_half_a_nat():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 10, size=(50_000, 2))
    first, second = factors.T.astype(float)
    found = adjusted_information(np.stack([first + second, first - second], 1), factors)
    assert 0.42 < found.matrix.min() <= found.matrix.max() < 0.4912 + 0.005  # bins of ten lose a little of 0.4912


@fixed
@given(st.integers(0, 2**32), st.lists(st.sampled_from([-3.0, -0.25, 0.5, 16.0]), min_size=4, max_size=4))
def test_only_the_order_of_codes_matters(noisy, seed, scales):
    codes, factors = noisy(seed)
    expected = adjusted_information(codes, factors).matrix
    assert adjusted_information(codes * scales, factors).matrix == pytest.approx(expected, abs=1e-12)
    assert adjusted_information(np.arctan(codes), factors).matrix == pytest.approx(expected, abs=1e-12)
    outlier = codes.copy()
    outlier[outlier.argmax(0), range(4)] = 1e9
    assert adjusted_information(outlier, factors).matrix == pytest.approx(expected, abs=1e-12)


def test_equal_codes_share_a_bin():
    """Whatever the order of rows: half of the codes are one number."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, size=(400, 1))
    codes = np.where(rng.random((400, 1)) < 0.5, 0.0, rng.normal(size=(400, 1)))
    order = np.argsort(factors[:, 0])
    found = adjusted_information(codes, factors).matrix[0, 0]
    assert adjusted_information(codes[order], factors[order]).matrix[0, 0] == pytest.approx(found, abs=1e-12)


def test_factors_know_of_each_other_what_they_share(grid):
    independent = grid(3, 4)
    assert adjusted_factor_information(independent) == pytest.approx(np.diag([log(3), log(4)]))
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, [40, 32], size=(10_000, 2))
    assert adjusted_factor_information(drawn)[0, 1] < 0.01  # 0.06 before adjustment
    first = rng.integers(0, 6, size=10_000)
    parted = np.stack([first, first // 2], 1)
    assert adjusted_factor_information(parted)[0, 1] == pytest.approx(log(3), abs=0.002)


def test_adjustment_by_hand():
    found = adjusted_for_chance(np.array([[0.1, 1.0, 0.55, 0.0]]), np.full((1, 4), 0.1), np.array([1.0, 1.0, 1.0, 0.0]))
    assert found[0] == pytest.approx([0, 1, 0.5, 0])
    known = beyond_chance(np.array([[0.1 + 0.039, 0.1 + 0.041, 0.0]]), np.array([[0.1, 0.1, 0.0]]), 1000)
    assert known.tolist() == [[False, True, False]]  # four times sqrt(0.1 / 1000) is 0.04


def test_noise_is_rarely_taken_for_knowledge():
    rng = np.random.default_rng(3)
    factors = rng.integers(0, SIZES, size=(2000, 5))
    assert adjusted_information(rng.normal(size=(2000, 200)), factors).known.mean() <= 0.003


def test_constant_latents_and_factors_and_three_samples():
    factors = np.array([[0, 1], [1, 1], [2, 1]])
    found = adjusted_information(np.array([[0.0, 5.0], [1.0, 5.0], [7.0, 5.0]]), factors)
    assert np.isfinite(found.matrix).all()
    assert (found.matrix[1] == 0).all()
    assert (found.matrix[:, 1] == 0).all()
    assert not found.live[1]
    assert np.isfinite(found.shares).all()


def test_what_plug_in_information_says_of_chance():
    rng = np.random.default_rng(0)
    codes, factors = np.hstack([rng.uniform(size=(20_000, 3)), np.ones((20_000, 1))]), rng.integers(0, 6, size=(20_000, 2))
    found = plug_in_information(codes, factors, bins=20)
    assert found.chance == pytest.approx(np.outer([19, 19, 19, 0], [5, 5]) / 40_000)
    assert found.live.tolist() == [True, True, True, False]
