"""Samples that share the value of a factor, by selecting rows of a code table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Integer


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
