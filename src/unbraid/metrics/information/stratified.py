r"""Mutual information by stratified sampling, in nats, as Dubois et al. (2019) report and compute it.

:math:`I(z_j; v_k) = H(z_j) - \sum_v p(v) H(z_j | v_k = v)`, each entropy a mean of -log density over draws from the mixture of
the posteriors of all samples, or of those with one value. The density is that of the mixture of all of them, not of the draws.
The code has two faults:

* *scrambled*: a table of draws (images, latents) is read as (latents, images) without being transposed. So the points at which
  the density of latent j is taken are values of all latents, of a thousand of the ten thousand images.
* *at means*: in evaluation its posteriors give their means in place of draws, at which densities are higher.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.information.histogram import factor_entropies
from unbraid.metrics.information.types import Information

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

DRAWS = 10_000
"""Of the mixture of all samples, and of that of each value, at most as many as there are samples."""
FEW = 1_000
"""Components up to as many are used as they are; more are put together where they are nearly equal."""
CELLS_PER_SIGMA, CELLS_PER_DOUBLING = 3, 4
"""How near means, and variances, must be to each other."""
POINTS_PER_SIGMA, NARROW, MOST_POINTS = 2, 0.01, 1 << 12
"""Of the spline of a density's logarithm; all but this share of the components are as wide as is reckoned with."""
BLOCK = 1 << 18


@dataclass(frozen=True)
class Faults:
    """Which of the faults of the published code are made."""

    scrambled: bool = False
    at_means: bool = False


NONE, AS_RUN = Faults(), Faults(scrambled=True, at_means=True)


def stratified_information(
    mean: Float64[np.ndarray, "n d"],
    variance: Float64[np.ndarray, "n d"],
    factors: Int64[np.ndarray, "n k"],
    *,
    faults: Faults = NONE,
    rng: np.random.Generator,
) -> Information:
    """I(z_j; v_k) from draws; a latent knows of a factor where the estimate is above 0.

    Raises nothing of its own: arrays are checked by `unbraid.metrics.samples.gather`.
    """
    return stratified_informations(mean, variance, factors, faults=[faults], rng=rng)[0][0]


def stratified_informations(
    mean: Float64[np.ndarray, "n d"],
    variance: Float64[np.ndarray, "n d"],
    factors: Int64[np.ndarray, "n k"],
    *,
    faults: list[Faults],
    rng: np.random.Generator,
    repeats: int = 1,
) -> list[list[Information]]:
    """The same with several sets of faults on the same draws, for repeats with draws of their own.

    Densities take nearly all of the time, and they are those of all repeats.
    """
    table = _Table(mean, variance)
    whole = table.entropies(np.arange(len(mean)), faults, rng, repeats)
    found = np.empty((*whole.shape, factors.shape[1]))
    for k, column in enumerate(factors.T):
        values, counts = np.unique(column, return_counts=True)
        given = np.zeros_like(whole)
        for value, count in zip(values, counts, strict=True):
            given += count / len(column) * table.entropies(np.flatnonzero(column == value), faults, rng, repeats)
        found[..., k] = whole - given
    entropies = factor_entropies(factors)
    return [[Information(np.maximum(one, 0.0), entropies, np.zeros_like(one), one > 0) for one in own] for own in found]


