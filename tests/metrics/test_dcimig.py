from math import log

import numpy as np
import pytest

from unbraid.metrics.dcimig import credited_gaps, dcimig


def test_gaps_by_hand():
    """Latents 0 and 2 know factor 0 best, with gaps of 1 and 2; latent 1 knows factor 1, with a gap of 3; factor 2 has none."""
    information = np.array([[2.0, 1.0, 0.0], [1.0, 4.0, 0.5], [5.0, 3.0, 3.0]])
    assert credited_gaps(information).tolist() == [2, 3, 0]
    assert credited_gaps(np.array([[2.0], [3.0]])).tolist() == [3]
    assert credited_gaps(np.zeros((2, 3))).tolist() == [0, 0, 0]


def test_the_code_of_carbonneau_one_latent_at_a_time(noisy, by_hand):
    codes, factors = noisy(1)
    gaps = [0.0] * 3
    for row in by_hand(codes, factors, 10):
        first, second = sorted(row, reverse=True)[:2]
        gaps[row.index(first)] = max(gaps[row.index(first)], first - second)
    shares = [np.bincount(column) / 300 for column in factors.T]
    total = sum(-(share * np.log(share)).sum() for share in shares)
    assert dcimig(codes, factors, definition="locatello2019", bins=10)["score"] == pytest.approx(sum(gaps) / total)


def test_known_codes(dsprites, rotated):
    codes, factors, noise = dsprites
    assert dcimig(codes[:, [4, 2, 0, 1, 3]] * [-1, 1e-4, 1, 1, 1], factors)["score"] == pytest.approx(1, abs=0.002)
    assert dcimig(np.hstack([codes, codes, noise]), factors)["score"] == pytest.approx(1, abs=0.002)  # blind to copies
    assert dcimig(noise, factors)["score"] < 0.002
    assert dcimig(np.ones((10_000, 2)), factors)["score"] == 0
    mixed, own = rotated(10)
    assert dcimig(np.tile(mixed, (100, 1)), np.tile(own, (100, 1)))["score"] == pytest.approx(0, abs=0.01)


def test_factors_weigh_by_their_entropy(dsprites):
    codes, factors, _ = dsprites
    found = dcimig(codes[:, [0]], factors, factor_names=list("abcde"))
    assert found["per_factor"] == pytest.approx({"a": 1, "b": 0, "c": 0, "d": 0, "e": 0}, abs=0.002)
    assert found["score"] == pytest.approx(log(3) / log(3 * 6 * 40 * 32 * 32), abs=0.002)


def test_posteriors_are_taken_where_they_are_known(grid):
    """Means that are told apart, but posteriors so wide that nothing is."""
    factors = np.tile(grid(3, 3), (50, 1))
    mean = factors * 1.0
    assert dcimig(mean, factors)["score"] == pytest.approx(1, abs=0.02)
    assert dcimig(mean=mean, variance=np.full(mean.shape, 1e4), factors=factors)["score"] < 0.01


def test_a_factor_of_two_values():
    factors = np.tile([0, 1], 30)[:, None]
    assert dcimig(factors * 1.0, factors) == {"score": pytest.approx(1), "per_factor": pytest.approx({"0": 1})}
