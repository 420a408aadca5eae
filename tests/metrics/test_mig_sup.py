import numpy as np
import pytest

from unbraid.metrics.mig_sup import mig_sup


def test_perfect_codes_copies_and_missing_factors_score_1(dsprites):
    codes, factors, noise = dsprites
    assert mig_sup(codes, factors)["score"] == pytest.approx(1, abs=0.002)
    found = mig_sup(np.hstack([codes[:, [2, 2, 4]], noise]), factors)
    assert found["score"] == pytest.approx(1, abs=0.002)
    assert found["live"] == 3
    assert found["per_latent"][3:] == [None] * 10


def test_it_divides_by_the_entropy_of_the_factor(grid):
    """A latent that knows a factor of two values, and one bit in three of one of eight: 1 - 1/3."""
    factors = np.tile(grid(2, 4), (100, 1))
    factors = np.stack([factors[:, 0], 4 * factors[:, 0] + factors[:, 1]], 1)
    found = mig_sup(factors[:, :1].astype(float), factors)
    assert found["per_latent"] == pytest.approx([1 - 1 / 3], abs=0.01)
    assert mig_sup(factors[:, 1:].astype(float), factors)["per_latent"] == pytest.approx([0], abs=1e-9)


def test_a_rotation_scores_0_and_so_do_noise_and_constants(rotated, dsprites):
    codes, factors = rotated(10)
    assert mig_sup(np.tile(codes, (100, 1)), np.tile(factors, (100, 1)))["score"] == pytest.approx(0, abs=0.02)
    for nothing in (dsprites[2], np.zeros((10_000, 2))):
        found = mig_sup(nothing, dsprites[1])
        assert (found["score"], found["live"]) == (0.0, 0)
