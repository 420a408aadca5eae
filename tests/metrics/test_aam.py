import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.metrics.aam import aam, aam_from_information
from unbraid.metrics.registry import metrics

fixed = settings(derandomize=True, max_examples=40, database=None)
seeds = st.integers(0, 2**32)


@fixed
@given(seeds, st.integers(2, 25), st.integers(1, 6))
def test_as_by_hand(by_hand, noisy, seed, bins, d):
    codes, factors = noisy(seed, n=120, d=d)
    information = by_hand(codes, factors, bins)
    expected = []
    for k in range(3):
        best, *others = sorted((row[k] for row in information), reverse=True)
        expected.append(max(0.0, best - sum(others)) / best)
    scores = aam(codes, factors, definition="locatello2019", bins=bins)
    assert list(scores["per_factor"].values()) == pytest.approx(expected, abs=1e-9)
    assert scores["score"] == pytest.approx(sum(expected) / 3, abs=1e-9)


def test_information_by_hand():
    information = np.array([[0.2, 0.1, 0.0], [1.0, 0.5, 0.0], [0.3, 0.6, 0.0]])
    assert aam_from_information(information).tolist() == pytest.approx([0.5, 0.0, 0.0])
    information = np.array([[0.1, 2.0], [0.8, 0.5], [0.1, 0.5], [0.2, 0.5]])
    assert aam_from_information(information).tolist() == pytest.approx([0.5, 0.25])


def test_a_perfect_code_scores_1_even_if_factors_have_more_values_than_bins(grid):
    factors = grid(3, 6, 40)
    codes = factors[:, [2, 0, 1]] * [-0.1, 100.0, 3.0]
    assert aam(codes, factors, factor_names=["a", "b", "c"]) == {"score": 1.0, "per_factor": {"a": 1.0, "b": 1.0, "c": 1.0}}


@pytest.mark.parametrize("n", [4, 10, 32])
def test_a_code_at_45_degrees_scores_0(rotated, n):
    codes, factors = rotated(n)
    assert aam(codes, factors, definition="locatello2019", bins=4 * n)["score"] == pytest.approx(0, abs=1e-12)


def test_chance_scores_0_with_three_latents_or_more():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [10, 10, 10], size=(2_000, 3))
    assert aam(rng.normal(size=(2_000, 3)), factors)["score"] == 0


@pytest.mark.parametrize(("bins", "expected"), [(10, 0.988), (20, 0.982), (40, 0.974)])
def test_bias_of_a_perfect_code_on_samples_of_dsprites(bins, expected):
    factors = np.random.default_rng(0).integers(0, [3, 6, 40, 32, 32], size=(10_000, 5))
    assert aam(factors.astype(float), factors, definition="locatello2019", bins=bins)["score"] == pytest.approx(
        expected, abs=0.003
    )


@pytest.mark.parametrize(("bins", "expected"), [(10, 0.967), (20, 0.948), (40, 0.916)])
def test_latents_that_know_nothing_lower_it(bins, expected):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 6, 40, 32, 32], size=(10_000, 5))
    codes = np.hstack([factors, rng.uniform(size=(10_000, 5))])
    assert aam(codes, factors, definition="locatello2019", bins=bins)["score"] == pytest.approx(expected, abs=0.01)


def test_nothing_known_is_0_and_no_ratio_of_rounding_errors(grid):
    factors = grid(3, 7, 11)
    scores = aam(factors[:, :2].astype(float), factors)
    assert list(scores["per_factor"].values()) == pytest.approx([1, 1, 0])
    assert scores["per_factor"]["2"] == 0


@fixed
@given(seeds, st.permutations(range(4)), st.lists(st.sampled_from([-3.0, -0.25, 0.5, 16.0]), min_size=4, max_size=4))
def test_order_sign_and_scale_of_latents_do_not_matter(noisy, seed, order, scales):
    codes, factors = noisy(seed)
    changed = codes[:, order] * scales + [1.0, -2.0, 0.0, 8.0]
    assert aam(changed, factors)["score"] == pytest.approx(aam(codes, factors)["score"], abs=1e-9)


def test_one_latent_has_no_rival(rotated):
    codes, factors = rotated(4)
    assert aam(codes[:, :1], factors, definition="locatello2019")["score"] == 1


def test_constant_codes_score_0(noisy):
    codes, factors = noisy(2)
    assert aam(np.ones_like(codes), factors) == {"score": 0.0, "per_factor": {"0": 0.0, "1": 0.0, "2": 0.0}}


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_low_precision_codes(kind, grid):
    factors = grid(3, 6, 10)
    assert aam(factors.astype(kind), factors)["score"] == 1


def test_it_is_registered_with_what_a_reader_must_know():
    assert metrics["aam"].factory is aam
    assert {"range", "chance", "blind"} <= set(metrics["aam"].details)


def test_by_default_neither_samples_nor_noise_lower_it(dsprites):
    codes, factors, noise = dsprites
    assert aam(np.hstack([codes, noise[:, :5]]), factors)["score"] == pytest.approx(1, abs=1e-9)
    assert aam(noise, factors)["score"] == 0
    assert aam(np.hstack([codes[:, :2], noise]), factors)["per_factor"] == pytest.approx(
        {"0": 1, "1": 1, "2": 0, "3": 0, "4": 0}
    )
