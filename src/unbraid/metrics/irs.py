"""Interventional robustness score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.information.histogram import equal_width_bins
from unbraid.metrics.mig_sup import LatentScores
from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import INSTEAD, Codes, Factors, gather, require_choice
from unbraid.options import Option

QUANTILES = {"suter2019": 1.0, "locatello2019": 0.99}
MOST_VALUES = 20


def robustness(
    codes: Float64[np.ndarray, "n d"], factors: Int64[np.ndarray, "n k"], quantile: float
) -> tuple[Float64[np.ndarray, "d k"], Float64[np.ndarray, "d"]]:
    """IRS of each latent and factor, and the largest deviation of each latent from its mean.

    The IRS is 0 where that deviation is 0.
    """
    largest = np.where(np.ptp(codes, axis=0) > 0, np.abs(codes - codes.mean(0)).max(0), 0.0)  # a mean may be off by rounding
    deviations = np.empty((codes.shape[1], factors.shape[1]))
    for k, labels in enumerate(factors.T):
        values = np.unique(labels)
        groups = [codes[labels == value] for value in values]
        deviations[:, k] = np.mean([np.quantile(np.abs(own - own.mean(0)), quantile, axis=0) for own in groups], axis=0)
    shares = np.divide(deviations, largest[:, None], out=np.ones_like(deviations), where=largest[:, None] > 0)
    return np.maximum(1 - shares, 0.0), largest


Definition = Annotated[
    Literal["suter2019", "locatello2019"], Option("largest deviations, or the 99th percentile with 20 bins per factor")
]


@metrics.register(
    "irs",
    source="Suter et al. (2019), Robustly Disentangled Causal Mechanisms; protocol of Locatello et al. (2019)",
    formula="mean over latents of 1 - largest deviation at one value of their factor / largest, weighted by the latter",
    range=(0.0, 1.0),
    perfect="1; by locatello2019 less where a factor has more than 20 values",
    chance="near 0, and more with few samples per value",
    blind="to several latents that know the same factor, and to factors that no latent knows; idle latents lower it",
    variants=(
        Variant(f"{OWN}; Suter et al. (2019)"),
        Variant("disentanglement_lib, sample configuration", {"definition": "locatello2019"}),
    ),
    no_interval="it rests on largest values, which grow with the number of samples",
)
def irs(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "suter2019",
    factor_names: Sequence[str] | None = None,
) -> LatentScores:
    r"""Interventional robustness score: how little a latent moves while its factor is fixed.

    .. math:: \mathrm{IRS}_j = \max_k 1 - \frac{\mathrm{E}_v \max_{x: v_k = v} |z_j(x) - \mathrm{E}[z_j | v_k = v]|}
        {\max_x |z_j(x) - \mathrm{E} z_j|}

    The score is the mean over latents, weighted by the denominators, so that constant latents do not count: they are None in
    `per_latent`, and `live` is the number of the others. Values of a factor are taken to be equally likely, as under
    interventions. Definitions:

    * "suter2019": the largest deviation, as in the paper. Single outliers lower it.
    * "locatello2019": the 99th percentile of the deviations under a fixed value, over the largest deviation of all; factors of
      more than 20 values are merged into 20 bins, so that a perfect code scores less than 1.

    Range 0 to 1, where less than 0 counts as 0: it happens if all samples of a value but few have one code. A perfect code
    scores 1, but idle latents of noise count as much as others: six beside a perfect code of five factors take it to 0.4. The
    ceiling that is shown is of a code without them. Chance is near 0 for evenly spread codes with many samples per value, and
    0.2 for normal ones with 2,500. Blind to
    copies among the latents, and to factors that none knows.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = irs(codes, factors, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    0.86
    """
    samples = gather(codes, factors, factor_names=factor_names).of_classes("IRS", INSTEAD)
    require_choice("definition", definition, Definition)
    labels = samples.factors
    if definition == "locatello2019":
        labels = equal_width_bins(labels.astype(np.float64), MOST_VALUES)
    matrix, weights = robustness(samples.codes, labels, QUANTILES[definition])
    per_latent = matrix.max(1)
    return {
        "score": float(per_latent @ weights / weights.sum()) if weights.any() else 0.0,
        "per_latent": [float(score) if weight else None for score, weight in zip(per_latent, weights, strict=True)],
        "live": int((weights > 0).sum()),
    }
