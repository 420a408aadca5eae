"""Intervals over samples and over runs: closed forms, and how often they hold what they should."""

from __future__ import annotations

from itertools import combinations
from math import comb, exp, log, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import t, ttest_ind

from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.intervals import HALVES_OF_EXTREMES, difference_interval, half_samples, half_width, mean_interval
from unbraid.metrics.mig_sup import mig_sup
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import Samples, gather


def test_half_width_by_hand():
    halves = [0.4, 0.5, 0.9]
    spread = sqrt(((0.4 - 0.6) ** 2 + (0.5 - 0.6) ** 2 + (0.9 - 0.6) ** 2) / 2)
    assert half_width(halves) == pytest.approx(t.ppf(0.975, 2) * spread)
    assert half_width([0.3, 0.3]) == 0


def test_halves_have_no_row_twice_and_repeat():
    found = list(half_samples(41, 6, seed=3))
    assert [len(set(rows)) for rows in found] == [20] * 6
    assert all((np.diff(rows) > 0).all() and rows[0] >= 0 and rows[-1] <= 40 for rows in found)
    assert len({tuple(rows) for rows in found}) == 6
    again, other = half_samples(41, 6, seed=3), half_samples(41, 6, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(found, other, strict=True))
    assert len(list(half_samples(20, 2, 0))) == 2
    assert list(half_samples(19, 2, 0)) == []


def test_every_row_is_as_likely_in_a_half():
    counts = sum(np.bincount(rows, minlength=30) for rows in half_samples(30, 2000, seed=0))
    assert np.abs(counts / 2000 - 0.5).max() < 4 * sqrt(0.25 / 2000)


def test_means_of_all_halves_vary_as_the_mean_itself():
    """Over all halves of n values, the variance of the mean is s^2 / n exactly, with s^2 of n - 1 degrees of freedom."""
    values = np.array([0.3, -1.0, 2.0, 2.5, 7.0, -0.2, 0.0, 1.1])
    means = [values[list(rows)].mean() for rows in combinations(range(8), 4)]
    assert len(means) == comb(8, 4)
    assert np.var(means) == pytest.approx(values.var(ddof=1) / 8)


def test_the_interval_of_a_mean_is_that_of_a_textbook():
    values = np.random.default_rng(0).normal(size=400)
    halves = [values[rows].mean() for rows in half_samples(400, 3000, seed=0)]
    assert half_width(halves) == pytest.approx(t.ppf(0.975, 2999) * values.std(ddof=1) / 20, rel=0.04)


def test_how_much_less_the_maxima_of_halves_vary_than_a_maximum():
    """The gap D between the maximum of all and of a half is a logistic variable where it is positive, and else 0."""

    def beyond(x: float) -> float:
        return 1 / (1 + exp(x))

    mean, square = quad(beyond, 0, 50)[0], quad(lambda x: 2 * x * beyond(x), 0, 50)[0]
    assert mean == pytest.approx(log(2))
    of_spacings = sum(4.0**-i / i**2 for i in range(1, 60))  # of the mean of D over halves: E_i / i is in it by 1 / 2^i
    assert pi**2 / 6 / (square - mean**2 - of_spacings) == pytest.approx(HALVES_OF_EXTREMES**2)


def test_the_interval_of_a_maximum():
    rng = np.random.default_rng(0)
    draws = rng.exponential(size=(3000, 64))
    maxima = np.array([[draw[rng.permutation(64)[:32]].max() for _ in range(10)] for draw in draws])
    widths = np.array([half_width(own.tolist(), extreme=True) for own in maxima]) / t.ppf(0.975, 9)
    assert sqrt((widths**2).mean()) == pytest.approx(draws.max(1).std(), rel=0.04)
    assert half_width([0.1, 0.4], extreme=True) == pytest.approx(1.354315 * half_width([0.1, 0.4]))


def test_interval_of_runs_by_hand():
    low, high = mean_interval([0.2, 0.4, 0.9])
    assert (low + high) / 2 == pytest.approx(0.5)
    assert (high - low) / 2 == pytest.approx(t.ppf(0.975, 2) * np.std([0.2, 0.4, 0.9], ddof=1) / sqrt(3))
    assert mean_interval([0.7]) == (0.7, 0.7)
    assert mean_interval([0.7, 0.7, 0.7]) == pytest.approx((0.7, 0.7))


@pytest.mark.parametrize("runs", [3, 5, 10])
def test_intervals_of_runs_cover(runs):
    """Exactly 95 % of normal scores; of skewed ones as a Beta(8, 2), whose mean is 0.8, between 90 % and 99 %."""
    rng = np.random.default_rng(0)
    for scores, mean in ((rng.normal(0.6, 0.1, size=(3000, runs)), 0.6), (rng.beta(8, 2, size=(3000, runs)), 0.8)):
        held = np.mean([low <= mean <= high for low, high in map(mean_interval, scores.tolist())])
        assert 0.90 <= held <= 0.99
    assert held == pytest.approx(0.945, abs=0.03)


