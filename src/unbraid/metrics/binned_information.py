"""Mutual information between latents and factors from bins that respect the values of the factors, in nats."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Float64, Int, Int64, Integer
from scipy.special import gammaln, xlogy

from unbraid.metrics.information import Information, adjusted_for_chance, beyond_chance
from unbraid.metrics.mutual_information import check_codes, factor_entropies, information_of_counts, mutual_information_matrix

LEAST_BINS = 20
"""A latent is cut into at least as many, also for a factor of few values."""


def adjusted_information(
    codes: Float[np.ndarray, "n d"] | Integer[np.ndarray, "n d"], factors: Integer[np.ndarray, "n k"]
) -> Information:
    """I(z_j; v_k) from bins as full as the values of the factor, adjusted for chance.

    The values of v_k are ordered by the mean rank of their codes, and the range of z_j is cut where a latent that separates
    them would: after as many samples as the first value has, and so on. Each part is cut evenly into an odd number of bins, so
    that there are 20 or more. A latent that separates all values therefore knows H(v_k), whatever their number. Only the order
    of codes matters: scale, sign, outliers and monotone transforms do not. Equal codes share a bin.

    Values rank by their codes, so the cuts depend on the factor; on a latent that knows nothing this does not raise the
    information noticeably, since only the sizes of bins change.
    """
    check_codes(codes, factors)
    n, d = codes.shape
    ranks = [_doubled_ranks(codes[:, j]) for j in range(d)]
    raw, chance = np.zeros((d, factors.shape[1])), np.zeros((d, factors.shape[1]))
    for k in range(factors.shape[1]):
        _, factor, sizes = np.unique(factors[:, k], return_inverse=True, return_counts=True)
        for j in range(d):
            joint = _joint_counts(ranks[j], factor, sizes)
            raw[j, k] = information_of_counts(joint)
            chance[j, k] = information_of_chance(joint.sum(1), joint.sum(0))
    entropies = factor_entropies(factors)
    return Information(adjusted_for_chance(raw, chance, entropies), entropies, chance, beyond_chance(raw, chance, n))


def adjusted_factor_information(factors: Integer[np.ndarray, "n k"]) -> Float64[np.ndarray, "k k"]:
    """I(v_k; v_k') of the factors themselves, adjusted for chance; exactly 0 on a whole grid, H(v_k) on the diagonal."""
    labels = [np.unique(column, return_inverse=True)[1] for column in factors.T]
    count = len(labels)
    raw, chance = np.zeros((count, count)), np.zeros((count, count))
    for a in range(count):
        for b in range(count):
            values = int(labels[b].max()) + 1
            joint = np.bincount(labels[a] * values + labels[b], minlength=(int(labels[a].max()) + 1) * values)
            table = joint.reshape(-1, values).astype(np.float64)
            raw[a, b], chance[a, b] = information_of_counts(table), information_of_chance(table.sum(1), table.sum(0))
    return adjusted_for_chance(raw, chance, factor_entropies(factors))


def plug_in_information(
    codes: Float[np.ndarray, "n d"] | Integer[np.ndarray, "n d"], factors: Integer[np.ndarray, "n k"], *, bins: int = 20
) -> Information:
    """I(z_j; v_k) with equal-width bins, as it comes; a latent knows of a factor unless it knows exactly nothing."""
    matrix = mutual_information_matrix(codes, factors, bins=bins)
    values = np.array([len(np.unique(factors[:, k])) for k in range(factors.shape[1])])
    occupied = np.array([bins if np.ptp(codes[:, j].astype(np.float64) / 2) > 0 else 1 for j in range(codes.shape[1])])
    chance = np.outer(occupied - 1, values - 1) / (2 * len(codes))
    return Information(matrix, factor_entropies(factors), chance, matrix > 0)


def _doubled_ranks(code: Float[np.ndarray, "n"] | Integer[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Twice the place of each sample among the sorted codes, between 0 and 2 n; equal codes have the middle of theirs."""
    order = np.argsort(code, kind="stable")
    ordered = code[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    counts = np.diff(np.append(np.flatnonzero(first), len(code)))
    doubled = np.empty(len(code), np.int64)
    doubled[order] = np.repeat(2 * np.cumsum(counts) - counts, counts)
    return doubled


def _joint_counts(
    doubled: Int64[np.ndarray, "n"], factor: Int64[np.ndarray, "n"], sizes: Int64[np.ndarray, "v"]
) -> Float64[np.ndarray, "b v"]:
    """Samples by bin of the code and value of the factor; see `adjusted_information`."""
    values, n = len(sizes), len(factor)
    order = np.argsort(np.bincount(factor, doubled, values) / sizes, kind="stable")
    parts = -(-LEAST_BINS // values) | 1  # odd: then no cut falls onto a sample, and a change of sign changes nothing
    ends = np.cumsum(sizes[order])
    cuts = (ends[:, None] - sizes[order][:, None] * np.arange(parts)[::-1] / parts).ravel()
    starts = np.ceil(np.round(2 * cuts, 6)).astype(np.int64)  # the first doubled rank beyond each cut
    bin_of = np.repeat(np.arange(len(cuts) + 1), np.diff(starts, prepend=0, append=2 * n + 1))
    joint = np.bincount(bin_of[doubled] * values + factor, minlength=(len(cuts) + 1) * values)
    return joint.reshape(-1, values).astype(np.float64)


def information_of_chance(rows: Float64[np.ndarray, "b"], columns: Float64[np.ndarray, "v"]) -> float:
    r"""Mean plug-in information, in nats, over all orders of samples with these counts.

    .. math:: \frac1{n - 1} \sum_{ab} \Bigl(1 - \frac{r_a}{n}\Bigr) \Bigl(1 - \frac{c_b}{n}\Bigr) g(r_a c_b / n), \qquad
        g(\lambda) = \mathrm{E}[X \log X] - \lambda \log \lambda, \quad X \sim \mathrm{Poisson}(\lambda)

    The exact mean (Vinh et al., 2010) is over hypergeometric counts, whose variance is a Poisson's times the
    brackets and n / (n - 1). With many samples in each cell g is 1/2 and the sum the well-known (bins - 1)(values - 1) / (2 n).
    """
    rows, columns = rows[rows > 0], columns[columns > 0]
    n = rows.sum()
    spread = _poisson_excess(np.outer(rows, columns) / n)
    return float((1 - rows / n) @ spread @ (1 - columns / n) / max(n - 1, 1))


def _poisson_excess(rate: Float64[np.ndarray, "b v"]) -> Float64[np.ndarray, "b v"]:
    """E[X log X] - rate log rate of Poisson counts: from a table up to 100, by its series above."""
    logs, excess = _excess_table()
    return np.where(rate < 100, np.interp(np.log(rate), logs, excess), 0.5 + 1 / (12 * rate))


@cache
def _excess_table() -> tuple[Float64[np.ndarray, "t"], Float64[np.ndarray, "t"]]:
    rates = np.geomspace(1e-6, 110, 1000)
    counts: Int[np.ndarray, "x"] = np.arange(1, 300)
    chances = np.exp(counts * np.log(rates)[:, None] - rates[:, None] - gammaln(counts + 1))
    return np.log(rates), chances @ xlogy(counts, counts) - xlogy(rates, rates)
