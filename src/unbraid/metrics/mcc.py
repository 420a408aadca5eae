"""Mean correlation coefficient: each factor correlated with a latent of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.mig import Scores
from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import ranks, standardized
from unbraid.options import Option

MOST_SAMPLES, MOST_FOR_RDC = 20_000, 5_000
"""Of more samples a random part is read: standard errors are then less than a hundredth, and little more by RDC."""
FOLDS = 5
WAVES, WAVE_SCALE = 20, 1 / 6
"""Random features of RDC, and s of their weights, as in the code of Lopez-Paz et al."""
LEAST_VARIANCE = 1e-9
"""Of directions of features, in shares of the largest: others are noise of rounding."""

Correlation = Annotated[
    Literal["pearson", "spearman", "rdc"], Option("of values, of ranks, or the largest of functions of both (RDC)")
]
Alignment = Annotated[Literal["latents", "linear"], Option("latents as they are, or after the best linear map to the factors")]


@metrics.register(
    "mcc",
    source="Hyvarinen and Morioka (2016), Unsupervised Feature Extraction by Time-Contrastive Learning; RDC: Lopez-Paz et al. "
    "(2013), The Randomized Dependence Coefficient",
    formula="mean over factors of |correlation| with a latent of its own, those that match best, on samples of other folds",
    range=(0.0, 1.0),
    perfect="1; by pearson less for a code that is no straight line of the factors",
    chance="0; not cross-fitted the largest of chance correlations",
    blind="to what a latent knows beside its factor, to latents that are left over, and by pearson to all but straight lines",
    continuous="correlation; of a cyclic factor with its cosine and sine together",
    variants=(
        Variant(f"{OWN}; cross-fitted MCC", continuous=True),
        Variant("work on identifiability, where no factor is without a latent", {"cross_fitted": False}, continuous=True),
        Variant("MCC of ranks, cross-fitted", {"definition": "spearman"}, continuous=True),
        Variant("MCC by RDC, cross-fitted", {"definition": "rdc"}, continuous=True),
        Variant("work on identifiability up to a linear map, cross-fitted", {"align": "linear"}, continuous=True),
    ),
    sampled=True,
    no_interval_by={
        ("cross_fitted", False): "chance correlations count, which fall with the square root of the number of samples",
    },
)
def mcc(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Correlation = "pearson",
    align: Alignment = "latents",
    cross_fitted: Annotated[bool, Option("match latents and factors on other samples than those that correlate")] = True,
    seed: Annotated[int, Option("seed of the folds", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Mean correlation coefficient of factors and latents, matched one to one.

    .. math:: \frac1K \max_\pi \sum_k \bigl| \rho(z_{\pi(k)}, v_k) \bigr|

    Definitions of :math:`\rho`:

    * "pearson": the correlation. Classes count as numbers; a shape has none that mean anything.
    * "spearman": that of ranks, so that monotone transforms do not matter.
    * "rdc": the largest correlation of functions of both, spanned by 20 random sines of ranks: also what rises and falls
      counts.

    With a cyclic factor it is the largest correlation of a latent with a mixture of cosine and sine of the factor (Mardia,
    1976), by "spearman" of ranks of the latent. Latents that are its cosine and its sine both have 1; the angle itself, cut
    open, 0.78.

    By `align="linear"` factors are predicted from all latents by least squares first, and each correlates with its own
    prediction: 1 for any code that a linear map takes to the factors.

    Cross-fitted, latents are matched, and signs, directions and linear maps learned, on four of five folds, and the correlation
    in that direction is taken on the fifth; the mean over folds, at least 0, is the score. Folds in which a factor does not
    vary, as where few samples are of a rare class, do not count for it, and where none is left it scores 0. Independent codes
    then score about 0. Otherwise, and of fewer than 10 samples, all is done on the same samples, as usual: chance correlations
    count then, the more the more latents and the fewer samples there are.

    Factors without a latent, where there are fewer of these, score 0. Usually the mean is over matched pairs alone. 20,000
    samples are read at most, by "rdc" 5,000. Range 0 to 1. A perfect code scores 1. Blind to what a latent knows beside its
    factor: a code at 45 degrees has 0.71. Source: Hyvarinen and Morioka (2016); cross-fitting as in identifiability-guard
    (2026).
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = mcc(codes, factors, factor_names=["shape", "size", "x"])
    >>> {name: round(score, 2) for name, score in found["per_factor"].items()}
    {'shape': 1.0, 'size': 1.0, 'x': 0.94}
    """
    samples = gather(codes, factors, factor_names=factor_names)
    require_choice("definition", definition, Correlation)
    require_choice("align", align, Alignment)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(samples))[: MOST_FOR_RDC if definition == "rdc" else MOST_SAMPLES]
    correlated = _aligned if align == "linear" else _matched
    left, right = _features(samples.rows(rows), definition, align)
    if not cross_fitted or len(rows) < 2 * FOLDS:
        everything = np.arange(len(rows))
        found = correlated(left, right, everything, everything)
    else:
        folds = np.array_split(np.arange(len(rows)), FOLDS)
        others = [np.concatenate([own for own in folds if own is not fold]) for fold in folds]
        in_folds = np.stack([correlated(left, right, *pair) for pair in zip(others, folds, strict=True)])
        told = np.stack([[varies(own[a]) and varies(own[b]) for own in right] for a, b in zip(others, folds, strict=True)])
        found = np.where(told, in_folds, 0.0).sum(0) / np.maximum(told.sum(0), 1)
    scores = np.clip(found, 0.0, 1.0)
    return {"score": float(scores.mean()), "per_factor": samples.by_factor(scores)}


