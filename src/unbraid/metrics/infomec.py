"""Modularity, compactness and explicitness as shares of information: InfoMEC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Bool, Float64, Int64

from unbraid.errors import UsageError
from unbraid.metrics.information.definitions import information
from unbraid.metrics.information.histogram import factor_entropies
from unbraid.metrics.linear_probe import ITERATIONS, TEST, TRAIN, linear_read
from unbraid.metrics.mig import Scores
from unbraid.metrics.mig_sup import LatentScores, over_live
from unbraid.metrics.probes import any_number_of_classes, multinomial_probe
from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

NEIGHBORS = 10
LEAST_RANGE = 1 / 20
LEAST_QUARTILES = 1 / 10


class InfoMEC(TypedDict):
    """The three scores; `score` is InfoM."""

    score: float
    modularity: LatentScores
    compactness: Scores
    explicitness: Scores


def share_of_best(information: Float64[np.ndarray, "a b"]) -> Float64[np.ndarray, "a"]:
    r"""How much of a row is in its largest entry: :math:`(\max_b / \sum_b - 1/B) / (1 - 1/B)`; 0 for a row of zeros.

    With a single column a row that is not zero scores 1.
    """
    count = information.shape[1]
    total = information.sum(1)
    share = np.divide(information.max(1), total, out=np.zeros(len(total)), where=total > 0)
    scaled = (share - 1 / count) / (1 - 1 / count) if count > 1 else share
    return np.where(total > 0, scaled, 0.0)


def predicted_share(samples: Samples, k: int, *, published: bool, seed: int) -> float:
    """The share of a factor's entropy that a softmax regression takes away; 0 if it does worse than a guess."""
    train, _ = split_rows(len(samples), TRAIN, TEST, seed)
    labels = samples.factors[train, k]
    if published:
        learned, _ = standardized(samples.codes[train], samples.codes[train])
        found, truth = multinomial_probe(learned, labels, learned, penalty=0.0, balanced=True, iterations=ITERATIONS), labels
        shares = np.full(len(found.classes), 1 / len(found.classes))
    else:
        found, truth = linear_read(samples, k, seed=seed)
        shares = np.bincount(np.searchsorted(found.classes, labels)) / len(train)
    unknown = _cross_entropy(np.broadcast_to(shares, found.scores.shape), found.classes, truth)
    left = _cross_entropy(found.scores, found.classes, truth)
    return max(0.0, 1 - left / unknown) if unknown > 0 else 0.0


def _cross_entropy(
    chances: Float64[np.ndarray, "n c"], classes: Int64[np.ndarray, "c"], labels: Int64[np.ndarray, "n"]
) -> float:
    """Mean -log of the chance given to what is true; of values that were never seen, a sample is left out."""
    columns = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    seen = classes[columns] == labels
    if not seen.any():
        return 0.0
    return float(-np.log(np.maximum(chances[seen, columns[seen]], 1e-300)).mean())


def wide(codes: Float64[np.ndarray, "n d"]) -> Bool[np.ndarray, "d"]:
    """Which latents have a range of more than a 20th of the widest."""
    width = np.ptp(codes, axis=0)
    return np.asarray(width > LEAST_RANGE * width.max())


def spread_out(codes: Float64[np.ndarray, "n d"]) -> Bool[np.ndarray, "d"]:
    """Which latents have an interquartile range of more than a tenth of the largest."""
    low, high = np.quantile(codes, [0.25, 0.75], axis=0)
    return (high - low > LEAST_QUARTILES * (high - low).max()) & (high > low)


PUBLISHED = {"hsu2023": wide, "hsu2024": spread_out}
"""Which latents count, by definition."""


