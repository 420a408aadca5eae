from math import log

import numpy as np
import pytest
from scipy.integrate import quad

from unbraid.errors import UsageError
from unbraid.metrics.mig import mig
from unbraid.metrics.posterior_information import posterior_information


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
    codes, factors = np.zeros((6, 2)), np.zeros((6, 1), dtype=np.int64)
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
