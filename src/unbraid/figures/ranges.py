"""Ranges over which traversals move each latent."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

WIDTH = 2.0
"""Standard deviations of the aggregate posterior on either side of its mean."""


def aggregate_moments(
    mean: Float32[np.ndarray, "n d"], variance: Float32[np.ndarray, "n d"]
) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d"]]:
    r"""Mean and standard deviation of each latent under the aggregate posterior.

    That is the mixture of the posteriors of all images.

    .. math:: \mathrm{Var}[z_j] = \mathrm{Var}_x[\mu_j(x)] + \mathrm{E}_x[\sigma_j^2(x)]

    A posterior that collapsed to points (beta = 0) keeps the spread of its means. Values that are not finite are left out.
    """
    means = np.where(np.isfinite(mean), mean, np.nan).astype(np.float64)
    variances = np.where(np.isfinite(variance), variance, np.nan).astype(np.float64)
    center = _mean(means)
    return center, np.sqrt(_mean((means - center) ** 2) + _mean(variances))


def explained(mean: Float32[np.ndarray, "n d"], variance: Float32[np.ndarray, "n d"]) -> Float[np.ndarray, "d"]:
    """Share of each latent's aggregate variance that is due to the means: 0 if dead, 1 without noise."""
    center, deviation = aggregate_moments(mean, variance)
    means = np.where(np.isfinite(mean), mean, np.nan).astype(np.float64)
    between, total = _mean((means - center) ** 2), deviation**2
    rounding = 1e-12 * center**2  # of float32 means that are all the same
    return np.asarray(np.divide(between, total, out=np.zeros_like(total), where=total > rounding))


def traversal_values(
    mean: Float32[np.ndarray, "n d"], variance: Float32[np.ndarray, "n d"], n: int
) -> Float[np.ndarray, "d value"]:
    """n values per latent, from 2 aggregate standard deviations below its mean to 2 above."""
    center, deviation = aggregate_moments(mean, variance)
    return np.asarray(center[:, None] + deviation[:, None] * np.linspace(-WIDTH, WIDTH, n))


def _mean(values: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "d"]:
    known = np.isfinite(values)
    return np.asarray(np.where(known, values, 0).sum(0) / np.maximum(1, known.sum(0)))
