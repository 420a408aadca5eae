from collections import Counter
from math import erf, log

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics.information.binned_posteriors import binned_posterior_information, binned_posteriors
from unbraid.metrics.jemmig import jemmig, jemmig_from_information


def entropy_of(values):
    shares = [count / len(values) for count in Counter(values).values()]
    return -sum(share * log(share) for share in shares)


def by_hand(codes, factors, bins):
    """One sample at a time, from joint entropies."""
    low, width = codes.min(0), np.ptp(codes, axis=0)
    binned = np.minimum((codes - low) / width * bins, bins - 1).astype(int)
    scores = []
    for factor in factors.T.tolist():
        found = []
        for latent in binned.T.tolist():
            joint = entropy_of(list(zip(latent, factor, strict=True)))
            found.append((entropy_of(latent) + entropy_of(factor) - joint, joint))
        found.sort(reverse=True)
        (best, joint), (second, _) = found[:2]
        scores.append(1 - (joint - best + second) / (entropy_of(factor) + log(bins)))
    return scores


@pytest.mark.parametrize("seed", range(3))
def test_the_published_definition_one_sample_at_a_time(noisy, seed):
    codes, factors = noisy(seed)
    found = jemmig(codes, factors, definition="carbonneau2022")
    assert list(found["per_factor"].values()) == pytest.approx(by_hand(codes, factors, 10))
    assert found["score"] == pytest.approx(np.mean(by_hand(codes, factors, 10)))


def test_perfect_codes_score_1_whatever_the_order_sign_and_scale(dsprites):
    codes, factors, _ = dsprites
    assert jemmig(codes[:, [4, 2, 0, 1, 3]] * [-1, 1e-4, 1e4, 1, 1] + 3, factors)["score"] == pytest.approx(1, abs=0.002)


def test_what_else_the_best_latent_tells_is_taken_off(grid):
    """A latent of 8 values, 4 of which share a value of the factor: H(z) = log 8, I = H(v) = log 2."""
    factors = np.tile(grid(2, 4), (500, 1))
    code = (4 * factors[:, :1] + factors[:, 1:]).astype(float)
    most = log(2) + log(20)
    assert jemmig(code, factors[:, :1])["score"] == pytest.approx(1 - (log(8) - log(2)) / most, abs=0.002)
    assert jemmig(factors[:, :1] * 1.0, factors[:, :1])["score"] == pytest.approx(1, abs=0.002)
    copied = jemmig(factors[:, [0, 0]] * 1.0, factors[:, :1])["score"]
    assert copied == pytest.approx(1 - log(2) / most, abs=0.002)


def test_codes_that_know_nothing(dsprites):
    _, factors, noise = dsprites
    assert jemmig(noise, factors)["score"] == 0
    assert jemmig(np.ones((10_000, 2)), factors)["score"] == 0
    constant = jemmig(np.ones((10_000, 2)), factors, definition="carbonneau2022")["per_factor"]["0"]
    assert constant == pytest.approx(log(10) / (log(3) + log(10)), abs=1e-3)


def test_of_latents_that_know_equally_much_the_one_of_larger_entropy_counts():
    """Equally but for rounding, which depends on the order that samples are summed in."""
    information, entropies = np.array([[0.5 + 1e-15], [0.5], [0.1]]), np.array([[0.2], [0.8], [9.0]])
    for order in ([0, 1, 2], [1, 0, 2]):
        found = jemmig_from_information(information[order], entropies[order], np.ones(1), np.full(1, 3.0))
        assert found.tolist() == [pytest.approx(1 - (1 + 0.8 - 2 * 0.5 + 0.5) / 4)]


def test_mass_of_posteriors_one_bin_at_a_time():
    rng = np.random.default_rng(0)
    mean, variance, factor = rng.normal(size=30) * 3, rng.uniform(1e-4, 1, 30), rng.integers(0, 3, 30) * 7
    edges = [-np.inf, *np.linspace(-4, 4, 101)[1:-1], np.inf]

    def below(edge, i):
        return 0.5 * (1 + erf((edge - mean[i]) / (2 * variance[i]) ** 0.5))

    expected = np.zeros((100, 3))
    for i in range(30):
        for b in range(100):
            expected[b, factor[i] // 7] += below(edges[b + 1], i) - below(edges[b], i)
    assert binned_posteriors(mean, variance, factor) == pytest.approx(expected, abs=1e-12)


def test_posterior_mass_is_summed_in_chunks(monkeypatch, noisy):
    codes, factors = noisy(0)
    whole = binned_posteriors(codes[:, 0], np.full(300, 0.1), factors[:, 1])
    monkeypatch.setattr("unbraid.metrics.information.binned_posteriors.CHUNK", 7)
    assert binned_posteriors(codes[:, 0], np.full(300, 0.1), factors[:, 1]) == pytest.approx(whole)


def test_a_latent_knows_of_a_factor_unless_it_knows_exactly_nothing():
    factors = np.array([[0], [0], [1], [1]])
    mean = np.array([[0.0, 0.0, 0.3], [0.0, 0.5, 0.3], [1.0, 0.0, 0.3], [1.0, 0.5, 0.3]])
    found = binned_posterior_information(mean, np.full((4, 3), 0.1), factors)
    assert found.known.tolist() == [[True], [False], [False]]


def test_narrow_posteriors_know_all_and_wide_ones_nothing(grid):
    factors = np.tile(grid(2, 5), (100, 1))
    mean = (factors - [0.5, 2]) * 1.6 + 0.04  # in the middle of bins
    narrow = binned_posterior_information(mean, np.full(mean.shape, 1e-6), factors)
    assert narrow.matrix == pytest.approx(np.diag([log(2), log(5)]), abs=1e-9)
    wide = binned_posterior_information(mean * 1e-3, np.ones(mean.shape), factors)
    assert wide.matrix == pytest.approx(np.zeros((2, 2)), abs=1e-5)
    found = jemmig(mean=mean, variance=np.full(mean.shape, 1e-6), factors=factors, definition="do2020")
    assert found["score"] == pytest.approx(1)
    with pytest.raises(UsageError, match="needs variance"):
        jemmig(mean, factors, definition="do2020")


def test_two_bits_through_a_noisy_posterior():
    """Means of -1 and 1 with a deviation of 1: what a normal channel lets through of a bit, by a fine sum, less a little."""
    z = np.linspace(-8, 8, 20_001)
    density = [np.exp(-((z - center) ** 2) / 2) / np.sqrt(2 * np.pi) for center in (-1, 1)]
    both = (density[0] + density[1]) / 2
    expected = sum((own * np.log(own / both)).sum() for own in density) / 2 * (z[1] - z[0])
    factors = np.array([[0], [1]] * 50)
    found = binned_posterior_information(2.0 * factors - 1, np.ones((100, 1)), factors)
    assert found.matrix[0, 0] == pytest.approx(expected, abs=1e-3)


def test_the_score_stays_between_0_and_1():
    """Estimates may leave a latent with more entropy than the bins have, or more information than the factor has."""
    found = jemmig_from_information(np.array([[0.0, 2.0]]), np.array([[5.0, 1.0]]), np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    assert found.tolist() == [0.0, 1.0]
