"""Information by nearest neighbors: twins that look at every pair, closed forms, invariances."""

from __future__ import annotations

from math import exp, inf, log, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import norm, rankdata

from unbraid.errors import UsageError
from unbraid.metrics.information.nearest_neighbors import (
    AROUND,
    AROUND_OTHER,
    _Quantity,
    kraskov_information,
    neighbor_estimates,
    neighbor_information,
    ross_information,
)
from unbraid.metrics.information.types import explained

CIRCLE = 2 * pi


def away(a: float, b: float, period: float | None) -> float:
    """Distance of two values, around a circle where there is one."""
    far = abs(a - b)
    return far if period is None else min(far % period, period - far % period)


def scaled(values, length=None):
    """Normal scores of ranks, or ranks spread around a circle of a length."""
    share = (rankdata(values) - 0.5) / len(values)
    return norm.ppf(share) if length is None else share * length


def kraskov_by_hand(x, y, k, periods=(None, None)):
    """Equation 8 of Kraskov et al., one pair of samples at a time."""
    first, second = (None if period is None else length for period, length in zip(periods, (AROUND_OTHER, AROUND), strict=True))
    x, y = (
        scaled(own if period is None else own % period, length).tolist()
        for own, period, length in ((x, periods[0], first), (y, periods[1], second))
    )
    n, total = len(x), 0.0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        both = sorted(max(away(x[i], x[j], first), away(y[i], y[j], second)) for j in others)
        radius = both[k - 1] * (1 - 1e-12)
        n_x = sum(away(x[i], x[j], first) < radius for j in others)
        n_y = sum(away(y[i], y[j], second) < radius for j in others)
        total += digamma(n_x + 1) + digamma(n_y + 1)
    return digamma(k) + digamma(n) - total / n


def ross_by_hand(values, classes, k, period=None):
    """Equation 2 of Ross, one pair of samples at a time."""
    circle = None if period is None else AROUND
    values = (values - values.mean()) / values.std() if circle is None else values % period / period * circle
    values, classes = values.tolist(), classes.tolist()
    rows = [i for i, own in enumerate(classes) if classes.count(own) > 1]
    total = 0.0
    for i in rows:
        own = sorted(away(values[i], values[j], circle) for j in rows if j != i and classes[j] == classes[i])
        near = min(k, len(own))
        radius = own[near - 1] * (1 + 1e-12)
        within = sum(away(values[i], values[j], circle) <= radius for j in rows if j != i)
        total += digamma(near) - digamma(len(own) + 1) - digamma(within)
    return digamma(len(rows)) + total / len(rows)


@pytest.fixture(scope="module")
def normal():
    """Pairs of normal quantities with a correlation."""

    def make(correlation, n, seed=0):
        first, other = np.random.default_rng(seed).standard_normal((2, n))
        return first, correlation * first + sqrt(1 - correlation**2) * other

    return make


@pytest.mark.parametrize("k", [1, 3, 5])
def test_kraskov_equals_its_twin(normal, k):
    x, y = normal(0.7, 120)
    assert kraskov_information(x, y, neighbors=k) == pytest.approx(kraskov_by_hand(x, y, k), abs=1e-9)
    assert kraskov_information(y, x, neighbors=k) == pytest.approx(kraskov_information(x, y, neighbors=k), abs=1e-9)


@pytest.mark.parametrize("periods", [(CIRCLE, None), (None, CIRCLE), (CIRCLE, CIRCLE), (0.5, 90.0)])
def test_kraskov_on_circles_equals_its_twin(periods):
    rng = np.random.default_rng(1)
    x = rng.uniform(-10, 10, 100)
    y = np.sin(x) + 0.3 * rng.standard_normal(100)
    assert kraskov_information(x, y, periods=periods) == pytest.approx(kraskov_by_hand(x, y, 3, periods), abs=1e-9)


def test_of_few_samples_a_radius_may_reach_around_a_circle():
    """Nobody is a neighbor twice."""
    x, y = np.random.default_rng(4).uniform(size=(2, 12))
    for periods in ((1.0, None), (1.0, 1.0)):
        found = kraskov_information(x, y, neighbors=9, periods=periods)
        assert found == pytest.approx(kraskov_by_hand(x, y, 9, periods), abs=1e-9)


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("period", [None, 4.0])
def test_ross_equals_its_twin(k, period):
    rng = np.random.default_rng(2)
    classes = np.concatenate([np.repeat([0, 1, 2, 3], [40, 30, 4, 2]), [4]])  # few of two, and one alone
    values = classes + rng.standard_normal(len(classes))
    found = ross_information(values, classes, neighbors=k, period=period)
    assert found == pytest.approx(ross_by_hand(values, classes, k, period), abs=1e-9)