def varies(columns: Float64[np.ndarray, "n p"]) -> bool:
    """Whether any column has two values."""
    return bool((columns != columns[0]).any())


Features = list[Float64[np.ndarray, "n _"]]


def _features(samples: Samples, definition: str, align: str) -> tuple[Features, Features]:
    """What of each latent, and of each factor, is correlated.

    It is one column or several, of which the best mixture counts.
    """
    columns = [column[:, None].astype(np.float64) for column in samples.factors.T]
    cyclic = [False] * len(columns) + [period > 0 for period in samples.periods]
    columns += [samples.features(k) for k in range(len(samples.quantity_names))]
    latents = [column[:, None] for column in samples.codes.T]
    if align == "linear":
        latents = [samples.codes]
    if definition == "pearson":
        return latents, columns
    ranked = [_ranks(own) for own in latents]
    targets = [own if circle else _ranks(own) for own, circle in zip(columns, cyclic, strict=True)]
    if definition == "spearman":
        return ranked, targets
    rng = np.random.default_rng(0)  # the same random functions whatever the samples
    return [_waves(own, rng) for own in ranked], [_waves(own, rng) for own in targets]


def _ranks(values: Float64[np.ndarray, "n p"]) -> Float64[np.ndarray, "n p"]:
    """Ranks between 0 and 1; equal values share theirs."""
    return ranks(values) / len(values)


def _waves(values: Float64[np.ndarray, "n p"], rng: np.random.Generator) -> Float64[np.ndarray, "n w"]:
    """Random sines of them, as in the code of Lopez-Paz et al. (2013)."""
    inputs = np.hstack([values, np.ones((len(values), 1))])
    return np.sin(inputs @ rng.standard_normal((inputs.shape[1], WAVES)) * (WAVE_SCALE / inputs.shape[1]))


def _correlations(
    left: Features, right: Features, learned: Int64[np.ndarray, "a"], read: Int64[np.ndarray, "b"]
) -> tuple[Float64[np.ndarray, "d k"], Float64[np.ndarray, "d k"]]:
    """Largest correlations of mixtures on rows to learn from, and theirs on rows to be read."""
    everything = np.hstack([*left, *right])
    first, second = standardized(everything[learned], everything[read])
    second = second - second.mean(0)
    known, unseen = first.T @ first / len(first), second.T @ second / len(second)
    ends = np.cumsum([own.shape[1] for own in (*left, *right)])
    blocks = [slice(end - own.shape[1], end) for end, own in zip(ends, (*left, *right), strict=True)]
    mixtures = [_whitening(known[block, block]) for block in blocks]
    strengths, found = np.zeros((len(left), len(right))), np.zeros((len(left), len(right)))
    for j in range(len(left)):
        for k in range(len(right)):
            x, y = blocks[j], blocks[len(left) + k]
            one, other = mixtures[j], mixtures[len(left) + k]
            if not one.shape[1] or not other.shape[1]:
                continue
            us, strength, vs = np.linalg.svd(one.T @ known[x, y] @ other)
            a, b = one @ us[:, 0], other @ vs[0]
            spread = float((a @ unseen[x, x] @ a) * (b @ unseen[y, y] @ b))
            strengths[j, k] = strength[0]
            found[j, k] = float(a @ unseen[x, y] @ b) / np.sqrt(spread) if spread > 0 else 0.0
    return strengths, found


def _whitening(covariance: Float64[np.ndarray, "p p"]) -> Float64[np.ndarray, "p r"]:
    """Weights of uncorrelated mixtures of variance 1; none for constants."""
    spread, directions = np.linalg.eigh(covariance)
    kept = spread > max(LEAST_VARIANCE * float(spread[-1]), 1e-12)
    return np.asarray(directions[:, kept] / np.sqrt(spread[kept]))


def _matched(
    left: Features, right: Features, learned: Int64[np.ndarray, "a"], read: Int64[np.ndarray, "b"]
) -> Float64[np.ndarray, "k"]:
    """Correlations of factors on rows to be read, each with a latent of its own.

    Rows to learn from choose the latents.
    """
    from scipy.optimize import linear_sum_assignment  # type: ignore[attr-defined]

    strengths, found = _correlations(left, right, learned, read)
    rows, columns = linear_sum_assignment(-strengths)
    scores = np.zeros(len(right))
    scores[columns] = found[rows, columns]
    return scores


def _aligned(
    left: Features, right: Features, learned: Int64[np.ndarray, "a"], read: Int64[np.ndarray, "b"]
) -> Float64[np.ndarray, "k"]:
    """Correlations of factors with what least squares predict of them from all latents."""
    return _correlations(left, right, learned, read)[1][0]
