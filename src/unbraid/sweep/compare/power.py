"""How many runs would see a difference: powers of t intervals, pooled standard deviations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, nctdtr, stdtrit

from unbraid.metrics.intervals import COVERAGE

POWER = 0.8
MOST = 10_000
"""Runs; what needs more is said to need "more than" these."""
_TAIL = (1 + COVERAGE) / 2


@dataclass(frozen=True)
class ShiftedMean:
    """A mean with a t distribution: the chances that its interval lies above or below a value."""

    mean: float
    sd: float
    """Of one observation of the mean's kind: its standard error is sd / sqrt(n)."""
    n: int
    freedom: float

    def _beyond(self, value: float) -> tuple[float, float]:
        return float(stdtrit(self.freedom, _TAIL)), (self.mean - value) * math.sqrt(self.n) / self.sd

    def above(self, value: float) -> float:
        """Chance that the whole interval lies above the value."""
        edge, shift = self._beyond(value)
        return _finite(1 - float(nctdtr(self.freedom, shift, edge)), float(shift > edge))

    def below(self, value: float) -> float:
        """Chance that the whole interval lies below the value."""
        edge, shift = self._beyond(value)
        return _finite(1 - float(nctdtr(self.freedom, -shift, edge)), float(shift < -edge))


def _finite(value: float, otherwise: float) -> float:
    return value if math.isfinite(value) else otherwise


def least_runs(power: Callable[[int], float], n: int) -> int | None:
    """The least number of runs above n with which the power is reached; None where `MOST` do not."""
    high = n + 1
    while power(high) < POWER:
        if high >= MOST:
            return None
        high = min(MOST, 2 * high)
    low = max(n, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


@dataclass(frozen=True)
class PooledSd:
    r"""Standard deviation between runs of one configuration, from several configurations.

    .. math:: s^2 = \sum_i (n_i - 1) s_i^2 \Big/ \nu, \qquad \nu = \sum_i (n_i - 1)

    Args:
        sd: s.
        freedom: its degrees of freedom.
        interval: 95 % of it, :math:`s \sqrt{\nu / \chi^2_{\nu}}` at both tails: were runs normal and as scattered in every
            configuration.
        range: the least and the largest of the configurations' own, which says whether they are.
    """

    sd: float
    freedom: int
    interval: tuple[float, float]
    range: tuple[float, float]


def pooled_sd(groups: Sequence[Sequence[float]]) -> PooledSd | None:
    """The pooled standard deviation of groups of values; None where no group has two."""
    known = [np.asarray(own, dtype=np.float64) for own in groups if len(own) > 1]
    if not known:
        return None
    freedom = sum(len(own) - 1 for own in known)
    sds = [float(own.std(ddof=1)) for own in known]
    sd = math.sqrt(sum((len(own) - 1) * one**2 for own, one in zip(known, sds, strict=True)) / freedom)
    low, high = (sd * math.sqrt(freedom / float(chdtri(freedom, tail))) for tail in (1 - _TAIL, _TAIL))
    return PooledSd(sd, freedom, (low, high), (min(sds), max(sds)))


def power_of_difference(difference: float, sd: float, n: int) -> float:
    r"""Chance that the 95 % interval of a difference of two means leaves out 0 on the right side.

    Two configurations of n runs each, of one standard deviation: a t interval with :math:`2 (n - 1)` degrees of freedom, which
    is what Welch's has on average, so the chance is that a noncentral t with :math:`\delta = d \sqrt{n / 2} / s` exceeds
    :math:`t_{0.975}`. 0 for a single run.

    Source: Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, 2.
    """
    if n < 2:
        return 0.0
    if sd == 0:
        return float(difference > 0)
    return ShiftedMean(difference, math.sqrt(2) * sd, n, 2 * (n - 1)).above(0.0)


def runs_to_see(difference: float, sd: float) -> int | None:
    """The least number of runs of each of two configurations that see a difference with a chance of 80 %.

    See `power_of_difference`; None where `MOST` do not.
    """
    return least_runs(lambda n: power_of_difference(difference, sd, n), 1)


def least_seen(sd: float, n: int) -> float:
    """The least difference that n runs of each of two configurations see with a chance of 80 %.

    Infinite for one run.
    """
    from scipy.optimize import brentq

    if n < 2 or sd == 0:
        return math.inf if n < 2 else 0.0
    return float(brentq(lambda d: power_of_difference(d * sd, sd, n) - POWER, 1e-3, 1e3)) * sd
