"""Intervals over samples and over runs: closed forms, and how often they hold what they should."""

from __future__ import annotations

import json
from importlib import import_module
from itertools import combinations
from math import comb, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, t, ttest_ind

from unbraid.metrics.doubts import withheld
from unbraid.metrics.evaluate import evaluate
from unbraid.metrics.intervals import (
    contrast_interval,
    difference_interval,
    doublings,
    half_samples,
    half_width,
    mean_interval,
    score_interval,
)
from unbraid.metrics.mig_sup import mig_sup
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import Samples, gather
from unbraid.metrics.score_table import ScoreTable


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


def test_an_interval_reaches_from_the_score_to_where_it_tends():
    halves = [0.40, 0.42, 0.44]
    width = t.ppf(0.975, 2) * 0.02
    low, high = score_interval(0.45, halves, bounds=(0, 1))
    assert (low, high) == pytest.approx((0.45 - width, 0.48 + width))
    assert score_interval(0.45, halves, bounds=(0.44, 0.46)) == (0.44, 0.46)
    low, high = score_interval(0.45, halves, part=0.5, bounds=(0, 1))
    assert (low, high) == pytest.approx((0.45 - width / 2, 0.4575 + width / 2))
    assert score_interval(1.0, [1.0, 1.0], bounds=(0, 1)) == pytest.approx((0.998, 1.0))


def test_a_score_that_moves_with_the_number_of_samples_has_no_interval():
    assert score_interval(0.5, [0.40, 0.41, 0.40], bounds=(0, 1)) is None
    assert score_interval(0.5, [0.491, 0.491, 0.491], bounds=(0, 1)) == pytest.approx((0.498, 0.511))
    assert score_interval(0.5, [0.489, 0.489, 0.489], bounds=(0, 1)) is None


def test_models_have_as_far_to_go_as_their_samples_double():
    halves = [0.492, 0.494, 0.493]
    half = t.ppf(0.975, 2) * 0.001
    low, high = score_interval(0.5, halves, reach=1.0, bounds=(0, 1))
    assert (low, high) == pytest.approx((0.5 - half, 0.507 + half))
    assert score_interval(0.5, halves, reach=3.0, bounds=(0, 1)) is None  # 0.021 to go, and halves differ by less
    wide = [0.46, 0.52, 0.499]
    low, high = score_interval(0.5, wide, reach=3.0, bounds=(0, 1))
    assert high - low == pytest.approx(2 * half_width(wide) + 3 * (0.5 - np.mean(wide)))
    assert [doublings(n, 15_000) for n in (3_750, 15_000, 60_000)] == [2.0, 1.0, 1.0]
    assert doublings(10, None) == 1.0


def test_intervals_hold_where_a_score_grows_by_each_doubling():
    """As importances of trees do, until these have the 15,000 samples that they learn from."""
    rng, n, held, given = np.random.default_rng(0), 2_000, 0, 0
    truth = 0.5 + 0.02 * np.log2(15_000)

    def score(values):
        return 0.5 + 0.02 * np.log2(len(values)) + values.mean()

    for seed in range(200):
        values = rng.normal(scale=3, size=n)
        halves = [score(values[rows]) for rows in half_samples(n, 10, seed)]
        found = score_interval(score(values), halves, reach=doublings(n, 15_000), bounds=(0, 2))
        given += found is not None
        held += found is not None and found[0] <= truth <= found[1]
    assert given > 20
    assert held / given >= 0.9


def test_dci_of_few_samples_has_no_interval_that_misses():
    """Its trees learn more from 15,000: of these codes 2 of 8 intervals held when they reached as far as a bias of 1 / n."""
    assert metrics["dci"].details["learns_from"] == 15_000
    rng = np.random.default_rng(1)
    factors = rng.integers(0, [3, 4, 5], size=(2_000, 3))
    scaled = factors / [2, 3, 4] * 3.4 - 1.7
    mixing = np.eye(3, 6) + 0.35 * np.random.default_rng(9).normal(size=(3, 6))
    codes = scaled @ mixing + 0.5 * rng.normal(size=(2_000, 6))
    node = evaluate(codes, factors, metrics=["dci"], references=False)["dci"]["disentanglement"]
    assert "interval" not in node or node["interval"][1] > 0.579  # the score of 15,000


SIMULATED = json.loads((Path(__file__).parents[2] / "benchmarks/results/intervals.json").read_text())["rows"]
"""What `benchmarks/intervals.py` found."""
DEFINITIONS = [
    pytest.param(entry, variant, id=f"{entry.name}-{variant.name}")
    for entry in metrics
    if entry.factory.__module__.startswith("unbraid.")  # and not of another test
    for variant in entry.details["variants"]
]


