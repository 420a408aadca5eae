from math import log

import numpy as np
import pytest

from unbraid.metrics.dci import dci, disentanglement_of, fitted_model, importances, rows_of
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import Samples


def test_scores_by_hand():
    scores, weights = disentanglement_of(np.array([[1.0, 0.0], [2.0, 2.0], [0.9, 0.1], [0.0, 0.0]]))
    mixed = 1 + (0.9 * log(0.9) + 0.1 * log(0.1)) / log(2)
    assert scores.tolist() == pytest.approx([1, 0, mixed, 0])
    assert weights.tolist() == pytest.approx([1 / 6, 4 / 6, 1 / 6, 0])
    of_columns, weights = disentanglement_of(np.array([[1.0, 0.0], [2.0, 2.0], [0.9, 0.1], [0.0, 0.0]]).T)
    assert weights.tolist() == pytest.approx([3.9 / 6, 2.1 / 6])
    shares = np.array([1, 2, 0.9]) / 3.9
    assert of_columns[0] == pytest.approx(1 + (shares * np.log(shares)).sum() / log(4))
    assert disentanglement_of(np.zeros((2, 3)))[1].tolist() == [0, 0]
    assert disentanglement_of(np.array([[2.0], [0.0]]))[0].tolist() == [1, 0]


def small(seed=0, n=900):
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [3, 4], size=(n, 2))
    return factors.astype(float), factors, rng.normal(size=(n, 3))


@pytest.mark.parametrize("importance", ["forest", "gbt", "logistic", "entropy_forest"])
def test_perfect_codes(importance):
    codes, factors, noise = small()
    found = dci(np.hstack([codes[:, ::-1] * [-1, 100], noise[:, :1]]), factors, importance=importance)
    low = {"forest": 0.9, "entropy_forest": 0.7}.get(importance, 0.75)
    assert found["disentanglement"]["score"] > low
    assert found["completeness"]["score"] > low
    assert found["informativeness"]["score"] > 0.97
    assert found["score"] == found["disentanglement"]["score"]


def test_copies_are_incomplete_and_mixtures_entangled():
    codes, factors, _ = small()
    copied = dci(codes[:, [0, 0, 1]], factors, importance="logistic", factor_names=["a", "b"])
    assert copied["disentanglement"]["score"] > 0.8
    assert copied["completeness"]["per_factor"]["a"] < 0.5
    assert copied["completeness"]["per_factor"]["b"] > 0.8
    mixed = dci(np.stack([codes[:, 0] / 2 + codes[:, 1] / 3, codes[:, 0] / 2 - codes[:, 1] / 3], 1), factors)
    assert mixed["disentanglement"]["score"] < 0.3
    assert mixed["informativeness"]["score"] > 0.95  # blind to mixing


def test_noise_constants_and_single_values():
    _, factors, noise = small(n=3000)
    found = dci(noise, factors)
    assert found["score"] < 0.1
    assert found["informativeness"]["per_factor"] == pytest.approx({"0": 1 / 3, "1": 1 / 4}, abs=0.06)
    constant = dci(np.ones((3000, 2)), factors)
    assert (constant["score"], constant["completeness"]["score"]) == (0, 0)


def test_latents_of_noise_take_little_importance(dsprites):
    codes, factors, noise = dsprites
    jitter = codes + np.random.default_rng(0).normal(size=codes.shape) * 0.03
    found = dci(np.hstack([jitter, noise[:, :5]]), factors)
    assert found["disentanglement"]["score"] > 0.95


def test_seeds_repeat():
    codes, factors, noise = small()
    assert dci(codes + noise[:, :2], factors, seed=1) == dci(codes + noise[:, :2], factors, seed=1)
    assert dci(codes + noise[:, :2], factors, seed=1) != dci(codes + noise[:, :2], factors, seed=2)


