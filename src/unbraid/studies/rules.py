"""Rules that decide claims, and say how many runs would decide what is open.

Runs are the unit of replication. All intervals are 95 %; a rule decides where an interval lies whole on one side of what it
claims. Where nothing is decided, `needed` is the least number of runs of each arm with which it would be with a probability of
80 %, were the true values those that were measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import bdtr, betaincinv, stdtrit

from unbraid.metrics.intervals import COVERAGE, contrast_interval, difference_interval, mean_interval
from unbraid.phrases import counted
from unbraid.phrases import few as few_words
from unbraid.studies.declaration import Arm, Outcome, Rule, Values, Verdict
from unbraid.studies.measures import Measure
from unbraid.sweep.compare.power import ShiftedMean, least_runs
from unbraid.sweep.compare.statistics import LEAST_CORRELATED, rank_correlation
from unbraid.sweep.compare.writing import decimal

_TAIL = (1 + COVERAGE) / 2
_MANY = 1e6
"""Degrees of freedom of a variance that is known."""
EQUAL_RUNS = 6
"""So many runs that are all on one side of a value decide without an interval: by chance they are with 2 / 2^6 = 3 %."""
_NO_SPREAD = "; equal runs give no interval"


@dataclass(frozen=True, eq=False)
class CannotTest:
    """Nothing here can decide the claim, and why."""

    why: str

    @property
    def arms(self) -> Sequence[Arm]:
        """None."""
        return ()

    def decide(self, found: Values) -> Verdict:
        """That."""
        return Verdict("cannot be tested here", self.why)


def _there_is(low: float, high: float, margin: float) -> tuple[Outcome, bool]:
    """The outcome of a claim that there is an effect, and whether the margin is ruled out for it.

    By the ends of the interval of the effect.
    """
    if low > 0:
        return "confirmed", False
    if high < 0:
        return "reversed", False
    return ("not confirmed", True) if high < margin else ("undecided", False)


def _there_is_none(low: float, high: float, margin: float) -> tuple[Outcome, bool]:
    """The same of a claim that there is no effect as large as the margin."""
    if high < margin:
        return "confirmed", True
    return ("reversed" if low > 0 else "undecided"), False


@dataclass(frozen=True, eq=False)
class _OfDifference:
    first: Arm
    second: Arm
    measure: Measure
    margin: float
    paired: bool = False

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        raise NotImplementedError

    @property
    def arms(self) -> Sequence[Arm]:
        """Both."""
        return (self.first, self.second)

    def decide(self, found: Values) -> Verdict:
        """By the interval of the difference of means."""
        one = _difference(self, found)
        if isinstance(one, Verdict):
            return one
        if _few_and_equal([list(found.values(arm, self.measure).values()) for arm in self.arms]):
            return one.verdict("undecided", _NO_SPREAD, needed=EQUAL_RUNS)
        outcome, ruled_out = self._judge(one.low, one.high)
        if outcome == "undecided":
            return one.verdict(outcome, needed=one.needed(lambda t: max(t.above(0.0), t.below(self.margin))))
        return one.verdict(outcome, f"; better by {self.margin:g} or more is ruled out" if ruled_out else "")


class Better(_OfDifference):
    """The first arm's mean is better than the second's.

    Confirmed or reversed where the interval of the difference leaves out 0; not confirmed where it lies below the margin.
    Better is what the measure says is better: higher or lower; a measure that says neither counts as higher.

    Args:
        first, second: arms.
        measure: of a run.
        margin: the smallest difference that matters, in the measure's unit.
        paired: take differences of runs with the same seed. Only worth it where seeds do the same to both arms; else
            Welch's interval of independent runs, which is narrower for few seeds.
    """

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        return _there_is(low, high, self.margin)


class NotBetter(_OfDifference):
    """The first arm's mean is not better than the second's by the margin or more.

    Confirmed where the interval of the difference lies below the margin; reversed where it leaves out 0 on the other side.
    Arguments as in `Better`.
    """

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        return _there_is_none(low, high, self.margin)


@dataclass(frozen=True, eq=False)
class BetterAtSame:
    r"""The first arm's mean is better than others' would be at its mean of another measure.

    The other measure may be reconstruction. What others would have there is interpolated between the two arms on either side,

    .. math:: \bar x - (1 - w) \bar y_1 - w \bar y_2, \qquad w = (\bar a - \bar a_1) / (\bar a_2 - \bar a_1),

    and its interval is that of a contrast of three means (`contrast_interval`), with w taken as known. Undecided where no
    two arms lie on either side. Verdicts as in `Better`.

    Args:
        first: an arm.
        others: arms of another objective, one per setting.
        measure: of a run.
        at: the measure that is to be the same.
        margin: the smallest difference that matters.
    """

    first: Arm
    others: Sequence[Arm]
    measure: Measure
    at: Measure
    margin: float

    @property
    def arms(self) -> Sequence[Arm]:
        """All of them."""
        return (self.first, *self.others)

    def decide(self, found: Values) -> Verdict:
        """By the interval of the contrast."""
        values = {arm: list(found.values(arm, self.measure).values()) for arm in self.arms}
        if missing := _missing(values, 2):
            return missing
        where = {arm: float(np.mean(list(found.values(arm, self.at).values()) or [math.nan])) for arm in self.arms}
        own = where[self.first]
        around = sorted(self.others, key=lambda arm: where[arm])
        place = next((i for i in range(1, len(around)) if where[around[i - 1]] <= own <= where[around[i]]), None)
        if place is None:
            ends = (where[around[0]], where[around[-1]])
            return Verdict(
                "undecided",
                f"{self.first.name} has {self.at.name} {_number(own, self.at)}, and {self.others[0].name} and its like "
                f"{_ends(ends, self.at)}: there is nothing to compare it with",
            )
        below, above = around[place - 1 : place + 1]
        gap = where[above] - where[below]
        w = (own - where[below]) / gap if gap else 0.5
        sign = _sign(self.measure)
        weights = {self.first: sign, below: -sign * (1 - w), above: -sign * w}
        low, high = contrast_interval([values[arm] for arm in weights], list(weights.values()))
        mean = sum(weight * float(np.mean(values[arm])) for arm, weight in weights.items())
        outcome, ruled_out = _there_is(low, high, self.margin)
        told = (low, high) if sign > 0 else (-high, -low)
        words = (
            f"{self.measure.column}: {self.first.name} less {below.name} and {above.name}, interpolated at its {self.at.name} "
            f"of {_number(own, self.at)}, is {_number(sign * mean, self.measure)} ({_ends(told, self.measure)})"
        )
        if _few_and_equal([values[arm] for arm in weights]):
            return Verdict("undecided", words + _NO_SPREAD, sign * mean, None, EQUAL_RUNS)
        sds = [abs(weight) * float(np.std(values[arm], ddof=1)) for arm, weight in weights.items()]
        needed = None
        if outcome == "undecided":
            shift = _shifted(mean, sds)
            most = max(len(values[arm]) for arm in weights)
            needed = least_runs(lambda n: max(shift(n).above(0.0), shift(n).below(self.margin)), most)
        more = f"; better by {self.margin:g} or more is ruled out" if ruled_out else ""
        return Verdict(outcome, words + more, sign * mean, told, needed)


@dataclass(frozen=True, eq=False)
class MeanBeyond:
    """The mean of an arm's measure is above a value, or below it.

    Args:
        arm: whose runs.
        measure: of a run.
        above, below: one of them.
    """

    arm: Arm
    measure: Measure
    above: float | None = None
    below: float | None = None

    @property
    def arms(self) -> Sequence[Arm]:
        """The one."""
        return (self.arm,)

    def decide(self, found: Values) -> Verdict:
        """By the interval of the mean."""
        values = list(found.values(self.arm, self.measure).values())
        if missing := _missing({self.arm: values}, 2):
            return missing
        value, sign = (self.above, 1.0) if self.above is not None else (self.below, -1.0)
        assert value is not None
        mean, interval = float(np.mean(values)), mean_interval(values)
        low, high = sorted(sign * (end - value) for end in interval)
        alike = _few_and_equal([values])
        told = f"{len(values)} runs" if alike else f"{_ends(interval, self.measure)}; {len(values)} runs"
        words = (
            f"{self.measure.column}: {self.arm.name} has {_number(mean, self.measure)} ({told}); "
            f"claimed {'above' if sign > 0 else 'below'} {value:g}"
        )
        if alike:
            return Verdict("undecided", words + _NO_SPREAD, mean, None, EQUAL_RUNS)
        if low > 0:
            return Verdict("confirmed", words, mean, interval)
        if high < 0:
            return Verdict("reversed", words, mean, interval)
        sd = float(np.std(values, ddof=1))
        needed = least_runs(lambda n: ShiftedMean(abs(mean - value), sd, n, n - 1).above(0.0), len(values)) if sd else None
        return Verdict("undecided", words, mean, interval, needed)


@dataclass(frozen=True, eq=False)
class ShareAbove:
    """More than a share of the runs of one or several arms have a measure of at least a value.

    By the exact interval of a binomial share (Clopper and Pearson, 1934).

    Args:
        of: the arm, or several whose runs are taken together.
        measure: of a run.
        value: to reach.
        share: of the runs, between 0 and 1.
    """

    of: Arm | Sequence[Arm]
    measure: Measure
    value: float
    share: float = 0.5

    @property
    def arms(self) -> Sequence[Arm]:
        """All of them."""
        return (self.of,) if isinstance(self.of, Arm) else tuple(self.of)

    def decide(self, found: Values) -> Verdict:
        """By the interval of the share."""
        by_arm = {arm: list(found.values(arm, self.measure).values()) for arm in self.arms}
        if missing := _missing(by_arm, 1):
            return missing
        values = [value for own in by_arm.values() for value in own]
        n, k = len(values), sum(1 for value in values if value >= self.value)
        interval = _share_interval(k, n)
        whose = self.of.name if isinstance(self.of, Arm) else f"{len(self.arms)} arms"
        words = (
            f"{self.measure.name}: at least {self.value:g} in {k} of {n} runs of {whose} "
            f"(share {k / n:.2f}, {interval[0]:.2f} to {interval[1]:.2f}); claimed more than {self.share:g}"
        )
        if interval[0] > self.share:
            return Verdict("confirmed", words, k / n, interval)
        if interval[1] < self.share:
            return Verdict("reversed", words, k / n, interval)
        return Verdict("undecided", words, k / n, interval, least_runs(lambda m: _share_power(k / n, self.share, m), n))


@dataclass(frozen=True, eq=False)
class _OfCorrelation:
    of: Sequence[Arm]
    first: Measure
    second: Measure
    sign: Literal[1, -1]
    margin: float = 0.3

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        raise NotImplementedError

    @property
    def arms(self) -> Sequence[Arm]:
        """All of them."""
        return tuple(self.of)

    def decide(self, found: Values) -> Verdict:
        """By the interval of the correlation."""
        one = _correlation(self.of, self.first, self.second, found)
        if isinstance(one, Verdict):
            return one
        low, high = sorted((self.sign * one.interval[0], self.sign * one.interval[1]))
        outcome, ruled_out = self._judge(low, high)
        if outcome == "undecided":
            return one.verdict(outcome, needed=one.needed)
        return one.verdict(outcome, f"; one of {_beyond(self.sign, self.margin)} is ruled out" if ruled_out else "")


class Correlated(_OfCorrelation):
    """Over all runs of some arms, two measures rise together, or one falls as the other rises.

    By Spearman's correlation and its interval (`rank_correlation`). Not confirmed where a correlation as strong as the margin
    is ruled out.

    Args:
        of: arms whose runs are taken together.
        first, second: measures of a run.
        sign: of the claim.
        margin: the weakest correlation that matters.
    """

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        return _there_is(low, high, self.margin)


class NotCorrelated(_OfCorrelation):
    """Over all runs of some arms, two measures do not go together as strongly as the margin.

    Confirmed where such a correlation of that sign is ruled out, reversed where there surely is one. Arguments as
    in `Correlated`.
    """

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        return _there_is_none(low, high, self.margin)


@dataclass(frozen=True, eq=False)
class _OfTrend:
    groups: Sequence[Sequence[Arm]]
    measure: Measure
    along: str
    sign: Literal[1, -1]
    margin: float = 0.3
    resolution: float = 0.0

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        raise NotImplementedError

    @property
    def arms(self) -> Sequence[Arm]:
        """Of all groups, each once."""
        return tuple(dict.fromkeys(arm for group in self.groups for arm in group))

    def decide(self, found: Values) -> Verdict:
        """By the interval of the mean correlation."""
        by_arm = {arm: found.values(arm, self.measure) for arm in self.arms}
        if missing := _missing({arm: list(own.values()) for arm, own in by_arm.items()}, 1):
            return missing
        ranked = [
            (_along([by_arm[arm][seed] for arm in group], self.resolution), len(group))
            for group in self.groups
            for seed in sorted(set.intersection(*(set(by_arm[arm]) for arm in group)))
        ]
        if len(ranked) < 2:
            return Verdict("undecided", f"too few runs for an interval: {len(ranked)} ranking along {self.along}")
        own, n = [r for r, _ in ranked], len(ranked)
        mean, sd = float(np.mean(own)), float(np.std(own, ddof=1))
        at_random = math.sqrt(sum(1 / (k - 1) for _, k in ranked) / n)
        half = max(mean_interval(own)[1] - mean, stdtrit(_MANY, _TAIL) * at_random / math.sqrt(n))
        interval = max(-1.0, mean - half), min(1.0, mean + half)
        words = (
            f"Spearman's correlation of {self.measure.name} with {self.along}, mean of {n} rankings (each of one seed, all "
            f"else alike), is {decimal(mean, 2)} ({decimal(interval[0], 2)} to {decimal(interval[1], 2)})"
        )
        if self.resolution:
            words += f"; ranked in steps of {self.resolution:g}"
        outcome, ruled_out = self._judge(*sorted(self.sign * end for end in interval))
        if outcome == "undecided":

            def power(n: int) -> float:
                kinds = [ShiftedMean(self.sign * mean, at_random, n, _MANY)]
                kinds += [ShiftedMean(self.sign * mean, sd, n, n - 1)] if sd else []
                return max(min(one.above(0.0) for one in kinds), min(one.below(self.margin) for one in kinds))

            least = least_runs(power, n)
            return Verdict(outcome, words, mean, interval, None if least is None else math.ceil(least / len(self.groups)))
        more = f"; one of {_beyond(self.sign, self.margin)} is ruled out" if ruled_out else ""
        return Verdict(outcome, words + more, mean, interval)


class Trend(_OfTrend):
    r"""Along an option a measure rises, or falls, all else alike.

    For each group of arms and each seed the measure's rank correlation with the order of the k arms is taken; their mean
    decides, by its t interval, which is never taken to be narrower than that of N rankings at random,
    :math:`\pm 1.96 \sqrt{\sum 1 / (k - 1)} / N`: few short rankings often agree by chance. Not confirmed where a mean
    correlation as strong as the margin is ruled out.
    Source of the latter: Page (1963), Ordered hypotheses for multiple treatments: a significance test for linear ranks.

    Args:
        groups: of arms, each in ascending order of the option, which differ in it alone.
        measure: of a run.
        along: what the option is called.
        sign: of the claim.
        margin: the weakest mean correlation that matters.
        resolution: values are rounded to multiples of it before they are ranked, so that the noise of models that are alike,
            as all that ignore their codes are, has no rank.
    """

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        return _there_is(low, high, self.margin)


class NoTrend(_OfTrend):
    """Along an option a measure does not rise, or fall, as clearly as the margin.

    Confirmed where such a trend is ruled out, reversed where there surely is one. Arguments as in `Trend`.
    """

    def _judge(self, low: float, high: float) -> tuple[Outcome, bool]:
        return _there_is_none(low, high, self.margin)


def _along(values: Sequence[float], resolution: float) -> float:
    """Spearman's correlation of values with their places; 0 where they do not differ."""
    from scipy.stats import spearmanr

    ranked = np.round(np.array(values) / resolution) if resolution else np.array(values)
    return float(spearmanr(np.arange(len(ranked)), ranked).statistic) if len(set(ranked)) > 1 else 0.0


