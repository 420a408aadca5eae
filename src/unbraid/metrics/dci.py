"""Disentanglement, completeness and informativeness from importances of latents."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import entr

from unbraid.errors import UsageError
from unbraid.metrics.mig import Scores
from unbraid.metrics.probes import any_number_of_classes
from unbraid.metrics.registry import LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, gather
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000
LEAST_LEAF = 0.01
LASSO_PENALTY = 0.02


class Disentanglement(TypedDict):
    """Disentanglement of all latents by their weights, and of each."""

    score: float
    per_latent: list[float]


class DCI(TypedDict):
    """The three scores; `score` is disentanglement."""

    score: float
    disentanglement: Disentanglement
    completeness: Scores
    informativeness: Scores


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(10, min_samples_leaf=LEAST_LEAF, max_features=None, random_state=seed)


def _boosted(seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(random_state=seed)


def _logistic(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000)


def _entropy_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, criterion="entropy", max_depth=10, random_state=seed)


MODELS: dict[str, Callable[[int], Any]] = {
    "forest": _forest,
    "gbt": _boosted,
    "logistic": _logistic,
    "entropy_forest": _entropy_forest,
}
"""Classifiers, made from a seed."""


def fitted_model(model: str, learned: Float64[np.ndarray, "a d"], labels: Int64[np.ndarray, "a"], seed: int) -> Any:
    """One of `MODELS` that has learned two values or more."""
    with any_number_of_classes():
        return MODELS[model](seed).fit(learned, labels)


def classified(
    learned: Float64[np.ndarray, "a d"],
    labels: Int64[np.ndarray, "a"],
    read: Float64[np.ndarray, "b d"],
    truth: Int64[np.ndarray, "b"],
    model: str,
    seed: int,
) -> tuple[Float64[np.ndarray, "d"], float]:
    """Importances of latents to a classifier, and its accuracy on unseen samples."""
    fitted = fitted_model(model, learned, labels, seed)
    # rounding may leave boosted trees importances just below 0
    weights = np.abs(fitted.feature_importances_) if hasattr(fitted, "feature_importances_") else np.abs(fitted.coef_).mean(0)
    return weights, float((fitted.predict(read) == truth).mean())


def regressed(
    learned: Float64[np.ndarray, "a d"],
    labels: Int64[np.ndarray, "a"],
    read: Float64[np.ndarray, "b d"],
    truth: Int64[np.ndarray, "b"],
    seed: int,
) -> tuple[Float64[np.ndarray, "d"], float]:
    """Absolute coefficients of a lasso to the standardized numbers of the values, and R^2 on unseen samples, at least 0."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import Lasso

    targets, wanted = standardized(labels[:, None], truth[:, None])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the bound on iterations is a part of the published definition
        fitted = Lasso(LASSO_PENALTY, random_state=seed).fit(learned, targets[:, 0])
    error, variance = float(((fitted.predict(read) - wanted[:, 0]) ** 2).mean()), float(wanted.var())
    return np.abs(fitted.coef_), max(0.0, 1 - error / variance) if variance > 0 else 0.0


def disentanglement_of(importance: Float64[np.ndarray, "d k"]) -> tuple[Float64[np.ndarray, "d"], Float64[np.ndarray, "d"]]:
    """For each latent 1 less the entropy, to base K, of its shares over factors, 0 without importance; and its weight."""
    weights = importance.sum(1)
    shares = np.divide(importance, weights[:, None], out=np.zeros_like(importance), where=weights[:, None] > 0)
    base = np.log(max(importance.shape[1], 2))
    scores = np.where(weights > 0, 1 - entr(shares).sum(1) / base, 0.0)
    total = weights.sum()
    return scores, weights / total if total > 0 else weights


def importances(
    codes: Float64[np.ndarray, "n d"], factors: Int64[np.ndarray, "n k"], model: str, seed: int
) -> tuple[Float64[np.ndarray, "d k"], Float64[np.ndarray, "k"]]:
    """How much each latent matters to the prediction of each factor, and how good predictions of unseen samples are."""
    train, test = split_rows(len(codes), TRAIN, TEST, seed)
    learned, read = standardized(codes[train], codes[test])
    matrix, right = np.zeros((codes.shape[1], factors.shape[1])), np.empty(factors.shape[1])
    for k, labels in enumerate(factors.T):
        if len(np.unique(labels[train])) == 1:  # nothing to predict, so nothing matters
            right[k] = (labels[test] == labels[train][0]).mean()
            continue
        rows = learned, labels[train], read, labels[test]
        matrix[:, k], right[k] = regressed(*rows, seed) if model == "lasso" else classified(*rows, model, seed)
    return matrix, right


