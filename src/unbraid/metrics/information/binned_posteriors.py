"""Mutual information between latents and factors from the mass of posteriors in fixed bins, in nats."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import ndtr

from unbraid.metrics.information.histogram import factor_entropies, information_of_counts
from unbraid.metrics.information.types import Information

BINS, LIMIT = 100, 4.0
"""As many bins of equal width lie between - LIMIT and LIMIT."""
CHUNK = 20_000


def binned_posteriors(
    mean: Float64[np.ndarray, "n"], variance: Float64[np.ndarray, "n"], factor: Int64[np.ndarray, "n"]
) -> Float64[np.ndarray, "bins values"]:
    r"""Q(z, v) times n: posterior mass of one latent by bin, and value of a factor.

    .. math:: n Q(b, v) = \sum_{i: v_i = v} \int_b \mathcal N(z; \mu_i, \sigma_i^2)\, dz

    There are 100 bins from -4 to 4, and what lies beyond is in the outermost. Source: Do and Tran (2020), whose code takes the
    density in the middle of a bin for its mean, and scales what lies within the limits to 1.
    """
    _, labels = np.unique(factor, return_inverse=True)
    edges = np.linspace(-LIMIT, LIMIT, BINS + 1)[1:-1]
    table = np.zeros((BINS, int(labels.max()) + 1))
    for start in range(0, len(mean), CHUNK):
        rows = slice(start, start + CHUNK)
        below = ndtr((edges - mean[rows, None]) / np.sqrt(variance[rows, None]))
        mass = np.diff(below, prepend=0.0, append=1.0)
        order = np.argsort(labels[rows], kind="stable")
        values, first = np.unique(labels[rows][order], return_index=True)
        table[:, values] += np.add.reduceat(mass[order], first).T
    return table


def binned_posterior_information(
    mean: Float64[np.ndarray, "n d"], variance: Float64[np.ndarray, "n d"], factors: Int64[np.ndarray, "n k"]
) -> Information:
    """The plug-in estimate of I(z_j; v_k) from `binned_posteriors`.

    A latent counts as knowing of a factor unless the estimate is exactly 0.
    """
    matrix = np.array(
        [
            [information_of_counts(binned_posteriors(mean[:, j], variance[:, j], labels)) for labels in factors.T]
            for j in range(mean.shape[1])
        ]
    )
    return Information(matrix, factor_entropies(factors), np.zeros_like(matrix), matrix > 1e-12)
