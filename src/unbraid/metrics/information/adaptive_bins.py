"""Mutual information in nats from bins that respect the values of the factors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Int64, Integer
from scipy.special import gammaln, xlogy

from unbraid.metrics.information.histogram import (
    Labels,
    check_codes,
    entropy_of_counts,
    information_of_counts,
    mutual_information_matrix,
)
from unbraid.metrics.information.types import Information, adjusted_for_chance, knows

LEAST_BINS = 20
"""A latent is cut into at least as many, also for a factor of few values."""


def adjusted_information(
    codes: Float[np.ndarray, "n d"] | Integer[np.ndarray, "n d"], factors: Integer[np.ndarray, "n k"]
) -> Information:
    """I(z_j; v_k) from bins that hold as many samples as the values of the factor.

    Bias and the level of chance are removed (`without_bias`).

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
    return from_counts([np.stack([_joint_counts(latent, factor) for latent in latents]) for factor in labels])


def from_counts(tables: Sequence[Int64[np.ndarray, "d _ _"]]) -> Information:
    """Information from contingency tables of the bins of each latent and the values of each factor.

    There is one stack of tables per factor.
    """
    n = int(tables[0][0].sum())
    raw = np.stack([information_of_counts(joint) for joint in tables], axis=1)
    chance = np.stack([information_of_chance(joint.sum(2), joint[0].sum(0)) for joint in tables], axis=1)
    shares = np.stack([without_bias(joint) for joint in tables], axis=1)
    entropies = np.array([entropy_of_counts(joint[0].sum(0)) for joint in tables])
    known = knows(raw, chance, entropies, n)
    return Information(shares * entropies, entropies, chance, known, samples=n)


def without_bias(joint: Int64[np.ndarray, "d b v"]) -> Float64[np.ndarray, "d"]:
    r"""Share of the factor's entropy that each latent knows, from counts.

    It is :math:`(I - E) / (H - E)`, between 0 and 1.

    I and H are jackknifed plug-in estimates, :math:`n \hat I_n - (n - 1) \overline{\hat I_{n - 1}}` with the mean over all ways
    to leave a sample out, which takes off the bias of the order 1 / n. What is left where there are few samples per cell is the
    same for all orders of the factor's values: E is the mean of I over them (`information_of_chance`). Without the jackknife
    E, which is that of a latent that knows nothing, would take off too much of latents that know a part: 9 % of the MIG of a
    noisy code of 40 values at 1,000 samples.
    """
    table = _jackknife_table(int(joint[0].sum()))
    of_bins, of_values, of_cells = (table[own].sum(-1) for own in (joint.sum(2), joint.sum(1), joint.reshape(len(joint), -1)))
    n = len(table) - 1
    whole = float(xlogy(n, n) - xlogy(n - 1, n - 1))
    entropy = whole - of_values / n
    information = whole - (of_bins + of_values - of_cells) / n
    chance = information_of_chance(joint.sum(2), joint[0].sum(0), jackknifed=True)
    room = entropy - chance
    share = np.divide(information - chance, room, out=np.zeros(len(joint)), where=room > 1e-9)
    return np.clip(share, 0.0, 1.0)


@lru_cache(maxsize=8)
def _jackknife_table(n: int) -> Float64[np.ndarray, "_"]:
    """c (c log c - (c - 1) log (c - 1)) of all counts c up to n.

    This is what a cell adds to the jackknifed entropy.
    """
    counts = np.arange(n + 1, dtype=np.float64)
    less = np.maximum(counts - 1, 0)
    return counts * (xlogy(counts, counts) - xlogy(less, less))


def adjusted_factor_information(factors: Integer[np.ndarray, "n k"]) -> Float64[np.ndarray, "k k"]:
    """I(v_k; v_k') of the factors themselves, adjusted for chance.

    On a full grid it is exactly 0; the diagonal holds H(v_k).
    """
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
    """The plug-in estimate of I(z_j; v_k) with bins of equal width.

    A latent counts as knowing of a factor unless the estimate is exactly 0.
    """
    matrix = mutual_information_matrix(codes, factors, bins=bins)
    labels = [Labels.of(column) for column in factors.T]
    occupied = np.where(codes.max(0) > codes.min(0), bins, 1)
    chance = np.outer(occupied - 1, [len(own.sizes) - 1 for own in labels]) / (2 * len(codes))
    return Information(matrix, np.array([own.entropy for own in labels]), chance, matrix > 0)


class _Ordered(NamedTuple):
    """Samples sorted by their codes, and twice the rank of each, between 0 and 2 n.

    Equal codes share the middle of their ranks.
    """

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
    rows: Float64[np.ndarray, "*t b"] | Int64[np.ndarray, "*t b"],
    columns: Float64[np.ndarray, "v"] | Int64[np.ndarray, "v"],
    *,
    jackknifed: bool = False,
) -> Float64[np.ndarray, "*t"]:
    r"""Mean plug-in information, in nats, over all orders of samples with these counts.

    .. math:: E = \frac1{n - 1} \sum_{ab} \Bigl(1 - \frac{r_a}{n}\Bigr) \Bigl(1 - \frac{c_b}{n}\Bigr) g(r_a c_b / n), \qquad
        g(\lambda) = \mathrm{E}[X \log X] - \lambda \log \lambda, \quad X \sim \mathrm{Poisson}(\lambda)

    The exact mean (Vinh et al., 2010) is over hypergeometric counts, whose variance is a Poisson's times the
    brackets and n / (n - 1). With many samples in each cell g is 1/2 and the sum the well-known (bins - 1)(values - 1) / (2 n).
    Jackknifed information, n E(n) - (n - 1) E(n - 1), has :math:`\lambda g'(\lambda)` in the place of g: next to nothing with
    many samples in each cell. Many tables of the same columns are read at once.
    """
    n = columns.sum()
    spread = _poisson_excess(rows[..., None] * columns / n, jackknifed)
    return np.asarray(((1 - rows / n) * (spread @ (1 - columns / n))).sum(-1) / max(n - 1, 1))


def _poisson_excess(rate: Float64[np.ndarray, "*t b v"], jackknifed: bool) -> Float64[np.ndarray, "*t b v"]:
    """g of these rates, or rate g': from a table up to 100, by its series above; 0 for a rate of 0."""
    logs, excess, slope = _excess_table()
    some = np.where(rate > 0, rate, 1.0)
    series = -1 / (12 * some) if jackknifed else 0.5 + 1 / (12 * some)
    found = np.where(some < 100, np.interp(np.log(some), logs, slope if jackknifed else excess), series)
    return np.where(rate > 0, found, 0.0)


@cache
def _excess_table() -> tuple[Float64[np.ndarray, "t"], Float64[np.ndarray, "t"], Float64[np.ndarray, "t"]]:
    """Logarithms of rates, their g, and the rate g'.

    E[X log X] grows with the rate by the mean of its next term.
    """
    rates = np.geomspace(1e-6, 110, 1000)
    counts: Int[np.ndarray, "x"] = np.arange(300)
    chances = np.exp(xlogy(counts, rates[:, None]) - rates[:, None] - gammaln(counts + 1))
    mean, following = chances @ xlogy(counts, counts), chances @ xlogy(counts + 1, counts + 1)
    return np.log(rates), mean - xlogy(rates, rates), rates * (following - mean - np.log(rates) - 1)
