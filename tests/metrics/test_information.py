from math import sqrt

import numpy as np
import pytest

from unbraid.metrics.information.definitions import information
from unbraid.metrics.information.types import Information, adjusted_for_chance, knows
from unbraid.metrics.samples import gather


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


def estimates(*shares: float, chance: float, n: int, entropy: float = 2.0) -> Information:
    """One latent that knows these shares of as many factors."""
    matrix, level = np.array([shares]) * entropy, np.full((1, len(shares)), chance)
    return Information(matrix, np.full(len(shares), entropy), level, np.ones((1, len(shares)), bool), samples=n)


def test_what_so_many_samples_can_tell_from_chance():
    """Four standard deviations, each sqrt(0.1 / 1000) = 0.01 nats, of 2 - 0.1 nats; nothing is said of published estimates."""
    assert estimates(0.5, chance=0.1, n=1000).detectable == pytest.approx([0.04 / 1.9])
    assert estimates(0.5, chance=0.1, n=0).detectable.tolist() == [0]
    assert not estimates(0.01, chance=0.1, n=0).undecided.any()


def test_what_is_near_a_hundredth_is_undecided():
    """The variance of information I is chance / n and 2 I / n: at 1 % of 2 nats and n = 10,000 sd is sqrt(1.4e-5) / 1.9."""
    width = 2 * sqrt((0.1 + 0.04) / 10_000) / 1.9
    found = estimates(0.01, 0.01 + 0.95 * width, 0.01 + 1.1 * width, 0.0, chance=0.1, n=10_000)
    assert found.undecided.tolist() == [[True, True, False, False]]


def test_a_latent_that_does_not_know_of_a_factor_has_no_information():
    table = np.array([[1.0, 0.5]])
    found = Information(table, np.array([2.0, 2.0]), 0 * table, np.array([[True, False]]))
    assert found.matrix.tolist() == [[1.0, 0.0]]
    assert found.shares.tolist() == [[0.5, 0.0]]


@pytest.mark.parametrize("posteriors", [False, True])
def test_a_part_is_judged_by_all_samples(posteriors):
    """A faint latent that 4,000 samples show and a hundred do not, and one of noise that is not read again."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, size=(4000, 1))
    codes = np.hstack([factors * [[1.0, 0.35]], np.zeros((4000, 1))]) + rng.normal(size=(4000, 3)) * [0.1, 1, 1]
    samples = gather(codes, factors, variance=np.full(codes.shape, 0.01) if posteriors else None)
    rows = np.arange(0, 4000, 40)
    assert information(samples).known.tolist() == [[True], [True], [False]]
    assert information(samples.rows(rows)).known.tolist() == [[True], [False], [False]]
    part = information(samples.part(rows))
    assert part.known.tolist() == [[True], [True], [False]]
    assert part.matrix[:2] == pytest.approx(information(samples.rows(rows)).estimate[:2], abs=0.02)
    assert part.matrix[2] == 0
