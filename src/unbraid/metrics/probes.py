"""Linear probes: how well logistic regression predicts a factor on samples it has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64


@contextmanager
def any_number_of_classes() -> Iterator[None]:
    """Silence scikit-learn's warning about factors of about as many values as samples."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        yield


@dataclass(frozen=True)
class Read:
    """What a probe says of samples.

    Args:
        scores: a score per sample and class; probabilities for the multinomial probe.
        classes: the values that the probe has seen, in the order of the columns.
    """

    scores: Float64[np.ndarray, "n c"]
    classes: Int64[np.ndarray, "c"]


def multinomial_probe(
    features: Float64[np.ndarray, "a d"],
    labels: Int64[np.ndarray, "a"],
    read: Float64[np.ndarray, "b d"],
    *,
    penalty: float = 1.0,
    balanced: bool = False,
    iterations: int = 1000,
) -> Read:
    """Probabilities of each class by multinomial logistic regression, as scikit-learn fits it.

    The penalty is |w|^2 / 2 times `penalty`.

    A single class has probability 1. Of two classes the one probability is given for both.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classes = np.unique(labels)
    if len(classes) == 1:
        return Read(np.ones((len(read), 1)), classes)
    model = LogisticRegression(
        C=1 / penalty if penalty else np.inf, class_weight="balanced" if balanced else None, max_iter=iterations
    )
    with any_number_of_classes():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the bound on iterations is a part of published definitions
        model.fit(features, labels)
    return Read(model.predict_proba(read), classes)


def one_vs_rest_probe(
    features: Float64[np.ndarray, "a d"], labels: Int64[np.ndarray, "a"], read: Float64[np.ndarray, "b d"]
) -> Read:
    """Probabilities of each class by logistic regressions of one class against all others.

    They are scaled to a sum of 1 over classes.
    """
    classes = np.unique(labels)
    if len(classes) == 1:
        return Read(np.ones((len(read), 1)), classes)
    columns = [multinomial_probe(features, (labels == value).astype(np.int64), read).scores[:, 1] for value in classes]
    scores = np.stack(columns, axis=1)
    return Read(scores / scores.sum(1, keepdims=True), classes)


def area_under_curve(scores: Float64[np.ndarray, "n"], positive: Bool[np.ndarray, "n"]) -> float:
    """ROC AUC: the chance that a positive sample scores above a negative one, ties counting half.

    It is 0.5 where there is no such pair.
    """
    ones = int(positive.sum())
    zeros = len(positive) - ones
    if not ones or not zeros:
        return 0.5
    ordered = np.sort(scores[~positive])
    below = np.searchsorted(ordered, scores[positive], side="left")
    up_to = np.searchsorted(ordered, scores[positive], side="right")
    return float((below + up_to).sum() / (2 * ones * zeros))
