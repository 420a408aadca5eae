import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from unbraid.metrics.linear_probe import linear_probe
from unbraid.metrics.splitting import split_rows

PARTS = ["labels_10", "labels_100", "labels_1000", "labels_10000"]


def small(n=3000, noise=0.3):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 5], size=(n, 2))
    return factors + rng.normal(size=(n, 2)) * noise, factors, rng


def test_a_perfect_code_is_read_whatever_the_order_sign_and_scale_of_its_latents(dsprites):
    codes, factors, _ = (array[:4000] for array in dsprites)
    found = linear_probe(codes[:, [4, 2, 0, 1, 3]] * [-1, 1e-4, 1e4, 1, 1] + 7, factors)
    assert found["score"] == pytest.approx(1, abs=0.005)
    assert found["score"] == found["labels_10000"]["score"] == np.mean(list(found["per_factor"].values()))


def test_it_does_not_see_a_rotation_but_sees_what_is_missing():
    codes, factors, _ = small(noise=0.01)
    mixed = codes @ np.array([[1.0, 1.0], [1.0, -1.0]])
    assert linear_probe(mixed, factors)["score"] > 0.995
    missing = linear_probe(codes[:, :1], factors)["per_factor"]
    assert missing["0"] > 0.995
    assert missing["1"] == pytest.approx(1 / 5, abs=0.06)


def test_every_number_of_labels_by_scikit_learn():
    """The labels are the first of the training rows, and all probes are scored on the same others."""
    codes, factors, _ = small()
    found = linear_probe(codes, factors, seed=3, factor_names=["a", "b"])
    train, test = split_rows(3000, 10_000, 5_000, 3)
    for part, labels in zip(PARTS, (10, 100, 1000, 2000), strict=True):
        rows = train[:labels]
        scaled = (codes - codes[rows].mean(0)) / codes[rows].std(0)
        for name, factor in zip("ab", factors.T, strict=True):
            model = LogisticRegression(C=np.inf, max_iter=100).fit(scaled[rows], factor[rows])
            expected = (model.predict(scaled[test]) == factor[test]).mean()
            assert found[part]["per_factor"][name] == pytest.approx(expected, abs=0.002)
        assert found[part]["labels"] == labels


def test_more_labels_help_and_efficiency_is_the_share_that_a_hundred_give(dsprites):
    codes, factors, _ = (array[:3000] for array in dsprites)
    found = linear_probe(codes, factors)
    scores = [found[part]["score"] for part in PARTS]
    assert scores == sorted(scores)
    assert scores[0] < 0.4
    assert scores[3] > 0.9
    assert found["efficiency"]["score"] == scores[1] / scores[3]
    assert found["efficiency"]["per_factor"]["2"] == found["labels_100"]["per_factor"]["2"] / found["per_factor"]["2"]


def test_codes_that_know_nothing_score_the_commonest_value():
    _, _, rng = small()
    uneven = (rng.random((6000, 1)) < 0.8).astype(np.int64) * 4
    for nothing in (rng.normal(size=(6000, 3)), np.ones((6000, 2))):
        found = linear_probe(nothing, uneven)
        assert found["score"] == pytest.approx(0.8, abs=0.02)
        assert 0.7 < found["efficiency"]["score"] <= 1


def test_probes_are_scored_on_samples_they_have_not_seen():
    rng = np.random.default_rng(0)
    assert linear_probe(rng.normal(size=(90, 60)), rng.integers(0, 2, size=(90, 1)))["score"] < 0.75
