from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics.information.adaptive_bins import adjusted_information
from unbraid.metrics.information.binned_posteriors import binned_posterior_information
from unbraid.metrics.information.definitions import information, mutual_information
from unbraid.metrics.information.nearest_neighbors import kraskov_information, ross_information
from unbraid.metrics.information.posterior_information import posterior_information
from unbraid.metrics.information.stratified import AS_RUN, NONE, stratified_information
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
    assert knows(np.array([[0.6, 0.001]]), nothing, np.array([0.69, 0.69]), 1000).tolist() == [[True, False]]


def test_a_factor_that_falls_into_one_part_is_not_known_and_of_two_parts_is():
    values = np.random.default_rng(0).uniform(size=(150, 1))
    few = np.where(np.arange(150)[:, None] < 140, 0.0, values)  # nearly all have the least value
    samples = gather(np.hstack([values, few]), np.hstack([values, few]), continuous=["0", "1"])
    found = information(samples, "adjusted")
    assert found.entropies == pytest.approx([log(2), 0])
    assert found.known.tolist() == [[True, False], [False, False]]


def test_an_unknown_definition_is_told_those_that_there_are():
    samples = gather(np.eye(4), np.array([[0], [1], [0], [1]]))
    with pytest.raises(UsageError, match="definition is 'nope'; allowed: adjusted, posterior, neighbors"):
        information(samples, "nope")


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
    two = Information(np.ones((2, 1)), np.array([2.0]), np.array([[0.1], [0.2]]), np.ones((2, 1), bool), samples=1000)
    assert two.detectable == pytest.approx([4 * sqrt(0.2 / 1000) / 1.8])  # by the latent that chance gives more


def test_what_is_near_a_hundredth_is_undecided():
    """The variance of information I is chance / n and 2 I / n: at 1 % of 2 nats and n = 10,000 sd is sqrt(1.4e-5) / 1.9."""
    edge = 0.01
    for _ in range(50):  # a share s of 2 nats is two deviations away, each sqrt((0.1 + 2 s 2) / n) / 1.9
        edge = 0.01 + 2 * sqrt((0.1 + 4 * edge) / 10_000) / 1.9
    found = estimates(0.01, edge - 1e-6, edge + 1e-6, 0.0, chance=0.1, n=10_000)
    assert found.undecided.tolist() == [[True, True, False, False]]


def test_of_a_continuous_factor_a_hundredth_of_its_variance_is_undecided():
    """As shares of the entropy of its parts; one that falls into a single part has none."""
    edge = -0.5 * log(1 - 0.01)
    level, known = np.full((1, 4), 0.1), np.ones((1, 4), bool)
    table, entropies = np.array([[0.02, edge, edge, 0.0]]), np.array([2.0, 2.0, 0.69, 0.0])
    found = Information(table, entropies, level, known, samples=10**9, continuous=3)
    assert found.undecided.tolist() == [[True, True, True, False]]
    assert not replace(found, continuous=0).undecided[0, 1]


def test_a_latent_that_does_not_know_of_a_factor_has_no_information():
    table = np.array([[1.0, 0.5]])
    found = Information(table, np.array([2.0, 2.0]), 0 * table, np.array([[True, False]]))
    assert found.matrix.tolist() == [[1.0, 0.0]]
    assert replace(found, chance=0.1 * table).detectable.tolist() == [0, 0]  # unless it is said of how many samples they are
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
    assert part.entropies == information(samples.rows(rows)).entropies != information(samples).entropies
    assert part.matrix[:2] == pytest.approx(information(samples.rows(rows)).estimate[:2], abs=0.02)
    assert part.matrix[2] == 0


