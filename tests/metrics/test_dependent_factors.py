"""Scores that a perfect code has also where factors depend on each other: minimality, sufficiency, T-MEX."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LinearRegression

from unbraid.metrics import gather, mig, minimality, modularity, tmex
from unbraid.metrics.tmex import dependences


@pytest.fixture(scope="module")
def dependent():
    """Two classes that are equal four times in five, and a third."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, 4000)
    second = np.where(rng.uniform(size=4000) < 0.8, first, rng.integers(0, 4, 4000))
    return np.stack([first, second, rng.integers(0, 3, 4000)], 1)


def normal(n: int, seed: int = 0):
    spread = [[1, 0.7, 0.5], [0.7, 1, 0.6], [0.5, 0.6, 1]]
    return np.random.default_rng(seed).multivariate_normal([0, 0, 0], spread, size=n)


def test_a_perfect_code_of_dependent_classes(dependent):
    code = dependent[:, [2, 0, 1]] * [-1.0, 2.0, 0.5]
    found = minimality(code, dependent)
    assert [found["minimality"]["score"], found["sufficiency"]["score"]] == pytest.approx([1, 1], abs=0.01)
    assert tmex(code, dependent) == {"score": 1.0, "errors": 0, "depends": [["2"], ["0"], ["1"]]}
    assert mig(code, dependent)["score"] < 0.8
    assert modularity(code, dependent)["score"] < 0.9


def test_minimality_by_hand(dependent):
    """A latent that tells two independent factors: the larger entropy over the sum of both."""
    first, third = dependent[:, 0], dependent[:, 2]
    both = (first * 3 + third).astype(np.float64)
    found = minimality(np.stack([both, third.astype(np.float64)], 1), dependent[:, [0, 2]])
    assert found["minimality"]["per_latent"] == pytest.approx([log(4) / log(12), 1], abs=0.01)
    assert found["sufficiency"]["per_factor"] == pytest.approx({"0": 1, "1": 1}, abs=0.01)
    assert found["score"] == found["minimality"]["score"]


