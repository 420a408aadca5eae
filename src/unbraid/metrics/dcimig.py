"""DCIMIG: the mutual information gap of latents, credited to the factors they know best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64

from unbraid.metrics.information.definitions import Bins, Definition, information
from unbraid.metrics.mig import Scores, best_two
from unbraid.metrics.registry import EQUAL_WIDTHS, OWN, Variant, metrics
from unbraid.metrics.samples import Array, Codes, Factors, gather


def credited_gaps(information: Float[np.ndarray, "d k"]) -> Float64[np.ndarray, "k"]:
    """For each factor the largest gap, in nats, among the latents that know it best; 0 without any."""
    best, second = best_two(information.T)
    credited = np.zeros(information.shape)
    rows = np.arange(len(information))
    credited[rows, information.argmax(1)] = best - second
    return np.asarray(credited.max(0))


@metrics.register(
    "dcimig",
    source="Sepliarskaia et al. (2019), Evaluating Disentangled Representations; formula as in the code of Carbonneau et al. "
    "(2022), Measuring Disentanglement: A Review of Metrics",
    formula="sum over factors of the largest gap of a latent that knows it best, I(z; v1) - I(z; v2), over the sum of H(v)",
    range=(0.0, 1.0),
    perfect="1",
    continuous="as mig; classes beside them by shares of entropy",
    chance="0",
    blind="to several latents that know the same factor",
    variants=(
        Variant(OWN),
        Variant(OWN + ", where no variances are known", {"definition": "adjusted"}, continuous=True),
        Variant(
            "code of Carbonneau et al. (2022), told that factors are discrete", {"definition": "locatello2019", "bins": 10}
        ),
    ),
    rests_on="known",
    no_interval_by={("definition", "locatello2019"): EQUAL_WIDTHS},
)
def dcimig(
    codes: Codes = None,
    factors: Factors = None,
    *,
    mean: Array | None = None,
    variance: Array | None = None,
    definition: Definition = None,
    bins: Bins = 20,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""DCIMIG: how much more the best latent of each factor knows of it than of any other factor.

    .. math:: \frac{\sum_k \max_{j:\, k_j = k} G_j}{\sum_k H(v_k)}, \qquad
        G_j = I(z_j; v_{(1)}) - I(z_j; v_{(2)}), \quad k_j = \arg\max_k I(z_j; v_k)

    Gaps are in nats, so factors of many values weigh more. Per factor: its largest gap over its entropy. With a single factor a
    latent's gap is all that it knows.

    Definitions: how information is estimated, see `unbraid.metrics.information.definitions`. Range 0 to 1. Chance scores 0; by
    "locatello2019" and "chen2018" a little more. A perfect code scores 1, also with copies of latents, and a code at 45 degrees
    0. Blind to copies among the latents, which MIG sees, and to noise in them beyond what it costs in information.
    Raises `UsageError` for arrays that no score can be computed from, and a definition that does not fit what is given.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = dcimig(codes, factors, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    0.65
    """
    samples = gather(codes, factors, mean=mean, variance=variance, factor_names=factor_names)
    found = information(samples, definition, bins)
    measured, entropies = found.measured
    gaps, total = credited_gaps(measured), float(entropies.sum())
    shares = np.divide(gaps, entropies, out=np.zeros(len(gaps)), where=entropies > 0)
    return {"score": float(gaps.sum()) / total if total > 0 else 0.0, "per_factor": samples.by_factor(shares)}
