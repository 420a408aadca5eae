from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.errors import UsageError
from unbraid.metrics.mig import mig, mig_from_information
from unbraid.metrics.registry import metrics

fixed = settings(derandomize=True, max_examples=40, database=None)
seeds = st.integers(0, 2**32)


@fixed
@given(seeds, st.integers(2, 25), st.integers(1, 6))
def test_as_by_hand(by_hand, noisy, seed, bins, d):
    codes, factors = noisy(seed, n=120, d=d)
    information = by_hand(codes, factors, bins)
    gaps = []
    for k in range(3):
        known = [*sorted((row[k] for row in information), reverse=True), 0.0]
        shares = [factors[:, k].tolist().count(value) / 120 for value in set(factors[:, k].tolist())]
        gaps.append((known[0] - known[1]) / -sum(p * log(p) for p in shares))
    scores = mig(codes, factors, definition="locatello2019", bins=bins)
    assert list(scores["per_factor"].values()) == pytest.approx(gaps, abs=1e-12)
    assert scores["score"] == pytest.approx(sum(gaps) / 3, abs=1e-12)


def test_a_perfect_code_scores_1(grid):
    factors = grid(3, 6, 10)
    codes = factors[:, [2, 0, 1]] * [-0.1, 100.0, 3.0] + [5.0, 0.0, -7.0]
    scores = mig(codes, factors, factor_names=["shape", "scale", "x"])
    assert scores["per_factor"] == pytest.approx({"shape": 1, "scale": 1, "x": 1}, rel=1e-12)
    assert scores["score"] == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("n", [4, 10, 32])
def test_a_code_at_45_degrees_scores_0(rotated, n):
    codes, factors = rotated(n)
    assert mig(codes, factors, definition="locatello2019", bins=4 * n)["score"] == pytest.approx(0, abs=1e-12)


def test_one_latent_that_mixes_two_factors(rotated):
    """(H(v1 + v2) - log 4) / log 4 each: nothing rivals the lone latent."""
    codes, factors = rotated(4)
    scores = mig(codes[:, :1], factors, definition="locatello2019")
    assert list(scores["per_factor"].values()) == pytest.approx([0.4545 / log(4)] * 2, abs=1e-4)


@pytest.mark.parametrize(
    ("bins", "expected", "mean"),
    [
        (10, [0.999, 0.999, 0.620, 0.659, 0.659], 0.787),
        (20, [0.998, 0.997, 0.802, 0.842, 0.842], 0.896),
    ],
)
def test_ceilings_of_histograms_on_dsprites(bins, expected, mean):
    """A perfect code of more values than bins cannot score 1."""
    factors = np.random.default_rng(0).integers(0, [3, 6, 40, 32, 32], size=(10_000, 5))
    scores = mig(factors.astype(float), factors, definition="locatello2019", bins=bins)
    assert list(scores["per_factor"].values()) == pytest.approx(expected, abs=0.01)
    assert scores["score"] == pytest.approx(mean, abs=0.004)


def test_a_full_grid_of_40_values_in_20_bins(grid):
    """Two values to a bin leave log 20 of log 40."""
    factors = np.tile(grid(40), (3, 1))
    found = mig(factors.astype(float), factors, definition="locatello2019")["score"]
    assert found == pytest.approx(log(20) / log(40), rel=1e-12)


def test_chance_scores_0():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 6, 10], size=(10_000, 3))
    assert mig(rng.normal(size=(10_000, 10)), factors)["score"] < 0.002


@fixed
@given(seeds, st.permutations(range(4)), st.lists(st.sampled_from([-3.0, -0.25, 0.5, 16.0]), min_size=4, max_size=4))
def test_order_sign_and_scale_of_latents_do_not_matter(noisy, seed, order, scales):
    codes, factors = noisy(seed)
    changed = codes[:, order] * scales + [1.0, -2.0, 0.0, 8.0]
    assert mig(changed, factors)["score"] == pytest.approx(mig(codes, factors)["score"], abs=1e-12)


def test_order_of_samples_and_of_factors_does_not_matter(noisy):
    codes, factors = noisy(5)
    expected = mig(codes, factors, factor_names=["a", "b", "c"])["per_factor"]
    shuffled = np.random.default_rng(0).permutation(len(codes))
    assert mig(codes[shuffled], factors[shuffled], factor_names=["a", "b", "c"])["per_factor"] == pytest.approx(expected)
    assert mig(codes, factors[:, [2, 0, 1]], factor_names=["c", "a", "b"])["per_factor"] == pytest.approx(expected)