def rows_of(entry, variant):
    """Simulations of a definition: of its own score and of its parts."""
    definition = "" if variant.name == "default" else variant.name
    wanted = [(row, *row["score"].partition(", ")) for row in SIMULATED]
    return [row for row, name, _, own in wanted if (name.partition(".")[0], own) == (entry.name, definition)]


@pytest.mark.parametrize(("entry", "variant"), DEFINITIONS)
def test_every_interval_has_been_simulated(entry, variant):
    """A definition either says why it has no interval, or 20 simulated ones of each of its scores were counted, or more.

    Those that read continuous factors were tried on them too. New ones: python benchmarks/intervals.py --metrics NAME.
    """
    if withheld(entry.name, variant.options):
        return
    rows = rows_of(entry, variant)
    given = {row["score"]: 0 for row in rows}
    for row in rows:
        given[row["score"]] += row["given"]
    assert given, f"{entry.name}, {variant.name}: neither a simulation nor a reason why there is no interval"
    assert min(given.values()) >= 20, given
    reads = entry.details.get("continuous") and (variant.continuous or variant.name == "default")
    if reads and not withheld(entry.name, variant.options, continuous=True):
        assert any("continuous" in row["population"] for row in rows)


def test_no_simulated_interval_misses_more_than_chance_explains():
    """At least 90 % of the intervals that are given hold, as far as so many sets can tell."""
    withheld_rows = [
        row for own in DEFINITIONS if withheld(own.values[0].name, own.values[1].options) for row in rows_of(*own.values)
    ]
    for row in SIMULATED:
        continuous = "continuous" in row["population"]
        name = row["score"].partition(",")[0].partition(".")[0]
        without = continuous and name in metrics.names() and withheld(name, {}, continuous=True)
        if row not in withheld_rows and not without:
            assert binom.cdf(row["held"], row["given"], 0.9) > 0.01, row


def test_the_page_shows_what_was_simulated(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "docs" / "source")
    reliability = import_module("reliability")
    page = reliability.PAGE.read_text()
    stale = [name for name, table in reliability.tables().items() if table not in page]
    assert not stale, "make the page anew: python docs/source/reliability.py"


def test_a_definition_without_an_interval_says_why():
    factors = np.random.default_rng(0).integers(0, 3, size=(600, 3))
    chosen = {"mcc": {"cross_fitted": False}, "r2": {}}
    table = evaluate(factors.astype(float), factors, metrics=chosen, references=False)
    assert "interval" not in table["mcc"]
    assert table["mcc"]["no_interval"].startswith("chance correlations count")
    assert "interval" in table["r2"]
    assert "No interval for mcc: chance correlations count" in str(table)
    quantities = np.random.default_rng(0).uniform(size=(600, 2))
    found = evaluate(quantities, quantities, metrics=["dci"], references=False)["dci"]
    assert found["completeness"]["no_interval"].startswith("of continuous factors")


@pytest.mark.parametrize("rate", [0.3, 2.0])
def test_intervals_hold_where_a_biased_score_tends_to(rate):
    """The logarithm of a mean, whose bias falls as 1 / n, and with a bias added that falls likewise."""
    rng = np.random.default_rng(0)
    truth, held = 0.5 + log(1.0) / 4, 0
    for seed in range(200):
        values = rng.exponential(size=400)

        def score(own):
            return 0.5 + log(own.mean()) / 4 - rate / len(own)

        halves = [score(values[rows]) for rows in half_samples(400, 10, seed)]
        found = score_interval(score(values), halves, bounds=(0, 1))
        held += found is not None and found[0] <= truth <= found[1]
    assert 0.9 <= held / 200 <= 0.995


@pytest.mark.parametrize("taken", [0.3, 0.9])
def test_intervals_hold_what_all_samples_of_a_finite_population_score(taken):
    rng = np.random.default_rng(0)
    n, held = 400, 0
    everything = rng.exponential(size=round(n / taken))

    def score(own):
        return 0.5 + log(own.mean()) / 4 - 2 / len(own)

    for seed in range(300):
        values = rng.permutation(everything)[:n]
        halves = [score(values[rows]) for rows in half_samples(n, 10, seed)]
        low, high = score_interval(score(values), halves, part=sqrt(1 - taken), bounds=(0, 1))
        held += low <= score(everything) <= high
    assert 0.93 <= held / 300 <= 0.995


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


COVERED = ("mig", "sap", "aam", "modularity", "factor_vae_score")
FEW = {"train_votes": 300, "test_votes": 200, "batch": 4}
SETS, OF = 24, 2_500


@pytest.fixture(scope="module")
def tables() -> list[ScoreTable]:
    """A table of many samples, which stands for the population, and those of sets of a few with intervals."""
    chosen = {name: {key: value for key, value in FEW.items() if key in metrics[name].options} for name in COVERED}
    whole = evaluate(*population(99, 40_000), metrics=chosen, intervals=0, references=False)
    sets = [population(seed, OF) for seed in range(SETS)]
    return [whole, *(evaluate(*own, metrics=chosen, intervals=8, references=False, seed=i) for i, own in enumerate(sets))]


