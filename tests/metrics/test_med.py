"""MED, whose importances are mutual information."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.metrics import med, mutual_information
from unbraid.metrics.med import shares_of_factors


def entropy(shares, base):
    shares = [p for p in shares if p > 0]
    return -sum(p * np.log(p) for p in shares) / np.log(base)


def by_hand(information):
    """D and C of importances, one latent and one factor at a time."""
    d, k = information.shape
    shares = [[information[j, f] / sum(information[i, f] for i in range(d)) for f in range(k)] for j in range(d)]
    everything = sum(map(sum, shares))
    disentangled = sum(sum(row) / everything * (1 - entropy([one / sum(row) for one in row], k)) for row in shares)
    complete = sum(1 - entropy([shares[j][f] for j in range(d)], d) for f in range(k)) / k
    return disentangled, complete


def in_bins(codes, factors):
    """Plug-in information of latents in 20 bins of equal width, from shares of samples."""
    found = np.zeros((codes.shape[1], factors.shape[1]))
    for j, latent in enumerate(codes.T):
        edges = np.linspace(latent.min(), latent.max(), 21)
        bins = np.minimum(np.digitize(latent, edges) - 1, 19)
        for f, factor in enumerate(factors.T):
            for b in np.unique(bins):
                for value in np.unique(factor):
                    joint = ((bins == b) & (factor == value)).mean()
                    if joint > 0:
                        found[j, f] += joint * np.log(joint / ((bins == b).mean() * (factor == value).mean()))
    return found


@pytest.fixture
def mixed():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [2, 3, 4], size=(900, 3))
    return factors @ rng.normal(size=(3, 4)) + 0.5 * rng.normal(size=(900, 4)), factors


def test_as_its_authors_compute_it(mixed):
    found = med(*mixed, definition="cao2022")
    disentangled, complete = by_hand(in_bins(*mixed))
    assert found["disentanglement"]["score"] == pytest.approx(disentangled, abs=1e-9)
    assert found["completeness"]["score"] == pytest.approx(complete, abs=1e-9)
    assert found["score"] == found["disentanglement"]["score"]


@pytest.mark.parametrize("definition", ["adjusted", "neighbors"])
def test_by_any_estimate_it_is_d_and_c_of_the_information(mixed, definition):
    found = med(*mixed, definition=definition)
    disentangled, complete = by_hand(mutual_information(*mixed, definition=definition).matrix)
    assert [found[part]["score"] for part in ("disentanglement", "completeness")] == pytest.approx([disentangled, complete])


def test_posteriors_are_read_where_they_are_given(mixed):
    codes, factors = mixed
    variance = np.full(codes.shape, 0.1)
    found = med(mean=codes, variance=variance, factors=factors)
    disentangled, complete = by_hand(mutual_information(codes, factors, variance=variance).matrix)
    assert [found[part]["score"] for part in ("disentanglement", "completeness")] == pytest.approx([disentangled, complete])


def test_factors_weigh_the_same_however_little_is_known_of_them():
    information = np.array([[1.0, 0.0, 0.0], [0.0, 0.01, 0.0], [1.0, 0.03, 0.0]])
    assert shares_of_factors(information) == pytest.approx(np.array([[0.5, 0, 0], [0, 0.25, 0], [0.5, 0.75, 0]]))


def test_a_factor_that_nothing_knows_has_no_say():
    factors = np.random.default_rng(0).integers(0, 4, size=(2000, 3))
    found = med(factors[:, :2].astype(float), factors)
    assert [found[part]["score"] for part in ("disentanglement", "completeness")] == [1, 1]
    assert list(found["completeness"]["per_factor"].values()) == [1, 1, 0]


def test_continuous_factors_are_read_by_neighbors():
    factors = np.random.default_rng(0).uniform(size=(600, 2))
    assert med(factors, factors)["score"] == pytest.approx(1)
    assert med(factors @ [[1.0, 1.0], [1.0, -1.0]], factors)["score"] < 0.1
