from math import log

import numpy as np
import pytest
from scipy.integrate import quad

from unbraid.errors import UsageError
from unbraid.metrics.information import posterior_information as module
from unbraid.metrics.information.posterior_information import posterior_information
from unbraid.metrics.mig import mig


def entropy_by_brute_force(mean, variance):
    sigma = np.sqrt(variance)
    x = np.arange((mean - 9 * sigma).min(), (mean + 9 * sigma).max(), sigma.min() / 20)
    q = (np.exp(-((x[:, None] - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)).mean(1)
    return float(-(q * np.log(np.where(q > 0, q, 1))).sum() * (x[1] - x[0]))


def information_by_brute_force(mean, variance, labels):
    groups = [labels == value for value in np.unique(labels)]
    parts = [own.mean() * entropy_by_brute_force(mean[own], variance[own]) for own in groups]
    return entropy_by_brute_force(mean, variance) - sum(parts)


@pytest.mark.parametrize("seed", range(6))
def test_the_truth_lies_within_the_error(seed):
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [2, 3, 7], size=(60, 3))
    means = factors[:, [0, 1]] + rng.normal(size=(60, 2)) * [0.1, 2]
    variance = 10 ** rng.uniform([-3, -2.5], [-2, 0.5], size=(60, 2))
    exact = [[information_by_brute_force(means[:, j], variance[:, j], factors[:, k]) for k in range(3)] for j in range(2)]
    plain = posterior_information(means, variance, factors, adjusted=False)
    assert np.abs(plain.matrix - exact).max() <= plain.error < 2e-3
    assert plain.error >= 2e-5  # two entropies of 1e-5 each
    adjusted = posterior_information(means, variance, factors)
    assert adjusted.error >= 2 * plain.error
    assert adjusted.error < 0.02  # and not simply the entropy, which bounds it
    assert (plain.chance == 0).all()


def test_chance_is_the_mean_over_orders():
    """Measured in 300 orders, each value and each entropy by itself."""
    rng = np.random.default_rng(0)
    factors = np.repeat([0, 1, 2, 3], [3, 9, 18, 30])[:, None]
    means, variance = rng.normal(size=60), rng.uniform(0.05, 0.5, size=60)
    exact = np.mean([information_by_brute_force(means, variance, rng.permutation(factors[:, 0])) for _ in range(300)])
    found = posterior_information(means[:, None], variance[:, None], factors).chance[0, 0]
    assert found == pytest.approx(exact, rel=0.08)
    two = factors // 3  # 30 of each: near the same C (1 / m - 1 / n) for either half
    found = posterior_information(means[:, None], variance[:, None], two).chance[0, 0]
    parts = [information_by_brute_force(means, variance, rng.permutation(two[:, 0])) for _ in range(100)]
    assert found == pytest.approx(np.mean(parts), rel=0.15)


@pytest.mark.parametrize("sigma", [0.1, 1e-3, 1e-7])
def test_large_groups_are_measured_by_smaller_ones(monkeypatch, sigma):
    """Also of codes so narrow that a thousand of them say little of all."""
    rng = np.random.default_rng(0)
    means, factors = rng.normal(size=(12_000, 1)), rng.integers(0, 3, size=(12_000, 1))
    variance = np.full_like(means, sigma**2)
    found = posterior_information(means, variance, factors).chance
    uneven = np.where(np.arange(12_000) % 24 == 0, 2, np.arange(12_000) % 2)[:, None]  # 500, and halves of the others
    small = posterior_information(means, variance, uneven).chance
    monkeypatch.setattr(module, "CHANCE_ROWS", 12_000)
    assert found == pytest.approx(posterior_information(means, variance, factors).chance, rel=0.08)
    assert small == pytest.approx(posterior_information(means, variance, uneven).chance, rel=0.2)


def test_chance_of_a_latent_that_is_nearly_the_same_for_all(monkeypatch):
    """Normal means and one width: half of the integral of E[N^2] / q less 1, times 1/m - 1/n, in closed form."""
    monkeypatch.setattr(module, "CHANCE_GROUPS", 400)
    rng = np.random.default_rng(0)
    means, factors = 0.3 * rng.normal(size=(20_000, 1)), rng.integers(0, 40, size=(20_000, 1))
    variance, m = 1.0, 500
    total = 0.09 + variance
    # E[N(z; mu, s)^2] over mu ~ N(0, t - s) is N(z; 0, t - s/2) / sqrt(4 pi s)
    spread = total - variance / 2
    square = 1 / (1 / spread - 1 / total)
    integral = np.sqrt(total / (2 * variance * spread)) * np.sqrt(square)
    closed = (integral - 1) / 2 * (1 / m - 1 / 20_000)
    found = posterior_information(means, np.full_like(means, variance), factors)
    assert found.chance[0, 0] == pytest.approx(closed, rel=0.25)
    assert not found.live[0]


def test_copies_of_samples_change_nothing(grid):
    factors = np.tile(grid(3, 4), (5, 1))
    rng = np.random.default_rng(0)
    means, variance = factors + rng.normal(size=(60, 2)), rng.uniform(0.01, 0.3, size=(60, 2))
    once = posterior_information(means, variance, factors, adjusted=False)
    twice = posterior_information(np.tile(means, (2, 1)), np.tile(variance, (2, 1)), np.tile(factors, (2, 1)), adjusted=False)
    assert twice.matrix == pytest.approx(once.matrix, abs=1e-12)


@pytest.mark.parametrize(("kind", "adjusted"), [(np.float16, False), (np.float32, False), (np.float64, True)])
def test_latents_that_are_hard_to_read(kind, adjusted):
    """Constant, collapsed, with an outlier, over ten orders of magnitude of the variance; one sample a value, one value."""
    rng = np.random.default_rng(0)
    factors = np.stack([np.repeat(np.arange(3), 4), np.arange(12), np.zeros(12, int)], 1)
    means = np.repeat(rng.normal(size=(12, 1)), 5, axis=1)
    means[:, 0], means[3, 2] = 0.25, 6e4
    variance = np.full((12, 5), 0.01)
    variance[:, 1] = 1e-7 if kind == np.float16 else 1e-12
    variance[:, 3] = 10.0 ** np.linspace(-6 if kind == np.float16 else -8, 2, 12)
    found = posterior_information(means.astype(kind), variance.astype(kind), factors, adjusted=adjusted)
    for array in (found.matrix, found.chance, found.shares):
        assert np.isfinite(array).all()
    assert (found.matrix >= 0).all()
    assert (found.matrix <= found.entropies + found.error).all()
    assert found.matrix[0] == pytest.approx(np.zeros(3), abs=1e-12)
    assert found.matrix[:, 2] == pytest.approx(np.zeros(5), abs=1e-9)
    assert found.error <= found.entropies.max() if adjusted else np.isfinite(found.error)


def test_three_samples_and_one():
    for n in (1, 3):
        found = posterior_information(np.arange(n)[:, None] * 1.0, np.ones((n, 1)), np.arange(n)[:, None])
        assert found.matrix == pytest.approx(np.zeros((1, 1)), abs=1e-9)  # what each knows, any order knows


def test_separate_values_know_the_entropy_and_widths_cancel(grid):
    factors = grid(3, 8)
    found = posterior_information(factors * [1.0, -2.0], np.full((24, 2), 1e-3), factors, adjusted=False)
    assert found.matrix == pytest.approx(np.diag([log(3), log(8)]), abs=1e-4)


def test_two_values_that_overlap():
    """H of an even mixture of N(-1, s) and N(1, s), less that of one."""
    variance = 0.5
    means = np.array([[-1.0], [1.0]] * 50)
    factors = (means > 0).astype(np.int64)

    def minus_p_log_p(z):
        p = np.mean([np.exp(-((z - m) ** 2) / (2 * variance)) for m in (-1, 1)]) / np.sqrt(2 * np.pi * variance)
        return -p * np.log(p)

    closed = quad(minus_p_log_p, -9, 9)[0] - 0.5 * log(2 * np.pi * np.e * variance)
    found = posterior_information(means, np.full_like(means, variance), factors, adjusted=False)
    assert found.matrix[0, 0] == pytest.approx(closed, abs=1e-4)
    assert posterior_information(means, np.full_like(means, variance), factors).matrix[0, 0] == pytest.approx(closed, abs=0.01)


def test_values_count_by_their_shares():
    """Three samples of one value in two heaps, one of another: log 4 / 4 + ... = H(q) - 3/4 H(q | first)."""
    means, factors = np.array([[0.0], [10.0], [20.0], [30.0]] * 10), np.array([[0], [0], [0], [1]] * 10)
    found = posterior_information(means, np.full_like(means, 0.01), factors, adjusted=False)
    assert found.matrix[0, 0] == pytest.approx(log(4) - 0.75 * log(3), abs=1e-4)
    assert found.entropies[0] == pytest.approx(-0.75 * log(0.75) - 0.25 * log(0.25))


def test_a_subsample_seems_to_know_what_it_does_not():
    """0.117 nats for noise, forty values, 10,000 samples and standard deviations of 0.03."""
    rng = np.random.default_rng(0)
    means, factors = rng.normal(size=(10_000, 1)), rng.integers(0, 40, size=(10_000, 1))
    variance = np.full_like(means, 0.03**2)
    assert posterior_information(means, variance, factors, adjusted=False).matrix[0, 0] == pytest.approx(0.117, abs=0.008)
    adjusted = posterior_information(means, variance, factors)
    assert adjusted.matrix[0, 0] < 0.008
    assert adjusted.chance[0, 0] == pytest.approx(0.117, abs=0.008)
    assert not adjusted.live[0]


def test_definitions_of_mig_by_posteriors():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 6, 10], size=(3000, 3))
    means = np.hstack([factors, rng.normal(size=(3000, 1))])
    variance = np.full_like(means, 0.01)
    posterior = mig(mean=means, variance=variance, factors=factors)
    assert posterior["score"] == pytest.approx(1, abs=0.01)
    assert posterior == mig(means, factors, variance=variance, definition="posterior")
    assert posterior == mig(means, factors, variance=variance)
    published = mig(means, factors, variance=variance, definition="chen2018")
    assert published["score"] < posterior["score"] - 0.003
    wide = mig(means, factors, variance=np.full_like(means, 4.0))
    assert wide["per_factor"]["0"] < 0.3 < 0.4 * wide["per_factor"]["2"] + 0.3


