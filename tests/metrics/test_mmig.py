from math import log

import numpy as np
import pytest

from unbraid.metrics.mig import mig
from unbraid.metrics.mmig import mmig, mmig_from_information


def test_by_hand():
    information = np.array([[0.9, 0.1, 0.0], [0.4, 0.3, 0.0]])
    between = np.array([[1.0, 0.2, 0.5], [0.2, 0.8, 0.6], [0.5, 0.6, 0.6]])
    expected = [0.5 / (1.0 - 0.5), 0.2 / (0.8 - 0.6), 0.0]
    assert mmig_from_information(information, np.array([1.0, 0.8, 0.6]), between).tolist() == pytest.approx(expected)
    assert mmig_from_information(information, np.array([2.0, 0.8, 0.9]), between)[0] == pytest.approx(0.5 / 1.5)


def test_it_is_mig_for_independent_factors(grid):
    factors = np.tile(grid(3, 4, 5), (20, 1))
    codes = factors @ np.random.default_rng(0).normal(size=(3, 4)) + np.random.default_rng(1).normal(size=(1200, 4)) * 0.1
    for definition in ("adjusted", "locatello2019"):
        assert mmig(codes, factors, definition=definition) == mig(codes, factors, definition=definition)


def test_a_perfect_code_of_dependent_factors_scores_1():
    """v2 repeats v1 half of the time; MIG cannot reach 1."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, size=20_000)
    factors = np.stack([first, np.where(rng.random(20_000) < 0.5, first, rng.integers(0, 4, size=20_000))], 1)
    codes = factors.astype(float)
    same = 5 / 8
    shared = log(4) + same * log(same) + (1 - same) * log((1 - same) / 3)
    assert mig(codes, factors)["score"] == pytest.approx(1 - shared / log(4), abs=0.01)
    assert mmig(codes, factors)["score"] == pytest.approx(1, abs=0.01)


def test_copies_of_a_factor_score_0_not_nan():
    values = np.arange(60) % 3
    factors = np.stack([values, values], 1)
    scores = mmig(factors.astype(float)[:, :1], factors, factor_names=["a", "b"])
    assert scores == {"score": 0.0, "per_factor": {"a": 0.0, "b": 0.0}}
