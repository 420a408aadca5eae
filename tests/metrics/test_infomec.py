import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from unbraid.errors import UsageError
from unbraid.metrics.infomec import infomec, predicted_share, published_share, share_of_best, spread_out, wide
from unbraid.metrics.samples import gather


def test_shares_by_hand():
    rows = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.6, 0.3, 0.1], [0.0, 0.0, 0.0]])
    assert share_of_best(rows).tolist() == pytest.approx([1, 0, (0.6 - 1 / 3) / (2 / 3), 0])
    assert share_of_best(np.array([[0.3], [0.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("definition", ["held_out", "hsu2023", "hsu2024"])
def test_perfect_codes(dsprites, definition):
    codes, factors, _ = (array[:4000] for array in dsprites)
    found = infomec(codes[:, ::-1] * [1, -1, 1, 1, 1], factors, definition=definition)
    for part in ("modularity", "compactness", "explicitness"):
        assert found[part]["score"] == pytest.approx(1, abs=0.01), part
    assert found["score"] == found["modularity"]["score"]


def test_what_becomes_of_latents_that_know_nothing(dsprites):
    codes, factors, noise = (array[:3000] for array in dsprites)
    ours = infomec(np.hstack([codes, noise[:, :3]]), factors)
    assert (ours["modularity"]["live"], ours["score"]) == (5, pytest.approx(1, abs=1e-3))
    wide = infomec(np.hstack([codes, noise[:, :3]]), factors, definition="hsu2023")
    assert wide["modularity"]["live"] == 8
    assert wide["score"] < 0.9
    narrow = infomec(np.hstack([codes, noise[:, :3] * 1e-3]), factors, definition="hsu2023")
    assert (narrow["modularity"]["live"], narrow["score"]) == (5, pytest.approx(1, abs=0.01))


def test_noise_and_constants(dsprites):
    _, factors, noise = dsprites
    for nothing in (noise, np.ones((10_000, 2))):
        found = infomec(nothing, factors)
        assert [found[part]["score"] for part in ("modularity", "compactness", "explicitness")] == pytest.approx(
            [0, 0, 0], abs=1e-3
        )


def test_copies_are_not_compact_and_missing_factors_not_explicit(dsprites):
    codes, factors, _ = dsprites
    found = infomec(codes[:, [0, 0, 1]], factors)
    assert found["modularity"]["score"] == pytest.approx(1, abs=1e-3)
    assert list(found["compactness"]["per_factor"].values())[:2] == pytest.approx([(1 / 2 - 1 / 3) / (2 / 3), 1], abs=1e-3)
    assert list(found["compactness"]["per_factor"].values())[2:] == [0, 0, 0]
    assert list(found["explicitness"]["per_factor"].values()) == pytest.approx([1, 1, 0, 0, 0], abs=0.01)


def test_the_share_that_a_channel_lets_through():
    """A bit that is right nine times in ten: 1 - H(0.1) / log 2, also for factors whose values are uneven."""
    rng = np.random.default_rng(0)
    labels = (rng.random(30_000) < 0.5).astype(np.int64)
    code = np.where(rng.random(30_000) < 0.9, labels, 1 - labels).astype(float)[:, None]
    closed = 1 + (0.9 * np.log(0.9) + 0.1 * np.log(0.1)) / np.log(2)
    assert predicted_share(gather(code, labels[:, None]), 0, seed=0) == pytest.approx(closed, abs=0.03)
    uneven = (rng.random(30_000) < 0.9).astype(np.int64) * 5
    noise = gather(rng.normal(size=(30_000, 2)), uneven[:, None])
    assert predicted_share(noise, 0, seed=0) < 0.005


def test_published_explicitness_is_that_of_samples_seen():
    rng = np.random.default_rng(0)
    samples = gather(rng.normal(size=(60, 50)), rng.integers(0, 2, (60, 1)))
    assert published_share(samples.codes, samples.factors[:, 0]) > 0.99
    assert predicted_share(samples, 0, seed=0) < 0.3


def test_which_latents_count_by_published_definitions():
    """Ranges of 1, 1, 0.06, 0 and 0.12; interquartile ranges of 0.5, 0, 0.03, 0 and 0.12."""
    steps = np.linspace(0, 1, 101)
    rare = (steps > 0.8).astype(float)
    codes = np.stack([steps, rare, steps * 0.06, np.ones(101), np.clip(steps, 0.44, 0.56)], 1)
    assert wide(codes).tolist() == [True, True, True, False, True]
    assert wide(np.hstack([codes, steps[:, None] * 2])).tolist() == [True, True, False, False, True, True]
    assert spread_out(codes).tolist() == [True, False, False, False, True]
    assert spread_out(np.hstack([codes, 20 * steps[:, None]])).tolist() == [False] * 5 + [True]
    assert spread_out(np.ones((5, 2))).tolist() == [False, False]


def test_outliers_keep_a_latent_alive_by_range_alone(dsprites):
    codes, factors, noise = (array[:3000] for array in dsprites)
    still = noise[:, :1] * 1e-3
    still[0] = 1
    padded = np.hstack([codes, still])
    assert infomec(padded, factors, definition="hsu2023")["modularity"]["live"] == 6
    found = infomec(padded, factors, definition="hsu2024")
    assert (found["modularity"]["live"], found["score"]) == (5, pytest.approx(1, abs=0.01))


def test_published_definitions_score_all_samples():
    """A factor that only the last rows of a random order would tell."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, size=(900, 2))
    codes = factors + 0.1 * rng.normal(size=(900, 2))
    seeds = [infomec(codes, factors, definition="hsu2023", seed=seed) for seed in (0, 1)]
    explicit = [found["explicitness"]["score"] for found in seeds]
    assert explicit[0] == explicit[1]  # no choice of rows


def test_discrete_latents_are_counted():
    """By the code of the papers: plug-in information of levels, and regressions on one-hot levels."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 4], size=(2000, 2))
    levels = np.array([-1.0, -0.5, 0.5, 1.0])
    codes = np.stack(
        [levels[(factors[:, 0] * 2) % 4], levels[(factors[:, 1] + (rng.random(2000) < 0.2)) % 4], np.ones(2000)], 1
    )
    found = infomec(codes, factors, definition="hsu2023_discrete")
    assert found["modularity"]["live"] == 2
    places = [np.searchsorted(levels, codes[:, j]) for j in range(2)]
    shares = np.array(
        [[mutual_info_score(column, place) / mutual_info_score(column, column) for column in factors.T] for place in places]
    )
    assert found["modularity"]["per_latent"][:2] == pytest.approx(share_of_best(shares), abs=1e-12)
    # 0 and 2 of the first factor share a level; the second is shifted by one in a fifth of samples
    lost = 2 / 3 * np.log(2) / np.log(3)
    assert found["explicitness"]["per_factor"]["0"] == pytest.approx(1 - lost, abs=0.03)
    closed = 1 + (0.8 * np.log(0.8) + 0.2 * np.log(0.2)) / np.log(4)
    assert found["explicitness"]["per_factor"]["1"] == pytest.approx(closed, abs=0.03)
    narrow = infomec(codes * [1, 0.01, 1], factors, definition="hsu2024_discrete")
    assert narrow["modularity"]["live"] == 1
    with pytest.raises(UsageError, match="continuous latents: 'hsu2024'"):
        infomec(rng.normal(size=(2000, 2)), factors, definition="hsu2024_discrete")


def test_dead_latents_change_nothing(dsprites):
    """Sixty latents of little noise took all of explicitness away: regressions without penalty learn noise."""
    factors = dsprites[1][:1500]
    rng = np.random.default_rng(0)
    codes = factors[:, [0, 1, 3]] + 0.5 * rng.normal(size=(1500, 3))
    alone = infomec(codes, factors[:, [0, 1, 3]])
    padded = infomec(np.hstack([codes, 1e-3 * rng.normal(size=(1500, 60))]), factors[:, [0, 1, 3]])
    for part in ("modularity", "compactness", "explicitness"):
        assert padded[part]["score"] == pytest.approx(alone[part]["score"], abs=1e-9)