def test_lasso_as_published(dsprites):
    """Of independent standardized latents the weight is the correlation less the penalty, or 0."""
    codes, factors, noise = dsprites
    blurred = codes[:, 2:] / codes[:, 2:].std(0) + noise[:, :3]
    found = dci(np.hstack([blurred, noise[:, 3:5]]), factors[:, 2:], importance="lasso")
    assert found["disentanglement"]["score"] == pytest.approx(1, abs=0.02)
    assert found["completeness"]["score"] == pytest.approx(1, abs=0.02)
    r = 2**-0.5  # R^2 of a shrunken slope
    assert found["informativeness"]["score"] == pytest.approx(1 - (1 - 2 * r * (r - 0.02) + (r - 0.02) ** 2), abs=0.03)


def test_lasso_takes_the_plain_mean_of_completeness():
    """Factor a has one latent, b two at half the weight each, c none."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 9, size=(9000, 4))
    codes = np.stack([factors[:, 0], factors[:, 1] + factors[:, 2], factors[:, 1] - factors[:, 2]], 1).astype(float)
    found = dci(codes, factors[:, [0, 1, 3]], importance="lasso", factor_names=["a", "b", "c"])["completeness"]
    assert found["per_factor"] == pytest.approx({"a": 1, "b": 1 - log(2) / log(3), "c": 0}, abs=0.02)
    assert found["score"] == pytest.approx(np.mean(list(found["per_factor"].values())))


def test_lasso_is_a_regression_of_numbers():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 5, size=(3000, 1))
    straight, folded = factors * -3.0, np.abs(factors - 2) * 1.0
    assert dci(straight, factors, importance="lasso")["informativeness"]["score"] == pytest.approx(1 - 0.02**2, abs=1e-4)
    assert dci(folded, factors, importance="lasso")["informativeness"]["score"] < 0.01
    assert dci(folded, factors, importance="entropy_forest")["informativeness"]["score"] > 0.5


def test_nothing_matters_to_a_factor_of_a_single_value():
    codes, factors, _ = small()
    samples = Samples(codes, np.stack([factors[:, 0], np.zeros(len(factors), np.int64)], 1), None, ("a", "b"))
    matrix, right = importances(samples, "forest", 0)
    assert (matrix[:, 1] == 0).all()
    assert matrix[:, 0].sum() == pytest.approx(1)
    assert right[1] == 1


@pytest.mark.parametrize(("model", "trees"), [("forest", 10), ("entropy_forest", 100)])
def test_forests_have_the_number_of_trees_that_their_definition_says(model, trees):
    codes, factors, _ = small()
    assert len(fitted_model(model, codes, factors[:, 0], 0).estimators_) == trees


@pytest.mark.parametrize("n", [700, 4000])
def test_the_score_does_not_depend_on_the_number_of_samples(n):
    """One noisy latent per factor of up to 40 values beside five idle ones: trees alone gave 0.45 and 0.7."""
    rng = np.random.default_rng(n)
    factors = rng.integers(0, [3, 6, 40], size=(n, 3))
    codes = np.hstack([factors / [2, 5, 39] * 3.4 + 0.3 * rng.normal(size=(n, 3)), rng.normal(size=(n, 5))])
    found = dci(codes, factors)
    assert found["disentanglement"]["score"] == pytest.approx(1, abs=0.02)
    assert found["completeness"]["score"] == pytest.approx(1, abs=0.02)
    assert dci(rng.normal(size=(n, 8)), factors)["score"] == pytest.approx(0, abs=0.02)


def test_tripod_learns_from_nine_tenths_of_all_samples():
    train, test = rows_of("entropy_forest", 40_000, seed=3)
    assert (len(train), len(test), len({*train, *test})) == (36_000, 4_000, 40_000)
    assert [len(rows) for rows in rows_of("forest", 40_000, seed=3)] == [10_000, 5_000]
    codes, factors, _ = small(n=300)
    right = importances(Samples(codes, factors, None, ("a", "b")), "entropy_forest", 0)[1]
    assert right * 30 == pytest.approx(np.round(right * 30))  # shares of thirty samples


def test_noise_may_score_anything_by_lasso():
    """It is told: the penalty leaves few coefficients of noise."""
    rng = np.random.default_rng(1)
    found = [dci(rng.normal(size=(300, 3)), rng.integers(0, 4, size=(300, 2)), importance="lasso")["score"] for _ in range(10)]
    assert max(found) > 0.8
    assert "lasso up to 1" in metrics["dci"].details["chance"]
