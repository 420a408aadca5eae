"""Codes whose scores are known, and an independent twin of the estimator in plain Python."""

from collections import Counter
from itertools import product
from math import floor, log

import numpy as np
import pytest


def information_by_hand(codes, factors, bins: int) -> list[list[float]]:
    """I(z_j; v_k), one sample and one bin at a time."""
    codes, factors = np.asarray(codes, dtype=float).tolist(), np.asarray(factors).tolist()
    n = len(codes)
    table = []
    for j in range(len(codes[0])):
        column = [row[j] for row in codes]
        low, high = min(column), max(column)
        places = [0 if high == low else min(bins - 1, floor((value - low) / (high - low) * bins)) for value in column]
        row = []
        for k in range(len(factors[0])):
            values = [f[k] for f in factors]
            joint, left, right = Counter(zip(places, values, strict=True)), Counter(places), Counter(values)
            row.append(sum(c / n * log(c * n / (left[a] * right[b])) for (a, b), c in joint.items()))
        table.append(row)
    return table


@pytest.fixture(scope="session")
def by_hand():
    return information_by_hand


@pytest.fixture(scope="session")
def grid():
    """All combinations of factor codes."""

    def make(*sizes: int) -> np.ndarray:
        return np.array(list(product(*map(range, sizes))))

    return make


@pytest.fixture(scope="session")
def noisy():
    """Continuous codes that know a little of everything: (seed) -> codes, factors."""

    def make(seed: int, n: int = 300, d: int = 4) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        factors = rng.integers(0, [3, 5, 2], size=(n, 3))
        return factors @ rng.normal(size=(3, d)) + rng.normal(size=(n, d)), factors

    return make


@pytest.fixture(scope="session")
def rotated(grid):
    """Two factors of n values each, read at 45 degrees: codes v1 + v2 and v1 - v2."""

    def make(n: int) -> tuple[np.ndarray, np.ndarray]:
        factors = grid(n, n)
        first, second = factors.T.astype(float)
        return np.stack([first + second, first - second], axis=1), factors

    return make


@pytest.fixture(scope="session")
def dsprites():
    """Codes on 10,000 samples of factors of the sizes of dSprites: the factors scaled to [0, 1], and noise."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, [3, 6, 40, 32, 32], size=(10_000, 5))
    return factors / [2, 5, 39, 31, 31], factors, rng.normal(size=(10_000, 10))