def test_ross_equals_that_of_scikit_learn():
    from sklearn.feature_selection import mutual_info_classif

    rng = np.random.default_rng(3)
    classes = rng.integers(0, 4, 500)
    values = classes + rng.standard_normal(500)
    known = mutual_info_classif(values[:, None], classes, random_state=0)[0]
    assert ross_information(values, classes) == pytest.approx(known, abs=1e-3)  # they add noise to all values


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6, 0.9, -0.9, 0.99])
def test_normal_pairs(normal, correlation):
    known = -0.5 * log(1 - correlation**2)
    found = np.mean([kraskov_information(*normal(correlation, 2_000, seed)) for seed in range(6)])
    assert found == pytest.approx(known, abs=0.03)


@pytest.mark.parametrize("width", [0.1, 0.5, 1.0])
def test_uniform_with_uniform_noise(width):
    """The sum of two uniform quantities, of widths 1 and a <= 1, has the entropy a / 2; the noise has log a."""
    found = []
    for seed in range(4):
        x, noise = np.random.default_rng(seed).uniform(size=(2, 10_000))
        found.append(kraskov_information(x, x + width * noise))
    assert np.mean(found) == pytest.approx(width / 2 - log(width), abs=0.03)


@pytest.mark.parametrize("width", [0.3, 1.0, 3.0])
def test_angles_with_uniform_noise(width):
    """Uniform noise around the circle leaves log(2 pi) - log of its width, where ends that meet are known to meet."""
    angles, noise = np.random.default_rng(0).uniform(size=(2, 8_000))
    angles = angles * CIRCLE
    found = kraskov_information(angles, (angles + width * noise) % CIRCLE, periods=(CIRCLE, CIRCLE))
    assert found == pytest.approx(log(CIRCLE / width), abs=0.04)


def test_two_uniform_classes_that_overlap_by_half():
    """Ross's first kind of example: where only one class is, half of the time, log 2 is known; elsewhere nothing."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, 8_000)
    values = rng.uniform(size=8_000) + 0.5 * classes
    assert ross_information(values, classes) == pytest.approx(log(2) / 2, abs=0.03)


def test_normal_classes():
    """Ross's second kind: the entropy of a mixture of normal densities, by quadrature, less that of one of them."""
    rng = np.random.default_rng(0)
    classes = rng.choice(3, 8_000, p=[0.2, 0.3, 0.5])
    values = 2.0 * classes + rng.standard_normal(8_000)

    def density(z):
        return sum(p * exp(-((z - 2 * c) ** 2) / 2) for c, p in enumerate([0.2, 0.3, 0.5])) / sqrt(2 * pi)

    entropy = quad(lambda z: -density(z) * log(density(z)), -8, 12, limit=200)[0]
    assert ross_information(values, classes) == pytest.approx(entropy - 0.5 * log(2 * pi * exp(1)), abs=0.03)


def test_separate_classes_are_known_wholly():
    classes = np.repeat([0, 1, 2], [50, 100, 150])
    values = 10.0 * classes + np.random.default_rng(0).uniform(size=300)
    table = neighbor_information(values[:, None], classes[:, None], ["class"])
    assert table.estimate[0, 0] == pytest.approx(table.largest[0], abs=1e-12)
    assert table.largest[0] == pytest.approx(-sum(p * log(p) for p in (1 / 6, 1 / 3, 1 / 2)), abs=0.01)


def test_a_copy_gets_the_largest_estimate_that_there_is(normal):
    x, _ = normal(0, 500)
    for k in (1, 3):
        table = neighbor_information(x[:, None], 7 - 2 * x[:, None], neighbors=k)
        assert table.estimate[0, 0] == pytest.approx(digamma(500) - digamma(k), abs=1e-9)
        assert table.largest[0] == pytest.approx(digamma(500) - digamma(k))


