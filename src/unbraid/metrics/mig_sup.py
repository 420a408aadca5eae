"""Mutual information gap seen from the latents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float

from unbraid.metrics.information.definitions import Bins, Definition, information
from unbraid.metrics.mig import best_two
from unbraid.metrics.registry import EQUAL_WIDTHS, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, gather


class LatentScores(TypedDict):
    """A score and its parts, one per latent; None for a latent that knows nothing."""

    score: float
    per_latent: list[float | None]
    live: int


def over_live(scores: Float[np.ndarray, "d"], live: Bool[np.ndarray, "d"]) -> LatentScores:
    """The mean over live latents, 0 where there are none."""
    return {
        "score": float(scores[live].mean()) if live.any() else 0.0,
        "per_latent": [float(score) if alive else None for score, alive in zip(scores, live, strict=True)],
        "live": int(live.sum()),
    }


@metrics.register(
    "mig_sup",
    source="Li et al. (2020), Progressive Learning and Disentanglement of Hierarchical Representations",
    formula="mean over live latents of best - second best share of a factor's entropy that they know",
    range=(0.0, 1.0),
    perfect="1",
    continuous="as mig",
    chance="0",
    blind="to several latents that know the same factor, and to factors that no latent knows",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}, continuous=True),
        Variant("MIG by chen2018, seen from the latents", {"definition": "chen2018"}, needs_variance=True),
        Variant("MIG by locatello2019, seen from the latents", {"definition": "locatello2019"}),
    ),
    rests_on="live",
    no_interval_by={("definition", "locatello2019"): EQUAL_WIDTHS},
)
def mig_sup(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: Bins = 20,
    factor_names: Sequence[str] | None = None,
) -> LatentScores:
    r"""MIG-sup: how far the factor that a latent knows best is ahead of the second.

    .. math:: \frac1J \sum_j \Bigl( \frac{I(z_j; v_{(1)})}{H(v_{(1)})} - \frac{I(z_j; v_{(2)})}{H(v_{(2)})} \Bigr)

    The mean is over the J latents that know more of any factor than chance gives; `live` is their number, and the others are
    None in `per_latent`. A perfect code scores 1, a code at 45 degrees 0, latents that know nothing 0.
    With a single factor a latent's score is the share of the entropy that it knows.

    Definitions: how information is estimated, see `unbraid.metrics.information.definitions`. Range 0 to 1.
    Blind to copies among the latents, and to factors that no latent knows; MIG sees both.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = mig_sup(codes, factors, factor_names=["shape", "size", "x"])
    >>> found["live"], round(found["score"], 2)
    (3, 0.69)
    """
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    found = information(samples, definition, bins)
    best, second = best_two(found.shares.T)
    return over_live(best - second, found.live)
