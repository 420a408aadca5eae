r"""The parts of the KL: mutual information, total correlation and dimension-wise KL, in nats.

They are those of the aggregate posterior.

.. math:: \frac1N \sum_n \mathrm{KL}(q(z|x_n) \| p(z)) = I_q(x; z) + \mathrm{KL}\Bigl(q(z) \Big\| \prod_j q(z_j)\Bigr)
    + \sum_j \mathrm{KL}(q(z_j) \| p(z_j)), \qquad q(z) = \frac1N \sum_n q(z|x_n)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float, Float64, Int

from unbraid.errors import UsageError
from unbraid.metrics.information.mixture_entropy import mixture_entropy
from unbraid.options import Option, checked

BLOCK = 1 << 18
"""Numbers handled at once; what fits a core's cache."""
LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Estimate:
    """A value in nats and the standard error of its Monte Carlo estimate."""

    value: float
    error: float


@dataclass(frozen=True)
class Decomposition:
    """The KL of an encoder and its three parts, which add up to it exactly.

    Args:
        kl: mean KL(q(z|x) || p(z)), in closed form.
        mi, tc: estimates of mutual information and total correlation; their errors are opposite and equal.
        dimension_wise_kl: sum over latents of KL(q(z_j) || p(z_j)), `dimension_wise_kl_per_dim`, by quadrature.
        quadrature_error: of that sum, on the safe side.
        images: number N of images whose posteriors make up q(z); mutual information is at most log N.
        samples: number of draws from q(z).
    """

    kl: float
    mi: Estimate
    tc: Estimate
    dimension_wise_kl: float
    dimension_wise_kl_per_dim: Float64[np.ndarray, "d"]
    quadrature_error: float
    images: int
    samples: int


@checked
def kl_decomposition(
    mean: Float[np.ndarray, "..."],
    variance: Float[np.ndarray, "..."],
    *,
    rng: np.random.Generator,
    samples: Annotated[int, Option("draws that the entropy of q(z) is estimated from")] = 2000,
) -> Decomposition:
    """Decompose the mean KL against N(0, I) of normal posteriors with independent latents.

    Means and variances are (images, latents).

    Only the entropy of q(z) is estimated: draws from q(z) are scored under the mixture of all images, so that no batch is
    involved. Entropies of the posteriors and the expectation of log p(z) are exact, entropies of q(z_j) come from quadrature
    (`unbraid.metrics.information.mixture_entropy`).

    Raises `UsageError` for arrays that are empty, of different shapes, not finite, or variances that are not positive, and for
    fewer than 2 samples.

    >>> mean = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 500, 0)  # two kinds of images, told apart by the first latent
    >>> parts = kl_decomposition(mean, np.full_like(mean, [0.01, 1.0]), rng=np.random.default_rng(0))
    >>> round(parts.mi.value, 2), round(math.log(2), 2)
    (0.69, 0.69)
    """
    if samples < 2:
        raise UsageError(f"samples is {samples}; allowed: at least 2.")
    mean, variance = _checked(mean, variance)
    n, d = mean.shape
    rows = _spread_rows(n, samples, rng)
    log_q = _log_mixture(mean[rows] + np.sqrt(variance[rows]) * rng.standard_normal((samples, d)), mean, variance)
    marginal = [mixture_entropy(mean[:, j], variance[:, j]) for j in range(d)]
    entropies = np.array([entropy.value for entropy in marginal])

    conditional_entropy = 0.5 * (np.log(variance) + LOG_2PI + 1).sum(1).mean()
    log_prior = -0.5 * ((mean**2 + variance).mean(0) + LOG_2PI)  # E log p(z_j), exact
    return Decomposition(
        kl=float(-conditional_entropy - log_prior.sum()),
        mi=_estimate(-log_q - conditional_entropy),
        tc=_estimate(log_q + entropies.sum()),
        dimension_wise_kl=float(-(entropies + log_prior).sum()),
        dimension_wise_kl_per_dim=-(entropies + log_prior),
        quadrature_error=float(sum(entropy.error for entropy in marginal)),
        images=n,
        samples=samples,
    )


def _checked(
    mean: Float[np.ndarray, "..."], variance: Float[np.ndarray, "..."]
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n d"]]:
    if mean.ndim != 2 or 0 in mean.shape or mean.shape != variance.shape:
        raise UsageError(f"Means and variances must be filled arrays (images, latents), given {mean.shape}, {variance.shape}.")
    if not np.isfinite(mean).all() or not np.isfinite(variance).all() or not (variance > 0).all():
        raise UsageError("Means and variances must be finite, and variances above 0.")
    return mean.astype(np.float64), variance.astype(np.float64)


def _spread_rows(n: int, samples: int, rng: np.random.Generator) -> Int[np.ndarray, "samples"]:
    """Images to draw from, in random choice, each as often as any other or once more."""
    whole, rest = divmod(samples, n)
    return np.concatenate([np.tile(np.arange(n), whole), rng.permutation(n)[:rest]])


def _log_mixture(
    z: Float64[np.ndarray, "s d"], mean: Float64[np.ndarray, "n d"], variance: Float64[np.ndarray, "n d"]
) -> Float64[np.ndarray, "s"]:
    """log 1/N sum_n N(z; mean_n, diag variance_n) of each sample.

    Squares are expanded into matrix products, z^2/v - 2 z m/v + m^2/v: at a standard deviation of 1e-5 of the means' spread
    they cancel to about 1e-5 nats.
    """
    center = mean.mean(0)
    z, mean = z - center, mean - center
    precision = 1 / variance
    constant = 0.5 * (np.log(precision) - mean**2 * precision - LOG_2PI).sum(1)
    found = np.empty(len(z))
    step = max(1, BLOCK // len(mean))
    for start in range(0, len(z), step):
        block = z[start : start + step]
        log_density = constant + block @ (mean * precision).T - 0.5 * block**2 @ precision.T
        top = log_density.max(1, keepdims=True)
        found[start : start + step] = top[:, 0] + np.log(np.exp(log_density - top).mean(1))
    return found


def _estimate(values: Float64[np.ndarray, "s"]) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values))))