@pytest.mark.parametrize("turn", [0.1, 3.0, -50.0])
def test_turning_a_circle_changes_nothing(turn):
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, 360, 400)
    codes = np.cos(np.radians(angles)) + 0.1 * rng.standard_normal(400)
    classes = (angles // 90).astype(int)
    first = kraskov_information(codes, angles, periods=(None, 360.0))
    assert kraskov_information(codes, angles + turn, periods=(None, 360.0)) == pytest.approx(first, abs=1e-9)
    assert kraskov_information(codes, -angles, periods=(None, 360.0)) == pytest.approx(first, abs=1e-6)
    known = ross_information(angles, classes, period=360.0)
    assert ross_information(angles + turn, classes, period=360.0) == pytest.approx(known, abs=1e-6)


INCREASING = st.sampled_from(
    [np.exp, np.cbrt, lambda z: z**3, lambda z: 1e6 + 1e3 * z, lambda z: 1e-200 * z, lambda z: np.tan(1.57 * np.tanh(z))]
)


@given(changes=st.tuples(INCREASING, INCREASING), signs=st.tuples(*[st.sampled_from([-1, 1])] * 2), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_monotone_transforms_change_nothing(changes, signs, seed):
    """Scale, place, sign, long tails."""
    x, noise = np.random.default_rng(seed).standard_normal((2, 80))
    y = x + noise
    bent, other = (sign * change(own) for sign, change, own in zip(signs, changes, (x, y), strict=True))
    assert kraskov_information(bent, other) == pytest.approx(kraskov_information(x, y), abs=1e-9)
    whole, changed = (neighbor_information(code[:, None], factor[:, None]) for code, factor in ((x, y), (bent, other)))
    for name in ("estimate", "chance", "half"):
        np.testing.assert_allclose(getattr(changed, name), getattr(whole, name), atol=1e-9)


@pytest.mark.parametrize("change", [lambda z: z**3, lambda z: np.tan(3 * np.arctan(z) / 3.001), lambda z: np.exp(5 * z)])
def test_long_tails_hide_nothing(normal, change):
    """Cubes, tails as of a Cauchy distribution, and exponentials: of 0.83 nats, 0.1 were shown without ranks."""
    x, y = normal(0.9, 2_000)
    assert kraskov_information(change(x), change(y)) == pytest.approx(-0.5 * log(1 - 0.81), abs=0.04)
    x[7] = 1e5
    assert kraskov_information(x, y) == pytest.approx(-0.5 * log(1 - 0.81), abs=0.05)


@pytest.mark.parametrize("change", [np.exp, np.arctan, lambda z: z**3, lambda z: np.exp(5 * z)])
def test_tails_change_little_beside_a_class(normal, change):
    x, y = normal(0.8, 4_000)
    classes = (y > 0).astype(int)
    assert ross_information(change(x), classes) == pytest.approx(ross_information(x, classes), abs=0.03)
    assert ross_information(change(x), np.arange(4_000) % 2) == pytest.approx(0, abs=0.03)
    assert ross_information(-100 * x + 5, classes) == pytest.approx(ross_information(x, classes), abs=1e-9)


def test_a_narrow_part_of_a_circle_is_read_as_well_as_a_wide_one():
    rng = np.random.default_rng(0)
    angles, noise = 1e-4 * rng.standard_normal((2, 2_000))
    found = kraskov_information(0.5 + angles, angles + noise, periods=(1.0, None))
    assert found == pytest.approx(0.5 * log(2), abs=0.04)


def test_ties_are_moved_apart_and_told(normal):
    x, y = normal(0.8, 3_000)
    coarse = np.round(x, 1)
    table = neighbor_information(np.column_stack([coarse, x]), y[:, None])
    assert table.latent_ties[0] > 0.95
    assert table.latent_ties[1] == table.factor_ties[0] == 0
    assert table.estimate[0, 0] == pytest.approx(table.estimate[1, 0], abs=0.06)
    again = neighbor_information(np.column_stack([coarse, x]), y[:, None])
    assert (again.estimate == table.estimate).all()


def test_a_quantity_of_few_values_is_as_a_class(normal):
    """Noise between ties keeps information: of three values log 3 is known at most."""
    x, _ = normal(0, 3_000)
    values = np.digitize(x, [-0.5, 0.5])
    assert kraskov_information(x, values) == pytest.approx(ross_information(x, values), abs=0.03)


def test_constants_know_nothing(normal):
    x, y = normal(0.5, 100)
    flat = np.full(100, 7.0)
    assert kraskov_information(flat, y) == kraskov_information(x, flat) == kraskov_information(flat, flat) == 0
    assert ross_information(flat, (y > 0).astype(int)) == ross_information(x, flat) == 0
    assert kraskov_information(360.0 * np.arange(100), y, periods=(360.0, None)) == 0  # one angle
    table = neighbor_information(np.column_stack([flat, x]), y[:, None])
    assert table.estimate[0, 0] == table.chance[0, 0] == 0
    assert table.latent_ties.tolist() == [1, 0]


def test_a_class_per_sample_tells_nothing(normal):
    x, _ = normal(0, 50)
    assert ross_information(x, np.arange(50)) == 0
    table = neighbor_information(x[:, None], np.arange(50)[:, None], ["class"])
    assert [table.estimate[0, 0], table.half[0, 0], table.largest[0]] == [0, 0, 0]


def test_place_scale_and_sign_do_not_matter_beside_a_class(normal):
    """Also far from 0, with no value above it, or where squares overflow; and with ties, which noise of their scale parts."""
    x, y = normal(0.8, 400)
    classes = (y > 0).astype(int)
    for values in (x, np.round(x, 1)):
        known = ross_information(values, classes)
        for other in (values - values.max(), 1e9 + values, 1e200 * values, -1e-200 * values, 5 - values):
            assert ross_information(other, classes) == pytest.approx(known, abs=0.02)


def test_differences_of_the_size_of_rounding_tell_no_more_than_there_is():
    """Two classes far apart are told apart, and nobody has fewer neighbors than its class gives it."""
    classes = np.repeat([0, 1], 5)
    values = np.concatenate([np.linspace(0, 0.1, 5), 1 + np.finfo(float).eps * np.arange(5)])
    table = neighbor_information(values[:, None], classes[:, None], ["class"])
    assert ross_information(values, classes) == pytest.approx(table.largest[0], abs=1e-12)
    near = _Quantity.of(values, None, np.random.default_rng(0), ranked=False)
    assert near.within(np.full(10, 1e-17)).tolist() == [1] * 10  # each is as near to itself as can be


def test_ties_are_a_share_of_samples():
    angle = np.array([[-1e-20], [0.0], [360.0], [90.0], [180.0], [270.0]])  # three of one angle
    codes = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 2.0], [2.0, 2.0], [3.0, 3.0], [4.0, 3.0]])
    table = neighbor_information(codes, np.hstack([angle, np.arange(6)[:, None] % 2]), [360.0, "class"])
    assert table.latent_ties.tolist() == [1 / 3, 1]
    assert table.factor_ties.tolist() == [0.5, 0]
    assert np.isfinite(table.estimate).all()


