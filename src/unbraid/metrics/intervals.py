"""Intervals for scores: over samples by half-sampling, over runs by Student's t."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Int64
from scipy.special import stdtrit

COVERAGE = 0.95
LEAST_SAMPLES = 20
"""Fewer are not halved: no interval is given."""
LEAST_WIDTH = 0.002
"""Intervals reach at least as far to each side: scores of clean codes are the same in all halves, and not in all samples."""
LITTLE_DRIFT = 0.01
"""A score that moves less from half to all samples is settled, however little its halves vary."""


def half_samples(n: int, count: int, seed: int) -> Iterator[Int64[np.ndarray, "_"]]:
    """Random halves of n rows, without replacement; none where there are too few to halve."""
    if n < LEAST_SAMPLES:
        return
    for number in range(count):
        yield np.sort(np.random.default_rng([seed, number]).permutation(n)[: n // 2])


def half_width(halves: Sequence[float]) -> float:
    r"""Half the width of a 95 % interval of a score, from its values on random halves of the samples.

    .. math:: t_{0.975, R - 1} \sqrt{\frac{1}{R - 1} \sum_r (\theta_r - \bar\theta)^2}

    Half of n samples, drawn without replacement, varies around all of them as all of them vary around the population:
    :math:`(1/m - 1/n) \sigma^2 = \sigma^2 / n` for m = n/2 (the delete-d jackknife of Shao and Wu, 1989, with d = n/2).
    Unlike the bootstrap it makes no copies of samples, which estimators of information would take for knowledge. The spread is
    taken around the mean of the halves, so that a score which changes with the number of samples does not widen it.
    """
    return float(np.std(halves, ddof=1) * stdtrit(len(halves) - 1, 0.5 + COVERAGE / 2))


def score_interval(
    score: float, halves: Sequence[float], *, part: float = 1.0, reach: float = 1.0, bounds: tuple[float, float]
) -> tuple[float, float] | None:
    r"""95 % interval of the population's score, from a score and those of random halves.

    It is None for a score that has not settled.

    The population's score is what any number of samples would tend to. A score that depends on the number of samples by the
    order 1 / n lies as far from it as the mean of its halves lies from the score: the interval reaches from the score to
    :math:`2 \theta_n - \overline{\theta_{n/2}}`, and the width of `half_width` beyond both. If the two are further apart than
    that width the score moves more by the number of samples than by their choice, and there is no telling where it ends.

    Args:
        part: :math:`\sqrt{1 - n/N}` where n samples are drawn without replacement from a population of N. The width is
            multiplied by it, and the way that the score has to go by its square, since bias falls from 1 / n to 1 / N.
        reach: how many times the way from half to all samples is still to go. It is 1 for a bias of the order 1 / n, whose
            further halvings add up to the last one; a model that learns from more samples may gain as much by each doubling, so
            that it is the number of doublings until it has all it ever learns from (`doublings`).
        bounds: the least and the largest score there can be.
    """
    width = max(LEAST_WIDTH, part * half_width(halves))
    drift = part**2 * reach * (score - float(np.mean(halves)))
    if abs(drift) > max(width, LITTLE_DRIFT):
        return None
    return max(bounds[0], min(score, score + drift) - width), min(bounds[1], max(score, score + drift) + width)


def doublings(n: int, most: int | None) -> float:
    """How many times n samples double until a model has all that it ever learns from.

    At least 1, which it also is without such a number.
    """
    return 1.0 if most is None else max(1.0, math.log2(most / n))


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    r"""95 % interval of the mean of runs, :math:`\bar x \pm t_{0.975, n - 1} s / \sqrt n`.

    For one run both ends are its value.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean
    half = half_width(values) / np.sqrt(len(values))
    return mean - float(half), mean + float(half)


def difference_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    r"""95 % interval of the mean of the first runs minus that of the second; their spreads may differ.

    It is None where there is a single run on either side.

    .. math:: \bar x - \bar y \pm t_{0.975, \nu} \sqrt{u + v}, \quad u = s_x^2 / n, \quad v = s_y^2 / m, \quad
        \nu = (u + v)^2 / \bigl(u^2 / (n - 1) + v^2 / (m - 1)\bigr)

    Source: Welch (1947), The generalization of Student's problem when several different population variances are involved.
    """
    if min(len(first), len(second)) < 2:
        return None
    return contrast_interval([first, second], [1.0, -1.0])


def contrast_interval(groups: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, float]:
    r"""95 % interval of a weighted sum of means of groups of two runs or more.

    Spreads of groups may differ.

    .. math:: \sum_i w_i \bar x_i \pm t_{0.975, \nu} \sqrt{\textstyle\sum_i u_i}, \quad u_i = w_i^2 s_i^2 / n_i, \quad
        \nu = \bigl(\textstyle\sum_i u_i\bigr)^2 \Big/ \sum_i u_i^2 / (n_i - 1)

    Source: Satterthwaite (1946), An approximate distribution of estimates of variance components; of two groups it is Welch's.
    """
    value = sum(weight * float(np.mean(own)) for own, weight in zip(groups, weights, strict=True))
    parts = [weight**2 * float(np.var(own, ddof=1)) / len(own) for own, weight in zip(groups, weights, strict=True)]
    total = sum(parts)
    if total == 0:
        return value, value
    freedom = total**2 / sum(part**2 / (len(own) - 1) for own, part in zip(groups, parts, strict=True))
    half = float(stdtrit(freedom, 0.5 + COVERAGE / 2)) * math.sqrt(total)
    return value - half, value + half
