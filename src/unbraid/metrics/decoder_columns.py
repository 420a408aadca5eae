"""How a decoder's latents change its output: overlap of the columns of its Jacobian."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Shaped

from unbraid.errors import UsageError


def column_overlap(jacobian: Shaped[np.ndarray, "..."]) -> Float64[np.ndarray, "n"]:
    r"""Local entanglement of a decoder: the mean squared cosine between columns of its Jacobian.

    One value per sample:

    .. math:: \frac{2}{M (M - 1)} \sum_{i < j} \frac{(J_i \cdot J_j)^2}{\lVert J_i \rVert^2 \lVert J_j \rVert^2},
        \qquad J_i = \frac{\partial f(z)}{\partial z_i}

    Args:
        jacobian: (samples, values of the output, latents), at least two latents.

    Range 0 to 1; less is better. 0 where latents move the output in orthogonal directions, 1 where all move it in the same
    one. The scale of a latent does not matter; a latent that moves nothing overlaps with none, so leave out those that are not
    used. Two linear columns of squared lengths a and b, turned by an angle t, score
    (a - b)^2 c s / ((a c + b s) (a s + b c)) with c = cos^2 t and s = sin^2 t: a turn of columns of equal length is not seen.
    It needs no labels, and says nothing of what a latent stands for.
    Source: the penalty of Wei et al. (2021), Orthogonal Jacobian Regularization for Unsupervised Disentanglement in Image
    Generation; theirs is the sum of squared products, which changes with the scale of latents. That orthogonal columns identify
    factors whose combinations all occur: arXiv:2606.21385 (ICML 2026).
    Raises `UsageError` for anything but a finite array of that form.

    >>> column_overlap(np.array([[[3.0, 1.0], [0.0, 1.0]]])).round(2)
    array([0.5])
    """
    columns = _unit_columns(jacobian)
    first, second = np.triu_indices(columns.shape[2], k=1)
    cosines = np.matmul(columns.transpose(0, 2, 1), columns)[:, first, second]
    return np.asarray(np.minimum(cosines**2, 1.0).mean(1))


def ima_contrast(jacobian: Shaped[np.ndarray, "..."]) -> Float64[np.ndarray, "n"]:
    r"""Contrast of independent mechanism analysis, in nats, for each sample.

    .. math:: \sum_i \log \lVert J_i \rVert - \tfrac12 \log \det J^\top J

    Args:
        jacobian: as for `column_overlap`.

    0 or more; less is better. 0 for orthogonal columns, infinite for dependent ones; two columns with the cosine c have
    -1/2 log(1 - c^2). The scale of a latent does not matter, nor does that of the output.
    Source: Gresele et al. (2021), Independent Mechanism Analysis, a New Concept?, for as many values as latents; of longer
    columns as in Reizinger et al. (2022), Embrace the Gap.
    Raises `UsageError` as `column_overlap` does, and for a column of zeros, which has no direction.

    >>> ima_contrast(np.array([[[3.0, 1.0], [0.0, 1.0]]])).round(3)
    array([0.347])
    """
    columns = _unit_columns(jacobian)
    if (np.abs(columns).max(1) == 0).any():
        raise UsageError("A column of the Jacobian is all zeros, so that it has no direction; leave out unused latents.")
    singular = np.linalg.svd(columns, compute_uv=False)
    if columns.shape[1] < columns.shape[2]:
        return np.full(len(columns), np.inf)
    with np.errstate(divide="ignore"):
        contrast = -np.log(np.where(singular > 1e-12, singular, 0.0)).sum(1)
    return np.asarray(np.maximum(contrast, 0.0))


def _unit_columns(jacobian: Shaped[np.ndarray, "..."]) -> Float64[np.ndarray, "n value latent"]:
    values = np.asarray(jacobian, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape or values.shape[2] < 2 or not np.isfinite(values).all():
        raise UsageError(
            "The Jacobian must be a finite array (samples, values, latents) of two latents or more, given the shape "
            f"{values.shape}."
        )
    largest = np.abs(values).max(1, keepdims=True)
    scaled = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.divide(scaled, length, out=np.zeros_like(scaled), where=length > 0)
