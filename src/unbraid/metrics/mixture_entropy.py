r"""Entropies of mixtures of one-dimensional normals, by quadrature, in nats.

The aggregate posterior of a latent, q(z_j) = 1/N sum_n N(mu_n, sigma_n^2), is a mixture of as many normals as there are images.
Its density on a grid is a sum of convolutions, one for each width: deterministic, and fast for any number of images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from jaxtyping import Float64, Int

from unbraid.errors import UsageError

PER_SIGMA = 6.0
"""Grid points within the standard deviation of the narrowest component."""
LEAST_PER_SIGMA = 2.0
"""The same on the largest grid, to which narrower components are widened."""
LARGEST_GRID = 1 << 16
MARGIN = 8.0
"""Standard deviations of the widest component around the outermost means; beyond it the density is below 1e-15."""
LEAST_ERROR = 1e-5
"""Never less is claimed: the difference of two grids may vanish by chance."""
WIDTH_RATIO = 1.1
"""Between the variances of the series that components are shared out to."""


@dataclass(frozen=True)
class Entropy:
    """An entropy in nats, and how far from it the truth may lie: the error of the quadrature, on the safe side."""

    value: float
    error: float


def mixture_entropy(mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"]) -> Entropy:
    r"""Entropy :math:`-\int q \log q` of an even mixture of normals.

    A component is shared between three points of the grid by a quadratic spline, which adds h^2/4 to its variance wherever it
    lies, and between three of a geometric series of variances; its mean, variance and fourth moment are kept exactly.
    The result is compared with that of a grid and a series half as fine; four times the difference, at least 1e-5 nats,
    counts as the error. Components narrower than the largest grid can show are widened, which raises the entropy by at most
    the mean of 1/2 log(widened variance / variance); that is added to the error.

    Raises `UsageError` for values that are not finite, or variances that are not positive.
    """
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance > 0).all()):
        raise UsageError("Means and variances must be finite, and variances above 0.")
    span = float(np.ptp(mean)) + 2 * MARGIN * float(np.sqrt(variance.max()))
    spacing = max(float(np.sqrt(variance.min())) / PER_SIGMA, span / LARGEST_GRID)
    kept = np.maximum(variance, (LEAST_PER_SIGMA * spacing) ** 2)
    widening = 0.5 * float(np.log(kept / variance).mean())
    fine = _entropy_on_grid(mean, kept, spacing, WIDTH_RATIO)
    coarse = _entropy_on_grid(mean, kept, 1.9 * spacing, WIDTH_RATIO**2)
    return Entropy(fine, max(4 * abs(fine - coarse), LEAST_ERROR) + widening)


def _entropy_on_grid(mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], spacing: float, ratio: float) -> float:
    margin = MARGIN * float(np.sqrt(variance.max()))
    low, high = mean.min() - margin, mean.max() + margin
    size = scipy.fft.next_fast_len(int(np.ceil((high - low) / spacing)) + 2, real=True)
    widths, masses = _binned(variance, (mean - low) / spacing, size, ratio)
    frequency = 2 * np.pi * scipy.fft.rfftfreq(size, spacing)
    kernels = np.exp(-0.5 * np.square(frequency) * (widths[:, None] - spacing**2 / 4))  # less what the spline has added
    density = scipy.fft.irfft((scipy.fft.rfft(masses, axis=1) * kernels).sum(0), size) / spacing
    density = np.maximum(density, 0)
    logs = np.log(density, out=np.zeros_like(density), where=density > 0)
    return float(-spacing * (density * logs).sum())


def _spline(position: Float64[np.ndarray, "n"]) -> Iterator[tuple[Int[np.ndarray, "n"], Float64[np.ndarray, "n"]]]:
    """The three points nearest to each position, and their shares: a quadratic spline."""
    nearest = np.rint(position).astype(np.int64)
    offset = position - nearest
    yield nearest - 1, 0.5 * (0.5 - offset) ** 2
    yield nearest, 0.75 - offset**2
    yield nearest + 1, 0.5 * (0.5 + offset) ** 2


def _binned(
    variance: Float64[np.ndarray, "n"], position: Float64[np.ndarray, "n"], size: int, ratio: float
) -> tuple[Float64[np.ndarray, "w"], Float64[np.ndarray, "w g"]]:
    """Variances of the geometric series, and the mass of components of each on the grid."""
    steps = 1 + int(np.ceil(np.log(variance.max() / variance.min()) / np.log(ratio)))
    widths = variance.min() * ratio ** np.arange(-1.0, steps + 1)
    middle = 1 + np.rint(np.log(variance / variance.min()) / np.log(ratio)).astype(np.int64)
    masses = np.zeros(len(widths) * size)
    for row, row_share in _lagrange(variance, widths, middle):
        for column, share in _spline(position):
            masses += np.bincount(row * size + column, row_share * share, minlength=len(masses))
    return widths, masses.reshape(len(widths), size) / len(variance)


def _lagrange(
    variance: Float64[np.ndarray, "n"], widths: Float64[np.ndarray, "w"], middle: Int[np.ndarray, "n"]
) -> Iterator[tuple[Int[np.ndarray, "n"], Float64[np.ndarray, "n"]]]:
    """Three variances of the series around each, and weights that keep it and its square; one may be negative."""
    nodes = [widths[middle + offset] for offset in (-1, 0, 1)]
    for own in range(3):
        one, other = (nodes[i] for i in range(3) if i != own)
        yield middle + own - 1, (variance - one) * (variance - other) / ((nodes[own] - one) * (nodes[own] - other))
