import tracemalloc

import numpy as np
import pytest

from unbraid.metrics.beta_vae_score import _differences, beta_vae_score
from unbraid.metrics.factor_vae_score import _least_varying, factor_vae_score
from unbraid.metrics.votes import GLOBAL_SAMPLES, majority_right, rows_by_value, voters
from unbraid.metrics.z_max import z_max

FEW = {"train_votes": 3000, "test_votes": 2000}


def rotate_last_two(codes):
    return np.hstack([codes[:, :3], codes[:, [3]] + codes[:, [4]], codes[:, [3]] - codes[:, [4]]])


def test_rows_that_share_a_value_evenly():
    factor = np.array([7, 3, 7, 7, 3, -1])
    rows, rng = rows_by_value(factor), np.random.default_rng(0)
    drawn = rows.like(np.repeat([0, 1, 5], 6000).reshape(3, -1), rng)
    assert (factor[drawn] == np.array([[7], [3], [-1]])).all()
    assert np.bincount(drawn[0], minlength=6)[[0, 2, 3]] == pytest.approx([2000] * 3, rel=0.1)
    assert set(drawn[1]) == {1, 4}
    assert set(drawn[2]) == {5}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("cached", [1, 50, 1 << 16])
def test_differences_are_those_of_pairs_one_by_one(noisy, signed, cached, monkeypatch):
    monkeypatch.setattr("unbraid.metrics.votes.CACHED", cached)
    codes, factors = noisy(0)
    held = np.array([0, 2, 1, 0, 2])
    found = _differences(codes, factors, held, 5, signed, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    for k in range(3):
        votes = np.flatnonzero(held == k)
        first = rng.integers(0, 300, (len(votes), 5))
        groups = [np.flatnonzero(factors[:, k] == factors[row, k]) for row in first.ravel()]
        picks = rng.integers(0, np.array([len(group) for group in groups]).reshape(first.shape))
        for v, vote in enumerate(votes):
            total = np.zeros(4)
            for pair in range(5):
                second = groups[v * 5 + pair][picks[v, pair]]
                assert factors[first[v, pair], k] == factors[second, k]
                step = codes[first[v, pair]] - codes[second]
                total += step if signed else abs(step)
            assert found[vote] == pytest.approx(total / 5)


def test_beta_vae_score_of_known_codes(dsprites, rotated):
    codes, factors, noise = dsprites
    assert beta_vae_score(codes, factors)["score"] == 1
    assert beta_vae_score(codes[:, [4, 2, 0, 1, 3]] * [-1, 1e-4, 1e4, 1, 1], factors, **FEW)["score"] > 0.995
    random = beta_vae_score(noise, factors)
    assert random["score"] == pytest.approx(0.2, abs=0.025)
    assert random["chance"] == 0.2
    assert beta_vae_score(*rotated(10))["score"] == pytest.approx(0.5, abs=0.03)
    assert beta_vae_score(rotate_last_two(codes), factors)["score"] == pytest.approx(0.8, abs=0.03)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    assert beta_vae_score((codes / codes.std(0)) @ rotation, factors)["score"] > 0.85


def test_beta_vae_definitions(dsprites):
    codes, factors, _ = dsprites
    assert beta_vae_score(codes, factors, definition="locatello2019")["score"] > 0.99
    assert beta_vae_score(codes * 1e-3, factors, definition="locatello2019")["score"] == pytest.approx(0.203, abs=0.02)
    assert beta_vae_score(codes * 1e-3, factors)["score"] == 1
    assert beta_vae_score(codes, factors, definition="signed")["score"] == pytest.approx(0.2, abs=0.03)


def test_factor_vae_score_of_known_codes(dsprites, rotated):
    codes, factors, noise = dsprites
    perfect = factor_vae_score(codes, factors)
    assert (perfect["score"], perfect["chance"], perfect["live"]) == (1, 0.2, 5)
    assert factor_vae_score(codes[:, [4, 2, 0, 1, 3]] * [-1, 1, 1e4, 1, 1], factors, **FEW)["score"] == 1
    assert factor_vae_score(np.hstack([codes, codes]), factors, **FEW)["score"] == 1
    assert factor_vae_score(noise, factors)["score"] == pytest.approx(0.2, abs=0.03)
    assert factor_vae_score(*rotated(10))["score"] == pytest.approx(0.5, abs=0.05)
    fewer = factor_vae_score(codes[:, :3], factors)["per_factor"]
    assert [fewer[k] for k in "012"] == [1, 1, 1]


def test_latents_that_hardly_vary_have_no_vote(dsprites):
    """A constant, or almost, would be the least varying of every vote."""
    codes, factors, noise = dsprites
    for still in (np.zeros((10_000, 3)), noise[:, :3] * 0.049):
        found = factor_vae_score(np.hstack([codes, still]), factors, **FEW)
        assert (found["score"], found["live"]) == (1, 5)
    assert factor_vae_score(np.hstack([codes, noise[:, :3] * 0.06]), factors, **FEW)["live"] == 8
    nothing = factor_vae_score(codes * 1e-3, factors, **FEW)
    assert (nothing["score"], nothing["live"], set(nothing["per_factor"].values()), nothing["chance"]) == (0, 0, {0}, 0.2)
    assert factor_vae_score(codes * 1e-3, factors, threshold=0.0, **FEW)["score"] == 1


def test_votes_are_those_of_one_batch_at_a_time(noisy):
    codes, factors = noisy(0)
    held = np.random.default_rng(0).integers(0, 3, 40)
    found = _least_varying(codes, factors, held, 6, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    for k in range(3):
        votes = np.flatnonzero(held == k)
        fixed = rng.integers(0, 300, (len(votes), 1))
        groups = [np.flatnonzero(factors[:, k] == factors[row, k]) for row in fixed[:, 0]]
        picks = rng.integers(0, np.repeat([[len(group)] for group in groups], 6, axis=1))
        for v, vote in enumerate(votes):
            batch = codes[groups[v][picks[v]]]
            spreads = [sum((value - column.mean()) ** 2 for value in column) for column in batch.T]
            assert found[vote] == np.argmin(spreads)


def test_scale_is_taken_out_of_the_votes(dsprites):
    """The latent of a factor of many values varies as little as others, in its own unit."""
    codes, factors, noise = dsprites
    rng = np.random.default_rng(5)
    loud = np.hstack([(codes + rng.normal(size=codes.shape) * 0.05) * 100, noise[:, :1] * 0.1])
    assert factor_vae_score(loud, factors, **FEW)["score"] > 0.99


@pytest.mark.parametrize("score", [beta_vae_score, factor_vae_score])
def test_seeds_repeat_and_differ(noisy, score):
    codes, factors = noisy(0)
    assert score(codes, factors, seed=1) == score(codes, factors, seed=1)
    assert score(codes, factors, seed=1) != score(codes, factors, seed=2)
    assert set(score(codes, factors, factor_names=["a", "b", "c"])["per_factor"]) == {"a", "b", "c"}


def test_a_factor_without_a_test_vote_scores_0():
    codes = np.random.default_rng(0).normal(size=(60, 3))
    factors = np.random.default_rng(1).integers(0, 3, size=(60, 3))
    for metric in (beta_vae_score, factor_vae_score):
        scores = metric(codes, factors, train_votes=30, test_votes=1)
        assert sorted(scores["per_factor"].values()) == [0, 0, scores["score"]]


def test_a_latent_without_a_training_vote_stands_for_no_factor(grid):
    """One training vote: of a perfect code the votes of its factor alone are right."""
    factors = np.tile(grid(3, 3), (5, 1))
    for seed in range(4):
        found = factor_vae_score(factors.astype(float), factors, train_votes=1, test_votes=200, seed=seed)
        assert sorted(found["per_factor"].values()) == [0, 1]


def test_who_has_a_vote():
    codes = np.array([[0.0, 0.1, 0.0, 7.0], [2.0, 0.1, 1e-200, 7.2], [4.0, 0.1, 0.0, 7.4]])
    live, spread = voters(codes, 0.0, np.random.default_rng(0))
    assert spread[[0, 3]] == pytest.approx([4, 0.04])
    assert live.tolist() == [True, False, False, True]  # a constant, and one whose variance is too small for a number
    assert voters(codes, 0.2, np.random.default_rng(0))[0].tolist()[:3] == [True, False, False]
    assert voters(codes, 2.0, np.random.default_rng(0))[0].tolist() == [True, False, False, False]
    assert voters(codes, 0.201, np.random.default_rng(0))[0].tolist() == [True, False, False, False]
    assert not voters(codes[:1], 0.0, np.random.default_rng(0))[0].any()
    many = np.arange(GLOBAL_SAMPLES + 5.0)[:, None]
    chosen = np.random.default_rng(3).permutation(len(many))[:GLOBAL_SAMPLES]
    assert voters(many, 0.0, np.random.default_rng(3))[1] == pytest.approx(many[chosen].var(0, ddof=1), rel=1e-12)


def test_the_majority_by_hand():
    said = np.array([0, 0, 0, 1, -1, -1, 0, 0, 1, 2, -1])
    held = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1])
    found = majority_right(said, held, 6, 3, 2)  # latent 0 stands for 1, latent 1 for 0, latent 2 and none for nothing
    assert found.tolist() == [True, False, True, False, False]


@pytest.mark.parametrize("score", [factor_vae_score, beta_vae_score, z_max])
def test_memory_grows_with_latents_and_not_with_latents_times_votes(score):
    """4,000 latents and 400 votes: all at once would take 400 x 64 x 4,000 numbers, 800 MB."""
    rng = np.random.default_rng(0)
    factors = np.stack([np.arange(60) % 3, np.arange(60) % 4], axis=1)
    codes = rng.normal(size=(60, 4_000))
    score(codes[:, :2], factors, train_votes=20, test_votes=10)  # imports
    tracemalloc.start()
    try:
        score(codes, factors, train_votes=300, test_votes=100, **({"pairs": 64} if score is beta_vae_score else {"batch": 64}))
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("cached", [1, 1_000])
def test_votes_do_not_depend_on_how_many_are_counted_at_once(noisy, cached, monkeypatch):
    codes, factors = noisy(0)
    few = {"train_votes": 60, "test_votes": 40}
    before = [score(codes, factors, **few) for score in (factor_vae_score, z_max, beta_vae_score)]
    monkeypatch.setattr("unbraid.metrics.votes.CACHED", cached)
    assert [score(codes, factors, **few) for score in (factor_vae_score, z_max, beta_vae_score)] == before
