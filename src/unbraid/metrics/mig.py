"""Mutual information gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from jaxtyping import Float, Integer

from unbraid.metrics.mutual_information import factor_entropies, mutual_information_matrix, named
from unbraid.metrics.registry import metrics


class Scores(TypedDict):
    """A score and its parts, one per factor."""

    score: float
    per_factor: dict[str, float]


def mig_from_information(information: Float[np.ndarray, "d k"], entropies: Float[np.ndarray, "k"]) -> Float[np.ndarray, "k"]:
    r"""The gap of each factor: :math:`(I_{(1)} - I_{(2)}) / H(v_k)`; 0 for a factor with a single value."""
    padded = np.vstack([information, np.zeros((1, information.shape[1]))])  # a lone latent has no rival
    top = np.sort(padded, axis=0)[::-1]
    gaps: Float[np.ndarray, "k"] = np.divide(top[0] - top[1], entropies, out=np.zeros(len(entropies)), where=entropies > 0)
    return gaps


@metrics.register(
    "mig",
    source="Chen et al. (2018), Isolating Sources of Disentanglement in VAEs; histogram form of Locatello et al. (2019)",
    range="0 to 1",
    chance="0, apart from estimation bias",
    blind="to information about a factor that is spread over several latents beyond the second",
)
def mig(
    codes: Float[np.ndarray, "n d"],
    factors: Integer[np.ndarray, "n k"],
    *,
    bins: int = 20,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Mutual information gap: how far the best latent of a factor is ahead of the second best.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)}

    Range 0 to 1. Chance scores 0, apart from estimation bias. A perfect code scores 1 where a factor has no more values than
    there are bins and less where it has more (0.80 for 40 values in 20 bins). Blind to what a third latent knows.
    Mutual information is estimated from `bins` equal-width bins per latent, so single outliers lower it.
    """
    information = mutual_information_matrix(codes, factors, bins=bins)
    gaps = mig_from_information(information, factor_entropies(factors))
    return {"score": float(gaps.mean()), "per_factor": named(gaps, factor_names)}