def test_what_does_not_fit_is_refused():
    codes, factors = np.zeros((6, 2)), np.arange(6)[:, None] % 2
    with pytest.raises(UsageError, match="either codes or mean"):
        mig(codes, factors, mean=codes)
    with pytest.raises(UsageError, match="either codes or mean"):
        mig(factors=factors)
    with pytest.raises(UsageError, match="Give factors"):
        mig(codes)
    for definition in ("posterior", "chen2018"):
        with pytest.raises(UsageError, match=f"'{definition}' needs variance"):
            mig(codes, factors, definition=definition)
    with pytest.raises(UsageError, match=r"variance has shape \(6, 1\)"):
        mig(codes, factors, variance=np.ones((6, 1)))
    with pytest.raises(UsageError, match=r"variance\[0, 0\] is 0.0; variances must be finite and above 0"):
        mig(codes, factors, variance=codes)


def test_latents_that_tell_nothing_of_images_are_not_asked_of_factors(monkeypatch):
    """They know of no factor either way, and the others are read as before."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 12], size=(2_000, 2))
    mean = 0.02 * rng.normal(size=(2_000, 12))
    mean[:, :2] = factors + 0.1 * rng.normal(size=(2_000, 2))
    mean[:, 2] = 0.35 * (factors[:, 0] - 1)  # tells of the first factor, about three hundredths
    variance = np.full(mean.shape, 0.98)
    variance[:, :2] = 0.02
    told = posterior_information(mean, variance, factors)
    asked = []
    information = module._Latent.information
    monkeypatch.setattr(module._Latent, "information", lambda own, groups: asked.append(own) or information(own, groups))
    posterior_information(mean, variance, factors)
    assert len(asked) == 2 * 3
    monkeypatch.setattr(module._Latent, "information_of_images", lambda own: np.inf)
    every = posterior_information(mean, variance, factors)
    assert len(asked) == 2 * 3 + 2 * 12
    np.testing.assert_array_equal(told.known, every.known)
    np.testing.assert_array_equal(told.matrix, every.matrix)
    np.testing.assert_array_equal(told.detectable, every.detectable)
    assert told.error <= every.error
    assert told.known[2, 0]
    assert not told.known[3:].any()
    assert every.estimate[3:].max() < 0.01 * log(3)
