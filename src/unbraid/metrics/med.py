"""MED: disentanglement and completeness with mutual information in place of a model's importances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Float

from unbraid.metrics.dci import Disentanglement, disentanglement_of
from unbraid.metrics.information.definitions import Definition, information
from unbraid.metrics.mig import Scores
from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, gather, require_choice
from unbraid.options import Option

MEDDefinition = Annotated[
    Literal["adjusted", "posterior", "neighbors", "cao2022"] | None,
    Option("how information is estimated; by default posterior where variances are given, adjusted bins elsewhere"),
]


class MED(TypedDict):
    """Both scores; `score` is disentanglement."""

    score: float
    disentanglement: Disentanglement
    completeness: Scores


def shares_of_factors(information: Float[np.ndarray, "d k"]) -> Float[np.ndarray, "d k"]:
    """Each latent's share of the information that all have about a factor; 0 where none knows it."""
    total = information.sum(0)
    return np.divide(information, total, out=np.zeros_like(information), where=total > 0)


@metrics.register(
    "med",
    source="Cao et al. (2022), An Empirical Study on Disentanglement of Negative-free Contrastive Learning, and its code",
    formula="as dci, whose importances are I(z; v) over the sum of I(z; v) over latents",
    range=(0.0, 1.0),
    perfect="1",
    chance="0; by cao2022 a little more",
    blind="to how much is known of a factor; of factors that no latent knows it says nothing",
    continuous="as mig",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}, continuous=True),
        Variant("Cao et al. (2022), MED of all latents", {"definition": "cao2022"}),
    ),
    no_interval="small shares of information weigh much in entropies, and more samples show more of them",
)
def med(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: MEDDefinition = None,
    factor_names: Sequence[str] | None = None,
) -> MED:
    r"""MED: D and C of DCI by what each latent alone tells of each factor, so that nothing is trained.

    .. math:: R_{jk} = \frac{I(z_j; v_k)}{\sum_i I(z_i; v_k)}, \qquad
        D = \sum_j \frac{\sum_k R_{jk}}{\sum_{ik} R_{ik}} \bigl(1 - H_K(R_{j\cdot} / \textstyle\sum_k R_{jk})\bigr), \qquad
        C = \frac{1}{|K^*|} \sum_{k \in K^*} \bigl(1 - H_D(R_{\cdot k})\bigr)

    H_b is an entropy to base b, and :math:`K^*` are the factors of which some latent knows anything. All of them weigh the
    same, however little is known of them. Definitions:

    * "adjusted", "posterior", "neighbors": as of `unbraid.metrics.information.definitions`; the second by default where
      variances are given, and the third for continuous factors.
    * "cao2022": 20 bins of equal width, as it comes. Bias gives latents that know nothing a part in every factor.

    Range 0 to 1. A perfect code scores 1 in both, and less where factors depend on each other. Chance scores 0. Copies of a
    latent leave D as it is and lower C; a rotation lowers both. Blind to how much is known, and to what latents tell only
    together. Deviations: top-k MED, which keeps the k most disentangled latents of each factor, is left out, and so is
    informativeness, which is that of `linear_probe`.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = med(codes, factors, factor_names=["shape", "size", "x"])
    >>> [round(found[part]["score"], 2) for part in ("disentanglement", "completeness")]
    [0.74, 0.8]
    """
    require_choice("definition", definition, MEDDefinition)
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    estimator: Definition = "locatello2019" if definition == "cao2022" else definition
    shares = shares_of_factors(information(samples, estimator).measured[0])
    rows, row_weights = disentanglement_of(shares)
    columns, column_weights = disentanglement_of(shares.T)
    disentangled = float(rows @ row_weights)
    return {
        "score": disentangled,
        "disentanglement": {"score": disentangled, "per_latent": [float(row) for row in rows]},
        "completeness": {"score": float(columns @ column_weights), "per_factor": samples.by_factor(columns)},
    }
