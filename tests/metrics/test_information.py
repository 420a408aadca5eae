import numpy as np

from unbraid.metrics.information import knows


def test_a_latent_knows_of_a_factor_beyond_chance_and_a_hundredth_of_its_entropy():
    entropies = np.array([2.0, 2.0, 2.0, 0.0])
    chance = np.full((1, 4), 1e-6)
    raw = np.array([[0.0199, 0.0202, 1.0, 0.0]])
    assert knows(raw, chance, entropies, 10**9).tolist() == [[False, True, True, False]]
    # with few samples chance alone may give more than a hundredth, and four standard deviations are needed
    chance = np.full((1, 4), 0.1)
    raw = np.array([[0.1 + 0.0399, 0.1 + 0.0401, 0.1 + 0.03, 0.1]])  # the standard deviation is 0.01
    assert knows(raw, chance, entropies, 1000).tolist() == [[False, True, False, False]]
