import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from unbraid.metrics.explicitness import explicitness
from unbraid.metrics.probes import area_under_curve, multinomial_probe, one_vs_rest_probe
from unbraid.metrics.splitting import ranks, split_rows, standardized


def test_area_by_hand_and_as_scikit_learn():
    scores, positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert area_under_curve(scores, positive) == 0.75
    assert area_under_curve(-scores, positive) == 0.25
    assert area_under_curve(np.zeros(4), positive) == 0.5
    assert area_under_curve(scores, np.ones(4, bool)) == 0.5
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 20, 300) / 20, rng.random(300) < 0.3
    assert area_under_curve(scores, positive) == pytest.approx(roc_auc_score(positive, scores))


@pytest.mark.parametrize("probe", [multinomial_probe, one_vs_rest_probe])
def test_probes_give_probabilities_of_the_classes_they_name(probe):
    rng = np.random.default_rng(0)
    labels = rng.choice([-4, 7, 9], size=600)
    features = np.stack([labels == 9, labels == -4], 1) + rng.normal(size=(600, 2)) * 0.1
    found = probe(features[:400], labels[:400], features[400:])
    assert found.scores.sum(1) == pytest.approx(np.ones(200))
    assert (found.classes[found.scores.argmax(1)] == labels[400:]).mean() > 0.98
    lone = probe(features[:3], np.full(3, 7), features[:5])
    assert (lone.scores.tolist(), lone.classes.tolist()) == ([[1.0]] * 5, [7])


def test_a_split_has_no_row_twice_and_repeats():
    for n in (2, 3, 10, 14_999, 15_000, 20_000):
        train, test = split_rows(n, 10_000, 5_000, 3)
        assert len(set(train) | set(test)) == len(train) + len(test) == min(n, 15_000)
        assert min(len(train), len(test)) >= 1
    assert [len(rows) for rows in split_rows(30, 10_000, 5_000, 0)] == [20, 10]
    assert np.array_equal(split_rows(100, 20, 10, 1)[0], split_rows(100, 20, 10, 1)[0])
    assert not np.array_equal(split_rows(100, 20, 10, 1)[0], split_rows(100, 20, 10, 2)[0])
    assert split_rows(1, 20, 10, 0)[0].tolist() == split_rows(1, 20, 10, 0)[1].tolist() == [0]


@pytest.mark.parametrize(
    ("fitted", "applied", "expected"),
    [
        ([-1e300, 0.0], [1.0], ([-1, 1], [1])),
        ([0.0, 1e300], [1.0], ([-1, 1], [-1])),
        ([0.0, 1.0], [-1e300, 0.0], ([0, 0], [0, 0])),  # beside such a number nothing else varies
        ([0.0, 1e-300], [0.0, 1e300], ([0, 0], [0, 0])),
        ([-1e-300, 1e-300], [3e-300], ([-1, 1], [3])),
    ],
)
def test_numbers_of_any_size_are_standardized(fitted, applied, expected):
    learned, read = standardized(np.array(fitted)[:, None], np.array(applied)[:, None])
    assert learned[:, 0] == pytest.approx(expected[0])
    assert read[:, 0] == pytest.approx(expected[1])


def test_standardized_by_the_first_array():
    learned, read = standardized(np.array([[1.0, 5, 0.1], [3.0, 5, 0.1]]), np.array([[4.0, 9, 0.1]]))
    assert learned.tolist() == [[-1, 0, 0], [1, 0, 0]]
    assert read.tolist() == [[2, 0, 0]]
    for constant in (0.1, -0.1):  # whose mean of three rounds to another number
        learned, read = standardized(np.full((3, 1), constant), np.full((1, 1), constant))
        assert np.abs(learned).max() == np.abs(read).max() == 0


def test_ranks_are_of_columns_and_shared_by_equal_values():
    assert ranks(np.array([[1, 5], [3, 5], [2, 7]])).tolist() == [[1, 1.5], [3, 1.5], [2, 3]]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [("multinomial", [1, 1, 0.97, 0.977, 0.977]), ("one_vs_rest", [1, 0.978, 0.894, 0.901, 0.902])],
)
def test_explicitness_of_a_perfect_code(dsprites, definition, expected):
    codes, factors, _ = dsprites
    found = explicitness(codes, factors, definition=definition)
    assert list(found["per_factor"].values()) == pytest.approx(expected, abs=0.012)


def test_explicitness_does_not_see_scale(dsprites):
    codes, factors, _ = (array[:2000] for array in dsprites)
    found = explicitness(codes * [1, -1e-4, 1e5, 1, 1] + 3, factors)
    assert found["score"] == pytest.approx(explicitness(codes, factors)["score"], abs=1e-3)


def test_explicitness_of_noise_and_constants_is_a_half(dsprites):
    _, factors, noise = dsprites
    assert explicitness(noise, factors)["score"] == pytest.approx(0.5, abs=0.01)
    assert explicitness(np.ones((10_000, 2)), factors)["score"] == 0.5


def test_explicitness_does_not_see_a_rotation_but_sees_what_is_missing(dsprites):
    codes, factors, _ = (array[:4000] for array in dsprites)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    full = explicitness(codes, factors)["score"]
    assert explicitness(codes @ rotation, factors)["score"] == pytest.approx(full, abs=0.01)
    fewer = explicitness(codes[:, :3], factors)["per_factor"]
    assert [fewer["3"], fewer["4"]] == pytest.approx([0.5, 0.5], abs=0.02)


def test_explicitness_is_scored_on_samples_it_has_not_seen():
    """Forty latents of noise tell 60 samples apart, and no others."""
    rng = np.random.default_rng(0)
    assert explicitness(rng.normal(size=(90, 60)), rng.integers(0, 2, size=(90, 1)))["score"] < 0.75


def test_explicitness_below_a_half_counts_as_a_half(dsprites):
    _, factors, noise = (array[:300] for array in dsprites)
    found = [explicitness(noise, factors, seed=seed)["per_factor"].values() for seed in range(3)]
    assert min(min(values) for values in found) == 0.5


@pytest.mark.parametrize("penalty", [0.25, 4.0])
def test_the_penalty_is_scikit_learn_s_by_its_inverse(penalty):
    rng = np.random.default_rng(0)
    labels, read = rng.integers(0, 3, 90), rng.normal(size=(20, 2))
    features = labels[:, None] * [1.0, -0.5] + rng.normal(size=(90, 2))
    found = multinomial_probe(features, labels, read, penalty=penalty)
    by_hand = LogisticRegression(C=1 / penalty).fit(features, labels)
    assert found.scores == pytest.approx(by_hand.predict_proba(read), abs=1e-6)


@pytest.mark.parametrize(("train", "test", "learned"), [(1, 100, 1), (100, 1, 2), (2, 1, 2)])
def test_few_samples_leave_one_to_learn_from_and_one_to_read(train, test, learned):
    rows = split_rows(3, train, test, 0)
    assert [len(own) for own in rows] == [learned, 3 - learned]
    assert sorted(np.concatenate(rows)) == [0, 1, 2]


def test_a_value_that_is_not_among_those_scored_is_left_out_of_explicitness():
    """A perfect code stays one: one sample of a value is on one side or the other."""
    from unbraid.metrics import explicitness

    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, (300, 1))
    plain = explicitness(factors.astype(float), factors)["score"]
    for row in range(0, 60, 10):
        rare = factors.copy()
        rare[row] = 3
        assert explicitness(rare.astype(float), rare)["score"] > plain - 0.02
