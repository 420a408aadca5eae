"""Modularity, compactness and explicitness as shares of information: InfoMEC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Bool, Float64, Int64

from unbraid.errors import UsageError
from unbraid.metrics.information.definitions import information
from unbraid.metrics.information.histogram import factor_entropies, information_of_counts
from unbraid.metrics.linear_probe import ITERATIONS, TEST, TRAIN, linear_read
from unbraid.metrics.mig import Scores
from unbraid.metrics.mig_sup import LatentScores, over_live
from unbraid.metrics.probes import Read, any_number_of_classes, multinomial_probe
from unbraid.metrics.r2 import by_line, explained_of
from unbraid.metrics.registry import OWN, UNTRIED, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather, require_choice
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
    r"""How much of a row is in its largest entry: :math:`(\max_b / \sum_b - 1/B) / (1 - 1/B)`.

    It is 0 for a row of zeros.

    With a single column a row that is not zero scores 1.
    """
    count = information.shape[1]
    total = information.sum(1)
    share = np.divide(information.max(1), total, out=np.zeros(len(total)), where=total > 0)
    scaled = (share - 1 / count) / (1 - 1 / count) if count > 1 else share
    return np.where(total > 0, scaled, 0.0)


def predicted_share(samples: Samples, k: int, *, seed: int) -> float:
    """The share of a factor's entropy that a softmax regression removes on unseen samples.

    It is 0 for a regression that is worse than guessing.
    """
    train, _ = split_rows(len(samples), TRAIN, TEST, seed)
    found, truth = linear_read(samples, k, seed=seed)
    shares = np.bincount(np.searchsorted(found.classes, samples.factors[train, k])) / len(train)
    return _share_taken(found, shares, truth)


def predicted_shares(samples: Samples, seed: int) -> list[float]:
    """That of each factor.

    Of continuous ones it is the share of variance that least squares explain on unseen samples.
    """
    found = [predicted_share(samples, k, seed=seed) for k in range(samples.factors.shape[1])]
    train, test = split_rows(len(samples), TRAIN, TEST, seed)
    learned, read = standardized(samples.codes[train], samples.codes[test])
    targets = [samples.features(k) for k in range(len(samples.quantity_names))]
    return found + [explained_of(own[test], by_line(learned, own[train], read)) for own in targets]


def published_share(features: Float64[np.ndarray, "n f"], labels: Int64[np.ndarray, "n"]) -> float:
    """The same with balanced classes, on the samples that the regression learns from."""
    found = multinomial_probe(features, labels, features, penalty=0.0, balanced=True, iterations=ITERATIONS)
    return _share_taken(found, np.full(len(found.classes), 1 / len(found.classes)), labels)


def _share_taken(found: Read, guess: Float64[np.ndarray, "c"], truth: Int64[np.ndarray, "n"]) -> float:
    unknown = _cross_entropy(np.broadcast_to(guess, found.scores.shape), found.classes, truth)
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


def any_width(codes: Float64[np.ndarray, "n d"]) -> Bool[np.ndarray, "d"]:
    """Which latents have more than one value."""
    return np.asarray(np.ptp(codes, axis=0) > 0)


def wide_quartiles(codes: Float64[np.ndarray, "n d"]) -> Bool[np.ndarray, "d"]:
    """Which latents have an interquartile range of more than 0.1, where levels lie between -1 and 1."""
    low, high = np.quantile(codes, [0.25, 0.75], axis=0)
    return np.asarray(high - low > LEAST_QUARTILES)


PUBLISHED = {"hsu2023": wide, "hsu2024": spread_out, "hsu2023_discrete": any_width, "hsu2024_discrete": wide_quartiles}
"""Which latents count, by definition."""
MOST_LEVELS = 100
"""Of a latent that is called discrete."""


def is_discrete(samples: Samples) -> bool:
    """Whether every latent has few values."""
    return samples.keep("is_discrete", lambda: all(len(np.unique(code)) <= MOST_LEVELS for code in samples.codes.T))


def _by_neighbors(
    codes: Float64[np.ndarray, "n d"], factors: Int64[np.ndarray, "n k"], seed: int
) -> Float64[np.ndarray, "d k"]:
    """Information from nearest neighbors."""
    from sklearn.feature_selection import mutual_info_classif

    found = np.zeros((codes.shape[1], factors.shape[1]))
    for k, labels in enumerate(factors.T):
        if np.bincount(np.unique(labels, return_inverse=True)[1]).max() > 1:  # a value that occurs once has no neighbors
            with any_number_of_classes():
                found[:, k] = mutual_info_classif(codes, labels, n_neighbors=NEIGHBORS, random_state=seed)
    return found


def _by_levels(codes: Float64[np.ndarray, "n d"], factors: Int64[np.ndarray, "n k"]) -> Float64[np.ndarray, "d k"]:
    """Plug-in information of latents whose values are classes."""
    levels = [np.unique(code, return_inverse=True)[1] for code in codes.T]
    values = [np.unique(column, return_inverse=True)[1] for column in factors.T]
    tables = [[_joint(level, value) for value in values] for level in levels]
    return np.array([[float(information_of_counts(joint)) for joint in row] for row in tables])


def _joint(level: Int64[np.ndarray, "n"], value: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "b v"]:
    shape = int(level.max()) + 1, int(value.max()) + 1
    return np.bincount(level * shape[1] + value, minlength=shape[0] * shape[1]).reshape(shape)


def _one_hot(codes: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n f"]:
    return np.hstack([code[:, None] == np.unique(code) for code in codes.T]).astype(np.float64)


def _published(samples: Samples, definition: str, seed: int) -> tuple[Float64[np.ndarray, "d k"], list[float]]:
    """Shares of information as the code of the papers computes them, from all samples.

    The shares of entropy that a regression removes come with them.
    """
    codes, factors = samples.codes, samples.factors
    discrete = definition.endswith("_discrete")
    if discrete and not is_discrete(samples):
        raise UsageError(
            f"The definition {definition!r} is of latents with few values each, at most {MOST_LEVELS}; these have more. For "
            f"continuous latents: {definition.removesuffix('_discrete')!r}."
        )
    found = _by_levels(codes, factors) if discrete else _by_neighbors(codes, factors, seed)
    entropies = factor_entropies(factors)
    features = _one_hot(codes) if discrete else standardized(codes, codes)[0]
    return found / np.where(entropies > 0, entropies, np.inf), [published_share(features, labels) for labels in factors.T]


Definition = Annotated[
    Literal["held_out", "hsu2023", "hsu2024", "hsu2023_discrete", "hsu2024_discrete"],
    Option("adjusted information and unseen samples, or as published, for continuous or discrete latents"),
]


@metrics.register(
    "infomec",
    source="Hsu et al. (2023), Disentanglement via Latent Quantization",
    formula="(mean over live latents of best share of information / sum of shares - 1 / K) / (1 - 1 / K)",
    range=(0.0, 1.0),
    perfect="1",
    continuous="shares 1 - exp(-2 information) as of mig, and R^2 of least squares in explicitness",
    chance="0",
    blind="to how much is known of a factor, in modularity and compactness; explicitness sees that alone",
    variants=(
        Variant(OWN),
        Variant("Hsu et al. (2023), Latent Quantization", {"definition": "hsu2023"}),
        Variant("Hsu et al. (2024), Tripod", {"definition": "hsu2024"}),
        Variant("Hsu et al. (2023), quantized latents", {"definition": "hsu2023_discrete"}, needs_discrete=True),
        Variant("Hsu et al. (2024), quantized latents", {"definition": "hsu2024_discrete"}, needs_discrete=True),
    ),
    sampled=True,
    rests_on="live",
    no_interval_by={("definition", name): UNTRIED for name in ("hsu2023", "hsu2024", "hsu2023_discrete", "hsu2024_discrete")},
)
def infomec(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "held_out",
    seed: Annotated[int, Option("seed of the choice of samples", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> InfoMEC:
    r"""InfoM, InfoC and InfoE: modularity, compactness and explicitness as shares of information.

    .. math:: M = \frac{\frac1J \sum_j \max_k I_{jk} / \sum_k I_{jk} - 1/K}{1 - 1/K}, \qquad
        C = \frac{\frac1K \sum_k \max_j I_{jk} / \sum_j I_{jk} - 1/J}{1 - 1/J}, \qquad
        E = \frac1K \sum_k \frac{H_0 - H_k}{H_0}

    I is I(z_j; v_k) / H(v_k), J the number of live latents (`live`), H_k the cross-entropy of a softmax regression from the
    standardized latents, and H_0 that of the best guess without them. Definitions:

    * "held_out": information from posteriors where variances are known, and from adjusted bins elsewhere; latents that know
      more than chance gives; a regression on these latents from 10,000 samples, scored on 5,000 others (2/3 and 1/3 of
      fewer). Dead latents, however many, therefore change nothing.
    * "hsu2023": 10 nearest neighbors, latents whose range is above a 20th of the widest, a regression on all latents with
      balanced classes, scored on the samples that it learned from, which are all.
    * "hsu2024": the same, but latents whose interquartile range is above a tenth of the largest. A latent that has one value in
      three of four samples has none.
    * "hsu2023_discrete", "hsu2024_discrete": for quantized latents, at most 100 values each. Counts of values instead of
      neighbors, regressions on one-hot values; latents with more than one value, or with an interquartile range above 0.1.

    Of a continuous factor the share of information is :math:`1 - e^{-2I}`, and the share that a regression removes is that of
    the variance, by least squares; the published definitions are of classes.

    `score` is InfoM again, and alone says nothing of how much is known: read all three.

    Regressions have no penalty and end after 100 iterations. Range 0 to 1, where less than 0 counts as 0. Chance scores 0 by
    "held_out". A perfect code scores 1 in all three. By the others, latents that know nothing lower M if they are wide, and
    raise E, since it is of samples seen.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = infomec(codes, factors, factor_names=["shape", "size", "x"])
    >>> [round(found[part]["score"], 2) for part in ("modularity", "compactness", "explicitness")]
    [0.76, 0.8, 1.0]
    """
    samples = gather(codes, factors, factor_names=factor_names)
    require_choice("definition", definition, Definition)
    if definition in PUBLISHED:
        samples = samples.of_classes(f"The definition {definition!r}", 'Ask for "held_out".')
        live = PUBLISHED[definition](samples.codes)
        shares, explicit = _published(samples, definition, seed)
    else:
        found = information(samples)
        shares, live = found.shares, found.live
        own = samples.latents(np.flatnonzero(live))
        explicit = predicted_shares(own, seed) if live.any() else [0.0] * len(samples.names)
    modular = over_live(share_of_best(shares), live)
    compact = share_of_best(shares[live].T) if live.any() else np.zeros(len(samples.names))
    return {
        "score": modular["score"],
        "modularity": modular,
        "compactness": {"score": float(compact.mean()), "per_factor": samples.by_factor(compact)},
        "explicitness": {"score": float(np.mean(explicit)), "per_factor": samples.by_factor(explicit)},
    }
