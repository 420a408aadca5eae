import numpy as np
import pytest

from unbraid.metrics.irs import irs, robustness


def test_robustness_one_value_at_a_time(noisy):
    codes, factors = noisy(0)
    matrix, largest = robustness(codes, factors, 0.9)
    for j in range(4):
        worst = max(abs(codes[:, j] - codes[:, j].mean()))
        assert largest[j] == pytest.approx(worst)
        for k in range(3):
            steps = []
            for value in set(factors[:, k].tolist()):
                own = codes[factors[:, k] == value, j]
                steps.append(np.percentile(abs(own - own.mean()), 90))
            assert matrix[j, k] == pytest.approx(max(0, 1 - np.mean(steps) / worst))


def test_known_codes(dsprites):
    codes, factors, _ = dsprites
    assert irs(codes * [1, -1e-3, 9, 1, 1], factors)["score"] == pytest.approx(1)
    uniform = np.random.default_rng(1).uniform(size=(10_000, 5))
    assert irs(uniform, factors)["score"] == pytest.approx(0, abs=0.01)
    padded = irs(np.hstack([codes, np.zeros((10_000, 1))]), factors)
    assert (padded["score"], padded["live"], padded["per_latent"][5]) == (pytest.approx(1), 5, None)
    assert irs(np.ones((10_000, 2)), factors)["score"] == 0


def test_merged_values_and_weights(dsprites, grid):
    codes, factors, _ = dsprites
    merged = irs(codes, factors, definition="locatello2019")["per_latent"]
    assert merged[:2] == pytest.approx([1, 1])
    assert merged[2] == pytest.approx(1 - 0.5 / 19.5, abs=0.003)  # pairs of forty values, half a step from their mean
    values = np.tile(grid(2, 2), (10, 1))
    codes = np.stack([values[:, 0] * 3.0, values @ [0.5, 0.5]], 1)  # 1 and 1/2, weighted by 1.5 and 0.5
    assert irs(codes, values)["score"] == pytest.approx((1.5 * 1 + 0.5 * 0.5) / 2)


def test_outliers_and_percentiles(dsprites):
    codes, factors, _ = dsprites
    noisy = codes + np.random.default_rng(2).normal(size=codes.shape) * 0.02
    published, paper = irs(noisy, factors, definition="locatello2019"), irs(noisy, factors)
    assert published["per_latent"][0] > paper["per_latent"][0] + 0.01


def test_less_than_nothing_counts_as_nothing():
    """Values of which nine in ten samples have one code: the tenth is further from their mean than anything from the mean."""
    factors = np.repeat([0, 1], 10)[:, None]
    codes = np.array([0.0] * 9 + [1] + [1] * 9 + [0])[:, None]
    assert irs(codes, factors)["score"] == 0


def test_a_constant_latent_has_no_robustness_and_no_weight():
    factors = np.repeat([0, 1], 5)[:, None]
    codes = np.stack([np.full(10, 0.1), factors[:, 0] * 2.0], 1)
    assert codes.mean(0)[0] != 0.1  # off by rounding
    shares, largest = robustness(codes, factors, 1.0)
    assert shares.tolist() == [[0.0], [1.0]]
    assert largest.tolist() == [0.0, 1.0]
