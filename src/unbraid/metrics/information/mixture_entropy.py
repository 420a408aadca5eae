r"""Entropies of mixtures of one-dimensional normals, by quadrature, in nats.

The aggregate posterior of a latent, q(z_j) = 1/N sum_n N(mu_n, sigma_n^2), is a mixture of as many normals as there are images.
Its density on a grid is a sum of convolutions, one for each width: deterministic, and fast for any number of images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.errors import UsageError
from unbraid.metrics.information.mixture_grid import MARGIN, Grid

PER_SIGMA = 6.0
"""Grid points within the standard deviation of the narrowest component."""
LEAST_PER_SIGMA = 2.0
"""The same on the largest grid, to which narrower components are widened."""
LARGEST_GRID = 1 << 16
PER_LEVEL = 14
"""Points of the series of variances that components are shared out to, within a factor of 4."""
LEAST_ERROR = 1e-5
"""Never less is claimed: the difference of two grids may vanish by chance."""


@dataclass(frozen=True)
class Entropy:
    """An entropy in nats, and an upper estimate of the error of its quadrature.

    The estimate of the error is on the safe side.
    """

    value: float
    error: float


@dataclass(frozen=True)
class Quadrature:
    """Two grids, the second half as fine, for mixtures of any subset of given components.

    See `mixture_entropy`.
    """

    fine: Grid
    coarse: Grid
    narrowest: float

    @classmethod
    def over(cls, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"]) -> Quadrature:
        """For these components and all mixtures of some of them.

        Raises `UsageError` for values that are not finite, or variances that are not positive.
        """
        if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance > 0).all()):
            raise UsageError("Means and variances must be finite, and variances above 0.")
        span = float(np.ptp(mean)) + 2 * MARGIN * float(np.sqrt(variance.max()))
        spacing = max(float(np.sqrt(variance.min())) / PER_SIGMA, span / LARGEST_GRID)
        narrowest = max(float(variance.min()), (LEAST_PER_SIGMA * spacing) ** 2)
        kept = np.maximum(variance, narrowest)
        fine, coarse = Grid.over(mean, kept, spacing, PER_LEVEL), Grid.over(mean, kept, 1.9 * spacing, PER_LEVEL // 2)
        return cls(fine, coarse, narrowest)

    def densities(
        self, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], sizes: Int64[np.ndarray, "m"]
    ) -> Iterator[Float64[np.ndarray, "some g"]]:
        """Densities on the coarse grid of even mixtures of these components.

        `Grid.densities` takes and gives them in the same form.
        """
        return self.coarse.densities(mean, np.maximum(variance, self.narrowest), sizes)

    def entropies(
        self, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], sizes: Int64[np.ndarray, "m"]
    ) -> tuple[Float64[np.ndarray, "m"], Float64[np.ndarray, "m"]]:
        """Entropies of even mixtures, and their errors.

        The first mixture is of the first `sizes[0]` components, and so on.
        """
        kept = np.maximum(variance, self.narrowest)
        fine, coarse = (_entropies_on_grid(grid, mean, kept, sizes) for grid in (self.fine, self.coarse))
        widening = np.add.reduceat(np.log(kept / variance), np.cumsum(sizes) - sizes) / (2 * sizes)
        return fine, np.maximum(4 * np.abs(fine - coarse), LEAST_ERROR) + widening


def mixture_entropy(mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"]) -> Entropy:
    r"""Entropy :math:`-\int q \log q` of an even mixture of normals.

    A component is shared between three points of the grid by a quadratic spline, which adds h^2/4 to its variance wherever it
    lies, and between three of a geometric series of variances; its mean, variance and fourth moment are kept exactly.
    The result is compared with that of a grid and a series half as fine; four times the difference, at least 1e-5 nats,
    counts as the error. Components narrower than the largest grid can show are widened, which raises the entropy by at most
    the mean of 1/2 log(widened variance / variance); that is added to the error.

    Raises `UsageError` for values that are not finite, or variances that are not positive.
    """
    values, errors = Quadrature.over(mean, variance).entropies(mean, variance, np.array([len(mean)]))
    return Entropy(float(values[0]), float(errors[0]))


def _entropies_on_grid(
    grid: Grid, mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], sizes: Int64[np.ndarray, "m"]
) -> Float64[np.ndarray, "m"]:
    found = []
    for densities in grid.densities(mean, variance, sizes):
        logs = np.log(densities, out=np.zeros_like(densities), where=densities > 0)
        found.append(-grid.spacing * np.einsum("mg,mg->m", densities, logs))
    return np.concatenate(found)
