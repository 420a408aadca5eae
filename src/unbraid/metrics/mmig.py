"""Mutual information gap for factors that depend on each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64

from unbraid.metrics.information.adaptive_bins import adjusted_factor_information
from unbraid.metrics.information.definitions import Bins, Definition, information
from unbraid.metrics.information.types import Information
from unbraid.metrics.mig import Scores, best_two
from unbraid.metrics.registry import EQUAL_WIDTHS, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, Samples, gather


def mmig_from_information(
    information: Float[np.ndarray, "d k"], entropies: Float[np.ndarray, "k"], between: Float[np.ndarray, "k k"]
) -> Float[np.ndarray, "k"]:
    r""":math:`(I_{(1)} - I_{(2)}) / (H(v_k) - \max_{k' \ne k} I(v_k; v_{k'}))`, at most 1.

    It is 0 where the denominator is 0.
    """
    best, second = best_two(information)
    others = np.where(np.eye(len(entropies), dtype=bool), 0.0, between)
    room = entropies - others.max(0)
    gaps: np.ndarray = np.divide(best - second, room, out=np.zeros(len(entropies)), where=room > 1e-9)
    return np.minimum(gaps, 1.0)


def _between(samples: Samples, found: Information) -> Float64[np.ndarray, "k k"]:
    """What each factor tells of each other one, on the scale of `Information.measured`."""
    if not found.continuous:
        return samples.keep("factors", lambda: adjusted_factor_information(samples.factors))
    return samples.keep("factors, continuous", lambda: information(samples.perfect()).shares)


@metrics.register(
    "mmig",
    source="Modified mutual information gap; its maximum over other factors read as leaving out the factor itself",
    formula="mean over factors of (best - second best information) / (its entropy - most that another factor tells of it)",
    range=(0.0, 1.0),
    perfect="1",
    continuous="as mig",
    chance="0",
    blind="as MIG, and to factors that are copies of each other, which score 0",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}, continuous=True),
        Variant("none: those published are of scrambled latents", {"definition": "chen2018"}, needs_variance=True),
        Variant("Dubois et al. (2019), whose code scrambles latents", {"definition": "dubois2019"}, needs_variance=True),
        Variant("MIG by locatello2019, for factors that depend on each other", {"definition": "locatello2019"}),
    ),
    rests_on="known",
    no_interval_by={("definition", "locatello2019"): EQUAL_WIDTHS},
)
def mmig(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: Bins = 20,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Mutual information gap over the largest gap that factors which depend on each other allow.

    .. math:: \frac1K \sum_k \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k) - \max_{k' \ne k} I(v_k; v_{k'})}

    Where latents are the factors, the best one knows H(v_k) and the second best as much as the nearest other factor, so that a
    perfect code scores 1. For independent factors it is MIG. The published formula does not leave out k' = k, which would make
    every denominator 0. A gap may exceed the denominator where no latent follows the other factor; it counts as 1.
    A factor that another one determines scores 0. I(v_k; v_k') is adjusted for chance, so that it is 0 for independent factors.

    Definitions, range, chance, blind spots and errors: as `unbraid.metrics.mig.mig`.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = mmig(codes, factors, factor_names=["shape", "size", "x"])
    >>> {name: round(score, 2) for name, score in found["per_factor"].items()}
    {'shape': 1.0, 'size': 0.32, 'x': 0.75}
    """
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    found = information(samples, definition, bins)
    gaps = mmig_from_information(*found.measured, _between(samples, found))
    return {"score": float(gaps.mean()), "per_factor": samples.by_factor(gaps)}
