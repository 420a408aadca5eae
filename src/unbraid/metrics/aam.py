"""Axis-alignment metric."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from unbraid.metrics.information.definitions import Bins, Definition, information
from unbraid.metrics.mig import Scores
from unbraid.metrics.registry import EQUAL_WIDTHS, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, gather


def aam_from_information(information: Float[np.ndarray, "d k"]) -> Float[np.ndarray, "k"]:
    r"""The alignment of each factor: :math:`\max(0, I_{(1)} - \sum_{j \ge 2} I_{(j)}) / I_{(1)}`.

    It is 0 for a factor that no latent knows anything about.
    """
    best = information.max(0)
    lead = np.maximum(0.0, 2 * best - information.sum(0))
    alignment: np.ndarray = np.divide(lead, best, out=np.zeros(len(best)), where=best > 0)
    return alignment


@metrics.register(
    "aam",
    source="Axis-alignment metric of Dubois et al. (2019), disentangling-vae, with its reshaping error mended",
    formula="mean over factors of max(0, best information - sum of all others) / best information",
    range=(0.0, 1.0),
    perfect="1; by locatello2019 and chen2018 less, since the bias of idle latents adds up",
    continuous="as mig",
    chance="0",
    blind="to how much is known about a factor at all, since it divides by the best latent's information",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}, continuous=True),
        Variant(
            "none: those of Dubois et al. (2019) are of scrambled latents", {"definition": "chen2018"}, needs_variance=True
        ),
        Variant("Dubois et al. (2019), whose code scrambles latents", {"definition": "dubois2019"}, needs_variance=True),
        Variant("none; it shows what bins and bias do to the default", {"definition": "locatello2019"}),
    ),
    rests_on="known",
    no_interval_by={("definition", "locatello2019"): EQUAL_WIDTHS},
)
def aam(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: Bins = 20,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Axis-alignment metric: how far the best latent of a factor is ahead of all the others together.

    .. math:: \frac1K \sum_k \frac{\max\bigl(0,\, I(z_{(1)}; v_k) - \sum_{j \ge 2} I(z_{(j)}; v_k)\bigr)}{I(z_{(1)}; v_k)}

    A latent that knows no more of a factor than chance gives counts as knowing nothing, or noise alone would make a ratio.
    By "dubois2019" the score is what the authors' code gives, which mixes up latents: it says nothing of alignment.
    By "locatello2019" and "chen2018" it counts as it is: three or more such latents still score 0, but their bias adds up
    and lowers the score of a perfect code. Otherwise a perfect code scores 1.

    Definitions: how information is estimated, see `unbraid.metrics.information.definitions`. Range 0 to 1. Chance scores 0.
    Blind to how much is known about a factor at all.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = aam(codes, factors, factor_names=["shape", "size", "x"])
    >>> {name: round(score, 2) for name, score in found["per_factor"].items()}
    {'shape': 1.0, 'size': 0.32, 'x': 1.0}
    """
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    found = information(samples, definition, bins)
    alignment = aam_from_information(found.measured[0])
    return {"score": float(alignment.mean()), "per_factor": samples.by_factor(alignment)}