def _by_neighbors(
    codes: Float64[np.ndarray, "n d"], factors: Int64[np.ndarray, "n k"], seed: int
) -> Float64[np.ndarray, "d k"]:
    """Shares of information from nearest neighbors."""
    from sklearn.feature_selection import mutual_info_classif

    rows, _ = split_rows(len(codes), TRAIN, TEST, seed)
    found = np.zeros((codes.shape[1], factors.shape[1]))
    for k, labels in enumerate(factors[rows].T):
        if np.bincount(np.unique(labels, return_inverse=True)[1]).max() > 1:  # a value that occurs once has no neighbors
            with any_number_of_classes():
                found[:, k] = mutual_info_classif(codes[rows], labels, n_neighbors=NEIGHBORS, random_state=seed)
    entropies = factor_entropies(factors[rows])
    return found / np.where(entropies > 0, entropies, np.inf)


@metrics.register(
    "infomec",
    source="Hsu et al. (2023), Disentanglement via Latent Quantization",
    formula="(mean over live latents of best share of information / sum of shares - 1 / K) / (1 - 1 / K)",
    range=(0.0, 1.0),
    perfect="1",
    chance="0",
    blind="to how much is known of a factor, in modularity and compactness; explicitness sees that alone",
    variants=(
        Variant(OWN),
        Variant("Hsu et al. (2023), Latent Quantization", {"definition": "hsu2023"}),
        Variant("Hsu et al. (2024), Tripod", {"definition": "hsu2024"}),
    ),
    sampled=True,
)
def infomec(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Annotated[
        Literal["held_out", "hsu2023", "hsu2024"], Option("adjusted information and unseen samples, or as published")
    ] = "held_out",
    seed: Annotated[int, Option("seed of the choice of samples", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> InfoMEC:
    r"""InfoM, InfoC and InfoE: modularity, compactness and explicitness as shares of information.

    .. math:: M = \frac{\frac1J \sum_j \max_k I_{jk} / \sum_k I_{jk} - 1/K}{1 - 1/K}, \qquad
        C = \frac{\frac1K \sum_k \max_j I_{jk} / \sum_j I_{jk} - 1/J}{1 - 1/J}, \qquad
        E = \frac1K \sum_k \frac{H_0 - H_k}{H_0}

    I is I(z_j; v_k) / H(v_k), J the number of live latents (`live`), H_k the cross-entropy of a softmax regression from the
    standardized latents, and H_0 that of the best guess without them. Definitions:

    * "held_out": bins adjusted for chance (`adjusted_information`), latents that know more than chance gives, a regression
      from 10,000 samples, scored on 5,000 others (2/3 and 1/3 of fewer).
    * "hsu2023": 10 nearest neighbors, latents whose range is above a 20th of the widest, a regression with
      balanced classes, scored on the samples that it learned from.
    * "hsu2024": the same, but latents whose interquartile range is above a tenth of the largest. A latent that has one value in
      three of four samples has none.

    Regressions have no penalty and end after 100 iterations. Range 0 to 1, where less than 0 counts as 0. Chance scores 0 by
    "held_out". A perfect code scores 1 in all three. By the others, latents that know nothing lower M if they are wide.
    Raises `UsageError` for arrays that no score can be computed from.
    """
    samples = gather(codes, factors, factor_names=factor_names)
    if definition not in {"held_out", *PUBLISHED}:
        raise UsageError(f"definition is {definition!r}; allowed: held_out, {', '.join(PUBLISHED)}.")
    published = definition in PUBLISHED
    if published:
        shares, live = _by_neighbors(samples.codes, samples.factors, seed), PUBLISHED[definition](samples.codes)
    else:
        found = information(samples)
        shares, live = np.where(found.known, found.shares, 0.0), found.live
    modular = over_live(share_of_best(shares), live)
    compact = share_of_best(shares[live].T) if live.any() else np.zeros(samples.factors.shape[1])
    explicit = [predicted_share(samples, k, published=published, seed=seed) for k in range(samples.factors.shape[1])]
    return {
        "score": modular["score"],
        "modularity": modular,
        "compactness": {"score": float(compact.mean()), "per_factor": samples.by_factor(compact)},
        "explicitness": {"score": float(np.mean(explicit)), "per_factor": samples.by_factor(explicit)},
    }
