import numpy as np
import pytest
from sklearn.svm import LinearSVC

from unbraid.errors import UsageError
from unbraid.metrics.samples import Samples
from unbraid.metrics.sap import classifier_accuracies, sap, squared_correlations
from unbraid.metrics.splitting import split_rows


def test_squared_correlations_by_numpy(noisy):
    codes, factors = noisy(0)
    expected = np.corrcoef(codes.T, factors.T)[:4, 4:] ** 2
    assert squared_correlations(Samples(codes, factors), 0) == pytest.approx(expected)


def test_known_codes(dsprites, rotated):
    codes, factors, noise = dsprites
    perfect = sap(codes[:, [2, 0, 4, 1, 3]] * [-1, 1e-3, 5, 1, 1] + 2, factors)
    assert perfect["score"] == pytest.approx(1, abs=1e-3)
    assert sap(noise, factors)["score"] < 0.001
    assert sap(*rotated(10))["score"] == pytest.approx(0, abs=1e-12)
    assert sap(rotated(10)[0][:, :1], rotated(10)[1])["score"] == pytest.approx(0.5)  # a lone latent has no rival
    assert sap(codes[:, [0, 0]], factors)["score"] == pytest.approx(0, abs=1e-3)
    assert sap(np.abs(codes - 0.5), factors)["score"] < 0.01  # blind to what is not a line
    assert sap(np.ones((10_000, 3)), factors)["score"] == 0


def test_classifiers(grid):
    factors = np.tile(grid(2, 3), (100, 1))
    found = sap(factors.astype(float) * 10, factors, definition="locatello2019", factor_names=["a", "b"])
    assert found["per_factor"]["a"] == pytest.approx(1 - 0.5, abs=0.06)  # the other latent is right by chance
    assert 0.2 < found["per_factor"]["b"] < 0.72
    small = sap(factors * 1e-4, factors, definition="locatello2019", factor_names=["a", "b"])
    assert small["score"] < found["score"] - 0.05  # codes are taken as they are


def test_a_definition_that_is_not_known():
    with pytest.raises((UsageError, TypeError)):
        sap(np.zeros((6, 2)), np.zeros((6, 1), np.int64), definition="kumar")


def test_classifiers_as_scikit_learn_by_hand():
    """Uneven classes and wide codes, so that balance and penalty matter."""
    rng = np.random.default_rng(0)
    factors = (rng.random((600, 1)) < 0.2).astype(np.int64)
    codes = factors + rng.normal(size=(600, 2)) * [1.0, 3.0]
    train, test = split_rows(600, 10_000, 5_000, 0)
    right = []
    for column in codes.T[:, :, None]:
        machine = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=0).fit(column[train], factors[train, 0])
        right.append((machine.predict(column[test]) == factors[test, 0]).mean())
    found = sap(codes, factors, definition="locatello2019")
    assert found["score"] == pytest.approx(abs(right[0] - right[1]), abs=1e-12)
    for other in ({"C": 0.01}, {"C": 100.0, "class_weight": "balanced"}):
        machine = LinearSVC(dual=False, random_state=0, **other).fit(codes[train, :1], factors[train, 0])
        assert (machine.predict(codes[test, :1]) == factors[test, 0]).mean() != right[0]


def test_no_squared_correlation_is_above_1():
    """Sums of squares of standardized codes may round to more than their number."""
    for n in range(3, 40):
        factors = np.random.default_rng(n).integers(0, 9, size=(n, 2))
        assert squared_correlations(Samples(factors.astype(float), factors), 0).max() <= 1


def test_a_factor_of_a_single_value_is_predicted_by_all():
    samples = Samples(np.arange(60.0).reshape(30, 2), np.zeros((30, 1), np.int64))
    assert classifier_accuracies(samples, 0).tolist() == [[1.0], [1.0]]
