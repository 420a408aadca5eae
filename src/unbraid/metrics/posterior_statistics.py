"""Statistics of posteriors that need no factors.

Active units, total correlation of a normal fit, and the spread of KLs over latents.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Float64, Shaped

from unbraid.errors import UsageError
from unbraid.metrics.information.mixture_entropy import mixture_entropy

LOG_2PI = float(np.log(2 * np.pi))


def active_units(mean: Shaped[np.ndarray, "..."], *, threshold: float = 0.01) -> Bool[np.ndarray, "d"]:
    r"""Which latents are active: :math:`\mathrm{Var}_x\, \mathrm{E}[z_j | x] > 0.01`, with n - 1 samples.

    It depends on the scale of a latent, so it means what it says where the prior has a variance of 1.
    Source: Burda et al. (2016), Importance Weighted Autoencoders. Raises `UsageError` for means that are not a finite array
    (samples, latents) of two samples or more.

    >>> active_units(np.array([[1.0, 0.01], [-1.0, 0.02], [0.5, 0.0]])).tolist()
    [True, False]
    """
    return _checked(mean, least=2).var(0, ddof=1) > threshold


def gaussian_total_correlation(codes: Shaped[np.ndarray, "..."]) -> float:
    r"""Total correlation, in nats, of a normal distribution with the covariance of the codes.

    .. math:: \tfrac12 \Bigl(\sum_j \log \Sigma_{jj} - \log \det \Sigma\Bigr)

    0 for uncorrelated latents, 0.22314 for two with a correlation of 0.6; sign and scale do not matter. It is blind to any
    dependence that is not linear. Constant latents are left out. Infinite where a latent is a linear function of others.
    Source: Watanabe (1960); as a score, Locatello et al. (2019). Raises `UsageError` for codes that are not a finite array
    (samples, latents) of two samples or more.

    >>> codes = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 100_000)
    >>> round(gaussian_total_correlation(codes), 2)
    0.22
    """
    codes = _checked(codes, least=2)
    centerd = codes - codes.mean(0)
    scale = np.abs(centerd).max(0)
    live = scale > 1e-12 * np.abs(codes).max(0)
    if live.sum() < 2:
        return 0.0
    scaled = centerd[:, live] / scale[live]
    correlations = np.linalg.eigvalsh(np.corrcoef(scaled, rowvar=False))
    if correlations[0] < 1e-12:
        return float("inf")
    return float(max(0.0, -0.5 * np.log(correlations).sum()))


def gaussian_wasserstein_correlation(codes: Shaped[np.ndarray, "..."], *, normalized: bool = True) -> float:
    r"""Wasserstein correlation of a normal distribution with the covariance of the codes.

    .. math:: W_2^2\bigl(\mathcal N(0, \Sigma), \mathcal N(0, D)\bigr) =
        2 \operatorname{tr} \Sigma - 2 \operatorname{tr} \bigl(D^{1/2} \Sigma D^{1/2}\bigr)^{1/2},
        \quad D = \operatorname{diag} \Sigma

    The squared distance to the same distribution with independent latents. Unless `normalized` is false it is divided by the
    sum of variances, tr D: then it is below 2, and a common scale does not matter; the scale of one latent does. 0 for
    uncorrelated latents, 0.10263 normalized for two of the same variance with a correlation of 0.6. Unlike
    `gaussian_total_correlation` it is finite for copies of latents. Blind to any dependence that is not linear.
    Source: disentanglement_lib, Locatello et al. (2019). Raises `UsageError` for codes that are not a finite array (samples,
    latents) of two samples or more.

    >>> codes = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 100_000)
    >>> round(gaussian_wasserstein_correlation(codes), 2)
    0.1
    """
    codes = _checked(codes, least=2)
    centerd = codes - codes.mean(0)
    scale = np.abs(centerd).max()
    if scale <= 1e-12 * np.abs(codes).max():
        return 0.0
    covariance = np.atleast_2d(np.cov(centerd / scale, rowvar=False))
    deviations = np.sqrt(np.diag(covariance))
    # D^(1/2) S D^(1/2) is symmetric, and the trace of its root is the sum of the roots of its eigenvalues
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance * np.outer(deviations, deviations)), 0.0))
    distance = max(0.0, 2 * float(np.trace(covariance)) - 2 * float(roots.sum()))
    return distance / float(np.trace(covariance)) if normalized else distance * float(scale) ** 2


def kl_per_dim(mean: Shaped[np.ndarray, "..."], variance: Shaped[np.ndarray, "..."]) -> Float64[np.ndarray, "d"]:
    r"""Mean KL of each latent, in nats: :math:`\mathrm{E}_x \mathrm{KL}(q(z_j|x) \| N(0, 1))`.

    The first latent here tells the two images apart, the second is the prior, whatever the image:

    >>> kl_per_dim(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[0.1, 1.0], [0.1, 1.0]])).round(2).tolist()
    [1.2, 0.0]
    """
    mean, variance = _checked_posteriors(mean, variance)
    return (0.5 * (mean**2 + variance - np.log(variance) - 1)).mean(0)


def dimension_wise_kl(mean: Shaped[np.ndarray, "..."], variance: Shaped[np.ndarray, "..."]) -> Float64[np.ndarray, "d"]:
    r"""KL of each latent's aggregate posterior, a mixture, in nats by quadrature.

    It is :math:`\mathrm{KL}(q(z_j) \| N(0, 1))`.

    >>> dimension_wise_kl(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[0.1, 1.0], [0.1, 1.0]])).round(2).tolist()
    [0.51, 0.0]
    """
    mean, variance = _checked_posteriors(mean, variance)
    entropies = np.array([mixture_entropy(mean[:, j], variance[:, j]).value for j in range(mean.shape[1])])
    return 0.5 * ((mean**2 + variance).mean(0) + LOG_2PI) - entropies


def var_kl_per_dim(mean: Shaped[np.ndarray, "..."], variance: Shaped[np.ndarray, "..."]) -> float:
    """Variance over latents (ddof = 0) of `kl_per_dim`: large where few latents carry all information.

    One of two readings of "variance of dimension-wise KL"; the other is `var_dimension_wise_kl`. This one contains the mutual
    information of each latent with the image. Raises `UsageError` for arrays of different shapes, that are not finite, or
    variances that are not positive.

    >>> round(var_kl_per_dim(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[0.1, 1.0], [0.1, 1.0]])), 2)
    0.36
    """
    return float(kl_per_dim(mean, variance).var())


def var_dimension_wise_kl(mean: Shaped[np.ndarray, "..."], variance: Shaped[np.ndarray, "..."]) -> float:
    """Variance over latents (ddof = 0) of `dimension_wise_kl`: the third term of the decomposed KL.

    One of two readings of "variance of dimension-wise KL"; the other is `var_kl_per_dim`. This one is 0 if every latent's
    aggregate posterior is the prior, however information is spread. Raises as that.

    >>> round(var_dimension_wise_kl(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[0.1, 1.0], [0.1, 1.0]])), 2)
    0.07
    """
    return float(dimension_wise_kl(mean, variance).var())


def _checked(codes: Shaped[np.ndarray, "..."], least: int) -> Float64[np.ndarray, "n d"]:
    if codes.ndim != 2 or len(codes) < least or codes.shape[1] == 0:
        raise UsageError(f"An array (samples, latents) of {least} samples or more is needed, given shape {codes.shape}.")
    found: Float[np.ndarray, "n d"] = codes.astype(np.float64)
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        raise UsageError(f"The value of sample {bad[0, 0]}, latent {bad[0, 1]} is {found[tuple(bad[0])]}; all must be finite.")
    return found


def _checked_posteriors(
    mean: Shaped[np.ndarray, "..."], variance: Shaped[np.ndarray, "..."]
) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n d"]]:
    if mean.shape != variance.shape:
        raise UsageError(f"Means of shape {mean.shape} and variances of shape {variance.shape}; both are (samples, latents).")
    mean, variance = _checked(mean, least=1), _checked(variance, least=1)
    if not (variance > 0).all():
        raise UsageError("Variances must be above 0.")
    return mean, variance
