import numpy as np
import pytest

from unbraid.metrics.fairness import TEST, TRAIN, fairness, predictions, unfairness, unfairness_of_chance
from unbraid.metrics.samples import gather
from unbraid.metrics.splitting import split_rows


def by_hand(predicted, target, sensitive):
    """One value of the sensitive factor and one prediction at a time."""
    n, total = len(predicted), 0.0
    for c in set(sensitive):
        rows = [i for i in range(n) if sensitive[i] == c]
        for y in set(predicted):
            said = sum(predicted[i] == y for i in rows) / len(rows)
            expected = 0.0
            for i in rows:
                alike = [j for j in range(n) if target[j] == target[i]]
                expected += sum(predicted[j] == y for j in alike) / len(alike) / len(rows)
            total += len(rows) / n * abs(said - expected) / 2
    return total


@pytest.mark.parametrize("seed", range(3))
def test_unfairness_one_value_at_a_time(seed):
    rng = np.random.default_rng(seed)
    predicted, target, sensitive = rng.integers(0, [3, 4, 3], size=(60, 3)).T
    assert unfairness(predicted, target, sensitive) == pytest.approx(
        by_hand(*(a.tolist() for a in (predicted, target, sensitive)))
    )


def test_unfairness_of_known_predictions(grid):
    target, sensitive = grid(4, 5).T
    assert unfairness(target, target, sensitive) == pytest.approx(0)
    assert unfairness(sensitive, target, sensitive) == pytest.approx(1 - 1 / 5)  # from one value to all of them
    assert unfairness(np.zeros(20, np.int64), target, sensitive) == 0
    assert unfairness(sensitive, target, np.zeros(20, np.int64)) == pytest.approx(0)
    half = np.where(target < 2, sensitive, 0)
    assert unfairness(half, target, sensitive) == pytest.approx((4 * (1 / 2 - 1 / 10) + (1 / 2 - 1 / 10)) / 5)


def test_factors_that_go_together_are_not_held_against_the_code():
    """The sensitive factor tells the target nine times in ten, but predictions follow the target alone."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 9000)
    sensitive = np.where(rng.random(9000) < 0.9, target, 1 - target)
    factors = np.stack([target, sensitive], 1)
    assert fairness(factors * 1.0, factors)["score"] == pytest.approx(1, abs=1e-3)
    alone = fairness(sensitive[:, None] * 1.0, factors)
    # the prediction is s: at s = 1 all are 1, of which the target lets expect .9 * .9 + .1 * .1
    assert alone["per_factor"]["0"] == pytest.approx(0.82, abs=0.03)
    assert alone["per_sensitive"]["1"] == alone["per_factor"]["0"]
    assert alone["per_factor"]["1"] == alone["per_sensitive"]["0"] == pytest.approx(1, abs=1e-3)


def test_chance_is_what_orders_of_no_consequence_give():
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, [10, 3, 20], size=(1000, 3)).T for _ in range(20)]
    raw = np.mean([unfairness(*own) for own in drawn])
    assert raw > 0.1  # 50 samples a value
    assert np.mean([unfairness_of_chance(*own, seed=0) for own in drawn]) == pytest.approx(raw, rel=0.02)
    target, sensitive = drawn[0][1:]
    assert unfairness_of_chance(target, target, sensitive, 0) == pytest.approx(0)


def test_orders_of_no_consequence_keep_target_and_sensitive_factor_together():
    """Predictions by the sensitive factor, but the target gives it away: no order among equal targets changes that."""
    target = np.repeat(np.arange(4), 50)
    assert unfairness_of_chance(target, target // 2, target // 2, 0) == pytest.approx(0)
    assert unfairness_of_chance(target // 2, target, np.arange(200) % 2 + 2 * (target // 2), 0) == pytest.approx(0)


def test_known_codes(dsprites):
    codes, factors, noise = (array[:6000] for array in dsprites)
    assert fairness(codes, factors)["score"] == pytest.approx(1, abs=1e-3)
    assert fairness(np.ones((6000, 2)), factors)["score"] == 1
    assert fairness(noise[:, :3], factors)["score"] > 0.99
    assert fairness(noise[:, :3], factors, definition="plug_in")["score"] < 0.95
    found = fairness(codes[:, [0]] * 9 + codes[:, [2]] * 9, factors[:, [0, 2]], factor_names=["a", "b"])
    assert found["per_factor"]["b"] < 0.85
    assert found["score"] == pytest.approx(np.mean(list(found["per_factor"].values())))
    assert found["score"] == pytest.approx(np.mean(list(found["per_sensitive"].values())))


def test_with_a_single_factor_nothing_is_unfair(noisy):
    codes, factors = noisy(0)
    assert fairness(codes, factors[:, :1])["score"] == 1


def test_seeds_repeat_and_differ(noisy):
    codes, factors = noisy(0)
    assert fairness(codes, factors, seed=1) == fairness(codes, factors, seed=1)
    assert fairness(codes, factors, seed=1) != fairness(codes, factors, seed=2)


def test_the_score_is_the_mean_over_factors(noisy):
    found = fairness(*noisy(0))
    assert found["score"] == pytest.approx(np.mean([*found["per_factor"].values()]))
    assert found["score"] == pytest.approx(np.mean([*found["per_sensitive"].values()]))
    assert found["score"] < 0.99


def test_of_what_is_beyond_chance_all_that_can_be_counts():
    """(U - E) / (1 - E), of a code that is the other factor."""
    factors = np.random.default_rng(0).integers(0, [3, 5], size=(300, 2))
    codes = factors[:, 1:] * 1.0
    train, test = split_rows(300, TRAIN, TEST, 0)
    said = predictions(gather(codes, factors), 0, train, test, "forest", 0)
    chance = unfairness_of_chance(said, *factors[test].T, 0)
    expected = (unfairness(said, *factors[test].T) - chance) / (1 - chance)
    assert chance > 0.05
    assert fairness(codes, factors)["per_factor"]["0"] == pytest.approx(1 - expected)
