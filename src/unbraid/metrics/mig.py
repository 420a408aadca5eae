"""Mutual information gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Float

from unbraid.metrics.information.definitions import information
from unbraid.metrics.information.histogram import entropy, equal_width_bins, mutual_information_matrix
from unbraid.metrics.registry import EQUAL_WIDTHS, LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, Samples, gather, require_choice
from unbraid.options import Option

LOCATELLO_BINS, CARBONNEAU_BINS = 20, 10
MigDefinition = Annotated[
    Literal[
        "adjusted",
        "posterior",
        "neighbors",
        "chen2018",
        "stratified",
        "dubois2019",
        "locatello2019",
        "do2020",
        "carbonneau2022",
    ]
    | None,
    Option("how information is estimated; by default posterior where variances are given, adjusted bins elsewhere"),
]


class Scores(TypedDict):
    """A score and its parts, one per factor."""

    score: float
    per_factor: dict[str, float]


def best_two(information: Float[np.ndarray, "d k"]) -> tuple[Float[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    """The largest and the second largest entry of each column.

    A lone row has no rival, so its second is 0.
    """
    padded = np.sort(np.vstack([information, np.zeros((1, information.shape[1]))]), axis=0)
    return padded[-1], padded[-2]


def mig_from_information(information: Float[np.ndarray, "d k"], entropies: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    r"""The gap of each factor: :math:`(I_{(1)} - I_{(2)}) / H(v_k)`; 0 for a factor with a single value.

    By every definition H(v_k) is the plug-in entropy (`unbraid.metrics.information.histogram.entropy_of_counts`).
    """
    best, second = best_two(information)
    gaps: Float[np.ndarray, "k"] = np.divide(best - second, entropies, out=np.zeros(len(entropies)), where=entropies > 0)
    return gaps


def mig_by_code_entropy(samples: Samples, bins: int) -> Float[np.ndarray, "k"]:
    r"""The gap of each factor between shares of latents' entropies, in bins of equal width.

    The share is :math:`I(z_j; v_k) / H(z_j)`.
    """
    matrix = mutual_information_matrix(samples.codes, samples.factors, bins=bins)
    entropies = np.array([[entropy(binned)] for binned in equal_width_bins(samples.codes, bins).T])
    best, second = best_two(np.divide(matrix, entropies, out=np.zeros_like(matrix), where=entropies > 0))
    return best - second


@metrics.register(
    "mig",
    source="Chen et al. (2018), Isolating Sources of Disentanglement in VAEs; other definitions by name",
    formula="mean over factors of (best - second best information) / entropy of the factor",
    range=(0.0, 1.0),
    perfect="1; by locatello2019 less where a factor has more values than there are bins, 0.80 for 40 values in 20 bins",
    continuous="1 - exp(-2 information), by nearest neighbors or from posteriors",
    chance="0",
    blind="to information about a factor that is spread over several latents beyond the second",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}, continuous=True),
        Variant("Chen et al. (2018), who leave the shape out on dSprites", {"definition": "chen2018"}, needs_variance=True),
        Variant(LOCATELLO, {"definition": "locatello2019"}),
        Variant("Do and Tran (2020), RMIG", {"definition": "do2020"}, needs_variance=True),
        Variant("code of Carbonneau et al. (2022), told that factors are discrete", {"definition": "carbonneau2022"}),
    ),
    rests_on="known",
    no_interval_by={("definition", name): EQUAL_WIDTHS for name in ("locatello2019", "carbonneau2022")},
)
def mig(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: MigDefinition = None,
    bins: Annotated[
        int | None, Option("bins of equal width; by default 20 for locatello2019 and 10 for carbonneau2022, as published", ge=2)
    ] = None,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Mutual information gap: how far the best latent of a factor is ahead of the second best.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    Definitions: how information is estimated, see `unbraid.metrics.information.definitions`. By "do2020" it is RMIG, the robust
    mutual information gap. "carbonneau2022" divides the information of each latent by the entropy of that latent, in 10 bins,
    before gaps are taken: a latent that tells more than a factor needs scores less, one of 10 values that determines a factor
    of two 0.30. Unless told that factors are discrete, that code cuts these into 10 bins as well.

    Chance scores 0; by "locatello2019", "do2020" and "chen2018" more, the more the fewer samples. A perfect code scores 1; by
    "locatello2019" less where a factor has more values than there are bins (0.80 for 40 values in 20 bins), and single
    outliers lower it. Blind to what a third latent knows, and to two latents that know different parts of a factor. Source:
    Chen et al. (2018), who leave the shape out on dSprites; "locatello2019" as in disentanglement_lib; Do and Tran (2020);
    Carbonneau et al. (2022). Raises `UsageError` for arrays that no score can be computed from, and a definition that does not
    fit what is given.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = mig(codes, factors, factor_names=["shape", "size", "x"])
    >>> {name: round(score, 2) for name, score in found["per_factor"].items()}
    {'shape': 1.0, 'size': 0.32, 'x': 0.75}
    """
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    require_choice("definition", definition, MigDefinition)
    if definition == "carbonneau2022":
        samples = samples.of_classes("The definition 'carbonneau2022'", "Leave it out.")
        gaps = mig_by_code_entropy(samples, bins or CARBONNEAU_BINS)
        return {"score": float(gaps.mean()), "per_factor": samples.by_factor(gaps)}
    found = information(samples, definition, bins or LOCATELLO_BINS)
    gaps = mig_from_information(*found.measured)
    return {"score": float(gaps.mean()), "per_factor": samples.by_factor(gaps)}
