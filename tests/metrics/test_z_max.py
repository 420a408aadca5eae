import numpy as np
import pytest

from unbraid.metrics.z_max import most_varying, rows_of_others, z_max

FEW = {"train_votes": 2000, "test_votes": 1000}


@pytest.fixture(scope="module")
def whole(grid):
    factors = grid(3, 4, 5)
    return factors / [2, 3, 4], factors


def test_rows_that_share_all_other_factors_one_at_a_time():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, size=(40, 3)) * [1, -5, 1000]
    for k in range(3):
        group, varied = rows_of_others(factors, k)
        others = np.delete(factors, k, axis=1)
        for i in range(40):
            same = (others == others[i]).all(1)
            assert (group == group[i]).tolist() == same.tolist()
            assert varied[i] == (len(set(factors[same, k].tolist())) > 1)


def test_votes_are_those_of_one_batch_at_a_time(noisy):
    codes, factors = noisy(0)
    group, varied = rows_of_others(factors, 1)
    found = most_varying(codes, group, varied, 30, 6, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    first = rng.choice(np.flatnonzero(varied), (30, 1))
    members = [np.flatnonzero(group == group[row]) for row in first[:, 0]]
    picks = rng.integers(0, np.repeat([[len(own)] for own in members], 6, axis=1))
    for v in range(30):
        batch = codes[members[v][picks[v]]]
        assert len(np.unique(factors[members[v]][:, [0, 2]], axis=0)) == 1
        assert found[v] == np.argmax([sum((value - column.mean()) ** 2 for value in column) for column in batch.T])


def test_known_codes(whole, rotated):
    codes, factors = whole
    perfect = z_max(codes[:, [2, 0, 1]] * [-1, 1e4, 1], factors, **FEW)
    assert (perfect["score"], perfect["chance"], perfect["live"], perfect["voted"]) == (1, 1 / 3, 3, ["0", "1", "2"])
    assert z_max(np.hstack([codes, codes]), factors, **FEW)["score"] == 1
    assert z_max(*rotated(10), **FEW)["score"] == pytest.approx(0.5, abs=0.06)
    rng = np.random.default_rng(0)
    many = np.tile(factors, (30, 1))
    assert z_max(rng.normal(size=(1800, 4)), many, **FEW)["score"] == pytest.approx(1 / 3, abs=0.06)


def test_a_factor_that_no_latent_knows_moves_none(whole):
    codes, factors = whole
    found = z_max(codes[:, :2], factors, **FEW, factor_names=["a", "b", "c"])
    assert found["per_factor"] == {"a": 1, "b": 1, "c": 0}
    for order in ([0, 1], [1, 0]):
        assert z_max(codes[:, :2][:, order], factors, **FEW)["per_factor"]["2"] == 0


def test_noise_moves_always_and_what_hardly_varies_has_no_vote(whole):
    codes, factors = (np.tile(array, (30, 1)) for array in whole)
    noise = np.random.default_rng(0).normal(size=(1800, 3))
    assert z_max(np.hstack([codes, noise]), factors, **FEW)["score"] < 0.8
    still = z_max(np.hstack([codes, noise * 0.04]), factors, **FEW)
    assert (still["score"], still["live"]) == (1, 3)
    nothing = z_max(codes * 1e-3, factors, **FEW)
    assert (nothing["score"], nothing["live"]) == (0, 0)
    assert z_max(codes * 1e-3, factors, threshold=0.0, **FEW)["score"] == 1


def test_factors_that_never_vary_alone_take_no_part():
    factors = np.array([[0, 0], [0, 1], [1, 2], [1, 3]] * 5)
    found = z_max(factors.astype(float), factors, **FEW)
    assert found["voted"] == ["1"]
    assert (found["score"], found["chance"]) == (1, 1)
    assert found["per_factor"] == {"0": None, "1": 1}
    diagonal = np.arange(6)[:, None].repeat(2, 1)
    none = z_max(diagonal.astype(float), diagonal, **FEW)
    assert (none["score"], none["voted"], none["per_factor"]) == (0, [], {"0": None, "1": None})


def test_the_scale_of_a_latent_is_taken_out(whole):
    """A loud latent that moves a little with every factor does not win over the one that moves most in its own unit."""
    codes, factors = whole
    mixed = np.stack([codes[:, 0], codes[:, 1], 100 * (codes[:, 2] + 0.1 * codes[:, 0] + 0.1 * codes[:, 1])], 1)
    assert z_max(mixed, factors, **FEW)["score"] == 1


def test_seeds_repeat_and_differ(noisy):
    codes, factors = noisy(0)
    assert z_max(codes, factors, seed=1) == z_max(codes, factors, seed=1)
    assert z_max(codes, factors, seed=1) != z_max(codes, factors, seed=2)


def test_votes_that_are_not_cast_count_for_nothing(grid):
    factors = np.tile(grid(3, 3), (5, 1))
    codes = factors.astype(float)
    assert z_max(np.ones((45, 2)), factors, **FEW)["per_factor"] == {"0": 0, "1": 0}  # no latent has a vote
    for seed in range(4):
        tested = z_max(codes, factors, train_votes=100, test_votes=1, seed=seed)
        assert sorted(tested["per_factor"].values()) == [0, 1]
        learned = z_max(codes, factors, train_votes=1, test_votes=200, seed=seed)
        assert sorted(learned["per_factor"].values()) == [0, 1]  # a latent without a training vote stands for no factor
