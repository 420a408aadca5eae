"""T-MEX: which latents depend on a factor given all others, and how far that is one to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.special import ndtr

from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import Codes, Factors, Samples, gather
from unbraid.metrics.splitting import standardized
from unbraid.options import Option

MOST_SAMPLES, REPEATS = 5_000, 9
LEAST_RESIDUAL = 1e-9
"""Of the variance of a latent: what is less is rounding."""


class TMEX(TypedDict):
    """The score, and the errors that it counts.

    Args:
        score: matches over matches and errors.
        errors: latents that depend on another factor than theirs, and factors without a latent.
        depends: for each latent the names of the factors that it depends on given the others.
    """

    score: float
    errors: int
    depends: list[list[str]]


@metrics.register(
    "tmex",
    source="T-MEX of A Measurement Perspective of Causal Representation Learning, as in the code of identifiability-guard; its "
    "test is the projected covariance measure",
    formula="matches over matches and errors, of which latents depend on which factors given all other factors, by tests",
    range=(0.0, 1.0),
    perfect="1",
    chance="0; a false alarm is a match",
    blind="to how strongly a latent depends on a factor, and to dependence that leaves its mean the same",
    continuous="linear regressions; cosine and sine of a cyclic factor",
    variants=(Variant(f"{OWN}; T-MEX, whose errors are for one latent per factor, in the order that fits best"),),
    sampled=True,
    downstream=True,
    no_interval="it counts tests, which more samples decide otherwise",
)
def tmex(
    codes: Codes,
    factors: Factors = None,
    *,
    alpha: Annotated[float, Option("level of each test", gt=0, lt=1)] = 0.05,
    seed: Annotated[int, Option("seed of the choice of samples", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> TMEX:
    r"""T-MEX: how far each factor has a latent of its own, given all other factors.

    Factors may depend on each other: a latent that follows one of them correlates with the others, but not given that one.
    For each pair a test asks whether :math:`\mathrm{E}[z_j \mid v]` depends on :math:`v_k`, where all other factors are known:
    the projected covariance measure with linear regressions, in nine random halves. Half of the samples learn
    :math:`h = \hat{\mathrm{E}}[z_j \mid v] - \hat{\mathrm{E}}[\hat z_j \mid v_{-k}]`; on the other half

    .. math:: T = \sqrt n\, \bar L / \mathrm{sd}(L), \qquad L_i = (z_j - \hat{\mathrm{E}}[z_j \mid v_{-k}])_i\,
        (h - \hat{\mathrm{E}}[h \mid v_{-k}])_i

    and the latent depends on the factor if the mean of T over halves is above the normal quantile of :math:`1 - \alpha`.
    The score is :math:`M / (M + e)`: M factors are matched to latents that depend on them, one to one, and e counts the errors
    of T-MEX for the match that fits best: other dependences, and factors without a latent. Classes are regressed on as
    indicators of their values, cyclic factors as cosine and sine. 5,000 samples are read at most.

    Range 0 to 1. A perfect code scores 1, however factors depend on each other; all latents mixed of all factors 1 / d; a copy
    of each latent 1/2. Tests of fewer samples notice less: compare scores of one number of samples. Blind to how much a latent
    depends on a factor. Deviations from T-MEX, which counts errors: the match is searched, they are made a score, and classes
    are indicators.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> tmex(codes, factors, factor_names=["shape", "size", "x"])
    {'score': 0.75, 'errors': 1, 'depends': [['shape'], ['size'], ['size', 'x']]}
    """
    from scipy.optimize import linear_sum_assignment  # type: ignore[attr-defined]

    samples = gather(codes, factors, factor_names=factor_names)
    found = dependences(samples, alpha, seed)
    rows, columns = linear_sum_assignment(-found.astype(np.float64))
    matches = int(found[rows, columns].sum())
    errors = int(found.sum()) - matches + len(samples.names) - matches
    return {
        "score": matches / (matches + errors) if matches else 0.0,
        "errors": errors,
        "depends": [[name for name, own in zip(samples.names, row, strict=True) if own] for row in found],
    }


def dependences(samples: Samples, alpha: float, seed: int) -> Bool[np.ndarray, "d k"]:
    """Which latents depend on which factors, given all other factors, by the test of `tmex`."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(samples))[:MOST_SAMPLES]
    latents, _ = standardized(samples.codes[rows], samples.codes[rows])
    blocks = [own[rows] for own in _indicators(samples)]
    found = np.empty((REPEATS, latents.shape[1], len(blocks)))
    for repeat in range(REPEATS):
        order = rng.permutation(len(rows))
        halves = order[: len(order) - len(order) // 2], order[len(order) - len(order) // 2 :]
        for k in range(len(blocks)):
            found[repeat, :, k] = _statistics(latents, blocks, k, halves)
    return np.asarray(1 - ndtr(found.mean(0)) < alpha)


def _indicators(samples: Samples) -> list[Float64[np.ndarray, "n t"]]:
    classes = [
        (column[:, None] == np.unique(column)[1:]).astype(np.float64) for column in samples.factors.T
    ]  # all but the first value, or they would sum to the constant
    return [*classes, *(samples.features(k) for k in range(len(samples.quantity_names)))]


def _statistics(
    latents: Float64[np.ndarray, "n d"],
    blocks: Sequence[Float64[np.ndarray, "n _"]],
    k: int,
    halves: tuple[Int64[np.ndarray, "a"], Int64[np.ndarray, "b"]],
) -> Float64[np.ndarray, "d"]:
    """T of each latent for factor k; minus infinity for one that nothing is left of.

    What h takes off the guess is linear in the other factors, so that least squares on the other half take off the same of
    the guess itself.
    """
    learned, read = halves
    one = np.ones((len(latents), 1))
    others = np.hstack([one, *(own for number, own in enumerate(blocks) if number != k)])
    everything = np.hstack([others, blocks[k]])
    weights = _least_squares(everything[learned], latents[learned])
    guess = everything @ weights
    rest = latents[read] - others[read] @ _least_squares(others[read], latents[read])
    own = guess[read] - others[read] @ _least_squares(others[read], guess[read])
    product = rest * own
    spread = product.std(0)
    known = (own**2).mean(0) > LEAST_RESIDUAL
    return np.divide(
        np.sqrt(len(read)) * product.mean(0), spread, out=np.full(len(spread), -np.inf), where=known & (spread > 0)
    )


def _least_squares(columns: Float64[np.ndarray, "n f"], wanted: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "f d"]:
    """Weights of least squares; the shortest where there are many."""
    return np.asarray(np.linalg.pinv(columns.T @ columns, rcond=1e-10, hermitian=True) @ (columns.T @ wanted))
