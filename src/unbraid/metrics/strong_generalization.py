"""Strong generalization: prediction of factors where another factor has values not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, TypedDict

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.dci import Model, fitted_model
from unbraid.metrics.mig import Scores
from unbraid.metrics.probes import any_number_of_classes
from unbraid.metrics.registry import OWN, UNTRIED, Variant, metrics
from unbraid.metrics.samples import INSTEAD, Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000


class Generalization(TypedDict):
    """Accuracy under the shift, accuracy without, and the share of the second that the shift costs."""

    score: float
    per_factor: dict[str, float]
    unshifted: Scores
    gap: float


def shifts(
    labels: Int64[np.ndarray, "n"],
    train: Int64[np.ndarray, "a"],
    test: Int64[np.ndarray, "b"],
    repeats: int,
    rng: np.random.Generator,
) -> list[tuple[Int64[np.ndarray, "_"], Int64[np.ndarray, "_"]]]:
    """For random values of a factor, the training rows that have it and the test rows that do not.

    Values for which either would be empty are left out.
    """
    values = rng.permutation(np.unique(labels[train]))
    found = [(train[labels[train] == value], test[labels[test] != value]) for value in values]
    return [(learned, read) for learned, read in found if len(read)][:repeats]


def accuracy(
    samples: Samples, k: int, learned: Int64[np.ndarray, "a"], read: Int64[np.ndarray, "b"], model: str, seed: int
) -> float:
    """How often a model that learned factor k from some rows is right on others."""
    labels = samples.factors[:, k]
    if len(np.unique(labels[learned])) == 1:
        return float((labels[read] == labels[learned][0]).mean())
    features, unseen = standardized(samples.codes[learned], samples.codes[read])
    with any_number_of_classes():
        return float((fitted_model(model, features, labels[learned], seed).predict(unseen) == labels[read]).mean())


@metrics.register(
    "strong_generalization",
    source="disentanglement_lib, strong downstream task",
    formula="accuracy where v_j is not c of a model of v_k learned where v_j = c, mean over pairs of factors",
    range=(0.0, 1.0),
    perfect="near 1",
    chance="the share of a factor's commonest value",
    blind="to mixtures of factors that a model undoes from one value of a factor as well as from all",
    variants=(
        Variant(OWN),
        Variant("disentanglement_lib, which samples as many images under the shift as without", {"model": "gbt"}, slow=True),
    ),
    sampled=True,
    downstream=True,
    rests_on="values",
    no_interval=UNTRIED,
)
def strong_generalization(
    codes: Codes,
    factors: Factors = None,
    *,
    model: Model = "forest",
    repeats: Annotated[int, Option("values of each factor that are learned from, one at a time", ge=1)] = 3,
    seed: Annotated[int, Option("seed of the choice of samples and values, and of the model", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> Generalization:
    r"""Strong generalization: accuracy on combinations of factors that training never shows.

    A model learns a factor while another has one value, and is tested where that has all others.

    .. math:: \frac1K \sum_k \frac{1}{K - 1} \sum_{j \ne k} \Pr\bigl(f_{kj}(z) = v_k \mid v_j \ne c_j\bigr), \qquad
        f_{kj} \text{ learned where } v_j = c_j

    The values c_j are drawn at random, `repeats` (3) for each factor, and their accuracies averaged. In a code whose latents
    mix v_k and v_j, what is learned of v_k at one value of v_j is wrong at others. Models (`unbraid.metrics.dci` says what they
    are) learn from standardized latents of those of 10,000 samples that have the value, and are scored on those of 5,000
    others that have not (2/3 and 1/3 of fewer).

    `unshifted` is the accuracy of models that learn from as many samples at random, scored on all 5,000. `gap` is 1 less the
    ratio of the two, at least 0; less is better. disentanglement_lib draws another factor and value at random in each
    repetition instead of taking all factors, and its comparison learns from full samples, which tables of rows cannot match.

    Range 0 to 1. A perfect code scores near 1, and less where a value of v_j is left with few samples to learn from. Chance
    scores the share of a factor's commonest value. Blind to mixtures that one value shows how to undo: "logistic" undoes most
    rotations. With a single factor, or where no factor can be shifted, the score is that without a shift.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = strong_generalization(codes, factors, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    0.89
    """
    samples = gather(codes, factors, factor_names=factor_names).of_classes("Strong generalization", INSTEAD)
    require_choice("model", model, Model)
    rng = np.random.default_rng(seed)
    train, test = split_rows(len(samples), TRAIN, TEST, seed)
    found = list(_accuracies(samples, train, test, model, repeats, seed, rng))
    strong, weak = np.empty(samples.factors.shape[1]), np.empty(samples.factors.shape[1])
    for k in range(len(strong)):
        own = [pair for of, *pair in found if of == k]
        if not own:  # no other factor can be shifted
            own = [[accuracy(samples, k, train, test, model, seed)] * 2]
        strong[k], weak[k] = np.mean(own, axis=0)
    return {
        "score": float(strong.mean()),
        "per_factor": samples.by_factor(strong),
        "unshifted": {"score": float(weak.mean()), "per_factor": samples.by_factor(weak)},
        "gap": _gap(strong, weak),
    }


def _accuracies(
    samples: Samples,
    train: Int64[np.ndarray, "a"],
    test: Int64[np.ndarray, "b"],
    model: str,
    repeats: int,
    seed: int,
    rng: np.random.Generator,
) -> Iterator[tuple[int, float, float]]:
    """For each factor that can be shifted, all others, with their accuracy under its shift and without."""
    for j, labels in enumerate(samples.factors.T):
        shifted = shifts(labels, train, test, repeats, rng)
        if not shifted:
            continue
        like = rng.permutation(train)[: len(shifted[0][0])]
        for k in range(samples.factors.shape[1]):
            if k != j:
                under = float(np.mean([accuracy(samples, k, *rows, model, seed) for rows in shifted]))
                yield k, under, accuracy(samples, k, like, test, model, seed)


def _gap(strong: Float64[np.ndarray, "k"], weak: Float64[np.ndarray, "k"]) -> float:
    return max(0.0, 1 - float(strong.mean() / weak.mean())) if weak.any() else 0.0
