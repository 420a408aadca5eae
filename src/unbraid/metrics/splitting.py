"""Which samples a probe learns from and which it is scored on, and columns brought to a common scale."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64, Shaped


def split_rows(n: int, train: int, test: int, seed: int) -> tuple[Int64[np.ndarray, "a"], Int64[np.ndarray, "b"]]:
    """Rows of a training and a test part, in random order, without overlap.

    There are `train` and `test` of them, or their shares of all where there are fewer.

    At least one row on each side; a lone sample is on both.
    """
    rows = np.random.default_rng(seed).permutation(n)
    if n >= train + test:
        return rows[:train], rows[train : train + test]
    if n == 1:
        return rows, rows
    cut = min(max(1, round(n * train / (train + test))), n - 1)
    return rows[:cut], rows[cut:]


def standardized(
    fitted: Shaped[np.ndarray, "a d"], applied: Shaped[np.ndarray, "b d"]
) -> tuple[Float64[np.ndarray, "a d"], Float64[np.ndarray, "b d"]]:
    """Columns less the mean and over the standard deviation of the first array; constant columns are 0."""
    fitted, applied = fitted.astype(np.float64), applied.astype(np.float64)
    exponent = np.frexp(np.maximum(np.abs(fitted).max(0), np.abs(applied).max(0)))[1]
    fitted, applied = np.ldexp(fitted, -exponent), np.ldexp(applied, -exponent)  # exact; squares of huge and tiny codes are not
    center, spread = fitted.mean(0), fitted.std(0)
    spread = np.where(spread > 1e-12 * np.abs(center), spread, np.inf)
    return (fitted - center) / spread, (applied - center) / spread


def ranks(values: Shaped[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d"]:
    """Ranks from 1 within each column; equal values share theirs."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(values, axis=0), dtype=np.float64)
