"""R^2 of factors predicted from all latents, by a line or by any smooth function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float64

from unbraid.metrics.mig import Scores
from unbraid.metrics.registry import OWN, UNTRIED, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather, require_choice
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 10_000, 5_000
KERNEL_TRAIN = 1_000
"""The time of kernel ridge regression grows with the cube."""
WIDTHS, PENALTIES = (0.5, 1.0, 2.0), 10.0 ** np.arange(-6, 2)
"""Of kernels, in median distances of samples, and of ridges; the pair with the least error is taken."""

Definition = Annotated[Literal["linear", "kernel"], Option("least squares, or kernel ridge regression")]
Predict = Callable[
    [Float64[np.ndarray, "a d"], Float64[np.ndarray, "a t"], Float64[np.ndarray, "b d"]], Float64[np.ndarray, "b t"]
]


def by_line(
    learned: Float64[np.ndarray, "a d"], targets: Float64[np.ndarray, "a t"], read: Float64[np.ndarray, "b d"]
) -> Float64[np.ndarray, "b t"]:
    """Least squares from standardized latents, the shortest weights where there are many."""
    center = targets.mean(0)
    weights, *_ = np.linalg.lstsq(learned, targets - center, rcond=1e-10)
    return np.asarray(read @ weights + center)


def by_kernel(
    learned: Float64[np.ndarray, "a d"], targets: Float64[np.ndarray, "a t"], read: Float64[np.ndarray, "b d"]
) -> Float64[np.ndarray, "b t"]:
    """Kernel ridge regression with normal kernels.

    Width and ridge are those with the least squared error of leaving one out, for each target.
    """
    from scipy.spatial.distance import cdist

    learned, targets_all = learned[:KERNEL_TRAIN], targets[:KERNEL_TRAIN]
    center = targets_all.mean(0)
    wanted = targets_all - center
    apart = cdist(learned, learned, "sqeuclidean")
    far, middle = cdist(read, learned, "sqeuclidean"), float(np.median(apart))
    if middle == 0:
        return np.broadcast_to(center, (len(read), targets.shape[1])).copy()
    best, found = np.full(targets.shape[1], np.inf), np.empty((len(read), targets.shape[1]))
    for width in WIDTHS:
        scale = -0.5 / (width**2 * middle)
        values, vectors = np.linalg.eigh(np.exp(scale * apart))
        turned, kernel = vectors.T @ wanted, np.exp(scale * far)
        for penalty in PENALTIES * len(learned):
            shrunk = 1 / (values + penalty)
            weights = vectors @ (shrunk[:, None] * turned)
            left_out = weights / (vectors**2 @ shrunk)[:, None]  # error of each sample where it is left out
            error = (left_out**2).mean(0)
            better = error < best
            best = np.where(better, error, best)
            found[:, better] = kernel @ weights[:, better]
    return found + center


PREDICTORS: dict[str, Predict] = {"linear": by_line, "kernel": by_kernel}


def targets_of(samples: Samples) -> list[Float64[np.ndarray, "n t"]]:
    """What is predicted of each factor: classes as numbers, values, and cosine and sine of cyclic factors."""
    classes = [column[:, None].astype(np.float64) for column in samples.factors.T]
    return [*classes, *(samples.features(k) for k in range(len(samples.quantity_names)))]


def explained_of(truth: Float64[np.ndarray, "n t"], predicted: Float64[np.ndarray, "n t"]) -> float:
    """1 less the squared error over the variance, of all columns together.

    At least 0, and 0 for what is constant.
    """
    variance = float(truth.var(0).sum())
    return max(0.0, 1 - float(((truth - predicted) ** 2).mean(0).sum()) / variance) if variance > 0 else 0.0


@metrics.register(
    "r2",
    source="coefficient of determination, as of linear and non-linear identifiability; Khemakhem et al. (2020), Variational "
    "Autoencoders and Nonlinear ICA, and others",
    formula="1 - squared error of predicting a factor from all latents over its variance, on unseen samples, mean over factors",
    range=(0.0, 1.0),
    perfect="1",
    chance="0",
    blind="to whether factors are in latents of their own, since the regression reads all of them",
    continuous="least squares; cosine and sine of a cyclic factor together",
    variants=(
        Variant(f"{OWN}; work on linear identifiability", continuous=True),
        Variant("work on identifiability up to a function", {"definition": "kernel"}, continuous=True),
    ),
    sampled=True,
    no_interval_by={("definition", "kernel"): UNTRIED},
)
def r2(
    codes: Codes,
    factors: Factors = None,
    *,
    definition: Definition = "linear",
    seed: Annotated[int, Option("seed of the choice of samples", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> Scores:
    r"""R^2: how much of each factor's variance a regression from all latents explains.

    .. math:: \frac1K \sum_k \max\Bigl(0,\, 1 - \frac{\sum_i |v_{ik} - f_k(z_i)|^2}{\sum_i |v_{ik} - \bar v_k|^2}\Bigr)

    Latents are standardized; the regression learns from 10,000 samples in random order and is scored on 5,000 others, or on 2/3
    and 1/3 of fewer. A cyclic factor is its cosine and its sine, whose errors add up; classes count as numbers. Definitions:

    * "linear": least squares.
    * "kernel": kernel ridge regression with normal kernels from 1,000 of the samples; the width, of half, one or two median
      distances, and the ridge are those with the least error of leaving one out.

    Range 0 to 1, where less than 0 counts as 0. Chance scores 0. A perfect code scores 1. Blind to entanglement that the
    regression undoes: any invertible linear map by "linear", any smooth one by "kernel".
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = r2(codes, factors, factor_names=["shape", "size", "x"])
    >>> {name: round(score, 2) for name, score in found["per_factor"].items()}
    {'shape': 1.0, 'size': 1.0, 'x': 1.0}
    """
    samples = gather(codes, factors, factor_names=factor_names)
    require_choice("definition", definition, Definition)
    train, test = split_rows(len(samples), TRAIN, TEST, seed)
    learned, read = standardized(samples.codes[train], samples.codes[test])
    targets = targets_of(samples)
    everything = np.hstack(targets)
    ends = np.cumsum([own.shape[1] for own in targets])[:-1]
    predicted = PREDICTORS[definition](learned, everything[train], read)
    pairs = zip(np.split(everything[test], ends, axis=1), np.split(predicted, ends, axis=1), strict=True)
    scores = np.array([explained_of(*pair) for pair in pairs])
    return {"score": float(scores.mean()), "per_factor": samples.by_factor(scores)}
