"""What scores of votes share: rows of a value, latents that have a vote, the majority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer

GLOBAL_SAMPLES = 10_000
"""The variances of latents are over as many samples at most."""

CACHED = 1 << 16
"""Codes that are taken at once: they stay in a CPU's caches, and memory does not grow with votes times latents."""


def in_parts(count: int, each: int) -> Iterator[slice]:
    """So many votes, as many at a time as fit into `CACHED` with so many codes each."""
    few = max(1, CACHED // max(each, 1))
    return (slice(start, start + few) for start in range(0, count, few))


@dataclass(frozen=True)
class Rows:
    """Rows of a table by the value of one factor.

    Args:
        order: all rows, sorted by value.
        start, size: for each row, where the rows of its own value begin in `order`, and how many they are.
    """

    order: Int64[np.ndarray, "n"]
    start: Int64[np.ndarray, "n"]
    size: Int64[np.ndarray, "n"]

    def like(self, rows: Int64[np.ndarray, "..."], rng: np.random.Generator) -> Int64[np.ndarray, "..."]:
        """For each row one at random, itself included, that shares its value of the factor."""
        return self.order[self.start[rows] + rng.integers(0, self.size[rows])]


def rows_by_value(factor: Integer[np.ndarray, "n"]) -> Rows:
    """Rows of each value of a factor."""
    _, labels, counts = np.unique(factor, return_inverse=True, return_counts=True)
    starts = np.cumsum(counts) - counts
    return Rows(np.argsort(labels, kind="stable"), starts[labels], counts[labels])


def voters(
    codes: Float64[np.ndarray, "n d"], threshold: float, rng: np.random.Generator
) -> tuple[Bool[np.ndarray, "d"], Float64[np.ndarray, "d"]]:
    """Which latents have a vote, and the variance of each.

    Those vote whose standard deviation is `threshold` or more.
    """
    sampled = codes[rng.permutation(len(codes))[:GLOBAL_SAMPLES]]
    spread = sampled.var(0, ddof=1) if len(sampled) > 1 else np.zeros(codes.shape[1])
    varies = (spread > 0) & (np.ptp(sampled, axis=0) > 0)  # rounding may leave a constant a variance
    return (np.sqrt(spread) >= threshold) & varies, spread


def majority_right(
    said: Int64[np.ndarray, "votes"], held: Int64[np.ndarray, "votes"], train: int, latents: int, factors: int
) -> Bool[np.ndarray, "tested"]:
    """Whether each latent, in all other votes, stands for the factor of most of its first votes.

    A latent without a vote among the first is wrong, and so is a vote for no latent, -1.
    """
    table = np.zeros((factors, latents + 1), np.int64)
    np.add.at(table, (held[:train], said[:train]), 1)
    table[:, -1] = 0  # votes for no latent
    stands_for = np.where(table.sum(0) > 0, table.argmax(0), -1)
    return np.asarray(stands_for[said[train:]] == held[train:])
