import numpy as np

from unbraid.metrics.information.types import Information, adjusted_for_chance, known_in_part, knows


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


def test_what_is_beyond_chance_is_found_again_after_adjustment():
    raw, chance, entropies = np.array([[0.5, 0.05]]), np.array([[0.2, 0.2]]), np.array([1.0, 1.5])
    found = Information(adjusted_for_chance(raw, chance, entropies), entropies, chance, raw > 0)
    np.testing.assert_allclose(found.beyond, [[0.3, 0.0]], rtol=1e-14)


def beyond(*nats: float, chance: float, entropy: float = 2.0) -> Information:
    """Estimates so many nats above chance."""
    raw, level, entropies = np.array([nats]) + chance, np.full((1, len(nats)), chance), np.full(len(nats), entropy)
    return Information(adjusted_for_chance(raw, level, entropies), entropies, level, np.zeros((1, len(nats)), bool))


def test_a_part_is_judged_by_the_nats_that_all_samples_need():
    """The standard deviation of all 1,000 samples is 0.01: a part needs four of them, and all samples two."""
    whole = beyond(0.5, 0.5, 0.021, 0.019, chance=0.1)
    part = beyond(0.0401, 0.0399, 0.3, 0.3, chance=0.2)
    assert known_in_part(part, whole, 1000).tolist() == [[True, False, True, False]]
    whole, part = beyond(0.5, 0.5, chance=1e-9), beyond(0.0201, 0.0199, chance=2e-9)
    assert known_in_part(part, whole, 1000).tolist() == [[True, False]]  # a hundredth of the entropy
