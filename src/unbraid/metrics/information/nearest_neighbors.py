r"""Mutual information of quantities that are not classes, in nats, from distances to nearest neighbors.

No bins, and no density: a point whose neighbors in both quantities together are near for how near they are in each tells of
dependence. Two quantities are estimated by Kraskov et al., a quantity and a class by Ross.

What to know of the estimates:

* Bias. It is about 0 for independent quantities, and estimates below 0 are chance. It is small for normal ones of any
  correlation, and negative for sharp edges: a uniform quantity with uniform noise of a tenth of its width has 2.35 nats; 1,000
  samples give it 2.28, and 10,000 give 2.33. A copy gets :math:`\psi(n) - \psi(k)`, though it has infinitely much.
  `NeighborInformation` has `chance`, `half` and `largest` to see this by.
* Only the order of two quantities matters. Information does not change under strictly monotone transforms, but the estimator
  assumes that neighborhoods are even: long tails, and a value far from all others, would hide it. So each quantity is replaced
  by its normal scores, :math:`\Phi^{-1}((r_i - 1/2) / n)` with the rank r_i. Of the 0.83 nats between exp(5 x) and y, where x
  and y are normal and correlate by 0.9, 2,000 samples then show 0.84, and 0.10 as they are. Where quantities are even already,
  little changes: 2,000 samples of the uniform quantity above have 2.296 in place of 2.301.
* Beside a class a quantity is read as it is: ranks would close the gaps between classes, which tell them apart. There is no
  other quantity whose scale could hide it, so that tails hardly matter: by 0.03 at most with the transform above.
* Ties. Values that occur several times are moved apart by noise of a hundred-millionth of a standard deviation, as Kraskov et
  al. advise; the share of such samples is told. A constant knows nothing.
* Cyclic quantities have a period: their ranks are spread around a circle evenly, and distances are along it. So turning a
  circle changes nothing.

Sources: Kraskov, Stögbauer and Grassberger (2004), Estimating mutual information, equation 8; Ross (2014), Mutual information
between discrete and continuous data sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Shaped
from scipy.special import digamma, ndtri

from unbraid.errors import UsageError
from unbraid.metrics.information.types import explained
from unbraid.options import Option, checked

Neighbors = Annotated[int, Option("nearest neighbors that are looked for", ge=1)]
Seed = Annotated[int, Option("seed of the choice of samples, the shuffle and the noise between ties", ge=0)]
NEIGHBORS = 3
"""More have less variance and more bias; Kraskov et al. advise 2 to 4."""
MOST_SAMPLES = 10_000
"""Of more samples a random part is read: standard errors are then about a hundredth of a nat."""
NOISE = 1e-8
"""Standard deviation of the noise that moves ties apart, in standard deviations of the quantity."""
AROUND, AROUND_OTHER = float(np.sqrt(12)), float(np.sqrt(12) * (np.sqrt(5) - 1) / 2)
"""Lengths of circles, of which values spread evenly over the first have standard deviation 1. Even steps around two circles of
one length would make distances equal that must differ."""
ROUNDING = 16 * float(np.finfo(np.float64).eps)
Kind = str | float
"""What a factor is: "quantity", "class", or a number, the period of a cyclic quantity."""


@dataclass(frozen=True)
class NeighborInformation:
    r"""I(z_j; v_k) in nats by nearest neighbors.

    Args:
        estimate: latents by factors; below 0 by chance.
        chance: the same of shuffled codes, whose information is 0: how far from it an estimate of so many samples is.
        half: the same of half of the samples. Where it is less, more samples would give still more.
        largest: what a latent that is the factor would be given, :math:`\psi(n) - \psi(k)` for a quantity. Estimates near it
            say that there is more than so many samples show.
        latent_ties: share of samples whose value of a latent others have too; 1 for a constant, which knows nothing.
        factor_ties: the same of factors; 0 for classes.
        samples: how many were read.
        neighbors: k.
    """

    estimate: Float64[np.ndarray, "d k"]
    chance: Float64[np.ndarray, "d k"]
    half: Float64[np.ndarray, "d k"]
    largest: Float64[np.ndarray, "k"]
    latent_ties: Float64[np.ndarray, "d"]
    factor_ties: Float64[np.ndarray, "k"]
    samples: int
    neighbors: int

    @property
    def shares(self) -> Float64[np.ndarray, "d k"]:
        """`explained` of the estimates: how much of each factor a latent knows, from 0 to 1."""
        return explained(self.estimate)


@checked
def neighbor_information(
    codes: Shaped[np.ndarray, "..."],
    factors: Shaped[np.ndarray, "..."],
    kinds: Sequence[Kind] | None = None,
    *,
    neighbors: Neighbors = NEIGHBORS,
    most: Annotated[int, Option("samples that are read", ge=2)] = MOST_SAMPLES,
    seed: Seed = 0,
) -> NeighborInformation:
    """Information of each latent about each factor.

    Of a quantity, by `kraskov_information`: only the order of values matters. Of a class, by `ross_information`.

    Args:
        codes: one row per sample.
        factors: one row per sample.
        kinds: of each factor: "quantity", "class", or the period of a cyclic quantity, as 360.0; all quantities by default.
        neighbors: k.
        most: samples that are read, drawn at random of more.
        seed: of that draw, the shuffle, and the noise between ties.

    Raises `UsageError` for arrays that are not finite numbers, one row per sample, kinds that do not fit them, numbers that
    are not whole, and samples that are not more than `neighbors`.

    >>> rng = np.random.default_rng(0)
    >>> angle = rng.uniform(0, 360, (1_000, 1))
    >>> codes = np.hstack([angle, rng.normal(size=(1_000, 1))])
    >>> neighbor_information(codes, angle, [360.0]).shares.round(1)
    array([[1.],
           [0.]])
    """
    codes, factors = _table(codes, "codes"), _table(factors, "factors")
    if len(codes) != len(factors):
        raise UsageError(f"{len(codes):,} codes beside {len(factors):,} factors; both have one row per sample.")
    chosen: Sequence[Kind] = ["quantity"] * factors.shape[1] if kinds is None else kinds
    if len(chosen) != factors.shape[1]:
        raise UsageError(f"{len(chosen)} kinds for {factors.shape[1]} factors; give one for each.")
    _require_enough(min(len(codes), most), neighbors)
    rng = np.random.default_rng(seed)
    if len(codes) > most:
        rows = np.sort(rng.permutation(len(codes))[:most])
        codes, factors = codes[rows], factors[rows]
    n, order = len(codes), rng.permutation(len(codes))
    some = np.sort(order[: max(n // 2, neighbors + 1)])
    latents, scored = ([_Quantity.of(column, None, rng, ranked=own) for column in codes.T] for own in (False, True))
    shape = (codes.shape[1], factors.shape[1])
    estimate, chance, half = np.empty(shape), np.empty(shape), np.empty(shape)
    largest, ties = np.empty(shape[1]), np.zeros(shape[1])
    for k, (kind, column) in enumerate(zip(chosen, factors.T, strict=True)):
        if kind == "class":
            labels, fewer = _Classes.of(column, neighbors), _Classes.of(column[some], neighbors)
            largest[k] = labels.largest
            for j, latent in enumerate(latents):
                estimate[j, k], chance[j, k] = (_ross(own, labels) for own in (latent, latent.rows(order)))
                half[j, k] = _ross(latent.rows(some), fewer)
        else:
            quantity = _Quantity.of(column, _period(kind), rng, ranked=True)
            fewer_values = quantity.rows(some)
            largest[k], ties[k] = digamma(n) - digamma(neighbors), quantity.ties
            for j, latent in enumerate(scored):
                estimate[j, k], chance[j, k] = (_kraskov(own, quantity, neighbors) for own in (latent, latent.rows(order)))
                half[j, k] = _kraskov(latent.rows(some), fewer_values, neighbors)
    return NeighborInformation(estimate, chance, half, largest, np.array([own.ties for own in latents]), ties, n, neighbors)


def neighbor_estimates(
    codes: Float64[np.ndarray, "n d"],
    factors: Sequence[Float64[np.ndarray, "n"] | Int64[np.ndarray, "n"]],
    kinds: Sequence[Kind],
    wanted: Bool[np.ndarray, "d k"],
    *,
    most: int = MOST_SAMPLES,
) -> Float64[np.ndarray, "d k"]:
    """The estimates of `neighbor_information` alone, of those pairs that are wanted; 0 for the others.

    No more samples are needed than a neighbor each, of fewer every estimate is 0.
    """
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(codes))[:most]) if len(codes) > most else np.arange(len(codes))
    found = np.zeros(wanted.shape)
    if len(rows) <= NEIGHBORS:
        return found

    @cache
    def latent(j: int, ranked: bool) -> _Quantity:
        return _Quantity.of(codes[rows, j], None, rng, ranked=ranked)

    for k, (kind, column) in enumerate(zip(kinds, factors, strict=True)):
        own = np.flatnonzero(wanted[:, k]).tolist()
        values = column[rows].astype(np.float64)
        if kind == "class":
            labels = _Classes.of(values, NEIGHBORS)
            found[own, k] = [_ross(latent(j, False), labels) for j in own]
        elif own:
            quantity = _Quantity.of(values, _period(kind), rng, ranked=True)
            found[own, k] = [_kraskov(latent(j, True), quantity, NEIGHBORS) for j in own]
    return found


@checked
def kraskov_information(
    first: Shaped[np.ndarray, "..."],
    second: Shaped[np.ndarray, "..."],
    *,
    neighbors: Neighbors = NEIGHBORS,
    periods: tuple[float | None, float | None] = (None, None),
    seed: Seed = 0,
) -> float:
    r"""Information of two quantities, in nats.

    .. math:: \psi(k) + \psi(n) - \frac1n \sum_i \bigl(\psi(n_x(i) + 1) + \psi(n_y(i) + 1)\bigr)

    :math:`n_x(i)` is the number of other samples that are nearer to sample i in x than its k-th neighbor is in both, by the
    larger of the two distances. Source: Kraskov et al. (2004), their first estimator. Deviation: x and y are normal scores of
    ranks, and ranks spread evenly around a circle where they are cyclic, so that monotone transforms change nothing.

    Args:
        first, second: one value per sample.
        neighbors: k.
        periods: of cyclic quantities; None for those that are not.
        seed: of the noise between ties.

    Raises `UsageError` as `neighbor_information`.
    """
    values = [_table(np.ravel(own)[:, None], "values")[:, 0] for own in (first, second)]
    if len(values[0]) != len(values[1]):
        raise UsageError(f"{len(values[0]):,} values beside {len(values[1]):,}; give one of each per sample.")
    _require_enough(len(values[0]), neighbors)
    rng = np.random.default_rng(seed)
    x, y = (
        _Quantity.of(own, None if period is None else _period(period), rng, ranked=True, around=around)
        for own, period, around in zip(values, periods, (AROUND_OTHER, AROUND), strict=True)
    )
    return _kraskov(x, y, neighbors)


@checked
def ross_information(
    values: Shaped[np.ndarray, "..."],
    classes: Shaped[np.ndarray, "..."],
    *,
    neighbors: Neighbors = NEIGHBORS,
    period: float | None = None,
    seed: Seed = 0,
) -> float:
    r"""Information of a quantity and a class, in nats.

    .. math:: \psi(n) + \frac1n \sum_i \bigl(\psi(k_i) - \psi(n_i) - \psi(m_i)\bigr)

    :math:`n_i` is the number of samples of the class of sample i, and :math:`m_i` that of all samples that are no farther from
    it than its k-th neighbor of its class, that one included and itself not. Classes of k samples or fewer take all others of
    theirs as neighbors; a class of one sample tells nothing and is left out, as in scikit-learn. Source: Ross (2014).

    Args:
        values: one per sample.
        classes: one per sample.
        neighbors: k.
        period: of a cyclic quantity.
        seed: of the noise between ties.

    Raises `UsageError` as `neighbor_information`.
    """
    column = _table(np.ravel(values)[:, None], "values")[:, 0]
    labels = _table(np.ravel(classes)[:, None], "classes")[:, 0]
    if len(column) != len(labels):
        raise UsageError(f"{len(column):,} values beside {len(labels):,} classes; give one of each per sample.")
    _require_enough(len(column), neighbors)
    circle = None if period is None else _period(period)
    quantity = _Quantity.of(column, circle, np.random.default_rng(seed), ranked=False)
    return _ross(quantity, _Classes.of(labels, neighbors))


@dataclass(frozen=True)
class _Quantity:
    """Values with a standard deviation of about 1, in no order and sorted.

    `period` is 0 where there is none.
    """

    values: Float64[np.ndarray, "n"]
    sorted: Float64[np.ndarray, "n"]
    period: float
    ties: float

    @classmethod
    def of(
        cls,
        given: Float64[np.ndarray, "n"],
        period: float | None,
        rng: np.random.Generator,
        *,
        ranked: bool,
        around: float = AROUND,
    ) -> _Quantity:
        """Values standardized, or normal scores of their ranks; around a circle shares of it.

        Ties are moved apart.
        """
        if period is not None:
            given = np.mod(given, period)
            given = np.where(given >= period, 0.0, given)  # what lies just below 0 rounds to the period
        _, place, counts = np.unique(given, return_inverse=True, return_counts=True)
        if len(counts) == 1:
            return cls(given, given, 0.0, 1.0)
        tied = counts[place] > 1
        moved = np.where(tied, rng.standard_normal(len(given)) * NOISE, 0.0)
        below = (np.cumsum(counts) - counts / 2)[place]  # rank less 1/2; equal values share the middle of theirs
        if period is not None:
            values = np.mod((below / len(given) if ranked else given / period) * around + moved, around)
        elif ranked:
            lower = ndtri(np.minimum(below, len(given) - below) / len(given))  # exactly symmetric
            values = np.where(2 * below < len(given), lower, -lower) + moved
        else:
            centered = given / np.abs(given).max()  # sums of squares of any finite numbers are finite
            values = (centered - centered.min()) / centered.std() + moved
        return cls(values, np.sort(values), 0.0 if period is None else around, float(tied.mean()))

    @property
    def constant(self) -> bool:
        return bool(self.sorted[0] == self.sorted[-1])

    def rows(self, index: Int64[np.ndarray, "_"]) -> _Quantity:
        """Some of the values, or all in another order."""
        values = self.values[index]
        return _Quantity(values, np.sort(values), self.period, self.ties)

    def within(self, radius: Float64[np.ndarray, "n"], least: int | Int64[np.ndarray, "n"] = 1) -> Int64[np.ndarray, "n"]:
        """How many samples are nearer to each than its radius, itself included.

        At least as many as are known to be: differences of the size of rounding do not tell.
        """
        ordered = self.sorted
        if self.period:
            ordered = np.concatenate([ordered - self.period, ordered, ordered + self.period])
        rounded = ROUNDING * (np.abs(self.values) + radius + self.period)
        inside = radius - rounded  # the k-th neighbor itself lies on the edge, which sums may round over
        found = np.searchsorted(ordered, self.values + inside, "left") - np.searchsorted(ordered, self.values - inside, "right")
        return np.clip(found, least, len(self.values))  # around a circle that is smaller than the radius all would count twice


@dataclass(frozen=True)
class _Classes:
    """Rows of each class of two samples or more, with the number of neighbors that each has."""

    rows: tuple[Int64[np.ndarray, "_"], ...]
    neighbors: int

    @classmethod
    def of(cls, labels: Float64[np.ndarray, "n"], neighbors: int) -> _Classes:
        _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
        rows = np.split(np.argsort(place, kind="stable"), np.cumsum(counts)[:-1])
        return cls(tuple(own for own in rows if len(own) > 1), neighbors)

    @property
    def largest(self) -> float:
        """What a quantity that tells all classes apart is given: it has no neighbor of another class."""
        sizes = np.array([len(own) for own in self.rows])
        return float(digamma(sizes.sum()) - (sizes * digamma(sizes)).sum() / sizes.sum()) if len(sizes) else 0.0


def _kraskov(first: _Quantity, second: _Quantity, neighbors: int) -> float:
    from scipy.spatial import KDTree  # here, since it takes a while to import

    if first.constant or second.constant:
        return 0.0
    points = np.column_stack([first.values, second.values])
    periods = (first.period, second.period)
    tree = KDTree(points, boxsize=periods if any(periods) else None)
    distances, _ = tree.query(points, k=[neighbors + 1], p=np.inf)  # each is its own nearest
    radius = distances[:, 0]
    found = sum(digamma(own.within(radius)).mean() for own in (first, second))
    return float(digamma(neighbors) + digamma(len(points)) - found)


def _ross(quantity: _Quantity, classes: _Classes) -> float:
    if quantity.constant or len(classes.rows) < 2:
        return 0.0
    rows = np.concatenate(classes.rows)
    kept = quantity.rows(rows)
    sizes = np.array([len(members) for members in classes.rows])
    neighbors = np.minimum(classes.neighbors, sizes - 1)
    parts = zip(np.split(kept.values, np.cumsum(sizes)[:-1]), neighbors.tolist(), strict=True)
    radius = np.concatenate([_to_neighbor(part, k, quantity.period) for part, k in parts])
    own = np.repeat(digamma(neighbors) - digamma(sizes), sizes)
    return float(digamma(len(rows)) + (own - digamma(kept.within(radius, np.repeat(neighbors, sizes)))).mean())


def _to_neighbor(values: Float64[np.ndarray, "n"], neighbors: int, period: float) -> Float64[np.ndarray, "n"]:
    """Distance of each value to its k-th neighbor.

    The k that are nearest are next to it in order, on either side.
    """
    order = np.argsort(values)
    ordered = values[order]
    left, right = np.full(neighbors, -np.inf), np.full(neighbors, np.inf)
    if period:
        left, right = ordered[-neighbors:] - period, ordered[:neighbors] + period
    padded = np.concatenate([left, ordered, right])
    n = len(values)
    found = np.full(n, np.inf)
    for before in range(neighbors + 1):
        low, high = padded[neighbors - before :][:n], padded[2 * neighbors - before :][:n]
        found = np.minimum(found, np.maximum(ordered - low, high - ordered))
    distances = np.empty(n)
    distances[order] = found
    return distances


def _table(given: Shaped[np.ndarray, "..."] | Integer[np.ndarray, "..."], name: str) -> Float64[np.ndarray, "n c"]:
    if given.ndim != 2 or given.shape[1] == 0:
        raise UsageError(f"{name} have shape {given.shape}; give one row per sample and one column for each.")
    found: Float64[np.ndarray, "n c"] = given.astype(np.float64)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        row, column = (int(place) for place in bad[0])
        raise UsageError(f"{name}[{row}, {column}] is {found[row, column]}; all must be finite.")
    return found


def _require_enough(n: int, neighbors: int) -> None:
    if n <= neighbors:
        raise UsageError(f"{neighbors} neighbors of {n:,} samples; allowed: fewer than there are samples.")


def _period(kind: Kind) -> float | None:
    if kind == "quantity":
        return None
    if isinstance(kind, str) or not np.isfinite(kind) or kind <= 0:
        raise UsageError(f'A kind is {kind!r}; allowed: "quantity", "class", or the period of a cyclic one, above 0.')
    return float(kind)
