"""Axis-alignment metric."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer

from unbraid.metrics.mig import Scores
from unbraid.metrics.mutual_information import mutual_information_matrix, named
from unbraid.metrics.registry import metrics


def aam_from_information(information: Float[np.ndarray, "d k"]) -> Float[np.ndarray, "k"]:
    r"""The alignment of each factor: :math:`\max(0, I_{(1)} - \sum_{j \ge 2} I_{(j)}) / I_{(1)}`; 0 where nothing is known."""
    best = information.max(0)
    lead = np.maximum(0.0, 2 * best - information.sum(0))
    alignment: np.ndarray = np.divide(lead, best, out=np.zeros(len(best)), where=best > 0)
    return alignment


@metrics.register(
    "aam",
    source="Axis-alignment metric of Dubois et al. (2019), disentangling-vae, with its reshaping error mended",
    range="0 to 1",
    chance="0 with three latents or more",
    blind="to how much is known about a factor at all, since it divides by the best latent's information",
)
def aam(
    codes: Float[np.ndarray, "n d"],
    factors: Integer[np.ndarray, "n k"],
    *,
    bins: int = 20,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Axis-alignment metric: how far the best latent of a factor is ahead of all the others together.

    .. math:: \frac1K \sum_k \frac{\max\bigl(0,\, I(z_{(1)}; v_k) - \sum_{j \ge 2} I(z_{(j)}; v_k)\bigr)}{I(z_{(1)}; v_k)}

    Range 0 to 1. Chance scores 0 with three latents or more. A perfect code scores 1. Blind to how much is known about a factor
    at all. Estimation bias of many latents that know nothing adds up and lowers it.
    """
    alignment = aam_from_information(mutual_information_matrix(codes, factors, bins=bins))
    return {"score": float(alignment.mean()), "per_factor": named(alignment, factor_names)}