@dataclass(frozen=True, eq=False)
class Every:
    """All of several rules hold: a claim that says two things.

    Reversed or not confirmed where one of them is; undecided where one is, and none is refuted.
    """

    rules: Sequence[Rule]

    @property
    def arms(self) -> Sequence[Arm]:
        """Of all of them, each once."""
        return tuple(dict.fromkeys(arm for rule in self.rules for arm in rule.arms))

    def decide(self, found: Values) -> Verdict:
        """By the weakest of the verdicts."""
        verdicts = [rule.decide(found) for rule in self.rules]
        weakest = deciding(verdicts)
        outcome = weakest[0].outcome
        if outcome == "not run":
            return merged(weakest)[0]
        needed = [one.needed for one in verdicts if one.outcome == "undecided"]
        known = [one for one in needed if one is not None]
        least = max(known) if outcome == "undecided" and len(known) == len(needed) else None
        parts = [part for one in verdicts for part in one.parts or (one,)]
        told = merged(parts)
        alike = all(one.outcome == outcome for one in told)
        words = "; and ".join(one.text if alike else f"{one.text} [{one.outcome}]" for one in told)
        return Verdict(outcome, words, needed=least, parts=parts)


@dataclass(frozen=True, eq=False)
class Provided:
    """A rule that means something only where a condition holds.

    Where the condition is refuted the claim cannot be tested; where it is undecided, so is the claim.

    Args:
        condition: what must be confirmed first.
        rule: what then decides.
    """

    condition: Rule
    rule: Rule

    @property
    def arms(self) -> Sequence[Arm]:
        """Of both, each once."""
        return tuple(dict.fromkeys((*self.condition.arms, *self.rule.arms)))

    def decide(self, found: Values) -> Verdict:
        """By the condition, then by the rule."""
        first = self.condition.decide(found)
        if first.outcome in ("reversed", "not confirmed"):
            return Verdict("cannot be tested here", f"{first.text}, as it must be for this to be asked")
        if first.outcome != "confirmed":
            return first
        then = self.rule.decide(found)
        return replace(then, text=f"{then.text}; and {first.text}")


