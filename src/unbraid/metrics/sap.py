"""Separated attribute predictability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import Float64

from unbraid.metrics.mig import Scores, best_two
from unbraid.metrics.probes import any_number_of_classes
from unbraid.metrics.r2 import targets_of
from unbraid.metrics.registry import LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000
ROUNDING = 1e-6
"""Standard deviation of what rounding leaves of a column, of standard deviation 1, that another one determines."""

Predictability = Callable[[Samples, int], Float64[np.ndarray, "d k"]]


def squared_correlations(samples: Samples, seed: int) -> Float64[np.ndarray, "d k"]:
    """Squared correlation of each factor and each latent, over all samples; 0 for what is constant.

    That of a cyclic factor is the squared multiple correlation of the latent with its cosine and sine.
    """
    left, _ = standardized(samples.codes, samples.codes)
    found = [((left.T @ uncorrelated(own) / len(left)) ** 2).sum(1) for own in targets_of(samples)]
    return np.minimum(np.stack(found, axis=1), 1.0)


def uncorrelated(columns: Float64[np.ndarray, "n t"]) -> Float64[np.ndarray, "n t"]:
    """Mixtures of a column, or of two, with mean 0, variance 1 and no correlation.

    They are 0 for what is constant, and for a column that the first one determines, as of an angle with two values.
    """
    first, _ = standardized(columns, columns)
    if first.shape[1] == 1:
        return first
    rest = first[:, 1:] - first[:, :1] * (first[:, :1] * first[:, 1:]).mean(0)
    rest[:, rest.std(0) < ROUNDING] = 0.0
    return np.hstack([first[:, :1], standardized(rest, rest)[0]])


def classifier_accuracies(samples: Samples, seed: int) -> Float64[np.ndarray, "d k"]:
    """Accuracy of a linear support vector machine from each latent alone to each factor.

    Accuracy is on samples it has not seen.
    """
    from sklearn.svm import LinearSVC

    codes, factors = samples.codes, samples.factors
    train, test = split_rows(len(codes), TRAIN, TEST, seed)
    found = np.empty((codes.shape[1], factors.shape[1]))
    for k, labels in enumerate(factors.T):
        if len(np.unique(labels[train])) == 1:
            found[:, k] = (labels[test] == labels[train][0]).mean()
            continue
        for j, code in enumerate(codes.T[:, :, None]):
            machine: Any = LinearSVC(C=0.01, class_weight="balanced", dual=False, random_state=seed)
            with any_number_of_classes():
                machine.fit(code[train], labels[train])
            found[j, k] = (machine.predict(code[test]) == labels[test]).mean()
    return found


DEFINITIONS: dict[str, Predictability] = {"kumar2018": squared_correlations, "locatello2019": classifier_accuracies}


Definition = Annotated[
    Literal["kumar2018", "locatello2019"], Option("squared correlation, or accuracy of a support vector machine")
]


@metrics.register(
    "sap",
    source="Kumar et al. (2018), Variational Inference of Disentangled Latent Concepts from Unlabeled Observations",
    formula="mean over factors of best - second best squared correlation, or accuracy, of a latent",
    range=(0.0, 1.0),
    continuous="squared correlation; of a cyclic factor with its cosine and sine together",
    perfect="1; by locatello2019 far less, since the second latent is right by chance",
    chance="0",
    blind="to what a latent knows of a factor beyond a straight line, and to what a third latent knows",
    variants=(
        Variant(f"{OWN}; Kumar et al. (2018); Lin et al. (2020), InfoGAN-CR, table 1"),
        Variant(LOCATELLO, {"definition": "locatello2019"}),
    ),
    no_interval_by={
        ("definition", "locatello2019"): "its classifiers gain more from further samples than halves of these show",
    },
)
def sap(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "kumar2018",
    seed: Annotated[int, Option("seed of the choice of samples, for locatello2019", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""Separated attribute predictability: the best latent's lead over the second best.

    The lead is in how well each predicts a factor.

    .. math:: \frac1K \sum_k \bigl(S_{(1)k} - S_{(2)k}\bigr)

    Definitions of :math:`S_{jk}`:

    * "kumar2018": squared correlation, the paper's choice for ordered factors, over all samples; the numbers of the values are
      taken as they are. A perfect code scores 1, whatever its scale. That with a cyclic factor is the squared multiple
      correlation with its cosine and sine (Mardia, 1976): latents that are its cosine and its sine both have 1.
    * "locatello2019": accuracy of a linear support vector machine with C = 0.01 and balanced classes, on the codes as they are:
      the score changes with their scale. Learned on 10,000 samples, scored on 5,000 others (2/3 and 1/3 of fewer). A straight
      line tells few of many values apart, and the second latent is right by chance, so that a perfect code scores far below 1.

    Range 0 to 1. Chance scores 0. Blind to what is not linear (a code that says |v - middle|), to the order of values that have
    none (shapes), and to what a third latent knows.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = sap(codes, factors, factor_names=["shape", "size", "x"])
    >>> {name: round(score, 2) for name, score in found["per_factor"].items()}
    {'shape': 1.0, 'size': 0.88, 'x': 0.88}
    """
    samples = gather(codes, factors, factor_names=factor_names)
    require_choice("definition", definition, Definition)
    if definition == "locatello2019":
        samples = samples.of_classes("The definition 'locatello2019'", 'Ask for "kumar2018".')
    best, second = best_two(DEFINITIONS[definition](samples, seed))
    return {"score": float((best - second).mean()), "per_factor": samples.by_factor(best - second)}
