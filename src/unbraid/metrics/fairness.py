"""Fairness: whether predictions of one factor depend on the value of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypedDict

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.dci import Model, fitted_model
from unbraid.metrics.probes import any_number_of_classes
from unbraid.metrics.registry import OWN, UNTRIED, Variant, metrics
from unbraid.metrics.samples import INSTEAD, Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000
ORDERS = 10
"""Random orders of the sensitive factor that chance is the mean of."""

Definition = Annotated[Literal["adjusted", "plug_in"], Option("whether what few samples give is taken off")]


class Fairness(TypedDict):
    """1 minus the unfairness, over all pairs of factors, by predicted and by sensitive factor.

    The sensitive factor is the one that should not matter.
    """

    score: float
    per_factor: dict[str, float]
    per_sensitive: dict[str, float]


def unfairness(predicted: Int64[np.ndarray, "n"], target: Int64[np.ndarray, "n"], sensitive: Int64[np.ndarray, "n"]) -> float:
    r"""Total variation between predictions at one value of a sensitive factor and expected ones.

    The expected ones follow from the distribution of the target at that value.

    .. math:: \sum_c P(v_s = c)\, \frac12 \sum_y \Bigl| P(\hat y = y \mid v_s = c) -
        \sum_v P(v_t = v \mid v_s = c)\, P(\hat y = y \mid v_t = v) \Bigr|

    All numbers from 0 on. If target and sensitive factor are independent, the second term is the same for all c: predictions
    over all samples.
    """
    said = _table(sensitive, predicted)
    by_target = _table(target, predicted)
    expected = _table(sensitive, target) @ (by_target / np.maximum(by_target.sum(1, keepdims=True), 1))
    return float(np.abs(said - expected).sum() / 2 / len(predicted))


def unfairness_of_chance(
    predicted: Int64[np.ndarray, "n"], target: Int64[np.ndarray, "n"], sensitive: Int64[np.ndarray, "n"], seed: int
) -> float:
    """The mean unfairness of predictions that do not depend on the sensitive factor.

    To compute it, the factor is shuffled among samples of the same target.
    """
    rng = np.random.default_rng(seed)
    by_target = np.argsort(target, kind="stable")
    found = []
    for _ in range(ORDERS):
        shuffled = np.empty_like(sensitive)
        shuffled[by_target] = sensitive[np.lexsort((rng.random(len(target)), target))]
        found.append(unfairness(predicted, target, shuffled))
    return float(np.mean(found))


def _table(left: Int64[np.ndarray, "n"], right: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "a b"]:
    """How often values meet."""
    columns = int(right.max()) + 1
    counts = np.bincount(left * columns + right, minlength=(int(left.max()) + 1) * columns)
    return counts.reshape(-1, columns).astype(np.float64)


def predictions(samples: Samples, k: int, train: np.ndarray, test: np.ndarray, model: str, seed: int) -> Int64[np.ndarray, "n"]:
    """What a model that learned factor k from some rows says of others."""
    learned, read = standardized(samples.codes[train], samples.codes[test])
    labels = samples.factors[train, k]
    if len(np.unique(labels)) == 1:
        return np.full(len(test), labels[0])
    with any_number_of_classes():
        return np.asarray(fitted_model(model, learned, labels, seed).predict(read), dtype=np.int64)


@metrics.register(
    "fairness",
    source="Locatello et al. (2019), On the Fairness of Disentangled Representations",
    formula="1 - mean over pairs (t, s) of TV(predictions of t where s = c, predictions of t), mean over c",
    range=(0.0, 1.0),
    perfect="1",
    chance="1: codes that know nothing treat all values alike",
    blind="to how well factors are predicted: read it beside an accuracy",
    variants=(
        Variant(OWN),
        Variant(
            "Locatello et al. (2019), 1 less their number, but for their interventions on images",
            {"definition": "plug_in", "model": "gbt"},
            slow=True,
        ),
    ),
    sampled=True,
    downstream=True,
    rests_on="values",
    no_interval=UNTRIED,
)
def fairness(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "adjusted",
    model: Model = "forest",
    seed: Annotated[int, Option("seed of the choice of samples, and of the model", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> Fairness:
    r"""Fairness: 1 less how much the prediction of a factor depends on a factor that is not predicted.

    .. math:: 1 - \frac{1}{K (K - 1)} \sum_{t \ne s} U_{ts}

    U_ts is the total variation between predictions of factor t at one value of the sensitive factor s and those at all its
    values (`unfairness`). The published number is the mean of U, where less is better; here more is, as in all scores. Models
    (`unbraid.metrics.dci` says what they are) learn from standardized latents of 10,000 samples and predict 5,000 others, 2/3
    and 1/3 of fewer. `per_factor` is the mean over s, `per_sensitive` that over t.

    The published protocol sets s to each value and renders the images anew. A table has no such images: samples are taken by
    the value of s that they have, and since these may differ in t, predictions are compared with those for the same values of
    t. Definitions:

    * "adjusted": (U - E) / (1 - E), at least 0, with E the mean of U over random orders of s among samples of the same t. Few
      samples per value look unfair by chance.
    * "plug_in": U as it comes.

    Range 0 to 1. A perfect code scores 1, and so do codes that know nothing. With a single factor, or one value of s, nothing
    is unfair. Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = fairness(codes, factors, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    1.0
    """
    samples = gather(codes, factors, factor_names=factor_names).of_classes("Fairness", INSTEAD)
    require_choice("definition", definition, Definition)
    require_choice("model", model, Model)
    train, test = split_rows(len(samples), TRAIN, TEST, seed)
    count = samples.factors.shape[1]
    labels = [np.unique(samples.factors[test, k], return_inverse=True)[1] for k in range(count)]
    table = np.zeros((count, count))
    for t in range(count):
        said = np.unique(predictions(samples, t, train, test, model, seed), return_inverse=True)[1]
        for s in range(count):
            if s != t:
                table[t, s] = unfairness(said, labels[t], labels[s])
                if definition == "adjusted":
                    chance = unfairness_of_chance(said, labels[t], labels[s], seed)
                    table[t, s] = max(0.0, table[t, s] - chance) / (1 - chance)
    pairs = max(count - 1, 1)
    return {
        "score": 1 - float(table.sum()) / (count * pairs),
        "per_factor": samples.by_factor(1 - table.sum(1) / pairs),
        "per_sensitive": samples.by_factor(1 - table.sum(0) / pairs),
    }
