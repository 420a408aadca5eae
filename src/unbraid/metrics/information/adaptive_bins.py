"""Mutual information between latents and factors from bins that respect the values of the factors, in nats."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Int64, Integer
from scipy.special import gammaln, xlogy

from unbraid.metrics.information.histogram import check_codes, information_of_counts, mutual_information_matrix
from unbraid.metrics.information.labels import Labels
from unbraid.metrics.information.types import Information, adjusted_for_chance, knows

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
    latents = [_Ordered.of(codes[:, j]) for j in range(codes.shape[1])]
    labels = [Labels.of(column) for column in factors.T]
    raw, chance = np.empty((len(latents), len(labels))), np.empty((len(latents), len(labels)))
    for k, factor in enumerate(labels):
        joint = np.stack([_joint_counts(latent, factor) for latent in latents])
        raw[:, k], chance[:, k] = information_of_counts(joint), information_of_chance(joint.sum(2), factor.sizes)
    entropies = np.array([factor.entropy for factor in labels])
    known = knows(raw, chance, entropies, len(codes))
    return Information(adjusted_for_chance(raw, chance, entropies), entropies, chance, known)


def adjusted_factor_information(factors: Integer[np.ndarray, "n k"]) -> Float64[np.ndarray, "k k"]:
    """I(v_k; v_k') of the factors themselves, adjusted for chance; exactly 0 on a whole grid, H(v_k) on the diagonal."""
    labels = [Labels.of(column) for column in factors.T]
    raw, chance = np.empty((len(labels), len(labels))), np.empty((len(labels), len(labels)))
    for a, one in enumerate(labels):
        for b, other in enumerate(labels[: a + 1]):
            shape = (len(one.sizes), len(other.sizes))
            joint = np.bincount(one.places * shape[1] + other.places, minlength=shape[0] * shape[1]).reshape(shape)
            raw[a, b] = raw[b, a] = information_of_counts(joint)
            chance[a, b] = chance[b, a] = information_of_chance(one.sizes, other.sizes)
    return adjusted_for_chance(raw, chance, np.array([own.entropy for own in labels]))


def plug_in_information(
    codes: Float[np.ndarray, "n d"] | Integer[np.ndarray, "n d"], factors: Integer[np.ndarray, "n k"], *, bins: int = 20
) -> Information:
    """I(z_j; v_k) with equal-width bins, as it comes; a latent knows of a factor unless it knows exactly nothing."""
    matrix = mutual_information_matrix(codes, factors, bins=bins)
    labels = [Labels.of(column) for column in factors.T]
    occupied = np.where(codes.max(0) > codes.min(0), bins, 1)
    chance = np.outer(occupied - 1, [len(own.sizes) - 1 for own in labels]) / (2 * len(codes))
    return Information(matrix, np.array([own.entropy for own in labels]), chance, matrix > 0)


class _Ordered(NamedTuple):
    """Samples by their codes, and twice the place of each, between 0 and 2 n; equal codes have the middle of theirs."""

    order: Int64[np.ndarray, "n"]
    doubled: Int64[np.ndarray, "n"]

    @classmethod
    def of(cls, code: Float[np.ndarray, "n"] | Integer[np.ndarray, "n"]) -> _Ordered:
        order = np.argsort(code)
        ordered = code[order]
        ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, len(code))
        starts = np.concatenate([[0], ends[:-1]])
        return cls(order, np.repeat(starts + ends, ends - starts))


def _joint_counts(latent: _Ordered, factor: Labels) -> Int64[np.ndarray, "b v"]:
    """Samples by bin of the code and value of the factor; see `adjusted_information`."""
    values, n = len(factor.sizes), len(factor.places)
    index = factor.places[latent.order]
    order = np.argsort(np.bincount(index, latent.doubled, values) / factor.sizes, kind="stable")
    sizes = factor.sizes[order]
    parts = -(-LEAST_BINS // values) | 1  # odd: then no cut falls onto a sample, and a change of sign changes nothing
    cuts = (np.cumsum(sizes)[:, None] - sizes[:, None] * (np.arange(parts)[::-1] / parts)).ravel()
    first = np.ceil(np.round(2 * cuts, 6))  # the first doubled rank beyond each cut
    edges = np.concatenate([[0], np.searchsorted(latent.doubled, first.astype(np.int64)), [n]])
    bin_of = np.repeat(np.arange(len(cuts) + 1) * values, edges[1:] - edges[:-1])
    joint: Int64[np.ndarray, "b v"] = np.bincount(bin_of + index, minlength=(len(cuts) + 1) * values).reshape(-1, values)
    return joint


def information_of_chance(
    rows: Float64[np.ndarray, "*t b"] | Int64[np.ndarray, "*t b"], columns: Float64[np.ndarray, "v"] | Int64[np.ndarray, "v"]
) -> Float64[np.ndarray, "*t"]:
    r"""Mean plug-in information, in nats, over all orders of samples with these counts.

    .. math:: \frac1{n - 1} \sum_{ab} \Bigl(1 - \frac{r_a}{n}\Bigr) \Bigl(1 - \frac{c_b}{n}\Bigr) g(r_a c_b / n), \qquad
        g(\lambda) = \mathrm{E}[X \log X] - \lambda \log \lambda, \quad X \sim \mathrm{Poisson}(\lambda)

    The exact mean (Vinh et al., 2010) is over hypergeometric counts, whose variance is a Poisson's times the
    brackets and n / (n - 1). With many samples in each cell g is 1/2 and the sum the well-known (bins - 1)(values - 1) / (2 n).
    Many tables of the same columns are read at once.
    """
    n = columns.sum()
    spread = _poisson_excess(rows[..., None] * columns / n)
    return np.asarray(((1 - rows / n) * (spread @ (1 - columns / n))).sum(-1) / max(n - 1, 1))


def _poisson_excess(rate: Float64[np.ndarray, "*t b v"]) -> Float64[np.ndarray, "*t b v"]:
    """E[X log X] - rate log rate of Poisson counts: from a table up to 100, by its series above; 0 for a rate of 0."""
    logs, excess = _excess_table()
    some = np.where(rate > 0, rate, 1.0)
    found = np.where(some < 100, np.interp(np.log(some), logs, excess), 0.5 + 1 / (12 * some))
    return np.where(rate > 0, found, 0.0)


@cache
def _excess_table() -> tuple[Float64[np.ndarray, "t"], Float64[np.ndarray, "t"]]:
    rates = np.geomspace(1e-6, 110, 1000)
    counts: Int[np.ndarray, "x"] = np.arange(1, 300)
    chances = np.exp(counts * np.log(rates)[:, None] - rates[:, None] - gammaln(counts + 1))
    return np.log(rates), chances @ xlogy(counts, counts) - xlogy(rates, rates)
