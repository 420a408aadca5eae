"""Mutual information gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from jaxtyping import Float

from unbraid.metrics.estimators import Bins, Definition, information
from unbraid.metrics.registry import LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, gather


class Scores(TypedDict):
    """A score and its parts, one per factor."""

    score: float
    per_factor: dict[str, float]


def best_two(information: Float[np.ndarray, "d k"]) -> tuple[Float[np.ndarray, "k"], Float[np.ndarray, "k"]]:
    """The largest and the second largest entry of each column; a lone row has no rival, so its second is 0."""
    padded = np.sort(np.vstack([information, np.zeros((1, information.shape[1]))]), axis=0)
    return padded[-1], padded[-2]


def mig_from_information(information: Float[np.ndarray, "d k"], entropies: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    r"""The gap of each factor: :math:`(I_{(1)} - I_{(2)}) / H(v_k)`; 0 for a factor with a single value."""
    best, second = best_two(information)
    gaps: Float[np.ndarray, "k"] = np.divide(best - second, entropies, out=np.zeros(len(entropies)), where=entropies > 0)
    return gaps


@metrics.register(
    "mig",
    source="Chen et al. (2018), Isolating Sources of Disentanglement in VAEs; other definitions by name",
    range=(0.0, 1.0),
    chance="0",
    blind="to information about a factor that is spread over several latents beyond the second",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}),
        Variant("Chen et al. (2018), who leave the shape out on dSprites", {"definition": "chen2018"}, needs_variance=True),
        Variant(LOCATELLO, {"definition": "locatello2019"}),
    ),
)
def mig(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: Bins = 20,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Mutual information gap: how far the best latent of a factor is ahead of the second best.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    Definitions: how information is estimated, see `unbraid.metrics.estimators.information`. Chance scores 0; by
    "locatello2019" and "chen2018" more, the more the fewer samples. A perfect code scores 1; by "locatello2019" less where a
    factor has more values than there are bins (0.80 for 40 values in 20 bins), and single outliers lower it.
    Blind to what a third latent knows, and to two latents that know different parts of a factor.
    Source: Chen et al. (2018); "locatello2019" as in disentanglement_lib. Chen et al. leave the shape out on dSprites.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.
    """
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    found = information(samples, definition, bins)
    gaps = mig_from_information(found.matrix, found.entropies)
    return {"score": float(gaps.mean()), "per_factor": samples.by_factor(gaps)}