def population(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes that know one factor well, mix the other two, and a latent of noise."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [3, 4, 4], size=(n, 3))
    mixing = np.array([[1.0, 0.5, 0.0, 0.0], [0.4, 1.0, 0.8, 0.0], [0.0, 0.6, 1.0, 0.0]])
    return factors @ mixing + rng.normal(size=(n, 4)) * [0.3, 0.5, 0.5, 1.0], factors


COVERED = {
    "mig": ({}, 400),
    "sap": ({}, 400),
    "aam": ({}, 400),
    "irs": ({}, 400),
    "modularity": ({"definition": "adjusted"}, 400),
    "factor_vae_score": ({"train_votes": 200, "test_votes": 200, "batch": 16}, 400),
}


@pytest.mark.parametrize("name", COVERED)
def test_intervals_over_samples_cover(name):
    """The truth is the mean score of many other samples of the size."""
    options, n = COVERED[name]
    score = metrics[name].factory
    seeded = "seed" in metrics[name].options

    def value(samples, seed):
        return score(samples, **options, **({"seed": seed} if seeded else {}))["score"]

    drawn = [gather(*population(seed, n)) for seed in range(80)]
    found = np.array([value(samples, seed) for seed, samples in enumerate(drawn)])
    truth, held = found.mean(), 0
    for seed, samples in enumerate(drawn[:40]):
        halves = [value(samples.part(rows), 1000 + i) for i, rows in enumerate(half_samples(n, 10, seed))]
        held += abs(found[seed] - truth) <= half_width(halves, extreme=bool(metrics[name].details.get("extreme")))
    assert 0.05 < truth < 0.95
    assert 0.9 <= held / 40 <= 1


def edge(seed: int, n: int) -> Samples:
    """Two clean latents, one that knows just about as much as chance may give, and a latent of noise."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [3, 4], size=(n, 2))
    signal = factors @ np.array([[1.0, 0, 0, 0], [0, 1.0, 0.3, 0]])
    return gather(signal + rng.normal(size=(n, 4)) * [0.1, 0.1, 1.0, 1.0], factors)


def test_intervals_allow_for_a_latent_that_may_be_known_or_not():
    """By their own measure halves never know it; as parts they differ as other samples would."""
    drawn = [edge(seed, 400) for seed in range(40)]
    scores = [mig_sup(samples) for samples in drawn]
    truth = np.mean([own["score"] for own in scores])
    assert 0.2 < np.mean([own["live"] == 3 for own in scores]) < 0.8

    def held(take) -> float:
        hits = 0
        for seed, (samples, own) in enumerate(zip(drawn, scores, strict=True)):
            halves = [mig_sup(take(samples, rows))["score"] for rows in half_samples(400, 10, seed)]
            hits += abs(own["score"] - truth) <= half_width(halves)
        return hits / len(drawn)

    assert held(Samples.rows) < 0.7
    assert held(Samples.part) >= 0.85


@pytest.mark.parametrize("name", ["mig_sup", "jemmig"])
def test_halves_are_parts_of_all_samples(name):
    samples = next(own for own in map(edge, range(40), [400] * 40) if mig_sup(own)["live"] == 3)
    score = metrics[name].factory
    table = evaluate(samples, metrics=[name], intervals=6, seed=5, references=False)[name]
    halves = list(half_samples(400, 6, 5))
    extreme = name == "jemmig"
    width = half_width([score(samples.part(rows))["score"] for rows in halves], extreme=extreme)
    assert table["score"] - table["interval"][0] == pytest.approx(min(width, table["score"]))
    own = half_width([score(samples.rows(rows))["score"] for rows in halves], extreme=extreme)
    assert width != pytest.approx(own, rel=1e-3)


def test_differences_of_means_are_welchs():
    rng = np.random.default_rng(0)
    for n, m in ((2, 2), (3, 7), (10, 4)):
        first, second = rng.normal(1, 3, n), rng.normal(0, 1, m)
        wanted = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
        assert difference_interval(first.tolist(), second.tolist()) == pytest.approx((wanted.low, wanted.high))


def test_a_lone_run_has_no_difference_and_runs_without_spread_an_exact_one():
    assert difference_interval([1.0], [2.0, 3.0]) is None
    assert difference_interval([1.0, 2.0], [3.0]) is None
    assert difference_interval([2.0, 2.0], [0.5, 0.5]) == (1.5, 1.5)
