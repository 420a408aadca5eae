"""Linear probe: accuracy of a linear classifier of a factor, by number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.mig import Scores
from unbraid.metrics.probes import Read, multinomial_probe
from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import INSTEAD, Codes, Factors, Samples, gather
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000
ITERATIONS = 100
"""Of the regression, as in InfoMEC; without a penalty it has no end on classes that can be separated."""


class Accuracies(TypedDict):
    """Accuracy over all factors and of each, and how many labels the probe had."""

    score: float
    per_factor: dict[str, float]
    labels: int


class LinearProbe(TypedDict):
    """Accuracies by number of labels, and the share of the last one that a hundred labels reach.

    `score` is the accuracy with the most labels.
    """

    score: float
    per_factor: dict[str, float]
    labels_10: Accuracies
    labels_100: Accuracies
    labels_1000: Accuracies
    labels_10000: Accuracies
    efficiency: Scores


def linear_read(samples: Samples, k: int, *, labels: int = TRAIN, seed: int) -> tuple[Read, Int64[np.ndarray, "n"]]:
    """What a probe predicts of factor k for unseen samples, and the truth.

    It learns from the given number of labels, or from all where there are fewer.
    """
    train, test = split_rows(len(samples), TRAIN, TEST, seed)
    train, factor = train[:labels], samples.factors[:, k]

    def read() -> Read:
        learned, unseen = standardized(samples.codes[train], samples.codes[test])
        return multinomial_probe(learned, factor[train], unseen, penalty=0.0, iterations=ITERATIONS)

    return samples.keep(("linear_read", k, len(train), seed), read), factor[test]


def accuracies(samples: Samples, labels: int, seed: int) -> Float64[np.ndarray, "k"]:
    """How often the probe with so many labels is right on unseen samples, for each factor."""
    found = [linear_read(samples, k, labels=labels, seed=seed) for k in range(samples.factors.shape[1])]
    return np.array([(said.classes[said.scores.argmax(1)] == truth).mean() for said, truth in found])


@metrics.register(
    "linear_probe",
    source="disentanglement_lib, downstream task by logistic regression; here without a penalty, on standardized latents",
    formula="share of unseen samples whose value of a factor softmax regression names, mean over factors, by number of labels",
    range=(0.0, 1.0),
    perfect="1",
    chance="the share of a factor's commonest value, and 1 for efficiency",
    blind="to whether factors are in latents of their own, since the probe reads all of them",
    variants=(Variant(f"{OWN}; disentanglement_lib chooses a penalty by cross-validation and does not standardize"),),
    sampled=True,
    downstream=True,
    rests_on="values",
)
def linear_probe(
    codes: Codes,
    factors: Factors = None,
    *,
    seed: Annotated[int, Option("seed of the choice of samples", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> LinearProbe:
    r"""Linear probe: accuracy of softmax regression on all latents, by number of labels.

    It learns from 10, 100, 1,000 and 10,000 labeled samples.

    .. math:: \frac1K \sum_k \Pr\bigl(\arg\max_v w_{kv}^\top z + b_{kv} = v_k\bigr)

    All probes are scored on the same 5,000 samples, which none has seen; each has the labels of the one before and more. Of
    fewer than 15,000 samples a third is kept for scoring, and a probe that asks for more labels than the rest has gets all of
    it: `labels` says how many. Latents are standardized by the labeled samples. Regressions have no penalty and end after 100
    iterations: with the usual penalty a perfect code of 40 values is read right 4 times in 10.

    `score` is the accuracy with the most labels. `efficiency` is what share of it 100 labels give, at most 1. It says how fast
    a factor is learned and not how well, so codes that know nothing have 1.

    Range 0 to 1. A perfect code scores 1. Chance scores the share of a factor's commonest value, 0.16 on dSprites. Blind to
    entanglement that a rotation can undo.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = linear_probe(codes, factors, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    1.0
    """
    samples = gather(codes, factors, factor_names=factor_names).of_classes("The linear probe", INSTEAD)
    learned = len(split_rows(len(samples), TRAIN, TEST, seed)[0])
    asked = (10, 100, 1_000, TRAIN)
    found = {count: accuracies(samples, count, seed) for count in asked}
    ten, hundred, thousand, most = (_named(samples, found[count], min(count, learned)) for count in asked)
    return {
        "score": most["score"],
        "per_factor": most["per_factor"],
        "labels_10": ten,
        "labels_100": hundred,
        "labels_1000": thousand,
        "labels_10000": most,
        "efficiency": {
            "score": _share(hundred["score"], most["score"]),
            "per_factor": samples.by_factor([_share(*pair) for pair in zip(found[100], found[TRAIN], strict=True)]),
        },
    }


def _named(samples: Samples, right: Float64[np.ndarray, "k"], labels: int) -> Accuracies:
    return {"score": float(right.mean()), "per_factor": samples.by_factor(right), "labels": labels}


def _share(few: float, many: float) -> float:
    """0 where many labels are of no use at all."""
    return min(1.0, float(few / many)) if many > 0 else 0.0