def test_latents_are_columns(grid):
    """As many samples as latents: an array that is read the wrong way round has the same shape."""
    factors = grid(2, 2)
    codes = np.array([[0.0, 0, 0, 7], [0, 0, 1, 7], [1, 0, 0, 7], [1, 0, 1, 7]])
    assert mig(codes, factors, definition="locatello2019")["score"] == pytest.approx(1)
    assert mig(codes.T.copy(), factors, definition="locatello2019")["score"] < 0.95


def test_constant_codes_score_0(noisy):
    codes, factors = noisy(2)
    assert mig(np.ones_like(codes), factors) == {"score": 0.0, "per_factor": {"0": 0.0, "1": 0.0, "2": 0.0}}


def test_a_copied_latent_leaves_no_gap(grid):
    factors = grid(3, 4)
    scores = mig(factors[:, [0, 0, 1]].astype(float), factors)
    assert list(scores["per_factor"].values()) == pytest.approx([0, 1])


def test_fewer_latents_than_factors(grid):
    factors = grid(3, 4, 5)
    scores = mig(factors[:, :2].astype(float), factors)
    assert list(scores["per_factor"].values()) == pytest.approx([1, 1, 0])


def test_the_gap_is_between_the_two_best():
    information = np.array([[0.2, 0.0], [0.9, 0.3], [0.5, 0.1]])
    assert mig_from_information(information, np.array([2.0, 0.4])).tolist() == pytest.approx([0.2, 0.5])


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_low_precision_codes(kind, grid):
    factors = grid(3, 6, 10)
    assert mig(factors.astype(kind), factors)["score"] == pytest.approx(1, rel=1e-12)


def test_wrong_arrays_are_refused():
    with pytest.raises(UsageError, match=r"codes\[7, 2\] is nan"):
        mig(np.where(np.arange(150).reshape(50, 3) == 23, np.nan, 0.0), np.zeros((50, 2), dtype=np.int64))
    with pytest.raises(UsageError, match=r"1 factor names \(a\) for 2 factors"):
        mig(np.zeros((50, 3)), np.zeros((50, 2), dtype=np.int64), factor_names=["a"])


def test_it_is_registered_with_what_a_reader_must_know():
    entry = metrics["mig"]
    assert entry.factory is mig
    assert {"range", "chance", "blind"} <= set(entry.details)


def test_by_default_a_perfect_code_scores_1_whatever_the_numbers_of_values(dsprites):
    codes, factors, noise = dsprites
    assert mig(codes, factors)["score"] == pytest.approx(1, abs=0.002)
    assert mig(noise, factors)["score"] < 0.001
    jitter = codes + np.random.default_rng(0).normal(size=codes.shape) * 0.003
    jitter[17] = 50  # one outlier, which leaves bins of equal width with next to nothing
    assert mig(jitter, factors)["score"] == pytest.approx(0.99, abs=0.01)
    assert mig(jitter, factors, definition="locatello2019")["score"] < 0.05


def test_shares_of_the_code_one_latent_at_a_time(noisy, by_hand):
    codes, factors = noisy(2)
    shares = []
    for row, code in zip(by_hand(codes, factors, 10), codes.T, strict=True):
        counts = np.bincount(np.minimum(((code - code.min()) / np.ptp(code) * 10).astype(int), 9))
        share = counts[counts > 0] / 300
        shares.append([value / -(share * np.log(share)).sum() for value in row])
    expected = [sorted(column)[-1] - sorted(column)[-2] for column in zip(*shares, strict=True)]
    found = mig(codes, factors, definition="carbonneau2022", bins=10)
    assert list(found["per_factor"].values()) == pytest.approx(expected)


def test_a_latent_that_tells_more_than_the_factor_needs(grid):
    """Ten values, five of which go with each value of the factor: log 2 of log 10."""
    factors = np.tile(grid(2, 5), (10, 1))
    code = (5 * factors[:, :1] + factors[:, 1:]).astype(float)
    found = mig(code, factors[:, :1], definition="carbonneau2022", bins=10)
    assert found["score"] == pytest.approx(log(2) / log(10))
    assert mig(code, factors[:, :1], definition="locatello2019", bins=10)["score"] == pytest.approx(1)


def test_the_robust_gap_reads_posteriors_in_bins(grid):
    """RMIG: a copy of a latent with posteriors so wide that it tells nothing is no rival."""
    factors = np.tile(grid(2, 5), (20, 1))
    mean = np.hstack([(factors - [0.5, 2]) * 1.6 + 0.04, factors[:, :1] * 1e-3])
    variance = np.hstack([np.full((200, 2), 1e-6), np.ones((200, 1))])
    assert mig(mean=mean, variance=variance, factors=factors, definition="do2020")["score"] == pytest.approx(1, abs=1e-4)
    variance[:, 0] = 100.0
    assert mig(mean=mean, variance=variance, factors=factors, definition="do2020")["per_factor"]["0"] < 0.1