@pytest.mark.parametrize("posteriors", [False, True])
def test_so_is_a_part_with_continuous_factors(posteriors):
    """Shares are of the parts that so few samples are cut into: two, where all are cut into twenty."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(4000, 1))
    codes = np.hstack([factors * [[1.0, 0.3]], np.zeros((4000, 1))]) + rng.normal(size=(4000, 3)) * [0.3, 1, 1]
    samples = gather(codes, factors, variance=np.full(codes.shape, 0.01) if posteriors else None)
    rows = np.arange(0, 4000, 40)
    assert information(samples).known.tolist() == [[True], [True], [False]]
    alone, part = information(samples.rows(rows)), information(samples.part(rows))
    assert alone.known[:, 0].tolist() == [True, False, False]
    assert part.known.tolist() == [[True], [True], [False]]
    assert [part.samples, *part.entropies] == [100, pytest.approx(log(2))]
    assert information(samples).entropies == pytest.approx([log(20)])
    assert part.estimate[0] == pytest.approx(alone.estimate[0], abs=1e-9)
    assert 0 <= part.estimate[1, 0] < 0.2
    assert part.estimate[2] == 0
    noise = gather(codes[:, 2:], factors, variance=np.full((4000, 1), 0.01) if posteriors else None).part(rows)
    assert [information(noise).samples, information(noise).known.any()] == [100, False]


def test_a_hundredth_of_the_variance_of_a_continuous_factor_is_enough_to_know():
    """Of a class it is a hundredth of the entropy: correlations of 0.15 and 0.05 are above and below either."""
    x, noise, other = np.random.default_rng(0).standard_normal((3, 20_000))
    codes = np.stack([0.15 * x + noise, 0.05 * x + other], 1)
    classes = (x > 0).astype(np.int64)
    found = information(gather(codes, np.stack([x, classes], 1), factor_names=["x", "sign"]), "adjusted")
    assert found.known.tolist() == [[True, True], [False, False]]
    assert found.estimate[0, 1] < 0.01 * found.entropies[1]  # of parts a hundredth of the entropy is more than that


def test_classes_beside_continuous_factors_are_read_by_neighbors_where_these_are_asked_for():
    rng = np.random.default_rng(0)
    kind, x = rng.integers(0, 3, 400), rng.normal(size=400)
    code = kind + 0.3 * x + 0.3 * rng.normal(size=400)
    samples = gather(code[:, None], np.stack([kind, x], 1), factor_names=["kind", "x"])
    plain, asked, bins = (information(samples, name).estimate[0] for name in (None, "neighbors", "adjusted"))
    assert asked.tolist() == pytest.approx([ross_information(code, kind), kraskov_information(code, x)])
    assert plain.tolist() == [bins[0], asked[1]]
    apart = information(gather(kind[:, None] + 0.1 * rng.uniform(size=(400, 1)), kind[:, None]), "neighbors")
    assert apart.estimate[0, 0] == apart.entropies[0]  # to the last bit, though neighbors find a little more


def test_each_name_is_that_of_its_estimator(by_hand, noisy):
    codes, factors = noisy(0)
    spread = np.full(codes.shape, 0.2)

    def named(name, **options):
        return information(gather(codes, factors, variance=spread), name, **options).estimate.tolist()

    for found, bins in ((named("locatello2019"), 20), (named("locatello2019", bins=3), 3)):
        assert found == [pytest.approx(row) for row in by_hand(codes, factors, bins)]
    default = mutual_information(codes, factors, definition="locatello2019")
    assert default.estimate.tolist() == named("locatello2019")
    for name, faults in (("stratified", NONE), ("dubois2019", AS_RUN)):
        rng = np.random.default_rng(0)
        assert named(name) == stratified_information(codes, spread, factors, faults=faults, rng=rng).estimate.tolist()
    assert named("chen2018") == posterior_information(codes, spread, factors, adjusted=False).estimate.tolist()
    assert named("posterior") == posterior_information(codes, spread, factors).estimate.tolist()
    assert named("do2020") == binned_posterior_information(codes, spread, factors).estimate.tolist()
    assert named("adjusted") == adjusted_information(codes, factors).estimate.tolist()
