"""Seeds needed: tables of Cohen, noncentral t, simulation; the pooled standard deviation and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from unbraid.metrics.intervals import difference_interval
from unbraid.sweep.compare.power import least_seen, pooled_sd, power_of_difference, runs_to_see


@pytest.mark.parametrize(("d", "n"), [(0.2, 394), (0.5, 64), (0.8, 26), (1.0, 17), (1.2, 12)])
def test_seeds_needed_are_those_of_cohen_s_tables(d: float, n: int) -> None:
    """Two-sided 5 %, power 80 %: Cohen (1988), table 2.4.1, has 393 for 0.2, rounded down."""
    assert runs_to_see(d, 1.0) == n
    assert runs_to_see(d * 0.05, 0.05) == n


@pytest.mark.parametrize(("d", "n"), [(0.5, 5), (1.0, 17), (2.0, 6), (3.0, 3)])
def test_power_is_the_tail_of_a_noncentral_t(d: float, n: int) -> None:
    edge = stats.t.ppf(0.975, 2 * n - 2)
    assert power_of_difference(d, 1.0, n) == pytest.approx(stats.nct.sf(edge, 2 * n - 2, d * math.sqrt(n / 2)), abs=1e-6)
    assert power_of_difference(0.0, 1.0, n) == pytest.approx(0.025, abs=1e-9)


def test_so_many_runs_do_see_it() -> None:
    """With Welch's interval, whose degrees of freedom vary."""
    n = runs_to_see(1.0, 1.0)
    assert n is not None
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(2_000):
        ends = difference_interval(rng.normal(1, 1, n).tolist(), rng.normal(0, 1, n).tolist())
        assert ends is not None
        seen.append(ends[0] > 0)
    assert np.mean(seen) == pytest.approx(0.8, abs=0.03)


def test_what_few_runs_see() -> None:
    for n in (2, 3, 5, 64):
        assert power_of_difference(least_seen(0.1, n), 0.1, n) == pytest.approx(0.8, abs=1e-6)
    assert least_seen(1.0, 5) == pytest.approx(2.024, abs=0.005)  # Cohen's d at n 5
    assert least_seen(1.0, 1) == math.inf
    assert least_seen(0.0, 5) == 0
    assert power_of_difference(9.0, 1.0, 1) == 0
    assert runs_to_see(0.05, 0.0) == 2
    assert runs_to_see(1e-6, 1.0) is None


def test_pooled_sd_by_hand() -> None:
    one = pooled_sd([[1, 2, 3], [10, 14], [7]])
    assert one is not None
    assert one.freedom == 3
    assert one.sd == pytest.approx(math.sqrt((2 + 8) / 3))
    assert one.range == pytest.approx((1, math.sqrt(8)))
    low, high = one.interval
    assert low == pytest.approx(one.sd * math.sqrt(3 / stats.chi2.ppf(0.975, 3)))
    assert high == pytest.approx(one.sd * math.sqrt(3 / stats.chi2.ppf(0.025, 3)))
    assert pooled_sd([[1.0], []]) is None


def test_its_interval_holds_the_true_one_in_95_of_100() -> None:
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(1_000):
        one = pooled_sd([rng.normal(mean, 0.3, n).tolist() for mean, n in ((0, 3), (5, 4), (-2, 2))])
        assert one is not None
        inside.append(one.interval[0] < 0.3 < one.interval[1])
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)
