"""Explicitness: can the values of a factor be read from all latents by a linear probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np

from unbraid.metrics.mig import Scores
from unbraid.metrics.probes import Read, area_under_curve, multinomial_probe, one_vs_rest_probe
from unbraid.metrics.r2 import by_line, explained_of
from unbraid.metrics.registry import LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, gather, require_choice
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000

PROBES: dict[str, Callable[..., Read]] = {"multinomial": multinomial_probe, "one_vs_rest": one_vs_rest_probe}


Definition = Annotated[
    Literal["multinomial", "one_vs_rest"], Option("one regression over all values of a factor, or one for each value")
]


@metrics.register(
    "explicitness",
    source="Ridgeway and Mozer (2018), Learning Deep Disentangled Embeddings with the F-Statistic Loss",
    formula="mean over factors, and their values, of the ROC AUC of a softmax regression on all latents",
    range=(0.5, 1.0),
    perfect="0.97 or more; by one_vs_rest less, 0.90 on factors of 32 values",
    chance="0.5",
    continuous="(1 + R^2) / 2 of least squares, by multinomial",
    blind="to whether factors are in latents of their own, since the probe reads all of them",
    variants=(
        Variant(f"{OWN}; {LOCATELLO}, made with scikit-learn 0.22 or later"),
        Variant("Ridgeway and Mozer (2018)", {"definition": "one_vs_rest"}),
    ),
    sampled=True,
    rests_on="values",
)
def explicitness(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "multinomial",
    seed: Annotated[int, Option("seed of the choice of samples", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Explicitness: ROC AUC of logistic regression from all latents to the values of a factor.

    .. math:: \frac1K \sum_k \frac{1}{|V_k|} \sum_{v \in V_k} \mathrm{AUC}\bigl(s_v(z),\, [v_k = v]\bigr)

    Latents are standardized; the probe learns from 10,000 samples in random order and is scored on 5,000 others, or on 2/3 and
    1/3 of fewer. Values that are missing on either side are left out of the mean. The penalty is scikit-learn's (C = 1). Range
    0.5 to 1: what falls below 0.5 by chance counts as 0.5. Chance scores 0.5, not 0. Definitions:

    * "multinomial": one softmax regression over all values, as scikit-learn does now. A perfect code scores 0.97 or more.
    * "one_vs_rest": one regression for each value, as published, and as scikit-learn once did. No line tells a middle value
      of an ordered factor from both sides of it, so that a perfect code scores 0.90 on factors of 32 values.

    Continuous factors have no values to tell apart: of one it is :math:`(1 + R^2) / 2` of least squares on unseen samples, of
    the cosine and the sine of a cyclic one together, by "multinomial" alone.

    Blind to entanglement that a rotation can undo.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = explicitness(codes, factors, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    1.0
    """
    samples = gather(codes, factors, factor_names=factor_names)
    require_choice("definition", definition, Definition)
    if definition == "one_vs_rest":
        samples = samples.of_classes("The definition 'one_vs_rest'", 'Ask for "multinomial".')
    train, test = split_rows(len(samples), TRAIN, TEST, seed)
    learned, read = standardized(samples.codes[train], samples.codes[test])
    areas = []
    for labels in samples.factors.T:
        found = PROBES[definition](learned, labels[train], read)
        per_value = [
            area_under_curve(found.scores[:, c], labels[test] == value)
            for c, value in enumerate(found.classes)
            if 0 < (labels[test] == value).sum() < len(test)
        ]
        areas.append(max(0.5, float(np.mean(per_value or [0.5]))))
    for k in range(len(samples.quantity_names)):
        target = samples.features(k)
        areas.append(0.5 + 0.5 * explained_of(target[test], by_line(learned, target[train], read)))
    return {"score": float(np.mean(areas)), "per_factor": samples.by_factor(areas)}
