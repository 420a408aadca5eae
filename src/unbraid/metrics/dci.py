"""Disentanglement, completeness and informativeness from importances of latents."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import entr

from unbraid.metrics.information.definitions import information
from unbraid.metrics.mig import Scores
from unbraid.metrics.probes import any_number_of_classes
from unbraid.metrics.r2 import explained_of
from unbraid.metrics.registry import LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000
BOOSTED = "boosted trees take minutes for each half of the samples, too long to find out whether an interval would hold"
"""Why metrics that boost trees have no interval."""
OF_NOISE = "noise gets importance by chance, and less of it with more samples"
"""Why linear models have none."""
SHARE_OF_TRIPOD = 0.9
"""Of all samples, that the model of Hsu et al. (2024) learns from."""
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


def _regression_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(10, min_samples_leaf=LEAST_LEAF, max_features=None, random_state=seed)


def _boosted_regression(seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(random_state=seed)


def _lasso(seed: int) -> Any:
    from sklearn.linear_model import Lasso

    return Lasso(LASSO_PENALTY, random_state=seed)


REGRESSORS: dict[str, Callable[[int], Any]] = {"forest": _regression_forest, "gbt": _boosted_regression, "lasso": _lasso}
"""Regressors, made from a seed, that stand for the classifier of the same name where a factor is continuous."""
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
    targets: Float64[np.ndarray, "a t"],
    read: Float64[np.ndarray, "b d"],
    truth: Float64[np.ndarray, "b t"],
    model: str,
    seed: int,
) -> tuple[Float64[np.ndarray, "d"], float]:
    """Importances of latents to one of `REGRESSORS` of standardized values, and its R^2 on unseen samples.

    Several columns, cosine and sine of a cyclic factor, have a regressor each; importances to trees are weighted by the
    variance that they explain. R^2 is clipped at 0.
    """
    from sklearn.exceptions import ConvergenceWarning

    wanted, known = standardized(targets, truth)
    scale = targets.std(0)
    weights, predicted = np.zeros(learned.shape[1]), np.zeros_like(known)
    for t, column in enumerate(wanted.T):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the bound on iterations is a part of the published definition
            fitted = REGRESSORS[model](seed).fit(learned, column)
        predicted[:, t] = fitted.predict(read)
        told = 1.0 if model == "lasso" else explained_of(column[:, None], fitted.predict(learned)[:, None])
        own = np.abs(fitted.coef_ if model == "lasso" else fitted.feature_importances_)
        weights += own * told * scale[t] / max(scale.sum(), 1e-300)
    if model != "lasso" and weights.any():
        weights /= weights.sum()
    return weights, explained_of(known * scale, predicted * scale)


def disentanglement_of(importance: Float64[np.ndarray, "d k"]) -> tuple[Float64[np.ndarray, "d"], Float64[np.ndarray, "d"]]:
    """For each latent, 1 minus the entropy (to base K) of its importances over the K factors.

    A latent without importance has 0. The weight of each latent is returned too.
    """
    weights = importance.sum(1)
    shares = np.divide(importance, weights[:, None], out=np.zeros_like(importance), where=weights[:, None] > 0)
    base = np.log(max(importance.shape[1], 2))
    scores = np.where(weights > 0, 1 - entr(shares).sum(1) / base, 0.0)
    total = weights.sum()
    return scores, weights / total if total > 0 else weights


def rows_of(model: str, n: int, seed: int) -> tuple[Int64[np.ndarray, "a"], Int64[np.ndarray, "b"]]:
    """The rows that a model learns from, and those that it is scored on."""
    if model != "entropy_forest":
        return split_rows(n, TRAIN, TEST, seed)
    learned = min(round(SHARE_OF_TRIPOD * n), n - 1)
    return split_rows(n, learned, n - learned, seed)


def importances(samples: Samples, model: str, seed: int) -> tuple[Float64[np.ndarray, "d k"], Float64[np.ndarray, "k"]]:
    """How much each latent matters to the prediction of each factor, and how good predictions are.

    Predictions are made for unseen samples.

    The "forest" is given those latents of which each tells more of the factor than chance (`unbraid.metrics.information`).
    """
    train, test = rows_of(model, len(samples), seed)
    learned, read = standardized(samples.codes[train], samples.codes[test])
    given = information(samples).known if model == "forest" else np.ones((learned.shape[1], len(samples.names)), bool)
    matrix, right = np.zeros(given.shape), np.empty(given.shape[1])
    for k, labels in enumerate(samples.factors.T):
        values, counts = np.unique(labels[train], return_counts=True)
        own = np.flatnonzero(given[:, k])
        if len(values) == 1 or not len(own):  # nothing matters to the best guess
            right[k] = (labels[test] == values[counts.argmax()]).mean()
            continue
        rows = learned[:, own], labels[train], read[:, own], labels[test]
        if model == "lasso":
            numbers = labels[:, None].astype(np.float64)
            matrix[own, k], right[k] = regressed(rows[0], numbers[train], rows[2], numbers[test], model, seed)
        else:
            matrix[own, k], right[k] = classified(*rows, model, seed)
    count = samples.factors.shape[1]
    for k in range(len(samples.quantity_names)):
        target, own = samples.features(k), np.flatnonzero(given[:, count + k])
        if not len(own):
            right[count + k] = 0.0
            continue
        both = learned[:, own], target[train], read[:, own], target[test]
        matrix[own, count + k], right[count + k] = regressed(*both, model, seed)
    return matrix, right


Model = Annotated[Literal["forest", "gbt", "logistic"], Option("what predicts; gbt takes minutes")]
"""Of metrics that train models of all latents."""
Importance = Annotated[
    Literal["forest", "gbt", "logistic", "lasso", "entropy_forest"],
    Option("model whose importances of latents are taken; gbt takes minutes"),
]


@metrics.register(
    "dci",
    source="Eastwood and Williams (2018), A Framework for the Quantitative Evaluation of Disentangled Representations",
    formula="mean over latents of 1 - entropy to base K of their importances for the factors, weighted by importance",
    range=(0.0, 1.0),
    perfect="1 in disentanglement and completeness, almost 1 in informativeness; by logistic and entropy_forest less",
    chance="0; near 0 by other models, and by lasso up to 1, since it keeps few coefficients of noise",
    blind="to how much is known of a factor, in disentanglement and completeness; informativeness sees that alone",
    variants=(
        Variant(OWN),
        Variant(LOCATELLO, {"importance": "gbt"}, slow=True, continuous=True),
        Variant(
            "Eastwood and Williams (2018), lasso; its informativeness is 1 less their squared error",
            {"importance": "lasso"},
            continuous=True,
        ),
        Variant("Hsu et al. (2024), Tripod, by nine tenths of all samples", {"importance": "entropy_forest"}),
        Variant("none; it shows what a linear importance sees", {"importance": "logistic"}),
    ),
    sampled=True,
    learns_from=TRAIN + TEST,
    rests_on="known",
    no_interval_continuous="of continuous factors its regressors gain more from further samples than halves of these show",
    no_interval_by={
        ("importance", "gbt"): BOOSTED,
        ("importance", "lasso"): OF_NOISE,
        ("importance", "logistic"): OF_NOISE,
        (
            "importance",
            "entropy_forest",
        ): "its trees learn from nine tenths of all samples, so that the score moves with their number",
    },
    continuous="regressors in place of classifiers, by forest, gbt and lasso; informativeness is R^2",
)
def dci(
    codes: Codes,
    factors: Factors = None,
    *,
    importance: Importance = "forest",
    seed: Annotated[int, Option("seed of the choice of samples, and of the model", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> DCI:
    r"""Disentanglement, completeness and informativeness of latents for predicting factors.

    They follow from the importances R.

    .. math:: D = \sum_j \rho_j \bigl(1 - H_K(R_{j\cdot} / \textstyle\sum_k R_{jk})\bigr), \qquad
        C = \sum_k \pi_k \bigl(1 - H_D(R_{\cdot k} / \textstyle\sum_j R_{jk})\bigr)

    H_b is an entropy to base b; the weights rho and pi are the shares of a row, and of a column, in the sum of R.
    Informativeness is the mean accuracy on unseen samples, as in disentanglement_lib; the paper has an error, less is better.
    Models learn from standardized codes of 10,000 samples and are scored on 5,000 others, or 2/3 and 1/3 of fewer.
    The importance model changes the score, so name it with the number:

    * "forest": 10 trees, no leaf with less than a hundredth of the samples; the decrease of impurity. For each factor it is
      given the latents of which each, by itself, knows more of the factor than chance gives (posterior information where
      variances are known, adjusted bins elsewhere), and the others have no importance. Trees would else give noise some
      importance, the more the fewer samples there are: D of one latent per factor with noise and five idle latents was 0.48
      from 1,000 samples and 0.87 from 15,000, and is 1.00 from both. What a latent tells only together with others is not seen.
    * "gbt": gradient-boosted trees of scikit-learn, as in disentanglement_lib; slow.
    * "entropy_forest": 100 trees of a depth of 10 at most, by entropy, learned from nine tenths of all samples and scored on
      the rest, as in Hsu et al. (2024).
    * "lasso": absolute coefficients of a linear regression to the numbers of the values, standardized, with the penalty 0.02
      of the paper's code. As there, completeness is the plain mean over factors; informativeness is R^2, 1 less the square of
      their normalized error. For ordered factors. The forests of the paper have a depth of their own for each factor, and are
      left out.
    * "logistic": mean absolute coefficient of a softmax regression. Sees what is linear only.

    Continuous factors are regressed: by a forest of the same size, boosted trees or the lasso, on their standardized values, or
    on the cosine and the sine of a cyclic one, with the same choice of latents for the forest. Informativeness of one is R^2.
    "logistic" and "entropy_forest" are of classes.

    Range 0 to 1. A perfect code scores 1 in D and C, and almost 1 in informativeness. Chance is 0 in D and C by "forest", near
    0 by the other trees and by "logistic", where all importances are even, and anything up to 1 by "lasso": of noise it keeps
    few coefficients or a single one. In informativeness chance is the share of a factor's commonest value. An unused latent
    has no weight, but the entropy in C is to the base of all latents: constant latents raise the C of a factor that several
    share, from 0.93 to 0.96 with six beside ten and 0.98 with sixty.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = dci(codes, factors, factor_names=["shape", "size", "x"])
    >>> [round(found[part]["score"], 2) for part in ("disentanglement", "completeness", "informativeness")]
    [1.0, 1.0, 0.91]
    """
    samples = gather(codes, factors, factor_names=factor_names)
    require_choice("importance", importance, Importance)
    if importance not in REGRESSORS:
        samples = samples.of_classes(f"The importance {importance!r}", 'Ask for "forest", "gbt" or "lasso".')
    return dci_from_importances(samples, *importances(samples, importance, seed), even=importance == "lasso")


def dci_from_importances(
    samples: Samples, matrix: Float64[np.ndarray, "d k"], right: Float64[np.ndarray, "k"], *, even: bool = False
) -> DCI:
    """The three scores, from importances and how good predictions are.

    If `even`, all factors weigh the same in completeness.
    """
    rows, row_weights = disentanglement_of(matrix)
    columns, column_weights = disentanglement_of(matrix.T)
    if even:
        column_weights = np.full(len(columns), 1 / len(columns))
    disentangled = float(rows @ row_weights)
    return {
        "score": disentangled,
        "disentanglement": {"score": disentangled, "per_latent": [float(row) for row in rows]},
        "completeness": {"score": float(columns @ column_weights), "per_factor": samples.by_factor(columns)},
        "informativeness": {"score": float(right.mean()), "per_factor": samples.by_factor(right)},
    }
