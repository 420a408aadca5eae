"""DCI by several importance models side by side, and how far they disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import combinations
from typing import Annotated

import numpy as np
from jaxtyping import Float64

from unbraid.errors import UsageError
from unbraid.metrics.dci import DCI, REGRESSORS, Importance, dci_from_importances, importances
from unbraid.metrics.med import shares_of_factors
from unbraid.metrics.samples import Codes, Factors, gather, require_choice
from unbraid.metrics.score_table import html_table, in_columns, nodes
from unbraid.options import Option, checked

PARTS = ("disentanglement", "completeness", "informativeness")
USUAL = ("forest", "gbt", "logistic")
"""Models that are compared by default."""


@dataclass(frozen=True, eq=False)
class DCIByModels:
    """DCI by each model; printed, a table.

    Args:
        scores: by model.
        spread: largest less smallest score over models, by part.
        disagreement: by factor, the mean over pairs of models of the total variation between the shares of importance that
            they give to latents: 0 where all models find a factor in the same latents, 1 where no two share a latent.
    """

    scores: dict[str, DCI]
    spread: dict[str, float]
    disagreement: dict[str, float]

    def __str__(self) -> str:
        return "\n".join([*in_columns(self._table(), right=range(1, 1 + len(PARTS))), self._said()])

    def _repr_html_(self) -> str:
        return f"{html_table(self._table())}<p>{escape(self._said())}</p>"

    def _table(self) -> list[list[str]]:
        rows = [["model", *PARTS]]
        rows += [[model, *(f"{score_of(found, part):.3f}" for part in PARTS)] for model, found in self.scores.items()]
        return [*rows, ["spread", *(f"{self.spread[part]:.3f}" for part in PARTS)]]

    def _said(self) -> str:
        told = ", ".join(f"{name} {value:.2f}" for name, value in self.disagreement.items())
        return f"Models disagree on the latents of factors by: {told}."


@checked
def dci_by_models(
    codes: Codes,
    factors: Factors = None,
    *,
    models: Sequence[str] = USUAL,
    seed: Annotated[int, Option("seed of the choice of samples, and of the models", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> DCIByModels:
    r"""DCI by several importance models, with their spread and their disagreement about each factor.

    .. math:: \Delta_k = \frac{2}{M (M - 1)} \sum_{m < n} \frac12 \sum_j \Bigl|
        \frac{R^m_{jk}}{\sum_i R^m_{ik}} - \frac{R^n_{jk}}{\sum_i R^n_{ik}} \Bigr|

    :math:`R^m` are the importances of `dci` by model m. A model that gives no latent any importance for a factor disagrees by
    1/2 with one that does. Where models disagree, D and C are about the model as much as about the code: report the model, or
    all of them.

    Args:
        models: two or more of those of `dci`; "gbt" takes minutes. Continuous factors can be given to "forest", "gbt" and
            "lasso".

    Raises `UsageError` for models that do not exist, fewer than two or one twice, and for arrays that no score can be computed
    from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> print(dci_by_models(codes, factors, models=["forest", "logistic"], factor_names=["shape", "size", "x"]))
    model     disentanglement  completeness  informativeness
    forest              1.000         1.000            0.910
    logistic            0.720         0.703            1.000
    spread              0.280         0.297            0.090
    Models disagree on the latents of factors by: shape 0.01, size 0.04, x 0.25.
    """
    samples = gather(codes, factors, factor_names=factor_names)
    if len(models) < 2 or len(set(models)) < len(models):
        raise UsageError(f"models is {list(models)}; give two or more, each once.")
    for model in models:
        require_choice("models", model, Importance)
    if not set(models) <= set(REGRESSORS):
        others = [model for model in models if model not in REGRESSORS]
        samples = samples.of_classes(f"The importance {others[0]!r}", 'Ask for "forest", "gbt" and "lasso".')
    found = {model: importances(samples, model, seed) for model in models}
    scores = {model: dci_from_importances(samples, *own, even=model == "lasso") for model, own in found.items()}
    values = {part: [score_of(own, part) for own in scores.values()] for part in PARTS}
    return DCIByModels(
        scores,
        {part: max(own) - min(own) for part, own in values.items()},
        samples.by_factor(disagreement([matrix for matrix, _ in found.values()])),
    )


def score_of(found: DCI, part: str) -> float:
    """One of the three scores."""
    return float(dict(nodes(dict(found)))[part]["score"])


def disagreement(matrices: Sequence[Float64[np.ndarray, "d k"]]) -> Float64[np.ndarray, "k"]:
    """Mean over pairs of half the summed differences between shares of latents, for each factor."""
    shares = [shares_of_factors(own) for own in matrices]
    return np.asarray(np.mean([np.abs(one - other).sum(0) / 2 for one, other in combinations(shares, 2)], axis=0))