class _Table:
    """Posteriors of all samples, and the range of values at which densities may be asked for."""

    def __init__(self, mean: Float64[np.ndarray, "n d"], variance: Float64[np.ndarray, "n d"]) -> None:
        mean = mean - np.median(mean)  # far from 0 numbers lie too far apart to draw between
        self.mean, self.variance = mean, variance
        reach = 6 * np.sqrt(variance)
        self.low, self.high = float((mean - reach).min()), float((mean + reach).max())

    def entropies(
        self, rows: Int64[np.ndarray, "m"], faults: list[Faults], rng: np.random.Generator, repeats: int
    ) -> Float64[np.ndarray, "r f d"]:
        """Entropy of each latent over these rows, in each repeat, by each set of faults."""
        points = [self._points(rows, faults, rng) for _ in range(repeats)]
        found = np.empty((repeats, len(faults), self.mean.shape[1]))
        for j in range(self.mean.shape[1]):
            density = self._log_density(rows, j, scrambled=any(one.scrambled for one in faults))
            found[:, :, j] = [[-density(own[j]).mean() for own in several] for several in points]
        return found

    def _points(
        self, rows: Int64[np.ndarray, "m"], faults: list[Faults], rng: np.random.Generator
    ) -> list[Float64[np.ndarray, "d points"]]:
        """Where densities are taken, by each set of faults."""
        drawn = rng.permutation(rows)[:DRAWS]
        means = self.mean[drawn]
        draws = np.clip(means + np.sqrt(self.variance[drawn]) * rng.standard_normal(means.shape), self.low, self.high)
        return [_read(means if one.at_means else draws, scrambled=one.scrambled) for one in faults]

    def _log_density(self, rows: Int64[np.ndarray, "m"], j: int, *, scrambled: bool) -> CubicSpline:
        """Logarithm of the density of latent j over these rows, where it may be asked for."""
        mean, variance = self.mean[rows, j], self.variance[rows, j]
        low, high = self.low, self.high
        if not scrambled:
            reach = 6 * np.sqrt(variance)
            low, high = float((mean - reach).min()), float((mean + reach).max())
        return log_density(mean, variance, low, high)


def _read(table: Float64[np.ndarray, "points d"], *, scrambled: bool) -> Float64[np.ndarray, "d points"]:
    """A row of points for each latent: its own, or with the fault whatever comes next in memory."""
    return table.reshape(table.shape[1], table.shape[0]) if scrambled else table.T


def log_density(mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], low: float, high: float) -> CubicSpline:
    """Logarithm of the density of an even mixture of normals between two values, its far tails included.

    A spline through values that are sums over components. Many components are put together in cells that are narrow beside
    their standard deviation and keep their mean and variance. Components narrower than `MOST_POINTS` can show are widened,
    which raises the entropies of all samples and of those of a value; of the latter more where these are too few to overlap.
    """
    from scipy.interpolate import CubicSpline  # here, since it takes a third of a second to import

    variance = np.maximum(variance, (POINTS_PER_SIGMA * (high - low) / MOST_POINTS) ** 2)
    count = int(np.clip((high - low) / np.sqrt(np.quantile(variance, NARROW)) * POINTS_PER_SIGMA, 64, MOST_POINTS))
    weight, mean, variance = _cells(mean, variance)
    points = np.linspace(low, high, count)
    constant = np.log(weight) - 0.5 * np.log(2 * np.pi * variance)
    precision = 0.5 / variance
    found = np.empty(count)
    step = max(1, BLOCK // len(mean))
    for start in range(0, count, step):
        exponents = points[start : start + step, None] - mean
        np.square(exponents, out=exponents)
        exponents *= -precision
        exponents += constant
        top = exponents.max(1)
        exponents -= top[:, None]
        found[start : start + step] = top + np.log(np.exp(exponents, out=exponents).sum(1))
    return CubicSpline(points, found)


def _cells(
    mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"]
) -> tuple[Float64[np.ndarray, "c"], Float64[np.ndarray, "c"], Float64[np.ndarray, "c"]]:
    """Weights, means and variances of components that stand for all."""
    if len(mean) <= FEW:
        return np.full(len(mean), 1 / len(mean)), mean, variance
    level = np.floor(CELLS_PER_DOUBLING * np.log2(variance / variance.min())).astype(np.int64)
    width = np.sqrt(variance.min() * 2 ** (level / CELLS_PER_DOUBLING)) / CELLS_PER_SIGMA
    place = np.floor((mean - mean.min()) / width).astype(np.int64)
    _, cell, counts = np.unique(level * (int(place.max()) + 1) + place, return_inverse=True, return_counts=True)
    center = np.bincount(cell, mean) / counts
    spread = np.bincount(cell, variance + (mean - center[cell]) ** 2) / counts
    return counts / len(mean), center, spread
