from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from unbraid.errors import UsageError
from unbraid.metrics.information.histogram import (
    check_codes,
    entropy,
    equal_width_bins,
    factor_entropies,
    mutual_information_matrix,
)

fixed = settings(derandomize=True, max_examples=40, database=None)
seeds = st.integers(0, 2**32)


@fixed
@given(seeds, st.integers(2, 25))
def test_as_by_hand_and_as_scikit_learn(by_hand, noisy, seed, bins):
    codes, factors = noisy(seed, n=120)
    information = mutual_information_matrix(codes, factors, bins=bins)
    assert information.shape == (4, 3)
    assert np.allclose(information, by_hand(codes, factors, bins), rtol=1e-12, atol=1e-15)
    binned = equal_width_bins(codes, bins)
    for j in range(4):
        for k in range(3):
            assert information[j, k] == pytest.approx(mutual_info_score(binned[:, j], factors[:, k]), abs=1e-12)


@pytest.mark.parametrize(("n", "expected"), [(4, 0.4545), (10, 0.4912), (32, 0.49895)])
def test_two_factors_read_at_45_degrees(rotated, n, expected):
    """Both codes know H(v1 + v2) - log n of both factors, which the triangular law of the sum gives."""
    codes, factors = rotated(n)
    shares = [(n - abs(s - (n - 1))) / n**2 for s in range(2 * n - 1)]
    closed = -sum(p * log(p) for p in shares) - log(n)
    assert closed == pytest.approx(expected, abs=6e-5)
    information = mutual_information_matrix(codes, factors, bins=4 * n)  # more than 2 n - 1 values, none in one bin
    assert information == pytest.approx(np.full((2, 2), closed), rel=1e-12)


def test_a_code_that_is_the_factor_knows_its_entropy(grid):
    factors = grid(2, 3, 5)
    information = mutual_information_matrix(factors.astype(float), factors)
    assert np.allclose(np.diag(information), np.log([2, 3, 5]), rtol=1e-14)


def test_independence_is_exactly_nothing(grid):
    """No rounding noise that a ratio of two informations could take for knowledge."""
    factors = grid(3, 7, 11)
    information = mutual_information_matrix(factors[:, [1, 2, 0]].astype(float), factors)
    known = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype=bool)
    assert (information[~known] == 0).all()
    assert (information[known] > 1).all()


def test_a_constant_latent_knows_exactly_nothing(noisy):
    codes, factors = noisy(0)
    codes[:, 2] = 0.1
    assert (mutual_information_matrix(codes, factors)[2] == 0).all()
    assert (equal_width_bins(codes, 20)[:, 2] == 0).all()


def test_chance_is_biased_by_the_number_of_cells():
    rng = np.random.default_rng(0)
    codes, factors = rng.uniform(size=(20_000, 40)), rng.integers(0, 6, size=(20_000, 3))
    bias = mutual_information_matrix(codes, factors, bins=20).mean()
    assert bias == pytest.approx(19 * 5 / (2 * 20_000), rel=0.05)


def test_bins_by_hand():
    codes = np.array([[0.0], [0.9], [1.0], [1.9], [3.9], [4.0]])
    assert equal_width_bins(codes, 4)[:, 0].tolist() == [0, 0, 1, 1, 3, 3]  # the last bin holds its upper edge
    assert equal_width_bins(codes - 100, 4)[:, 0].tolist() == [0, 0, 1, 1, 3, 3]


@fixed
@given(seeds, st.integers(2, 30))
def test_bins_are_those_of_numpy_histograms(noisy, seed, bins):
    codes, _ = noisy(seed)
    counts = [np.bincount(column, minlength=bins) for column in equal_width_bins(codes, bins).T]
    assert np.array_equal(counts, [np.histogram(column, bins)[0] for column in codes.T])


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1.7e308], ids=str)
def test_bins_of_tiny_and_huge_ranges(scale):
    codes = np.linspace(-1, 1, 11)[:, None] * scale
    assert equal_width_bins(codes, 4)[:, 0].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_precision_of_the_codes_does_not_matter(kind, grid):
    factors = grid(4, 5)
    codes = (factors * [1000, 0.001]).astype(kind)
    information = mutual_information_matrix(codes, factors)
    assert np.allclose(information, np.diag(np.log([4, 5])), atol=1e-12)


def test_values_of_factors_are_names_only(noisy):
    codes, factors = noisy(1)
    renamed = np.array([70, -3, 10**9, 0, 5])[factors].astype(np.int64)
    assert np.allclose(mutual_information_matrix(codes, renamed), mutual_information_matrix(codes, factors), rtol=1e-14)


def test_entropies():
    assert entropy(np.array([5, 5, 9, -1])) == pytest.approx(1.5 * log(2), rel=1e-14)
    assert entropy(np.zeros(7, dtype=np.int64)) == 0
    factors = np.array([[0, 1], [1, 1], [0, 2], [1, 3]])
    assert factor_entropies(factors) == pytest.approx([log(2), 1.5 * log(2)], rel=1e-14)


FACTORS = np.zeros((6, 2), dtype=np.int64)


@pytest.mark.parametrize(
    ("codes", "factors", "text"),
    [
        (
            np.zeros((2, 6)),
            FACTORS,
            "2 rows of codes but 6 rows of factors. The codes look transposed: give one row",
        ),
        (np.zeros((5, 3)), FACTORS, r"5 rows of codes but 6 rows of factors\.$"),
        (np.zeros((9, 2)), FACTORS, r"9 rows of codes but 6 rows of factors\.$"),
        (np.zeros((0, 3)), FACTORS, r"codes must be a filled array \(samples, columns\), given shape \(0, 3\)"),
        (np.zeros((6, 0)), FACTORS, r"given shape \(6, 0\)"),
        (np.zeros((6, 3)), np.zeros((6, 0), dtype=np.int64), r"factors must be a filled array .* given shape \(6, 0\)"),
        (np.zeros((6, 3)), np.zeros((6, 2)), "factors must be whole numbers.*given float64"),
        (np.zeros(6), FACTORS, r"given shape \(6,\)"),
        (np.zeros((6, 3), dtype=complex), FACTORS, "codes must be real numbers, given complex128"),
    ],
    ids=["transposed", "rows", "rows, as wide", "no samples", "no latents", "no factors", "fractions", "one axis", "complex"],
)
def test_arrays_that_are_refused(codes, factors, text):
    with pytest.raises(UsageError, match=text):
        check_codes(codes, factors)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named(value):
    codes = np.zeros((6, 3))
    codes[4, 1] = value
    codes[5, 0] = value
    with pytest.raises(UsageError, match=rf"codes\[4, 1\] is {value}; codes must be finite"):
        mutual_information_matrix(codes, FACTORS)


@pytest.mark.parametrize("bins", [1, 0, -3])
def test_one_bin_is_refused(bins):
    with pytest.raises(UsageError, match=f"bins is {bins}; allowed: at least 2"):
        mutual_information_matrix(np.zeros((6, 3)), FACTORS, bins=bins)
