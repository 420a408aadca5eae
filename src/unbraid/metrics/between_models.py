"""Agreement between the latents of several models: UDR and mean correlation coefficient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float64, Shaped

from unbraid.errors import UsageError
from unbraid.metrics.samples import require_choice
from unbraid.metrics.splitting import ranks, standardized

LASSO_PENALTY = 0.1
LEAST_KL = 0.01


def mcc_between(
    first: Shaped[np.ndarray, "..."], second: Shaped[np.ndarray, "..."], *, method: Literal["pearson", "spearman"] = "pearson"
) -> float:
    r"""Mean correlation coefficient: mean |correlation| of two models' latents, matched one to one.

    The match is the best there is.

    .. math:: \max_\pi \frac{1}{m} \sum_{i=1}^m |\mathrm{corr}(a_i, b_{\pi(i)})|, \qquad m = \min(D_a, D_b)

    1 for codes that are the same up to order, sign and scale. Constant latents have a correlation of 0. Independent codes
    do not score 0 but the best of their chance correlations, which fall with the root of the number of samples. "spearman"
    correlates ranks, so that it does not see monotone transforms. Source: Hyvarinen and Morioka (2016), Unsupervised Feature
    Extraction by Time-Contrastive Learning.
    Raises `UsageError` for codes that are not finite arrays (samples, latents) of the same samples.

    >>> codes = np.random.default_rng(0).standard_normal((500, 3))
    >>> round(mcc_between(codes, -2 * codes[:, [2, 0, 1]]), 2)  # the same latents in another order, sign and scale
    1.0
    """
    from scipy.optimize import linear_sum_assignment  # type: ignore[attr-defined]

    _check_models([first, second])
    require_choice("method", method, Literal["pearson", "spearman"])
    matrix = _correlations(first, second) if method == "pearson" else _rank_correlations(first, second)
    rows, columns = linear_sum_assignment(-matrix)
    return float(matrix[rows, columns].mean())


def udr(
    models: Sequence[Shaped[np.ndarray, "..."]],
    *,
    kl: Sequence[Shaped[np.ndarray, "..."]] | None = None,
    definition: Annotated[Literal["spearman", "lasso"], "how similar two latents are"] = "spearman",
) -> Float64[np.ndarray, "m"]:
    r"""Unsupervised disentanglement ranking: how well each model's latents match those of the others.

    Latents are matched one to one.

    .. math:: \mathrm{UDR}_{ab} = \frac12 \Bigl[ \frac{1}{d_b} \sum_j \frac{r_b(j)^2}{\sum_i R_{ij}} I_b(j) +
        \frac{1}{d_a} \sum_i \frac{r_a(i)^2}{\sum_j R_{ij}} I_a(i) \Bigr]

    R is |Spearman's correlation| of latent i of model a and j of model b, or the |coefficients| of a Lasso (penalty 0.1) from
    the standardized latents of a to those of b; r is the largest entry of a row or a column. Only informative latents count:
    those with a mean KL (`kl`, an array per model) above 0.01 nats, or all that are not constant where no KL is given. The
    score of a model is the median over all others.

    Args:
        models: codes of each model for the same samples.

    Range 0 to 1. The same latents up to order, sign and scale score 1 ("lasso": 0.9, to which the penalty shrinks
    coefficients). A model without an informative latent scores 0.
    Source: Duan et al. (2020), Unsupervised Model Selection for Variational Disentangled Representation Learning.
    Raises `UsageError` for fewer than two models, and codes that are not finite arrays (samples, latents) of the same samples.

    >>> first, second, other = np.random.default_rng(0).standard_normal((3, 500, 3))
    >>> udr([first, -first[:, [2, 0, 1]], first]).round(2).tolist()  # 1, but for correlations by chance
    [0.98, 0.98, 0.98]
    >>> bool((udr([first, second, other]) < 0.8).all())  # models that have nothing in common
    True
    """
    _check_models(models)
    require_choice("definition", definition, Literal["spearman", "lasso"])
    informative = _informative(models, kl)
    similarity = _of_standardized if definition == "spearman" else _lasso_weights
    kept = [codes[:, mask] for codes, mask in zip(models, informative, strict=True)]
    kept = [_standardized(ranks(codes) if definition == "spearman" else codes) for codes in kept]  # once, not for each pair
    pairs = np.full((len(models), len(models)), np.nan)
    for a, own in enumerate(kept):
        for b, other in enumerate(kept):
            if a != b:
                pairs[a, b] = one_to_one(similarity(own, other)) if own.shape[1] and other.shape[1] else 0.0
    return np.nanmedian(pairs, axis=1)


def one_to_one(similarity: Float64[np.ndarray, "a b"]) -> float:
    """Mean of max^2 / sum over columns, and over rows, averaged.

    It is 1 for a permutation matrix.
    """
    halves = []
    for matrix in (similarity, similarity.T):
        total = matrix.sum(0)
        halves.append(np.divide(matrix.max(0) ** 2, total, out=np.zeros(len(total)), where=total > 0).mean())
    return float(np.mean(halves))


def _informative(
    models: Sequence[Shaped[np.ndarray, "..."]], kl: Sequence[Shaped[np.ndarray, "..."]] | None
) -> list[Bool[np.ndarray, "d"]]:
    if kl is None:
        return [np.ptp(codes, axis=0) > 0 for codes in models]
    if [found.shape for found in kl] != [codes.shape[1:] for codes in models]:
        raise UsageError("kl holds one array for each model, with one mean KL for each of its latents.")
    return [found > LEAST_KL for found in kl]


def _standardized(codes: Shaped[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d"]:
    return standardized(codes, codes)[0]


def _of_standardized(left: Float64[np.ndarray, "n a"], right: Float64[np.ndarray, "n b"]) -> Float64[np.ndarray, "a b"]:
    return np.minimum(np.abs(left.T @ right) / len(left), 1.0)


def _correlations(first: Shaped[np.ndarray, "n a"], second: Shaped[np.ndarray, "n b"]) -> Float64[np.ndarray, "a b"]:
    return _of_standardized(_standardized(first), _standardized(second))


def _rank_correlations(first: Shaped[np.ndarray, "n a"], second: Shaped[np.ndarray, "n b"]) -> Float64[np.ndarray, "a b"]:
    return _correlations(ranks(first), ranks(second))


def _lasso_weights(left: Float64[np.ndarray, "n a"], right: Float64[np.ndarray, "n b"]) -> Float64[np.ndarray, "a b"]:
    from sklearn.linear_model import Lasso

    weights = Lasso(LASSO_PENALTY, random_state=0).fit(left, right).coef_  # each column of its own, all at one call
    return np.abs(np.atleast_2d(weights)).T


def _check_models(models: Sequence[Shaped[np.ndarray, "..."]]) -> None:
    if len(models) < 2:
        raise UsageError(f"Two models or more are needed, given {len(models)}.")
    for number, codes in enumerate(models):
        if codes.ndim != 2 or 0 in codes.shape or not np.isfinite(codes).all():
            raise UsageError(f"The codes of model {number} must be a finite array (samples, latents), given {codes.shape}.")
        if len(codes) != len(models[0]):
            raise UsageError(f"Model {number} has {len(codes)} samples and model 0 has {len(models[0])}; they must match.")
