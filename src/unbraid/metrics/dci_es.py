"""Explicitness and size of DCI-ES: how little a probe needs to read factors, and how few latents are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

import numpy as np
from jaxtyping import Float64

from unbraid.metrics.mig import Scores
from unbraid.metrics.r2 import by_line, explained_of, targets_of
from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, gather
from unbraid.metrics.splitting import split_rows, standardized
from unbraid.options import Option

TRAIN, TEST = 5_000, 5_000
WAVES = (0, 4, 16, 64, 256)
"""Random features beside the latents, by probe."""
PAIRS = 2_000
"""Of samples, whose median distance is the width of features."""


class Size(TypedDict):
    """Factors over latents."""

    score: float


class DCIES(TypedDict):
    """Both scores, and the losses that they rest on; `score` is explicitness.

    Args:
        loss: 1 - R^2 of each factor on unseen samples, by probe.
        capacity: numbers of features of the probes.
    """

    score: float
    explicitness: Scores
    size: Size
    loss: dict[str, list[float]]
    capacity: list[int]


def explicitness_of(capacity: Float64[np.ndarray, "p"], loss: Float64[np.ndarray, "p"], guess: float = 1.0) -> float:
    r"""1 less twice the area between a loss-capacity curve and its least loss.

    The area is a share of the range of capacity times the loss of a guess. Each probe counts with the least loss of those up
    to its capacity.
    """
    least = np.minimum.accumulate(loss) - loss.min()
    area = float(((least[1:] + least[:-1]) / 2 * np.diff(capacity)).sum())
    room = guess * float(capacity[-1] - capacity[0])
    return 1 - 2 * area / room if room > 0 else 1.0


@metrics.register(
    "dci_es",
    source="Eastwood et al. (2023), DCI-ES: An Extended Disentanglement Framework with Connections to Identifiability, and its "
    "code",
    formula="mean over factors of 1 - 2 area of (loss - least loss) over log capacity of probes / (range of log capacity)",
    range=(-1.0, 1.0),
    perfect="1",
    chance="1: no probe reads noise, however large, so that its curve is flat",
    blind="to how much is known of a factor, and to whether factors are in latents of their own; read it beside dci",
    continuous="probes predict the value; cosine and sine of a cyclic factor together",
    variants=(Variant(f"{OWN}; DCI-ES by probes of random features"),),
    sampled=True,
    downstream=True,
    no_interval="the more samples there are, the larger the probes that it tries",
)
def dci_es(
    codes: Codes,
    factors: Factors = None,
    *,
    seed: Annotated[int, Option("seed of the choice of samples, and of features", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> DCIES:
    r"""E and S of DCI-ES: how little a probe needs to read each factor, and factors over latents.

    .. math:: E = \frac1K \sum_k \Bigl(1 - \frac{2}{\kappa_P - \kappa_1} \int_{\kappa_1}^{\kappa_P}
        \bigl(\ell_k(\kappa) - \min \ell_k\bigr)\, d\kappa\Bigr), \qquad S = \min(1, K / d)

    :math:`\ell_k` is the least 1 - R^2 on unseen samples of probes up to the capacity :math:`\kappa`, the logarithm of their
    number of features. Probes are least squares from the d standardized latents and 0, 4, 16, 64 or 256 random features
    :math:`\cos(w^\top z + b)`, whose weights are normal with the inverse of the median distance of samples; each has
    the features of the one before. They learn from 5,000 samples and are scored on 5,000 others, or on halves of fewer; those
    with more features than a fifth of the samples to learn from are left out. A cyclic factor is its cosine and sine; classes
    count as numbers.

    D, C and I of DCI-ES are those of `dci`. Explicitness is 1 where a line reads all that any probe does, also where that is
    nothing, and less the more features are needed. Range -1 to 1, in practice 0 to 1. A perfect code scores 1. Blind to how
    much is known and to entanglement. Deviations: the paper's probes are networks, forests and random features without the
    latents themselves, and its classes are told apart by accuracy. Raises `UsageError` for arrays that no score can be computed
    from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = dci_es(codes, factors, factor_names=["shape", "size", "x"])
    >>> [round(found[part]["score"], 2) for part in ("explicitness", "size")]
    [1.0, 1.0]
    """
    samples = gather(codes, factors, factor_names=factor_names)
    train, test = split_rows(len(samples), TRAIN, TEST, seed)
    learned, read = standardized(samples.codes[train], samples.codes[test])
    waves = [count for count in WAVES if count == 0 or count + learned.shape[1] <= len(train) / 5]
    rng = np.random.default_rng(seed)
    weights, phases = _waves(learned, max(waves), rng)
    both = [np.hstack([own, np.cos(own @ weights + phases)]) for own in (learned, read)]
    targets = targets_of(samples)
    width = learned.shape[1]
    losses = np.empty((len(targets), len(waves)))
    for p, count in enumerate(waves):
        some = [own[:, : width + count] for own in both]
        centered = [own - some[0].mean(0) for own in some]
        predicted = by_line(centered[0], np.hstack(targets)[train], centered[1])
        ends = np.cumsum([own.shape[1] for own in targets])[:-1]
        for k, (own, guess) in enumerate(zip(targets, np.split(predicted, ends, axis=1), strict=True)):
            losses[k, p] = 1 - explained_of(own[test], guess)
    capacity = [width + count for count in waves]
    found = np.array([explicitness_of(np.log(np.array(capacity, np.float64)), own) for own in losses])
    by_name = samples.by_factor(found)
    return {
        "score": float(found.mean()),
        "explicitness": {"score": float(found.mean()), "per_factor": by_name},
        "size": {"score": min(1.0, len(samples.names) / width)},
        "loss": {name: [float(loss) for loss in own] for name, own in zip(samples.names, losses, strict=True)},
        "capacity": capacity,
    }


def _waves(
    latents: Float64[np.ndarray, "n d"], count: int, rng: np.random.Generator
) -> tuple[Float64[np.ndarray, "d w"], Float64[np.ndarray, "w"]]:
    """Weights and phases of random Fourier features of a normal kernel."""
    pairs = rng.integers(0, len(latents), (2, PAIRS))
    distance = float(np.median(np.linalg.norm(latents[pairs[0]] - latents[pairs[1]], axis=1)))
    scale = 1 / distance if distance > 0 else 0.0
    return rng.standard_normal((latents.shape[1], count)) * scale, rng.uniform(0, 2 * np.pi, count)