def deciding(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those of several verdicts that decide a claim that is all of them: the weakest."""
    order: Sequence[Outcome] = ("reversed", "not confirmed", "not run", "cannot be tested here", "undecided", "confirmed")
    outcome = min((one.outcome for one in verdicts), key=order.index)
    return [one for one in verdicts if one.outcome == outcome]


def merged(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts, those that arms have too few runs for put into one of each outcome, which come last."""
    found = [one for one in verdicts if not one.few]
    wanting = [one for one in verdicts if one.few]
    for outcome in dict.fromkeys(one.outcome for one in wanting):
        few = {name: n for one in wanting if one.outcome == outcome for name, n in one.few.items()}
        found.append(_too_few(few))
    return found


# intervals and powers


@dataclass(frozen=True)
class _Difference:
    """How much better the first arm is, with what says how many runs would decide."""

    rule: _OfDifference
    mean: float
    low: float
    high: float
    runs: tuple[int, int]
    sds: tuple[float, ...]
    """Of both arms; of the differences alone where runs are paired."""

    def verdict(self, outcome: Outcome, more: str = "", needed: int | None = None) -> Verdict:
        measure = self.rule.measure
        sign = _sign(measure)
        low, high = sorted((sign * self.low, sign * self.high))
        n = f"{self.runs[0]} runs each" if self.runs[0] == self.runs[1] else f"{self.runs[0]} and {self.runs[1]} runs"
        way = "; lower is better" if sign < 0 else ""
        words = (
            f"{measure.column}: {self.rule.first.name} less {self.rule.second.name} is {_number(sign * self.mean, measure)} "
            f"({_ends((low, high), measure)}; {n}{way})"
        )
        return Verdict(outcome, words + more, sign * self.mean, (low, high), needed)

    def needed(self, chance: Callable[[ShiftedMean], float]) -> int | None:
        if not all(math.isfinite(sd) for sd in self.sds) or not any(self.sds):
            return None
        shift = _shifted(self.mean, self.sds)
        return least_runs(lambda n: chance(shift(n)), max(self.runs))


def _shifted(mean: float, sds: Sequence[float]) -> Callable[[int], ShiftedMean]:
    """By the number of runs of each arm, a sum of their means; `sds` are those of its terms, not all 0."""
    total = sum(sd**2 for sd in sds)
    fourth = sum(sd**4 for sd in sds)
    return lambda n: ShiftedMean(mean, math.sqrt(total), n, (n - 1) * total**2 / fourth)


def _difference(rule: _OfDifference, found: Values) -> _Difference | Verdict:
    one, other = (dict(found.values(arm, rule.measure)) for arm in rule.arms)
    if rule.paired:
        both = sorted(one.keys() & other.keys())
        one, other = {seed: one[seed] for seed in both}, {seed: other[seed] for seed in both}
    if missing := _missing({rule.first: list(one.values()), rule.second: list(other.values())}, 2):
        return missing
    sign = _sign(rule.measure)
    left, right = [sign * value for value in one.values()], [sign * value for value in other.values()]
    runs = (len(left), len(right))
    if rule.paired:
        gaps = [a - b for a, b in zip(left, right, strict=True)]
        low, high = mean_interval(gaps)
        return _Difference(rule, float(np.mean(gaps)), low, high, runs, (float(np.std(gaps, ddof=1)),))
    interval = difference_interval(left, right)
    assert interval is not None
    sds = (float(np.std(left, ddof=1)), float(np.std(right, ddof=1)))
    return _Difference(rule, float(np.mean(left) - np.mean(right)), *interval, runs, sds)


@dataclass(frozen=True)
class _Correlation:
    words: str
    r: float
    interval: tuple[float, float]
    needed: int | None

    def verdict(self, outcome: Outcome, more: str = "", needed: int | None = None) -> Verdict:
        return Verdict(outcome, self.words + more, self.r, self.interval, needed)


def _correlation(arms: Sequence[Arm], first: Measure, second: Measure, found: Values) -> _Correlation | Verdict:
    pairs = []
    for arm in arms:
        one, other = found.values(arm, first), found.values(arm, second)
        pairs += [(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]
    if not pairs:
        return Verdict("not run", "there is no run yet that has both measures")
    rank = rank_correlation(*zip(*pairs, strict=True))
    if rank is None:
        if len(pairs) < LEAST_CORRELATED:
            runs = f"{counted(len(pairs), 'run')} {'is' if len(pairs) == 1 else 'are'}"
            return Verdict("undecided", f"{runs} too few for a correlation, which takes {LEAST_CORRELATED}")
        sides = zip((first, second), zip(*pairs, strict=True), strict=True)
        alike = next(measure.name for measure, values in sides if len(set(values)) == 1)
        return Verdict("undecided", f"{alike} is the same in all {len(pairs)} runs")
    words = (
        f"Spearman's correlation of {first.name} and {second.name} over {rank.n} runs is {decimal(rank.r, 2)} "
        f"({decimal(rank.interval[0], 2)} to {decimal(rank.interval[1], 2)})"
    )
    return _Correlation(words, rank.r, rank.interval, rank.needed)


def _share_interval(k: int, n: int) -> tuple[float, float]:
    low = float(betaincinv(k, n - k + 1, 1 - _TAIL)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, _TAIL)) if k < n else 1.0
    return low, high


def _share_power(p: float, share: float, n: int) -> float:
    ends = [_share_interval(k, n) for k in range(n + 1)]
    least = next((k for k in range(n + 1) if ends[k][0] > share), n + 1)
    most = next((k for k in range(n, -1, -1) if ends[k][1] < share), -1)
    above = 1 - float(bdtr(least - 1, n, p)) if least else 1.0
    below = float(bdtr(most, n, p)) if most >= 0 else 0.0
    return max(above, below)


def _few_and_equal(values: Sequence[Sequence[float]]) -> bool:
    """Whether runs of each arm are equal, and few: counts, and scores cut off at 0, often are by chance."""
    return all(len(set(own)) == 1 for own in values) and min(map(len, values)) < EQUAL_RUNS


def _missing(values: Mapping[Arm, Sequence[float]], least: int) -> Verdict | None:
    few = {arm.name: len(own) for arm, own in values.items() if len(own) < least}
    return _too_few(few) if few else None


def _too_few(few: Mapping[str, int]) -> Verdict:
    """The verdict where arms have too few runs; none at all of one of them counts alone."""
    none = [name for name, n in few.items() if not n]
    if none:
        return Verdict("not run", f"there is no run yet of {few_words(none)}", few=dict.fromkeys(none, 0))
    told = few_words([f"{n} of {name}" for name, n in few.items()])
    return Verdict("undecided", f"too few runs for an interval: {told}", few=few)


def _beyond(sign: float, margin: float) -> str:
    return f"{margin:g} or above" if sign > 0 else f"−{margin:g} or below"


def _sign(measure: Measure) -> float:
    return -1.0 if measure.higher_is_better is False else 1.0


def _number(value: float, measure: Measure) -> str:
    return decimal(value, measure.digits)


def _ends(interval: tuple[float, float], measure: Measure) -> str:
    return " to ".join(_number(end, measure) for end in interval)
