"""Components of variance: known ones are found, without bias, for any numbers of runs; too few runs say so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unbraid.sweep.compare.components import Components, components


def drawn(rng, sds, sizes):
    """Scores of objectives and settings with these numbers of seeds; `sds` of objective, setting, seed."""
    made = {}
    for i, own in enumerate(sizes):
        a = rng.normal(0, sds[0])
        made[f"o{i}"] = {f"s{j}": (a + rng.normal(0, sds[1]) + rng.normal(0, sds[2], n)).tolist() for j, n in enumerate(own)}
    return made


def found(values) -> Components:
    one = components(values)
    assert isinstance(one, Components)
    return one


def test_by_hand_where_all_numbers_are_equal():
    """Mean squares 50, 4 and 1 of two objectives, two settings, two seeds: 1, (4 - 1) / 2, (50 - 4) / 4."""
    r = math.sqrt(0.5)
    values = {"a": {"1": [-r, r], "2": [2 - r, 2 + r]}, "b": {"1": [5 - r, 5 + r], "2": [7 - r, 7 + r]}}
    # settings lie 1 from their objective's mean, objectives 2.5 from the mean of all
    one = found(values)
    assert one.estimates == pytest.approx(((50 - 4) / 4, (4 - 1) / 2, 1.0))
    assert one.shares == pytest.approx(np.array([11.5, 1.5, 1]) / 14)
    assert one.fitted == pytest.approx((50 / 62, 58 / 62))  # sums of squares 50, 8 and 4
    assert one.counts == (2, 4, 8)
    assert one.negative == ()


SIZES = [(5, 5, 5), (5, 2), (1, 3, 4, 2), (2, 2), (6, 1)]


@pytest.mark.parametrize("sds", [(1.0, 0.5, 2.0), (0.0, 1.0, 0.3), (2.0, 0.0, 1.0)])
def test_unequal_numbers_of_runs_give_no_bias(sds):
    rng = np.random.default_rng(0)
    estimates = np.array([found(drawn(rng, sds, SIZES)).estimates for _ in range(300)])
    error = estimates.std(0) / math.sqrt(len(estimates))
    assert np.all(np.abs(estimates.mean(0) - np.array(sds) ** 2) < 4 * error)


def test_many_runs_find_the_shares_and_their_intervals_hold_them():
    rng = np.random.default_rng(1)
    one = found(drawn(rng, (0.3, 0.2, 0.1), [(4,) * 8] * 60))
    true = np.array([0.09, 0.04, 0.01]) / 0.14
    assert one.shares == pytest.approx(true, abs=0.12)
    assert all(low < share < high for share, (low, high) in zip(true, one.intervals, strict=True))
    assert max(high - low for low, high in one.intervals) < 0.35


@pytest.mark.parametrize(
    ("sds", "sizes"),
    [((1, 1, 1), [(5, 5, 5)] * 6), ((0.3, 1, 1), [(2, 2, 2)] * 6), ((1, 0.5, 0.5), [(2, 1, 3), (2, 2), (4, 1, 1), (3, 2, 2)])],
)
def test_intervals_hold_the_share_as_often_as_they_say(sds, sizes):
    rng = np.random.default_rng(2)
    true = np.square(sds) / np.square(sds).sum()
    inside = []
    for _ in range(400):
        one = found(drawn(rng, sds, sizes))
        inside.append([low <= share <= high for share, (low, high) in zip(true, one.intervals, strict=True)])
    assert np.all(np.mean(inside, axis=0) > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 400))


def test_a_component_below_0_counts_as_none_and_is_told():
    one = found({"a": {"1": [0, 2], "2": [0, 2]}, "b": {"1": [0, 2], "2": [0, 2]}})
    assert one.estimates[1] == pytest.approx(-1)  # means of settings are equal though seeds differ: less than by chance
    assert one.negative == ("setting",)
    assert one.shares == pytest.approx((0, 0, 1))
    assert one.fitted == pytest.approx((0, 0))


def test_what_does_not_vary_has_no_shares():
    for value in (3.0, 0.1, 0.0):
        one = found({"a": {"1": [value] * 3, "2": [value]}, "b": {"1": [value], "2": [value]}})
        assert all(math.isnan(number) for number in (*one.shares, *one.fitted))


def test_too_few_runs_say_what_is_missing():
    assert components({}) == "fewer than two objectives with two settings each"
    one_setting = {"a": {"1": [1.0, 2.0], "2": [3.0, 4.0]}, "b": {"1": [1.0, 2.0], "2": [math.nan]}}
    assert components(one_setting) == "fewer than two objectives with two settings each"
    assert components({name: {"1": [1.0], "2": [2.0]} for name in "ab"}) == "no setting with two seeds"


def test_an_objective_with_one_setting_changes_nothing():
    rng = np.random.default_rng(3)
    values = drawn(rng, (1, 1, 1), [(3, 3), (3, 2)])
    assert found(values) == found({**values, "alone": {"only": [100.0, 200.0]}})
