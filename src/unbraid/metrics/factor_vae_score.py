"""The score of the FactorVAE paper: which latent moved least while a factor was held fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from jaxtyping import Float64, Int64

from unbraid.metrics.beta_vae_score import VoteScores, vote_scores
from unbraid.metrics.registry import LOCATELLO, OWN, Variant, metrics
from unbraid.metrics.samples import INSTEAD, Codes, Factors, gather
from unbraid.metrics.votes import in_parts, majority_right, rows_by_value, voters
from unbraid.options import Option


class PrunedVoteScores(VoteScores):
    """Accuracy of the votes, and how many latents were left to vote with."""

    live: int


@metrics.register(
    "factor_vae_score",
    source="Kim and Mnih (2018), Disentangling by Factorising; protocol of Locatello et al. (2019)",
    formula="share of votes in which the latent of least relative variance tells which factor was fixed",
    range=(0.0, 1.0),
    perfect="1",
    chance="1 / number of factors",
    blind="to several latents that know the same factor, and to what a latent knows beside the factor it knows best",
    variants=(
        Variant(f"{OWN}; Kim and Mnih (2018); {LOCATELLO}"),
        Variant("code that prunes no latent, as disentanglement_lib unless configured", {"threshold": 0.0}),
    ),
    sampled=True,
    rests_on="values",
)
def factor_vae_score(
    codes: Codes,
    factors: Factors = None,
    *,
    batch: Annotated[int, Option("samples a vote", ge=2)] = 64,
    train_votes: Annotated[int, Option("votes that the majority is taken of", ge=1)] = 10_000,
    test_votes: Annotated[int, Option("votes that it is scored on", ge=1)] = 5_000,
    threshold: Annotated[float, Option("standard deviation below which a latent has no vote", ge=0)] = 0.05,
    seed: Annotated[int, Option("seed of the votes", ge=0)] = 0,
    factor_names: Sequence[str] | None = None,
) -> PrunedVoteScores:
    r"""Accuracy of a majority vote on which factor was fixed, given the latent that varied least.

    A vote chooses a factor k and L samples that share one value of it, and notes

    .. math:: d^* = \arg\min_j \frac{\mathrm{Var}_{x_1 \dots x_L} z_j}{\mathrm{Var}\, z_j},

    both variances with L - 1 (ddof = 1), the one below over 10,000 samples. Each d* stands for the factor that it came with
    most often in the training votes; the score is the share of test votes that it is right in. A d* without a training vote is
    wrong. Latents whose standard deviation over all samples is below `threshold` (0.05) have no vote; `live` is how many have
    one, and without any the score is 0. Public code often compares with 0, which prunes nothing.

    Samples are rows of the table: any row, and L rows at random, repeats included, that share its value.
    Range 0 to 1. Chance is 1 / K. A perfect code scores 1. Copies of a latent do no harm. Per factor: how many of its votes are
    right.
    Raises `UsageError` for arrays that no score can be computed from.

    >>> factors = np.stack(np.unravel_index(np.arange(480) % 24, (2, 3, 4)), 1)  # twenty of each combination
    >>> codes = factors @ [[1.0, 0, 0], [0, 1, 0.5], [0, 0, 1]]  # the third latent mixes two factors
    >>> found = factor_vae_score(codes, factors, train_votes=300, test_votes=100, factor_names=["shape", "size", "x"])
    >>> round(found["score"], 2)
    1.0
    """
    samples = gather(codes, factors, factor_names=factor_names).of_classes("The FactorVAE score", INSTEAD)
    rng = np.random.default_rng(seed)
    whole, count = samples.codes, samples.factors.shape[1]
    live, spread = voters(whole, threshold, rng)
    if not live.any():
        return {"score": 0.0, "per_factor": samples.by_factor([0.0] * count), "chance": 1 / count, "live": 0}
    held = rng.integers(0, count, train_votes + test_votes)
    least = _least_varying(whole[:, live] / np.sqrt(spread[live]), samples.factors, held, batch, rng)
    right = majority_right(least, held, train_votes, int(live.sum()), count)
    return {**vote_scores(right, held[train_votes:], samples), "live": int(live.sum())}


def _least_varying(
    codes: Float64[np.ndarray, "n d"],
    factors: Int64[np.ndarray, "n k"],
    held: Int64[np.ndarray, "votes"],
    batch: int,
    rng: np.random.Generator,
) -> Int64[np.ndarray, "votes"]:
    """The latent of least variance in each vote; codes have a variance of 1."""
    least = np.empty(len(held), np.int64)
    for k in range(factors.shape[1]):
        votes = np.flatnonzero(held == k)
        fixed = np.repeat(rng.integers(0, len(codes), (len(votes), 1)), batch, axis=1)
        drawn = rows_by_value(factors[:, k]).like(fixed, rng)
        for part in in_parts(len(votes), batch * codes.shape[1]):
            least[votes[part]] = codes[drawn[part]].var(1, ddof=1).argmin(1)
    return least
