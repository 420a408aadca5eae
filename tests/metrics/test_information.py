import numpy as np

from unbraid.metrics.information import Information, adjusted_for_chance, knows


def test_a_latent_knows_of_a_factor_beyond_chance_and_a_hundredth_of_its_entropy():
    entropies = np.array([2.0, 2.0, 2.0, 0.0])
    chance = np.full((1, 4), 1e-6)
    raw = np.array([[0.0199, 0.0202, 1.0, 0.0]])
    assert knows(raw, chance, entropies, 10**9).tolist() == [[False, True, True, False]]
    # with few samples chance alone may give more than a hundredth, and four standard deviations are needed
    chance = np.full((1, 4), 0.1)
    raw = np.array([[0.1 + 0.0399, 0.1 + 0.0401, 0.1 + 0.03, 0.1]])  # the standard deviation is 0.01
    assert knows(raw, chance, entropies, 1000).tolist() == [[False, True, False, False]]


def test_exactly_a_hundredth_is_enough_and_of_a_single_value_nothing_is_known():
    nothing = np.zeros((1, 2))
    assert knows(np.array([[0.02, 0.5]]), nothing, np.array([2.0, 0.0]), 1000).tolist() == [[True, False]]


def test_information_lies_between_0_and_the_entropy():
    """Rounding and quadrature may leave a little more than the entropy, and a little less than chance."""
    found = adjusted_for_chance(np.array([[1.1, 0.05, 0.6]]), np.full((1, 3), 0.2), np.array([1.0, 1.0, 1.0]))
    assert found[0, :2].tolist() == [1, 0]
    np.testing.assert_allclose(found[0, 2], 0.5, rtol=1e-15)
    assert adjusted_for_chance(np.array([[0.3]]), np.array([[0.3]]), np.array([0.3])).tolist() == [[0]]  # no room


def test_the_share_of_a_factor_of_a_single_value_is_0():
    table = np.array([[1.0, 0.0]])
    assert Information(table, np.array([2.0, 0.0]), 0 * table, table > 0).shares.tolist() == [[0.5, 0.0]]
