import numpy as np
import pytest

from unbraid.metrics.modularity import modularity, modularity_from_information


def by_hand(row):
    best = max(row)
    return 0.0 if best == 0 else 1 - (sum(value**2 for value in row) - best**2) / (best**2 * (len(row) - 1))


def test_by_hand():
    rows = [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.3, 0.2, 0.1], [0.0, 0.0, 0.0], [0.1, 0.1, 0.1]]
    assert modularity_from_information(np.array(rows)).tolist() == pytest.approx([by_hand(row) for row in rows])
    assert modularity_from_information(np.array(rows))[0] == pytest.approx(0.5)
    assert modularity_from_information(np.array([[0.7], [0.0]])).tolist() == [1, 0]


@pytest.mark.parametrize("definition", ["adjusted", "ridgeway2018", "locatello2019"])
def test_perfect_and_rotated_codes(dsprites, definition):
    codes, factors, _ = dsprites
    assert modularity(codes, factors, definition=definition)["score"] == pytest.approx(1, abs=1e-3)
    mixed = np.hstack([codes[:, :3], codes[:, [3]] + codes[:, [4]], codes[:, [3]] - codes[:, [4]]])
    found = modularity(mixed, factors, definition=definition)["per_latent"]
    assert found == pytest.approx([1, 1, 1, 0.75, 0.75], abs=0.015)


def test_dead_latents_by_definition(dsprites):
    codes, factors, noise = dsprites
    padded, noisy = np.hstack([codes, np.zeros((10_000, 5))]), np.hstack([codes, noise[:, :5]])
    published = modularity(padded, factors, definition="locatello2019")
    assert (published["score"], published["live"]) == (pytest.approx(0.5, abs=1e-3), 5)
    assert published["per_latent"][5:] == [0] * 5
    left_out = modularity(padded, factors, definition="ridgeway2018")
    assert (left_out["score"], left_out["live"]) == (pytest.approx(1, abs=1e-3), 5)
    assert left_out["per_latent"][5:] == [None] * 5
    for definition in ("ridgeway2018", "locatello2019"):
        assert modularity(noisy, factors, definition=definition)["score"] == pytest.approx(0.83, abs=0.02)
    ours = modularity(noisy, factors)
    assert (ours["score"], ours["live"]) == (pytest.approx(1, abs=1e-3), 5)


def test_noise_scores_what_the_numbers_of_values_say(dsprites):
    _, factors, noise = dsprites
    cells = np.array([2, 5, 39, 31, 31]) ** 2
    closed = 1 - (cells.sum() - cells.max()) / (cells.max() * 4)
    assert closed == pytest.approx(0.679, abs=1e-3)
    assert modularity(noise, factors, definition="locatello2019")["score"] == pytest.approx(0.667, abs=0.03)
    assert modularity(noise, factors) == {"score": 0.0, "per_latent": [None] * 10, "live": 0}


def test_two_factors_fully_mixed(rotated):
    codes, factors = rotated(10)
    found = modularity(np.tile(codes, (100, 1)), np.tile(factors, (100, 1)), definition="locatello2019")
    assert found["score"] == pytest.approx(0, abs=0.002)


def test_posteriors():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 6], size=(2000, 2))
    means = np.hstack([factors, rng.normal(size=(2000, 1))])
    found = modularity(mean=means, variance=np.full_like(means, 0.01), factors=factors)
    assert (found["score"], found["live"]) == (pytest.approx(1, abs=1e-3), 2)