@pytest.mark.parametrize("name", COVERED)
def test_intervals_hold_the_score_of_the_population(name, tables):
    whole, *parts = [table[name] for table in tables]
    held = [own["interval"][0] <= whole["score"] <= own["interval"][1] for own in parts if "interval" in own]
    assert 0.02 < whole["score"] < 0.98
    assert len(held) >= SETS / 2
    assert np.mean(held) >= 0.85


def edge(seed: int, n: int) -> Samples:
    """Two clean latents, one that knows just about as much as counts, and a latent of noise."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, [3, 4], size=(n, 2))
    signal = factors @ np.array([[1.0, 0, 0, 0], [0, 1.0, 0.15, 0]])
    return gather(signal + rng.normal(size=(n, 4)) * [0.1, 0.1, 1.0, 1.0], factors)


def test_a_latent_that_may_be_known_or_not_leaves_no_interval():
    reasons = [evaluate(edge(seed, 3_000), metrics=["mig_sup", "sap"], intervals=4, references=False) for seed in range(10)]
    open_ = ["z2" in table["mig_sup"].get("no_interval", "") for table in reasons]
    assert np.mean(open_) >= 0.7
    assert all(("interval" in table["mig_sup"]) != is_open for table, is_open in zip(reasons, open_, strict=True))
    assert all("interval" in table["sap"] for table in reasons)


def test_too_few_samples_for_many_values_leave_no_interval():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 40], size=(1_000, 2))
    codes = factors + rng.normal(size=(1_000, 2))
    table = evaluate(codes, factors, metrics=["aam"], intervals=4, references=False, factor_names=["shape", "pose"])
    assert "1,000 samples do not show a latent that knows less than" in table["aam"]["no_interval"]
    assert "'pose'" in table["aam"]["no_interval"]
    (caution,) = table.cautions
    needed = int(caution.split("about ")[1].split()[0].replace(",", ""))
    more = np.random.default_rng(1).integers(0, [3, 40], size=(needed, 2))
    enough = evaluate(more + rng.normal(size=(needed, 2)), more, metrics=["aam"], intervals=4, references=False)
    assert enough.cautions == ()
    assert "interval" in enough["aam"]


def test_of_noise_nothing_flickers():
    rng = np.random.default_rng(0)
    for _ in range(5):
        factors = rng.integers(0, [2, 3], size=(4_000, 2))
        node = evaluate(rng.normal(size=(4_000, 8)), factors, metrics=["modularity"], intervals=5, references=False)[
            "modularity"
        ]
        assert node["score"] == 0
        assert node["no_interval"] == "no latent knows more of any factor than chance gives"
        idle = np.hstack([factors, rng.normal(size=(4_000, 6))])
        low, high = evaluate(idle, factors, metrics=["mig_sup"], intervals=5, references=False)["mig_sup"]["interval"]
        assert (low, high) == pytest.approx((1, 1), abs=0.005)


@pytest.mark.parametrize("name", ["irs", "jemmig"])
def test_what_rests_on_largest_values_has_no_population_score(name):
    table = evaluate(*population(0, 600), metrics=[name], intervals=4, references=False)[name]
    assert "interval" not in table
    assert "grow" in table["no_interval"]


def test_halves_are_parts_of_all_samples():
    """Judged by all of them; by a measure of their own some would differ."""
    sets = [edge(seed, 2_000) for seed in range(8)]
    halves = [next(iter(half_samples(2_000, 2, seed))) for seed in range(8)]
    pairs = list(zip(sets, halves, strict=True))
    live = [mig_sup(samples)["live"] for samples in sets]
    assert [mig_sup(samples.part(rows))["live"] for samples, rows in pairs] == live
    assert [mig_sup(samples.rows(rows))["live"] for samples, rows in pairs] != live


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


def test_the_interval_of_a_contrast_holds_it_in_95_of_100():
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(2_000):
        groups = [rng.normal(mean, sd, n).tolist() for mean, sd, n in ((1, 1, 5), (3, 0.2, 4), (7, 2, 6))]
        low, high = contrast_interval(groups, [1, -0.25, -0.75])
        inside.append(low < 1 - 0.75 - 5.25 < high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
    assert contrast_interval([[1.0, 1.0], [3.0, 3.0], [5.0, 5.0]], [1, -0.5, -0.5]) == (-3.0, -3.0)
    assert contrast_interval([[1.0, 3.0]], [1]) == pytest.approx(mean_interval([1.0, 3.0]))
    assert contrast_interval([[1.0, 3.0]], [-2]) == pytest.approx([-2 * end for end in mean_interval([1.0, 3.0])][::-1])
