"""Modularity, compactness and explicitness as shares of information: InfoMEC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Bool, Float64, Int64

from unbraid.errors import UsageError
from unbraid.metrics.estimators import information
from unbraid.metrics.mig import Scores
from unbraid.metrics.mig_sup import LatentScores, over_live
from unbraid.metrics.mutual_information import factor_entropies
from unbraid.metrics.probes import multinomial_probe
from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, gather
from unbraid.metrics.splitting import split_rows, standardised
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000
NEIGHBOURS = 10
LEAST_RANGE = 1 / 20
ITERATIONS = 100
"""Of the regression, as published; without a penalty it has no end on classes that can be separated."""


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


def predicted_share(codes: Float64[np.ndarray, "n d"], labels: Int64[np.ndarray, "n"], *, published: bool, seed: int) -> float:
    """The share of a factor's entropy that a softmax regression takes away; 0 if it does worse than a guess."""
    train, test = split_rows(len(codes), TRAIN, TEST, seed)
    test = train if published else test
    learnt, read = standardised(codes[train], codes[test])
    found = multinomial_probe(learnt, labels[train], read, penalty=0.0, balanced=published, iterations=ITERATIONS)
    shares = np.bincount(np.searchsorted(found.classes, labels[train])) / len(train)
    null = np.full_like(found.scores, 1 / len(found.classes)) if published else np.broadcast_to(shares, found.scores.shape)
    unknown = _cross_entropy(np.asarray(null), found.classes, labels[test])
    left = _cross_entropy(found.scores, found.classes, labels[test])
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


def _by_neighbours(
    codes: Float64[np.ndarray, "n d"], factors: Int64[np.ndarray, "n k"], seed: int
) -> tuple[Float64[np.ndarray, "d k"], Bool[np.ndarray, "d"]]:
    """Shares of information from nearest neighbours, and which latents have a range of a 20th of the widest or more."""
    from sklearn.feature_selection import mutual_info_classif

    rows, _ = split_rows(len(codes), TRAIN, TEST, seed)
    width = np.ptp(codes, axis=0)
    found = [mutual_info_classif(codes[rows], labels[rows], n_neighbors=NEIGHBOURS, random_state=seed) for labels in factors.T]
    entropies = factor_entropies(factors[rows])
    shares = np.stack(found, axis=1) / np.where(entropies > 0, entropies, np.inf)
    return shares, (width > LEAST_RANGE * width.max()) & (width > 0)


@metrics.register(
    "infomec",
    source="Hsu et al. (2023), Disentanglement via Latent Quantization",
    range=(0.0, 1.0),
    chance="0",
    blind="to how much is known of a factor, in modularity and compactness; explicitness sees that alone",
    variants=(
        Variant(OWN),
        Variant("Hsu et al. (2023), Latent Quantization", {"definition": "hsu2023"}),
    ),
    sampled=True,
)
def infomec(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Annotated[
        Literal["held_out", "hsu2023"], Option("adjusted information and unseen samples, or as published")
    ] = "held_out",
    seed: Annotated[int, Option("seed of the choice of samples", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> InfoMEC:
    r"""InfoM, InfoC and InfoE: modularity, compactness and explicitness as shares of information.

    .. math:: M = \frac{\frac1J \sum_j \max_k I_{jk} / \sum_k I_{jk} - 1/K}{1 - 1/K}, \qquad
        C = \frac{\frac1K \sum_k \max_j I_{jk} / \sum_j I_{jk} - 1/J}{1 - 1/J}, \qquad
        E = \frac1K \sum_k \frac{H_0 - H_k}{H_0}

    I is I(z_j; v_k) / H(v_k), J the number of live latents (`live`), H_k the cross-entropy of a softmax regression from the
    standardised latents, and H_0 that of the best guess without them. Definitions:

    * "held_out": bins adjusted for chance (`adjusted_information`), latents that know more than chance gives, a regression
      from 10,000 samples, scored on 5,000 others (2/3 and 1/3 of fewer).
    * "hsu2023": 10 nearest neighbours, latents whose range is above a 20th of the widest, a regression with
      balanced classes, scored on the samples that it learnt from. Later work of the same group
      prunes by other rules.

    Regressions have no penalty and end after 100 iterations. Range 0 to 1, where less than 0 counts as 0. Chance scores 0 by
    "held_out". A perfect code scores 1 in all three. By "hsu2023", latents that know nothing lower M if their range is wide.
    Raises `UsageError` for arrays that no score can be computed from.
    """
    samples = gather(codes, factors, factor_names=factor_names)
    if definition not in {"held_out", "hsu2023"}:
        raise UsageError(f"definition is {definition!r}; allowed: held_out, hsu2023.")
    published = definition == "hsu2023"
    if published:
        shares, live = _by_neighbours(samples.codes, samples.factors, seed)
    else:
        found = information(samples)
        shares, live = np.where(found.known, found.shares, 0.0), found.live
    modular = over_live(share_of_best(shares), live)
    compact = share_of_best(shares[live].T) if live.any() else np.zeros(samples.factors.shape[1])
    explicit = [predicted_share(samples.codes, labels, published=published, seed=seed) for labels in samples.factors.T]
    return {
        "score": modular["score"],
        "modularity": modular,
        "compactness": {"score": float(compact.mean()), "per_factor": samples.by_factor(compact)},
        "explicitness": {"score": float(np.mean(explicit)), "per_factor": samples.by_factor(explicit)},
    }