def test_minimality_as_its_authors_compute_it():
    """The twin follows their code: bins by np.digitize, entropies of counts."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, (500, 2))
    codes = factors @ rng.normal(size=(2, 3)) + rng.normal(size=(500, 3))

    def entropy(*columns: np.ndarray) -> float:
        share = np.unique(np.stack(columns, 1), axis=0, return_counts=True)[1] / 500
        return float(-(share * np.log(share)).sum())

    binned = []
    for code in codes.T:
        edges = np.linspace(code.min(), code.max(), 16)
        edges[-1] += 1e-9
        binned.append(np.digitize(code, edges) - 1)
    table = np.array([[entropy(b) + entropy(v) - entropy(b, v) for v in factors.T] for b in binned])
    minimal = np.mean(table.max(1) / [entropy(b) for b in binned])
    enough = np.mean(table.max(0) / [entropy(v) for v in factors.T])
    found = minimality(codes, factors, definition="almudevar2024")
    assert [found["score"], found["sufficiency"]["score"]] == pytest.approx([minimal, enough])


def test_a_latent_that_tells_one_value_from_all_others_is_minimal():
    """All that it tells is of one factor, and no estimate of that exceeds what it tells; the factor of two values is known."""
    factors = np.stack([np.repeat([0, 1, 2], [48, 48, 4]), np.arange(100) % 2], 1)
    codes = np.stack([factors[:, 0] == 2, factors[:, 1]], 1).astype(np.float64)
    found = minimality(codes, factors)
    assert found["minimality"]["per_latent"] == [1, pytest.approx(1, abs=1e-9)]
    assert found["sufficiency"]["per_factor"]["1"] == pytest.approx(1, abs=1e-9)


def test_minimality_of_latents_that_tell_nothing():
    """Constants are left out, and by the code of its authors count as 0."""
    factors = np.stack(np.unravel_index(np.arange(240) % 12, (3, 4)), 1)
    codes = np.column_stack([factors, np.full(240, 0.7)]).astype(np.float64)
    assert minimality(codes, factors)["minimality"]["per_latent"] == [pytest.approx(1), pytest.approx(1), None]
    found = minimality(codes, factors, definition="almudevar2024")
    assert found["minimality"]["per_latent"] == pytest.approx([1, 1, 0])
    assert found["score"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("definition", ["adjusted", "almudevar2024"])
def test_minimality_stays_in_its_range_to_the_last_bit(definition):
    for seed in range(8):
        factors = np.random.default_rng(seed).integers(0, [2, 7, 4], (60, 3))
        found = minimality(factors.astype(np.float64), factors, definition=definition)
        assert max(*found["minimality"]["per_latent"], *found["sufficiency"]["per_factor"].values()) <= 1


def test_minimality_of_continuous_factors_reads_parts():
    factors = np.random.default_rng(0).uniform(size=(4000, 2))
    found = minimality(factors, factors)
    assert [found["minimality"]["score"], found["sufficiency"]["score"]] == pytest.approx([1, 1], abs=0.01)
    assert minimality(np.exp(3 * factors), factors) == found
    mixed = np.column_stack([factors, np.arange(4000) % 3])
    both = minimality(mixed, mixed)
    assert both["sufficiency"]["per_factor"] == pytest.approx({"0": 1, "1": 1, "2": 1}, abs=0.01)
    assert both["minimality"]["score"] == pytest.approx(1, abs=0.01)
    turned = minimality(factors @ [[1.0, 1.0], [1.0, -1.0]], factors)
    assert turned["minimality"]["score"] < 0.5
    assert minimality(np.random.default_rng(1).normal(size=(4000, 3)), factors)["score"] == 0


def test_tmex_of_known_codes():
    factors = normal(3000)
    assert tmex(factors, factors)["score"] == 1
    assert tmex(factors + 0.5 * np.random.default_rng(1).normal(size=factors.shape), factors)["score"] == 1
    assert tmex(np.hstack([factors, factors]), factors)["score"] == 0.5
    found = tmex(factors[:, :2], factors, factor_names=["x", "y", "size"])
    assert found == {"score": 2 / 3, "errors": 1, "depends": [["x"], ["y"]]}
    mixed = tmex(factors @ [[1.0, 0.8, -0.5], [0.7, -1.0, 0.6], [0.5, 0.6, 1.0]], factors)
    assert mixed == {"score": 1 / 3, "errors": 6, "depends": [["0", "1", "2"]] * 3}
    assert tmex(np.ones((3000, 2)), factors) == {"score": 0.0, "errors": 3, "depends": [[], []]}
    assert tmex(np.random.default_rng(2).normal(size=(3000, 4)), factors)["score"] < 0.4  # one false alarm in 12 at most


def test_tmex_reads_angles_and_classes():
    rng = np.random.default_rng(0)
    angle, kind = rng.uniform(0, 360, 2000), rng.integers(0, 3, 2000)
    codes = np.stack([np.cos(np.radians(angle)), kind == 1], 1) + 0.1 * rng.normal(size=(2000, 2))
    found = tmex(gather(codes, np.stack([angle, kind], 1), factor_names=["angle", "kind"], cyclic={"angle": 360.0}))
    assert found == {"score": 1.0, "errors": 0, "depends": [["angle"], ["kind"]]}


def test_tmex_tells_every_value_of_a_class():
    """Also the first two apart, of which the mean is that of the third."""
    kind = np.random.default_rng(0).integers(0, 3, (2000, 1))
    code = (kind == 0) * 1.0 - (kind == 1) + 0.1 * np.random.default_rng(1).normal(size=(2000, 1))
    assert tmex(code, kind)["score"] == 1


def test_nothing_depends_on_what_another_factor_tells():
    """Given the other, two factors that determine each other are known; rounding is no dependence."""
    for seed in range(5):
        x, y = np.random.default_rng(seed).normal(size=(2, 200, 1))
        assert not dependences(gather(x, np.hstack([x, 3 * x + 1])), 0.05, seed).any()
        assert dependences(gather(x + y, np.hstack([x, 1e7 + 1e5 * x, y])), 0.05, seed).tolist() == [[False, False, True]]


def test_four_samples_show_no_dependence():
    kind = np.array([[0], [1], [0], [1]])
    for seed in range(5):
        assert not dependences(gather(kind.astype(np.float64), kind), 0.05, seed).any()


def test_of_many_samples_five_thousand_are_tested():
    factors = normal(5050)
    codes = factors + np.random.default_rng(1).normal(size=factors.shape)
    unread = np.random.default_rng(0).permutation(5050)[5000:]
    hidden = codes.copy()
    hidden[unread] = 1e6
    np.testing.assert_array_equal(dependences(gather(hidden, factors), 0.05, 0), dependences(gather(codes, factors), 0.05, 0))


def test_the_test_equals_its_twin():
    """The projected covariance measure with scikit-learn's regressions, one pair at a time."""
    factors = normal(300)
    rng = np.random.default_rng(1)
    codes = factors @ rng.normal(size=(3, 2)) * [0.1, 1.0] + rng.normal(size=(300, 2))
    rng = np.random.default_rng(0)
    rows = rng.permutation(300)
    v, z = factors[rows], codes[rows]
    z = (z - z.mean(0)) / z.std(0)
    total = np.zeros((2, 3))
    for _ in range(9):
        order = rng.permutation(300)
        learned, read = order[:150], order[150:]
        for j in range(2):
            for k in range(3):
                others = np.delete(v, k, axis=1)
                guess = LinearRegression().fit(v[learned], z[learned, j])
                given = LinearRegression().fit(others[learned], guess.predict(v[learned]))
                h = guess.predict(v) - given.predict(others)
                rest = z[read, j] - LinearRegression().fit(others[read], z[read, j]).predict(others[read])
                own = h[read] - LinearRegression().fit(others[read], h[read]).predict(others[read])
                product = rest * own
                total[j, k] += np.sqrt(150) * product.mean() / product.std()
    levels = 1 - norm.cdf(total / 9)
    for alpha in (0.01, *np.sort(levels.ravel())[2:5] * 1.000001):  # just enough for one more
        np.testing.assert_array_equal(dependences(gather(codes, factors), alpha, 0), levels < alpha)


def test_false_alarms_are_rare():
    """A latent that follows one of three dependent factors does not depend on the others, 5 times in 100 at most or so."""
    alarms = 0
    for seed in range(40):
        factors = normal(300, seed)
        latent = factors[:, :1] + np.random.default_rng(100 + seed).normal(size=(300, 1))
        alarms += int(dependences(gather(latent, factors), 0.05, seed)[0, 1:].sum())
    assert alarms <= 8  # of 80