def test_half_of_the_samples_are_a_neighbor_more_than_is_looked_for_at_least():
    x = np.array([[0.0], [1.0], [2.0]])
    assert neighbor_information(x, x, neighbors=1).half[0, 0] == pytest.approx(digamma(2) - digamma(1))


def test_a_circle_is_as_wide_as_a_normal_quantity():
    """Values spread evenly around it have the standard deviation 1; the other is shorter by the golden ratio."""
    assert np.std((np.arange(1_000) + 0.5) / 1_000 * AROUND) == pytest.approx(1, abs=1e-6)
    assert pytest.approx((1 + sqrt(5)) / 2) == AROUND / AROUND_OTHER


def test_estimates_alone_are_those_of_the_table(normal):
    x, y = normal(0.8, 300)
    codes = np.column_stack([x, y, x - y])
    factors, kinds = [x + y, np.digitize(y, [-1, 0, 1]), 100 * x], ["quantity", "class", 360.0]
    wanted = np.array([[True, True, False], [False, True, True], [True, False, True]])
    for most in (10_000, 100):
        table = neighbor_information(codes, np.column_stack(factors), kinds, most=most)
        found = neighbor_estimates(codes, factors, kinds, wanted, most=most)
        np.testing.assert_allclose(found, np.where(wanted, table.estimate, 0), atol=1e-9)
        assert (found != 0).sum() == 6
    copy = np.linspace(0, 1, 4)
    found, none = (neighbor_estimates(copy[:n, None], [copy[:n]], ["quantity"], np.ones((1, 1), bool)) for n in (4, 3))
    assert found[0, 0] == pytest.approx(digamma(4) - digamma(3))  # a neighbor more than the three is needed
    assert none[0, 0] == 0


