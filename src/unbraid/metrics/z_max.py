"""Z-max: which latent moved most while all factors but one were held fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

import numpy as np
from jaxtyping import Bool, Float64, Int64

from unbraid.metrics.registry import OWN, Variant, metrics
from unbraid.metrics.samples import INSTEAD, Codes, Factors, gather
from unbraid.metrics.votes import in_parts, majority_right, rows_by_value, voters
from unbraid.options import Option

STILL = 1e-20
"""Variance, of latents with a variance of 1, that rounding alone can leave."""


class AloneScores(TypedDict):
    """Accuracy of the votes and of guessing, by factor, and how many latents voted.

    A factor in which no rows vary alone has None.
    """

    score: float
    per_factor: dict[str, float | None]
    chance: float
    live: int
    voted: list[str]


def rows_of_others(factors: Int64[np.ndarray, "n k"], k: int) -> tuple[Int64[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """For each row its group, and whether factor k has two values or more in that group.

    A group shares all factors but k.
    """
    group = np.zeros(len(factors), np.int64)
    for labels in np.delete(factors, k, axis=1).T:
        group = _numbered(group, labels)
    cell = _numbered(group, factors[:, k])
    first = np.unique(cell, return_index=True)[1]
    varies = np.bincount(group[first]) > 1
    return group, varies[group]


def _numbered(group: Int64[np.ndarray, "n"], labels: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Groups split by labels, numbered from 0."""
    own = np.unique(labels, return_inverse=True)[1]
    return np.unique(group * (int(own.max()) + 1) + own, return_inverse=True)[1].astype(np.int64)


@metrics.register(
    "z_max",
    source="Kim et al. (2019), Relevance Factor VAE; protocol as in the code of Carbonneau et al. (2022)",
    formula="accuracy of a majority vote on which factor alone varied, from argmax_j Var(z_j) / Var_all(z_j)",
    range=(0.0, 1.0),
    perfect="1",
    chance="1 / number of factors",
    blind="to several latents that know the same factor; latents of noise lower it, since they always move",
    variants=(
        Variant(
            f"{OWN}; Carbonneau et al. (2022) take fewer votes of 200 rows, and subtract chance: (a - 1/K) / (1 - 1/K), "
            "and unless told otherwise cut factors into 3 bins"
        ),
        Variant("code that prunes no latent", {"threshold": 0.0}),
    ),
    sampled=True,
    no_interval="it is of rows that differ in one factor alone, of which more samples hold more",
)
def z_max(
    codes: Codes,
    factors: Factors = None,
    *,
    batch: Annotated[int, Option("samples a vote", ge=2)] = 64,
    train_votes: Annotated[int, Option("votes that the majority is taken of", ge=1)] = 10_000,
    test_votes: Annotated[int, Option("votes that it is scored on", ge=1)] = 5_000,
    threshold: Annotated[float, Option("standard deviation below which a latent has no vote", ge=0)] = 0.05,
    seed: Annotated[int, Option("seed of the votes", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> AloneScores:
    r"""Accuracy of a majority vote on which factor varied while all others were fixed.

    The vote is cast by the latent that varied most.

    A vote chooses a factor k and L samples that share the values of all other factors, and notes

    .. math:: d^* = \arg\max_j \frac{\mathrm{Var}_{x_1 \dots x_L} z_j}{\mathrm{Var}\, z_j},

    both variances with L - 1 (ddof = 1), the one below over 10,000 samples. Each d* stands for the factor that it came with
    most often in the training votes; the score is the share of test votes that it is right in. A vote in which no latent moved
    is wrong. Latents whose standard deviation over all samples is below `threshold` (0.05) have no vote; `live` is how many
    have one.

    Samples are rows of the table: any row with companions that differ from it in factor k and in no other, and L of these rows
    at random, repeats included. A part of a grid may hold no such rows for some factors, or only pairs: then give all of the
    grid, or more of it. Factors without such rows take no part: `voted` names the others, and their number is the K of chance.
    If no factor takes part the score is 0.

    Range 0 to 1. Chance is 1 / K. A perfect code scores 1, copies of a latent do no harm, a code at 45 degrees of two factors
    scores 1/2. A latent of noise varies as much as one whose factor varies, so five beside a perfect code of five factors halve
    the score, unless `threshold` stops them. With a single factor every vote in which a latent moves is right.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = z_max(codes, factors, train_votes=300, test_votes=100, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    1.0
    """
    samples = gather(codes, factors, factor_names=factor_names).of_classes("Z-max", INSTEAD)
    rng = np.random.default_rng(seed)
    whole, names = samples.codes, samples.factor_names
    grouped = {k: rows_of_others(samples.factors, k) for k in range(len(names))}
    voted = [k for k, (_, varied) in grouped.items() if varied.any()]
    live, spread = voters(whole, threshold, rng)
    scores: dict[str, float | None] = dict.fromkeys(names)
    scores.update({names[k]: 0.0 for k in voted})
    result: AloneScores = {
        "score": 0.0,
        "per_factor": scores,
        "chance": 1 / max(len(voted), 1),
        "live": int(live.sum()),
        "voted": [names[k] for k in voted],
    }
    if not voted or not live.any():
        return result
    scaled = (whole[:, live] - whole[:, live].mean(0)) / np.sqrt(spread[live])
    held = np.array(voted)[rng.integers(0, len(voted), train_votes + test_votes)]
    most = np.empty(len(held), np.int64)
    for k in voted:
        most[held == k] = most_varying(scaled, *grouped[k], int((held == k).sum()), batch, rng)
    right = majority_right(most, held, train_votes, int(live.sum()), len(names))
    for k in voted:
        own = right[held[train_votes:] == k]
        scores[names[k]] = float(own.mean()) if len(own) else 0.0
    return {**result, "score": float(right.mean())}


def most_varying(
    codes: Float64[np.ndarray, "n d"],
    group: Int64[np.ndarray, "n"],
    varied: Bool[np.ndarray, "n"],
    votes: int,
    batch: int,
    rng: np.random.Generator,
) -> Int64[np.ndarray, "votes"]:
    """The latent of most variance in each vote, -1 where none moves; codes have a variance of 1."""
    rows = np.flatnonzero(varied)
    first = np.repeat(rng.choice(rows, (votes, 1)), batch, axis=1)
    drawn, most = rows_by_value(group).like(first, rng), np.empty(votes, np.int64)
    for part in in_parts(votes, batch * codes.shape[1]):
        variances = codes[drawn[part]].var(1, ddof=1)
        most[part] = np.where(variances.max(1) > STILL, variances.argmax(1), -1)
    return most
