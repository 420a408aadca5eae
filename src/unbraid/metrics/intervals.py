"""Intervals for scores: over samples by half-sampling, over runs by Student's t."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Int64
from scipy.special import spence, stdtrit

COVERAGE = 0.95
HALVES_OF_EXTREMES = math.sqrt((math.pi**2 / 6) / (math.pi**2 / 6 - math.log(2) ** 2 - spence(0.75)))
"""How much more a largest value varies than those of random halves do, 1.354; see `half_width`."""
LEAST_SAMPLES = 20
"""Fewer are not halved: no interval is given."""


def half_samples(n: int, count: int, seed: int) -> Iterator[Int64[np.ndarray, "_"]]:
    """Random halves of n rows, without replacement; none where there are too few to halve."""
    if n < LEAST_SAMPLES:
        return
    for number in range(count):
        yield np.sort(np.random.default_rng([seed, number]).permutation(n)[: n // 2])


def half_width(halves: Sequence[float], *, extreme: bool = False) -> float:
    r"""Half the width of a 95 % interval of a score, from its values on random halves of the samples.

    .. math:: t_{0.975, R - 1} \sqrt{\frac{1}{R - 1} \sum_r (\theta_r - \bar\theta)^2}

    Half of n samples, drawn without replacement, varies around all of them as all of them vary around the population:
    :math:`(1/m - 1/n) \sigma^2 = \sigma^2 / n` for m = n/2 (the delete-d jackknife of Shao and Wu, 1989, with d = n/2).
    Unlike the bootstrap it makes no copies of samples, which estimators of information would take for knowledge. The spread is
    taken around the mean of the halves, so that a score which changes with the number of samples does not widen it.

    The variance of a largest value does not fall as 1/n, and every other half holds it. Where values have the tail of normal
    or exponential ones it tends to a Gumbel variable, of variance :math:`\pi^2/6`, and lies above that of a half by
    :math:`\sum_{i<J} E_i / i`: the :math:`E_i` are exponential, J is the place of the first value that is in the half. Given
    all samples, this varies by :math:`\pi^2/6 - \log^2 2 - \mathrm{Li}_2(1/4)` on average. So the width is multiplied by the
    root of the ratio, 1.354, if the score is `extreme`. Values that end abruptly would need less.
    """
    scale = HALVES_OF_EXTREMES if extreme else 1.0
    return float(scale * np.std(halves, ddof=1) * stdtrit(len(halves) - 1, 0.5 + COVERAGE / 2))


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    r"""95 % interval of the mean of runs, :math:`\bar x \pm t_{0.975, n - 1} s / \sqrt n`; the value itself for one."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean
    half = half_width(values) / np.sqrt(len(values))
    return mean - float(half), mean + float(half)


def difference_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    r"""95 % interval of the mean of the first runs less that of the second, whose spreads may differ; None for a lone run.

    .. math:: \bar x - \bar y \pm t_{0.975, \nu} \sqrt{u + v}, \quad u = s_x^2 / n, \quad v = s_y^2 / m, \quad
        \nu = (u + v)^2 / \bigl(u^2 / (n - 1) + v^2 / (m - 1)\bigr)

    Source: Welch (1947), The generalization of Student's problem when several different population variances are involved.
    """
    n, m = len(first), len(second)
    if min(n, m) < 2:
        return None
    difference = float(np.mean(first) - np.mean(second))
    u, v = float(np.var(first, ddof=1)) / n, float(np.var(second, ddof=1)) / m
    if u + v == 0:
        return difference, difference
    freedom = (u + v) ** 2 / (u**2 / (n - 1) + v**2 / (m - 1))
    half = float(stdtrit(freedom, 0.5 + COVERAGE / 2)) * math.sqrt(u + v)
    return difference - half, difference + half
