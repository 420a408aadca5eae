r"""Densities of mixtures of one-dimensional normals on a grid, by Fourier transforms.

A component is shared out to three points of a grid of means and three of a geometric series of variances, so that the density
is a sum of convolutions. Components whose standard deviations are within a factor of 2 make a level; each next level has a grid
half as fine. All grids have one period, so their spectra add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, exp, log

import numpy as np
import scipy.fft
from jaxtyping import Float64, Int64

MARGIN = 6.0
"""Standard deviations of the widest component around the outermost means; the mass beyond it is below 1e-8."""
COARSEST = 64
"""No level has fewer points."""
BLOCK = 1 << 13
"""Components handled at once; what fits a core's cache."""
CELLS = 1 << 20
"""Cells of the tables of all mixtures that are read at once."""

Thrice = tuple[Float64[np.ndarray, "n"], Float64[np.ndarray, "n"], Float64[np.ndarray, "n"]]


@dataclass(frozen=True)
class _Level:
    """A table of masses (variances, means), which starts at a cell, and its normals in Fourier space."""

    start: int
    rows: int
    points: int
    kernels: Float64[np.ndarray, "r f"]

    @property
    def end(self) -> int:
        return self.start + self.rows * self.points


@dataclass(frozen=True)
class Grid:
    """A grid for mixtures whose means and variances lie within the range that it is made for.

    Args:
        low: mean at the first point.
        spacing: between the points of the density.
        size: number of points of the density.
        least: smallest variance.
        per_level: points of the series of variances in a level, which spans a factor of 4.
        levels: tables of masses, from the narrowest components to the widest.
    """

    low: float
    spacing: float
    size: int
    least: float
    per_level: int
    levels: tuple[_Level, ...]
    # memory that is used again: fresh pages for every group would take longer than the sums
    _cells: Int64[np.ndarray, "b"] = field(default_factory=lambda: np.empty(9 * BLOCK, np.int64), repr=False)
    _shares: Float64[np.ndarray, "b"] = field(default_factory=lambda: np.empty(9 * BLOCK), repr=False)

    @classmethod
    def over(cls, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], spacing: float, per_level: int) -> Grid:
        """A grid for these components and all mixtures of some of them."""
        least, most = float(variance.min()), float(variance.max())
        margin = MARGIN * most**0.5
        low, span = float(mean.min()) - margin, float(np.ptp(mean)) + 2 * margin
        last = ceil(per_level * log(most / least) / log(4))  # of the series, counted from the smallest variance
        count = max(1, min(last // per_level + 1, int(np.log2(span / spacing / COARSEST))))
        size = 2 ** (count - 1) * scipy.fft.next_fast_len(ceil(span / spacing / 2 ** (count - 1)) + 2, real=True)
        levels: list[_Level] = []
        for level in range(count):
            first, end = level * per_level - 1, (level + 1) * per_level + 1 if level < count - 1 else last + 2
            widths = least * 4 ** (np.arange(first, end) / per_level)
            points, start = size >> level, levels[-1].end if levels else 0
            levels.append(_Level(start, len(widths), points, _kernels(widths, size * spacing, points)))
        return cls(low, spacing, size, least, per_level, tuple(levels))

    def density(self, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "g"]:
        """Density of the even mixture of these components at the points of the grid.

        Negative ripples are clipped.
        """
        return next(self.densities(mean, variance, np.array([len(mean)])))[0]

    def densities(
        self, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], sizes: Int64[np.ndarray, "m"]
    ) -> Iterator[Float64[np.ndarray, "some g"]]:
        """The same for several mixtures, given one after another.

        The first mixture is of the first `sizes[0]` components, the second of the next `sizes[1]`, and so on.

        Together they come to all mixtures, some at a time, as many as memory should hold.
        """
        some = max(1, CELLS // self.levels[-1].end)
        ends = np.append(0, np.cumsum(sizes))
        for first in range(0, len(sizes), some):
            own = slice(ends[first], ends[min(first + some, len(sizes))])
            yield self._densities(mean[own], variance[own], sizes[first : first + some])

    def _densities(
        self, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], sizes: Int64[np.ndarray, "m"]
    ) -> Float64[np.ndarray, "m g"]:
        masses = self._masses(mean, variance, sizes)
        spectra = np.zeros((len(sizes), self.size // 2 + 1), np.complex128)
        for level in self.levels:
            tables = masses[:, level.start : level.end].reshape(len(sizes), level.rows, level.points)
            used = np.flatnonzero(tables.any((0, 2)))
            if len(used):
                rows = slice(used[0], used[-1] + 1)
                found = np.einsum("mrf,rf->mf", scipy.fft.rfft(tables[:, rows]), level.kernels[rows])
                spectra[:, : found.shape[1]] += found
        return np.maximum(scipy.fft.irfft(spectra, self.size), 0) / (self.spacing * sizes[:, None])

    def _masses(
        self, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], sizes: Int64[np.ndarray, "m"]
    ) -> Float64[np.ndarray, "m c"]:
        """Number of components in each cell of all tables, of each mixture."""
        mixture, width = np.repeat(np.arange(len(sizes)), sizes), self.levels[-1].end
        masses = np.zeros((len(sizes), width))
        for start in range(0, len(mean), BLOCK):
            own = slice(start, start + BLOCK)
            count = len(mean[own])
            cells, shares = self._cells[: 9 * count], self._shares[: 9 * count]
            self._share_out(mean[own], variance[own], cells.reshape(9, count), shares.reshape(9, count))
            first, last = mixture[own][0], mixture[own][-1] + 1
            cells.reshape(9, count)[:] += (mixture[own] - first) * width
            found = np.bincount(cells, shares, minlength=(last - first) * width)
            masses[first:last] += found.reshape(last - first, width)
        return masses

    def _share_out(
        self,
        mean: Float64[np.ndarray, "n"],
        variance: Float64[np.ndarray, "n"],
        cells: Int64[np.ndarray, "9 n"],
        shares: Float64[np.ndarray, "9 n"],
    ) -> None:
        """Write the nine cells of each component, and what each of them gets."""
        step = log(4) / self.per_level
        height = np.log(variance / self.least)
        nearest = np.rint(height / step)
        place = nearest.astype(np.int64)
        level = np.minimum(place // self.per_level, len(self.levels) - 1)
        points = np.array([own.points for own in self.levels])[level]
        start = np.array([own.start for own in self.levels])[level]
        position = (mean - self.low) * (points / (self.size * self.spacing))
        column = np.rint(position)
        cell = start + (place - level * self.per_level + 1) * points + column.astype(np.int64)
        across = _spline(position - column)
        for i, down in enumerate(_lagrange(np.exp(height - step * nearest), step)):
            first = cell + (i - 1) * points - 1
            for j in range(3):
                np.add(first, j, out=cells[3 * i + j])
                np.multiply(down, across[j], out=shares[3 * i + j])


def _spline(offset: Float64[np.ndarray, "n"]) -> Thrice:
    """Shares of the points around each position: a quadratic spline.

    The position lies `offset` above the middle point.
    """
    left = 0.5 * np.square(0.5 - offset)
    right = left + offset
    return left, 1 - left - right, right


def _lagrange(relative: Float64[np.ndarray, "n"], step: float) -> Thrice:
    """Shares of three variances of the series, relative to the middle one.

    They keep the variance and its square.
    """
    low, high = relative - exp(-step), relative - exp(step)
    mid = relative - 1
    below = mid * high * (1 / ((exp(-step) - 1) * (exp(-step) - exp(step))))
    above = low * mid * (1 / ((exp(step) - exp(-step)) * (exp(step) - 1)))
    return below, 1 - below - above, above


def _kernels(widths: Float64[np.ndarray, "r"], period: float, points: int) -> Float64[np.ndarray, "r f"]:
    """Normals of these variances in Fourier space, less the variance that the spline adds.

    That is 1/4 of the squared spacing.
    """
    frequency = 2 * np.pi / period * np.arange(points // 2 + 1)
    return np.exp(-0.5 * frequency**2 * (widths[:, None] - (period / points) ** 2 / 4))