@metrics.register(
    "dci",
    source="Eastwood and Williams (2018), A Framework for the Quantitative Evaluation of Disentangled Representations",
    formula="mean over latents of 1 - entropy to base K of their importances for the factors, weighted by importance",
    range=(0.0, 1.0),
    perfect="1 in disentanglement and completeness, almost 1 in informativeness; by logistic and entropy_forest less",
    chance="near 0",
    blind="to how much is known of a factor, in disentanglement and completeness; informativeness sees that alone",
    variants=(
        Variant(OWN),
        Variant(LOCATELLO, {"importance": "gbt"}, slow=True),
        Variant(
            "Eastwood and Williams (2018), lasso; its informativeness is 1 less their squared error", {"importance": "lasso"}
        ),
        Variant("Hsu et al. (2024), Tripod", {"importance": "entropy_forest"}),
        Variant("none; it shows what a linear importance sees", {"importance": "logistic"}),
    ),
    sampled=True,
)
def dci(
    codes: Codes,
    factors: Factors = None,
    *,
    importance: Annotated[
        Literal["forest", "gbt", "logistic", "lasso", "entropy_forest"],
        Option("model whose importances of latents are taken; gbt takes minutes"),
    ] = "forest",
    seed: Annotated[int, Option("seed of the choice of samples, and of the model", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> DCI:
    r"""Disentanglement, completeness and informativeness, from the importances R of latents for predicting factors.

    .. math:: D = \sum_j \rho_j \bigl(1 - H_K(R_{j\cdot} / \textstyle\sum_k R_{jk})\bigr), \qquad
        C = \sum_k \pi_k \bigl(1 - H_D(R_{\cdot k} / \textstyle\sum_j R_{jk})\bigr)

    H_b is an entropy to base b; the weights rho and pi are the shares of a row, and of a column, in the sum of R.
    Informativeness is the mean accuracy on unseen samples, as in disentanglement_lib; the paper has an error, less is better.
    Models learn from standardized codes of 10,000 samples and are scored on 5,000 others, or 2/3 and 1/3 of fewer.
    The importance model changes the score, so name it with the number:

    * "forest": 10 trees, no leaf with less than a hundredth of the samples; the decrease of impurity. Fast. Smaller leaves
      would learn noise, and give importance to latents that know nothing.
    * "gbt": gradient-boosted trees of scikit-learn, as in disentanglement_lib; slow.
    * "entropy_forest": 100 trees of a depth of 10 at most, by entropy, as in Hsu et al. (2024).
    * "lasso": absolute coefficients of a linear regression to the numbers of the values, standardized, with the penalty 0.02
      of the paper's code. As there, completeness is the plain mean over factors; informativeness is R^2, 1 less the square of
      their normalized error. For ordered factors. The forests of the paper have a depth of their own for each factor, and are
      left out.
    * "logistic": mean absolute coefficient of a softmax regression. Sees what is linear only.

    Range 0 to 1. A perfect code scores 1 in D and C, and almost 1 in informativeness. Chance is near 0 in D and C, where
    all importances are even, and in informativeness the share of a factor's commonest value. An unused latent has no weight.
    Raises `UsageError` for arrays that no score can be computed from.
    """
    samples = gather(codes, factors, factor_names=factor_names)
    if importance not in {*MODELS, "lasso"}:
        raise UsageError(f"importance is {importance!r}; allowed: {', '.join([*MODELS, 'lasso'])}.")
    matrix, right = importances(samples.codes, samples.factors, importance, seed)
    rows, row_weights = disentanglement_of(matrix)
    columns, column_weights = disentanglement_of(matrix.T)
    if importance == "lasso":
        column_weights = np.full(len(columns), 1 / len(columns))
    disentangled = float(rows @ row_weights)
    return {
        "score": disentangled,
        "disentanglement": {"score": disentangled, "per_latent": [float(row) for row in rows]},
        "completeness": {"score": float(columns @ column_weights), "per_factor": samples.by_factor(columns)},
        "informativeness": {"score": float(right.mean()), "per_factor": samples.by_factor(right)},
    }
