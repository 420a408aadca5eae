"""Rules: what they decide at which rates, and whether the number that they say would decide does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from unbraid.metrics.intervals import mean_interval
from unbraid.studies.declaration import Arm, Length
from unbraid.studies.measures import Measure
from unbraid.studies.rules import (
    Better,
    BetterAtSame,
    CannotTest,
    Correlated,
    Every,
    MeanBeyond,
    NotBetter,
    NotCorrelated,
    NoTrend,
    Outcome,
    Provided,
    ShareAbove,
    Trend,
    Verdict,
)

LENGTHS = {"quick": Length(64, 1), "cpu": Length(64, 3), "paper": Length(64, 5)}
ONE, OTHER = (Arm(name, "vae", "ellipses", {"batch_size": 32}, LENGTHS) for name in ("one", "other"))
SCORE = Measure("score", "score", lambda run: 0.0)
LOSS = Measure("loss", "loss", lambda run: 0.0, higher_is_better=False, unit="nats")


@dataclass
class Given:
    """Numbers instead of runs."""

    by_arm: Mapping[Arm, Sequence[float]]
    second: Sequence[float] = ()

    def values(self, arm: Arm, measure: Measure) -> Mapping[int, float]:
        return dict(enumerate(self.second if measure is LOSS and self.second else self.by_arm[arm]))


def exactly(mean: float, sd: float, n: int) -> list[float]:
    """Numbers with this mean and standard deviation."""
    values = np.linspace(-1, 1, n)
    return list(mean + sd * values / values.std(ddof=1))


def outcomes(rule, draw, times: int = 600) -> dict[Outcome, float]:
    rng = np.random.default_rng(0)
    found = [rule.decide(Given(draw(rng))).outcome for _ in range(times)]
    return {outcome: found.count(outcome) / times for outcome in set(found)}


def two(effect: float, n: int, sds: tuple[float, float] = (1.0, 1.0)):
    return lambda rng: {ONE: rng.normal(effect, sds[0], n), OTHER: rng.normal(0, sds[1], n)}


def test_a_large_effect_is_confirmed_and_its_opposite_reversed():
    assert outcomes(Better(ONE, OTHER, SCORE, 0.1), two(3.0, 8))["confirmed"] > 0.95
    assert outcomes(Better(ONE, OTHER, SCORE, 0.1), two(-3.0, 8))["reversed"] > 0.95
    assert outcomes(Better(ONE, OTHER, LOSS, 0.1), two(3.0, 8))["reversed"] > 0.95
    assert outcomes(NotBetter(ONE, OTHER, SCORE, 0.1), two(3.0, 8))["reversed"] > 0.95
    assert outcomes(NotBetter(ONE, OTHER, SCORE, 0.1), two(-3.0, 8))["confirmed"] > 0.95


@pytest.mark.parametrize("paired", [False, True])
def test_without_an_effect_one_in_twenty_is_decided_wrongly(paired):
    found = outcomes(Better(ONE, OTHER, SCORE, 0.01, paired=paired), two(0.0, 5), times=2_000)
    assert found["confirmed"] + found["reversed"] == pytest.approx(0.05, abs=0.015)
    assert found["undecided"] > 0.9


def test_no_effect_as_large_as_the_margin_is_not_confirmed():
    assert outcomes(Better(ONE, OTHER, SCORE, 1.0), two(0.0, 40))["not confirmed"] > 0.9
    assert outcomes(NotBetter(ONE, OTHER, SCORE, 1.0), two(0.0, 40))["confirmed"] > 0.9


@pytest.mark.parametrize(
    ("effect", "sds", "margin"),
    [(0.6, (1.0, 1.0), 0.01), (-0.5, (1.0, 0.3), 0.01), (0.0, (1.0, 1.0), 1.0), (1.5, (1.0, 1.0), 0.1)],
)
@pytest.mark.parametrize("rule", [Better, NotBetter])
def test_the_number_that_would_decide_decides_four_of_five(rule, effect, sds, margin):
    made = rule(ONE, OTHER, SCORE, margin)
    found = made.decide(Given({ONE: exactly(effect, sds[0], 3), OTHER: exactly(0.0, sds[1], 3)}))
    assert found.outcome == "undecided"
    assert found.needed is not None
    undecided = outcomes(made, two(effect, found.needed, sds)).get("undecided", 0.0)
    assert 1 - undecided == pytest.approx(0.8, abs=0.06)


def test_pairs_cancel_what_seeds_do_to_both():
    seeds = np.array([0.0, 5.0, 10.0])
    given = Given({ONE: seeds + np.array([1.0, 1.1, 0.9]), OTHER: seeds})
    assert Better(ONE, OTHER, SCORE, 0.1, paired=True).decide(given).outcome == "confirmed"
    assert Better(ONE, OTHER, SCORE, 0.1).decide(given).outcome == "undecided"


def test_differences_are_told_in_the_measures_own_direction():
    found = Better(ONE, OTHER, LOSS, 0.1).decide(Given({ONE: [1.0, 1.1, 0.9], OTHER: [3.0, 3.1, 2.9]}))
    assert found.outcome == "confirmed"
    assert found.estimate == pytest.approx(-2.0)
    assert found.interval is not None
    assert found.interval[0] < -2 < found.interval[1] < 0
    assert found.text.startswith("loss, nats: one less other is −2.00 (")
    assert found.text.endswith("; 3 runs each; lower is better)")


def test_a_mean_beyond_a_value():
    above = MeanBeyond(ONE, SCORE, above=1.0)
    assert above.decide(Given({ONE: exactly(2.0, 0.1, 4)})).outcome == "confirmed"
    assert above.decide(Given({ONE: exactly(0.0, 0.1, 4)})).outcome == "reversed"
    below = MeanBeyond(ONE, SCORE, below=1.0)
    assert below.decide(Given({ONE: exactly(0.0, 0.1, 4)})).outcome == "confirmed"
    open_ = below.decide(Given({ONE: exactly(0.5, 1.0, 3)}))
    assert open_.outcome == "undecided"
    assert open_.needed is not None
    decided = outcomes(below, lambda rng: {ONE: rng.normal(0.5, 1.0, open_.needed)})
    assert decided["confirmed"] == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("rule", [MeanBeyond(ONE, SCORE, above=0.5), Better(ONE, OTHER, SCORE, 0.1)])
def test_few_equal_runs_decide_nothing(rule):
    """Counts, and scores that are cut off at 0, are often equal; their spread of 0 is no certainty."""
    for n, outcome in ((2, "undecided"), (5, "undecided"), (6, "reversed")):
        found = rule.decide(Given({ONE: [0.0] * n, OTHER: [1.0] * n}))
        assert found.outcome == outcome
        assert found.needed == (6 if outcome == "undecided" else None)
    assert 2 * 0.5**6 < 0.05 < 2 * 0.5**5  # all of six on one side, by chance


def test_a_share_of_runs():
    rule = ShareAbove(ONE, SCORE, 0.5)
    found = rule.decide(Given({ONE: [1.0, 1.0, 1.0]}))
    assert (found.outcome, found.needed) == ("undecided", 6)  # 0.025 ** (1 / 6) is above a half, 0.025 ** (1 / 5) below
    assert rule.decide(Given({ONE: [1.0] * 6})).outcome == "confirmed"
    assert rule.decide(Given({ONE: [0.0] * 6})).outcome == "reversed"
    most = rule.decide(Given({ONE: [1.0, 1.0, 1.0, 0.0]}))
    assert most.needed is not None
    decided = outcomes(rule, lambda rng: {ONE: (rng.random(most.needed) < 0.75).astype(float)})
    assert decided["confirmed"] == pytest.approx(0.8, abs=0.08)


def correlated(rng: np.random.Generator, r: float, n: int) -> Given:
    x = rng.normal(size=n)
    return Given({ONE: x}, list(r * x + math.sqrt(1 - r**2) * rng.normal(size=n)))


def test_a_correlation_over_runs():
    rng = np.random.default_rng(0)
    rule = Correlated([ONE], SCORE, LOSS, 1)
    assert rule.decide(correlated(rng, 0.9, 30)).outcome == "confirmed"
    assert rule.decide(correlated(rng, -0.9, 30)).outcome == "reversed"
    assert rule.decide(correlated(rng, 0.0, 400)).outcome == "not confirmed"
    assert NotCorrelated([ONE], SCORE, LOSS, 1).decide(correlated(rng, 0.0, 400)).outcome == "confirmed"
    assert NotCorrelated([ONE], SCORE, LOSS, -1).decide(correlated(rng, -0.9, 30)).outcome == "reversed"
    assert rule.decide(correlated(rng, 0.5, 4)).outcome == "undecided"


def test_the_number_that_would_decide_a_correlation():
    rule = Correlated([ONE], SCORE, LOSS, 1, margin=0.05)
    rng = np.random.default_rng(0)
    found = next(
        one for _ in range(100) if (one := rule.decide(correlated(rng, 0.4, 12))).outcome == "undecided" and one.needed
    )
    assert found.estimate is not None
    assert found.needed is not None
    of_normal = 2 * math.sin(math.pi * found.estimate / 6)  # whose rank correlation is the estimate
    decided = [rule.decide(correlated(rng, of_normal, found.needed)).outcome != "undecided" for _ in range(400)]
    assert np.mean(decided) == pytest.approx(0.8, abs=0.07)


@dataclass(frozen=True)
class Says:
    verdict: Verdict
    arms: tuple[Arm, ...] = (ONE,)

    def decide(self, found) -> Verdict:
        return self.verdict


def test_every_rule_must_hold():
    def both(first: Outcome, second: Outcome) -> Verdict:
        return Every((Says(Verdict(first, "a", needed=4)), Says(Verdict(second, "b", needed=9)))).decide(Given({}))

    assert both("confirmed", "confirmed").outcome == "confirmed"
    assert both("confirmed", "reversed").outcome == "reversed"
    assert both("undecided", "not confirmed").outcome == "not confirmed"
    assert (both("undecided", "undecided").outcome, both("undecided", "undecided").needed) == ("undecided", 9)
    assert both("confirmed", "undecided").needed == 9
    assert both("confirmed", "not run").outcome == "not run"
    assert Every((Says(Verdict("confirmed", "")),)).arms == (ONE,)


def test_what_is_not_there_is_not_decided():
    rule = Better(ONE, OTHER, SCORE, 0.1)
    assert rule.decide(Given({ONE: [], OTHER: [1.0]})).outcome == "not run"
    few = rule.decide(Given({ONE: [1.0], OTHER: [1.0, 2.0]}))
    assert (few.outcome, few.needed) == ("undecided", None)
    assert CannotTest("no such data").decide(Given({})) == Verdict("cannot be tested here", "no such data")


def test_of_several_comparisons_too_few_runs_are_told_once():
    names = Arm("a, b", "vae", "ellipses", {"batch_size": 32, "beta": 7}, LENGTHS)
    every = Every([Better(ONE, OTHER, SCORE, 0.1), Better(OTHER, names, SCORE, 0.1), MeanBeyond(ONE, SCORE, above=1)])
    few = every.decide(Given({ONE: [1.0], OTHER: [1.0], names: [1.0]}))
    assert (few.outcome, len(few.parts)) == ("undecided", 3)
    assert few.text == "too few runs for an interval: 1 of one; 1 of other; 1 of a, b"
    none = every.decide(Given({ONE: [], OTHER: [1.0], names: []}))
    assert (none.outcome, none.text) == ("not run", "there is no run yet of one; a, b")
    some = Every([MeanBeyond(OTHER, SCORE, above=1), every]).decide(
        Given({ONE: [1.0], OTHER: exactly(2, 0.1, 4), names: [1.0]})
    )
    assert (some.outcome, len(some.parts)) == ("undecided", 4)
    assert some.text.endswith("claimed above 1 [confirmed]; and too few runs for an interval: 1 of one; 1 of a, b [undecided]")


THIRD, FOURTH = (Arm(name, "vae", "ellipses", {"batch_size": 32}, LENGTHS) for name in ("third", "fourth"))


@dataclass
class Both:
    """Scores and losses of arms."""

    scores: Mapping[Arm, Sequence[float]]
    losses: Mapping[Arm, float]

    def values(self, arm: Arm, measure: Measure) -> Mapping[int, float]:
        own = self.scores[arm]
        return dict(enumerate([self.losses[arm]] * len(own) if measure is LOSS else own))


AT_SAME = BetterAtSame(ONE, (OTHER, THIRD, FOURTH), SCORE, LOSS, 0.1)
AT = {ONE: 12.0, FOURTH: 10.0, OTHER: 18.0, THIRD: 40.0}
"""The first lies a quarter of the way from the fourth to the other."""


def test_at_the_same_loss_others_are_interpolated() -> None:
    means = {ONE: 0.9, FOURTH: 0.4, OTHER: 0.8, THIRD: 5.0}
    found = AT_SAME.decide(Both({arm: exactly(mean, 0.01, 5) for arm, mean in means.items()}, AT))
    assert found.outcome == "confirmed"
    assert found.estimate == pytest.approx(0.9 - 0.75 * 0.4 - 0.25 * 0.8)
    assert found.interval is not None
    half = (found.interval[1] - found.interval[0]) / 2
    parts = np.array([1, 0.75, 0.25]) ** 2 * 0.0001 / 5
    freedom = parts.sum() ** 2 / (parts**2 / 4).sum()
    assert half == pytest.approx(stats.t.ppf(0.975, freedom) * math.sqrt(parts.sum()))
    assert "one less fourth and other, interpolated at its loss of 12.00" in found.text
    below = AT_SAME.decide(Both({arm: exactly(mean, 0.01, 5) for arm, mean in {**means, ONE: 0.3}.items()}, AT))
    assert below.outcome == "reversed"


def test_without_an_effect_at_the_same_loss_one_in_twenty_is_decided_wrongly() -> None:
    rng = np.random.default_rng(3)
    outcomes = []
    for _ in range(1_000):
        scores = {ONE: rng.normal(0.5, 1, 5), FOURTH: rng.normal(0.4, 1, 5), OTHER: rng.normal(0.8, 1, 5), THIRD: [9.0, 9.0]}
        found = AT_SAME.decide(Both(scores, AT))
        outcomes.append(found.outcome)
        if found.outcome == "undecided":
            assert found.needed is None or found.needed > 5
    assert np.mean([one != "undecided" for one in outcomes]) == pytest.approx(0.05, abs=0.02)


def test_where_no_others_lie_around_the_loss_nothing_is_compared() -> None:
    scores = {arm: [0.1, 0.2] for arm in AT}
    found = AT_SAME.decide(Both(scores, {**AT, ONE: 9.0}))
    assert (found.outcome, found.interval) == ("undecided", None)
    assert found.text == "one has loss 9.00, and other and its like 10.00 to 40.00: there is nothing to compare it with"
    assert AT_SAME.decide(Both({**scores, ONE: []}, AT)).outcome == "not run"
    assert AT_SAME.decide(Both({**scores, THIRD: [0.1]}, AT)).text == "too few runs for an interval: 1 of third"


def test_few_equal_runs_at_the_same_loss_decide_nothing() -> None:
    for n, outcome in ((2, "undecided"), (5, "undecided"), (6, "not confirmed")):
        found = AT_SAME.decide(Both({arm: [0.1] * n for arm in AT}, AT))
        assert (found.outcome, found.needed) == (outcome, 6 if outcome == "undecided" else None)


@pytest.mark.parametrize(
    ("condition", "values", "outcome"),
    [
        ([0.8, 0.81, 0.79], [0.1, 0.11, 0.12], "confirmed"),
        ([0.8, 0.81, 0.79], [0.8, 0.81, 0.82], "reversed"),
        ([0.1, 0.11, 0.12], [0.1, 0.11, 0.12], "cannot be tested here"),  # though the second part holds
        ([0.1, 0.9, 0.5], [0.1, 0.11, 0.12], "undecided"),
        ([], [0.1, 0.11, 0.12], "not run"),
    ],
)
def test_what_is_said_under_a_condition_is_tested_where_it_holds(
    condition: list[float], values: list[float], outcome: Outcome
) -> None:
    rule = Provided(MeanBeyond(ONE, SCORE, above=0.5), MeanBeyond(OTHER, SCORE, below=0.5))
    verdict = rule.decide(Given({ONE: condition, OTHER: values}))
    assert verdict.outcome == outcome
    assert ONE.name in verdict.text  # the condition is told
    assert list(rule.arms) == [ONE, OTHER]


def test_a_correlation_that_there_is_not_says_why() -> None:
    rule = Correlated([ONE], SCORE, LOSS, 1)
    few = rule.decide(Given({ONE: [0.1, 0.2, 0.3, 0.4]}, [1.0, 2.0, 3.0, 4.0]))
    assert (few.outcome, few.text) == ("undecided", "4 runs are too few for a correlation, which takes 5")
    alike = rule.decide(Given({ONE: [0.1] * 6}, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert (alike.outcome, alike.text) == ("undecided", f"{SCORE.name} is the same in all 6 runs")


FIVE = [Arm(f"arm {i}", "vae", "ellipses", {"batch_size": 32, "beta": i}, LENGTHS) for i in range(5)]


def rising(slope: float, seeds: int, sd: float = 1.0):
    return lambda rng: {arm: rng.normal(slope * i, sd, seeds) for i, arm in enumerate(FIVE)}


class TestTrend:
    def test_what_rises_in_every_seed_is_confirmed_and_its_opposite_reversed(self):
        up = Given({arm: [i, 10.0 + i, 20.0 + i**3] for i, arm in enumerate(FIVE)})  # seeds differ more than arms
        assert Trend([FIVE], SCORE, "β", 1).decide(up).outcome == "confirmed"
        assert Trend([FIVE], SCORE, "β", -1).decide(up).outcome == "reversed"
        assert NoTrend([FIVE], SCORE, "β", 1).decide(up).outcome == "reversed"
        assert NoTrend([FIVE], SCORE, "β", -1).decide(up).outcome == "confirmed"
        assert Trend([FIVE], SCORE, "β", 1).decide(up).estimate == pytest.approx(1)

    def test_rankings_are_within_groups(self):
        """Over all runs the measure falls; within each group it rises."""
        found = Given({FIVE[0]: [5, 5.1], FIVE[1]: [6, 6.1], FIVE[2]: [7, 7.1], FIVE[3]: [1, 1.1], FIVE[4]: [2, 2.1]})
        verdict = Trend([FIVE[:3], FIVE[3:]], SCORE, "β", 1).decide(found)
        assert (verdict.outcome, verdict.estimate) == ("confirmed", pytest.approx(1))
        half = 1.96 * math.sqrt(1 / 2 + 1 / 2 + 1 + 1) / 4  # of rankings of 3, 3, 2 and 2 at random
        assert verdict.interval == pytest.approx((1 - half, 1), abs=1e-4)
        assert "mean of 4 rankings" in verdict.text

    def test_without_a_trend_it_is_seldom_confirmed(self):
        found = outcomes(Trend([FIVE], SCORE, "β", 1), rising(0.0, 4))
        assert found.get("confirmed", 0) + found.get("reversed", 0) < 0.06
        short = outcomes(
            Trend([FIVE[:3]], SCORE, "β", 1), rising(0.0, 2)
        )  # two rankings of three are alike in one case of four
        assert short.get("confirmed", 0) + short.get("reversed", 0) < 0.09
        assert outcomes(NoTrend([FIVE], SCORE, "β", 1), rising(0.0, 60)).get("confirmed", 0) > 0.9

    def test_the_number_of_runs_that_it_tells_would_decide(self):
        rule = Trend([FIVE], SCORE, "β", 1)
        orders = [[0, 1, 2, 3, 4], [1, 0, 4, 2, 3], [4, 3, 0, 1, 2]]  # correlations 1, 0.6 and -0.6
        verdict = rule.decide(Given({arm: [order[i] for order in orders] for i, arm in enumerate(FIVE)}))
        assert verdict.outcome == "undecided"
        assert verdict.needed is not None
        assert verdict.needed > 3
        rng, sd = np.random.default_rng(0), np.std([1, 0.6, -0.6], ddof=1)
        ends = [mean_interval(list(rng.normal(1 / 3, sd, verdict.needed))) for _ in range(600)]
        assert np.mean([low > 0 or high < 0.3 for low, high in ends]) == pytest.approx(0.8, abs=0.06)

    def test_differences_below_the_resolution_have_no_rank(self):
        """Two values, then three that differ by noise: by hand, places 0 to 4 against ranks 1, 2, 4, 4, 4."""
        found = Given({arm: [value] * 2 for arm, value in zip(FIVE, (0.2, 0.5, 0.812, 0.806, 0.801), strict=True)})
        fine, coarse = (Trend([FIVE], SCORE, "β", 1, resolution=r) for r in (0.0, 0.05))
        assert fine.decide(found).estimate == pytest.approx(0.6)  # the last three fall
        verdict = coarse.decide(found)
        assert verdict.estimate == pytest.approx(np.corrcoef(range(5), [1, 2, 4, 4, 4])[0, 1])
        assert verdict.text.endswith("; ranked in steps of 0.05")
        noise = Given({arm: [0.8 + 0.01 * i] * 2 for i, arm in enumerate(FIVE)})
        assert Trend([FIVE], SCORE, "β", 1, resolution=0.2).decide(noise).estimate == 0

    def test_too_few_runs_and_equal_values(self):
        assert Trend([FIVE], SCORE, "β", 1).decide(Given({arm: [1.0] for arm in FIVE})).outcome == "undecided"
        assert (
            Trend([FIVE], SCORE, "β", 1).decide(Given({arm: [1.0] if arm is not FIVE[2] else [] for arm in FIVE})).outcome
            == "not run"
        )
        flat = Trend([FIVE], SCORE, "β", 1).decide(Given({arm: [1.0, 1.0] for arm in FIVE}))
        assert (flat.outcome, flat.estimate) == ("undecided", 0)
        assert flat.needed is not None
        many = Trend([FIVE], SCORE, "β", 1).decide(Given({arm: [1.0] * 40 for arm in FIVE}))
        assert (many.outcome, many.estimate) == ("not confirmed", 0)


def test_a_share_is_of_the_runs_of_several_arms():
    found = Given({arm: [1.0, 1.0, 1.0, 0.0] for arm in FIVE})
    verdict = ShareAbove(FIVE, SCORE, 0.5, 0.4).decide(found)
    assert (verdict.outcome, verdict.estimate) == ("confirmed", 0.75)
    assert "15 of 20 runs of 5 arms" in verdict.text
    assert ShareAbove(FIVE, SCORE, 0.5, 0.4).arms == tuple(FIVE)