def test_shuffled_codes_show_the_level_of_chance(normal):
    x, y = normal(0.9, 2_000)
    classes = np.digitize(y, [-1, 0, 1])
    table = neighbor_information(x[:, None], np.column_stack([y, classes, y]), ["quantity", "class", 360.0])
    assert table.chance == pytest.approx(0, abs=0.06)
    assert (table.estimate > 0.4).all()
    assert table.estimate[0, 0] == pytest.approx(kraskov_information(x, y), abs=1e-9)
    assert table.estimate[0, 1] == pytest.approx(ross_information(x, classes), abs=1e-9)
    assert table.estimate[0, 2] == pytest.approx(kraskov_information(x, y, periods=(None, 360.0)), abs=1e-9)


def test_half_of_the_samples_show_that_more_would_give_more(normal):
    x, y = normal(0.8, 2_000)
    noise = np.random.default_rng(5).uniform(size=2_000)
    codes = np.column_stack([y, x, np.round(x) + 0.001 * noise])
    table = neighbor_information(codes, x[:, None])
    assert table.half[0, 0] == pytest.approx(table.estimate[0, 0], abs=0.08)
    assert table.half[1, 0] == pytest.approx(digamma(1_000) - digamma(3))
    assert table.estimate[1, 0] - table.half[1, 0] == pytest.approx(log(2), abs=1e-3)  # a copy has infinitely much
    classes = neighbor_information(codes, (x > 0)[:, None], ["class"])
    assert classes.half[0, 0] == pytest.approx(classes.estimate[0, 0], abs=0.05)


def test_of_many_samples_a_part_is_read(normal):
    x, y = normal(0.6, 3_000)
    table = neighbor_information(x[:, None], y[:, None], most=1_000)
    assert table.samples == 1_000
    assert table.estimate[0, 0] == pytest.approx(-0.5 * log(1 - 0.36), abs=0.1)
    assert table.largest[0] == digamma(1_000) - digamma(3)
    many = np.arange(10_100.0)[:, None]
    assert neighbor_information(many, many).samples == 10_000


def test_what_normal_pairs_explain_is_their_squared_correlation():
    correlations = np.array([0.0, 0.3, 0.9, 0.999])
    assert explained(-0.5 * np.log(1 - correlations**2)) == pytest.approx(correlations**2, abs=1e-9)
    assert explained(np.array([-0.1, 0.0, inf])).tolist() == [0, 0, 1]
    assert explained(np.array([1e-14]))[0] == pytest.approx(2e-14)


def test_what_cannot_be_estimated_is_refused():
    x = np.linspace(0, 1, 10)
    bad = x.copy()
    bad[3] = np.nan
    with pytest.raises(UsageError, match=r"values\[3, 0\] is nan"):
        kraskov_information(bad, x)
    with pytest.raises(UsageError, match="10 neighbors of 10 samples"):
        kraskov_information(x, x, neighbors=10)
    with pytest.raises(UsageError, match="3 neighbors of 3 samples"):
        ross_information(x[:3], x[:3])
    for n, most in ((10, 3), (3, 10)):
        with pytest.raises(UsageError, match="3 neighbors of 3 samples"):
            neighbor_information(x[:n, None], x[:n, None], most=most)
    with pytest.raises(UsageError, match="factors have shape"):
        neighbor_information(x[:, None], x[:, None][:, :0])
    with pytest.raises(UsageError, match="neighbors of ross_information is 0; allowed: a whole number at least 1"):
        ross_information(x, x, neighbors=0)
    with pytest.raises(UsageError, match="give one of each per sample"):
        kraskov_information(x, x[1:])
    with pytest.raises(UsageError, match="give one of each per sample"):
        ross_information(x, x[1:])
    with pytest.raises(UsageError, match="2 kinds for 1 factors"):
        neighbor_information(x[:, None], x[:, None], ["class", "class"])
    for kind in (0.0, -1.0, inf, "angle"):
        with pytest.raises(UsageError, match="A kind is"):
            neighbor_information(x[:, None], x[:, None], [kind])
    with pytest.raises(UsageError, match="one row per sample"):
        neighbor_information(x, x[:, None])
    with pytest.raises(UsageError, match="both have one row"):
        neighbor_information(x[:, None], x[1:, None])
