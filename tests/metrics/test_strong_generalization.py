import numpy as np
import pytest

from unbraid.metrics.samples import gather
from unbraid.metrics.strong_generalization import _gap, accuracy, shifts, strong_generalization


def drawn(n=3000, sizes=(2, 3)):
    return np.random.default_rng(0).integers(0, sizes, size=(n, len(sizes)))


def test_one_value_is_learned_and_all_others_are_read():
    own = drawn(200, (3,))[:, 0] * -5
    train, test = np.arange(150), np.arange(150, 200)
    found = shifts(own, train, test, 2, np.random.default_rng(0))
    for learned, read in found:
        value = own[learned[0]]
        assert learned.tolist() == np.flatnonzero(own[:150] == value).tolist()
        assert read.tolist() == (150 + np.flatnonzero(own[150:] != value)).tolist()
    assert len({own[learned[0]] for learned, _ in found}) == 2  # each value once
    assert len(shifts(own, train, test, 9, np.random.default_rng(0))) == 3
    assert shifts(own * 0, train, test, 2, np.random.default_rng(0)) == []


def test_perfect_codes_lose_nothing():
    factors = drawn(sizes=(4, 5, 3))
    found = strong_generalization(factors[:, [2, 0, 1]] * [-1.0, 100, 1e-3], factors, factor_names=["a", "b", "c"])
    assert found["score"] == found["unshifted"]["score"] == 1
    assert found["per_factor"] == {"a": 1, "b": 1, "c": 1}
    assert found["gap"] == 0


def test_an_exclusive_or_is_wrong_whenever_the_other_factor_changes():
    """Where v2 is 0 the latent is v1, and where it is 1 the latent is its contrary."""
    factors = drawn(sizes=(2, 2))
    code = (factors.sum(1, keepdims=True) % 2).astype(float)
    found = strong_generalization(code, factors)
    assert found["score"] == 0
    assert found["gap"] == 1
    assert found["unshifted"]["score"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("model", ["forest", "logistic"])
def test_a_sum_is_read_wrong_too(model):
    factors = drawn(sizes=(3, 3))
    found = strong_generalization(factors.sum(1, keepdims=True) * 1.0, factors, model=model, repeats=3)
    assert found["score"] < 0.35
    assert found["unshifted"]["score"] > found["score"] + 0.1
    assert found["gap"] == pytest.approx(1 - found["score"] / found["unshifted"]["score"])


def test_codes_that_know_nothing_score_the_commonest_value():
    factors = drawn(6000)
    for nothing in (np.random.default_rng(1).normal(size=(6000, 3)), np.ones((6000, 2))):
        found = strong_generalization(nothing, factors)
        assert found["per_factor"] == pytest.approx({"0": 1 / 2, "1": 1 / 3}, abs=0.05)


def test_where_nothing_can_be_shifted_the_score_is_the_plain_one():
    factors = drawn(sizes=(3, 1))
    code = factors[:, :1] + np.random.default_rng(0).normal(size=(3000, 1)) * 0.4
    for own in (factors[:, :1], factors):
        found = strong_generalization(code, own)
        assert found["per_factor"]["0"] == found["unshifted"]["per_factor"]["0"] == pytest.approx(0.86, abs=0.04)
        assert found["gap"] == 0


def test_the_comparison_learns_from_as_many_samples():
    """Of 50 values of the other factor one is learned: 40 of 2,000 samples, with too little of 20 values on either side."""
    factors = drawn(3000, (20, 50))
    found = strong_generalization(factors[:, :1] * 1.0, factors, repeats=10)
    assert found["unshifted"]["per_factor"]["0"] < 0.9
    assert found["per_factor"]["0"] == pytest.approx(found["unshifted"]["per_factor"]["0"], abs=0.12)


def test_seeds_repeat_and_differ(noisy):
    codes, factors = noisy(0)
    assert strong_generalization(codes, factors, seed=1) == strong_generalization(codes, factors, seed=1)
    assert strong_generalization(codes, factors, seed=1) != strong_generalization(codes, factors, seed=2)


def test_a_model_that_has_seen_one_value_says_it_always():
    samples = gather(np.arange(6.0)[:, None], np.array([[3], [3], [3], [3], [5], [3]]))
    assert accuracy(samples, 0, np.arange(3), np.arange(3, 6), "forest", 0) == pytest.approx(2 / 3)


def test_the_gap_is_that_of_means():
    assert _gap(np.array([0.5, 0.0]), np.array([1.0, 0.0])) == 0.5
    assert _gap(np.array([1.0]), np.array([0.5])) == _gap(np.zeros(2), np.zeros(2)) == 0
