"""Statistics over seeds against closed forms, scipy, and enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from unbraid.sweep.compare.statistics import bootstrap_interval, difference, holm, rank, rank_correlation, summarize


def test_a_summary_is_that_of_students_t() -> None:
    values = [0.2, 0.4, 0.5, 0.9]
    found = summarize([*values, float("nan")])
    assert found.n == 4
    assert found.mean == pytest.approx(0.5)
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    low, high = stats.t.interval(0.95, 3, loc=0.5, scale=stats.sem(values))
    assert found.t_interval == pytest.approx((low, high))
    assert summarize([0.3]).t_interval is None
    assert summarize([]).n == 0


def test_the_bootstrap_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).exponential(size=12)
    ours = bootstrap_interval(values.tolist())
    theirs = stats.bootstrap((values,), np.mean, method="BCa", n_resamples=9_999, rng=np.random.default_rng(1))
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=0.03)
    assert bootstrap_interval([1.0, 2.0]) is None
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)


def test_matching_seeds_are_paired_and_what_they_do_to_both_cancels() -> None:
    noise = dict(enumerate(np.random.default_rng(0).normal(size=6)))
    small = {0: 0.01, 1: -0.01, 2: 0.02, 3: 0.0, 4: -0.02, 5: 0.0}
    one = {seed: value + 0.1 + small[seed] for seed, value in noise.items()}
    found = difference("a", "b", one, noise)
    assert found.n == 6
    assert found.mean == pytest.approx(0.1)
    expected = stats.ttest_rel([one[s] for s in noise], list(noise.values()))
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)))
    apart = difference("a", "b", {seed + 100: value for seed, value in one.items()}, noise)
    assert apart.n == 0
    assert apart.p == pytest.approx(stats.ttest_ind(list(one.values()), list(noise.values()), equal_var=False).pvalue)
    assert apart.p > found.p  # type: ignore[operator]
    assert difference("a", "b", {0: 1.0}, {1: 2.0}).p is None


def test_holm_is_the_step_down_procedure() -> None:
    assert holm([0.01, 0.04, None, 0.03]) == pytest.approx([0.03, 0.06, None, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    p = np.random.default_rng(0).random(20) ** 3
    corrected = np.array(holm(list(p)), dtype=float)
    order = np.argsort(p)
    rejected = 0
    for place, i in enumerate(order):  # the procedure in its own words
        if p[i] > 0.05 / (20 - place):
            break
        rejected += 1
    assert (corrected <= 0.05).sum() == rejected


def test_holm_keeps_the_chance_of_any_false_finding_below_the_level() -> None:
    rng = np.random.default_rng(0)
    wrong = sum(min(x for x in holm(list(rng.random(10))) if x is not None) < 0.05 for _ in range(2_000))
    assert wrong / 2_000 < 0.065
    uncorrected = sum(rng.random(10).min() < 0.05 for _ in range(2_000))
    assert uncorrected / 2_000 > 0.35


def test_ranks_are_sure_where_gaps_are_large_and_not_where_seeds_decide() -> None:
    rng = np.random.default_rng(0)
    values = {
        "far": {seed: 10 + float(rng.normal()) for seed in range(5)},
        "one": {seed: float(rng.normal()) for seed in range(5)},
        "two": {seed: float(rng.normal()) for seed in range(5)},
    }
    found = rank(values)
    assert (found["far"].place, found["far"].low, found["far"].high) == (1, 1, 1)
    assert found["far"].best == 1
    assert (found["one"].low, found["one"].high) == (2, 3)
    assert rank(values, higher_is_better=False)["far"].place == 3
    assert rank({"a": {0: 1.0}, "b": {0: 1.0}})["a"].best == 0.5
    assert rank({"a": {0: float("nan")}}) == {}


def test_seeds_that_move_all_alike_do_not_blur_ranks() -> None:
    rng = np.random.default_rng(1)
    shared = {seed: float(rng.normal()) for seed in range(6)}
    paired = rank({"a": {s: v + 0.1 for s, v in shared.items()}, "b": shared})
    assert paired["a"].best == 1
    apart = rank({"a": {s + 10: v + 0.1 for s, v in shared.items()}, "b": shared})
    assert apart["a"].best < 0.9


def test_rank_correlation_is_spearman_s_and_its_interval_is_that_of_bonett_and_wright() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=30)
    y = np.exp(x + rng.normal(size=30))
    found = rank_correlation([*x, float("nan")], [*y, 1.0])
    assert found is not None
    assert found.n == 30
    assert found.r == pytest.approx(stats.spearmanr(x, y).statistic)
    half = stats.norm.ppf(0.975) * np.sqrt((1 + found.r**2 / 2) / 27)
    assert found.interval == pytest.approx(np.tanh([np.arctanh(found.r) - half, np.arctanh(found.r) + half]))
    falling = rank_correlation(range(9), [-one for one in range(9)])
    assert falling is not None
    assert falling.r == pytest.approx(-1)
    assert falling.interval[1] < -0.99
    assert falling.needed is None


def test_weak_correlations_say_how_many_pairs_would_tell_them_from_none() -> None:
    found = rank_correlation([1, 2, 3, 4, 5, 6], [2, 1, 5, 3, 6, 4])
    assert found is not None
    assert found.interval[0] < 0 < found.interval[1]
    assert found.needed is not None
    assert 6 < found.needed < 30


def test_few_or_constant_values_have_no_correlation() -> None:
    assert rank_correlation([1, 2, 3, 4], [1, 2, 3, 4]) is None
    assert rank_correlation([1, 2, 3, 4, 5], [1, 1, 1, 1, 1]) is None
    assert rank_correlation([], []) is None
