"""Codes that nobody should score, and must be able to: no warnings, no NaN, nothing out of range, or a refusal in words."""

from __future__ import annotations

from functools import cache
from inspect import signature
from math import isfinite

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import Samples, gather
from unbraid.metrics.score_table import nodes

N = 36
FEW = {"train_votes": 40, "test_votes": 20, "batch": 8, "pairs": 4}
ESSENTIAL = ("constant", "two samples", "a value for two samples", "of all sizes")
"""Cases for models that take a second each, and for other definitions than the default of metrics that train or vote."""


def _cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    factors = np.tile(np.stack(np.meshgrid(range(2), range(3), indexing="ij"), -1).reshape(-1, 2), (N // 6, 1))
    codes = factors @ [[1.0, 0.2, 0.5], [0.1, 1.0, -0.5]] + rng.normal(size=(N, 3)) * 0.1
    spike = codes.copy()
    spike[7, 1] = 1e300
    outlier = np.where(spike == 1e300, 1e12, codes)
    return {
        "constant": (np.full((N, 3), 0.1), factors),
        "one constant": (np.hstack([codes, np.zeros((N, 1))]), factors),
        "duplicated": (codes[:, [0, 0, 1]], factors),
        "fewer latents than factors": (codes[:, :2], np.hstack([factors, factors[:, :1] * factors[:, 1:]])),
        "one latent": (codes[:, :1], factors),
        "one factor": (codes, factors[:, :1]),
        "one latent and one factor": (codes[:, :1], factors[:, 1:]),
        "a factor of one value": (codes, np.hstack([factors, np.full((N, 1), 7)])),
        "identical factors": (codes, factors[:, [1, 1]]),
        "dependent factors": (codes, np.stack([factors.sum(1), factors[:, 1]], 1)),
        "a value for two samples": (codes, np.stack([np.arange(N) // 2, np.arange(N)[::-1] // 2], 1)),
        "a value that occurs once": (codes, np.stack([np.arange(N) == 5, factors[:, 1]], 1).astype(np.int64)),
        "values far apart": (codes, factors * (2**62)),
        "three samples": (codes[:3], factors[:3]),
        "two samples": (codes[:2], factors[[0, 5]]),
        "float16": (codes.astype(np.float16), factors.astype(np.int8)),
        "float32": (codes.astype(np.float32), factors.astype(np.int32)),
        "whole numbers": (factors.copy(), factors),
        "unsigned": (factors.astype(np.uint8), factors.astype(np.uint16)),
        "huge": (codes * 1e300, factors),
        "the largest": (np.sign(codes) * 1.79e308, factors),
        "tiny": (codes * 1e-300, factors),
        "the smallest": (np.round(codes) * 5e-324, factors),
        "of all sizes": (codes * [1e300, 1, 1e-300], factors),
        "far from 0": (codes + 1e15, factors),
        "an outlier": (outlier, factors),
        "an outlier beyond all": (spike, factors),
    }


CASES = _cases()


@cache
def samples(case: str, posteriors: bool) -> Samples:
    """A case for all metrics, which share what they compute of it."""
    codes, factors = CASES[case]
    return gather(codes, factors, variance=np.geomspace(1e-3, 1, codes.size).reshape(codes.shape) if posteriors else None)


def options_of(entry, variant) -> dict:
    return {**variant.options, **{option: few for option, few in FEW.items() if option in entry.options}}


def check(entry, result) -> None:
    low, high = entry.details["range"]
    for part, node in nodes(dict(result)):
        by_factor, by_latent = node.get("per_factor", {}), node.get("per_latent", [])
        for value in (node["score"], *by_factor.values(), *by_latent):
            assert value is None or (isfinite(value) and low - 1e-9 <= value <= high + 1e-9), (part, value)
        assert node["score"] is not None


@pytest.mark.parametrize(
    ("case", "entry", "variant"),
    [
        pytest.param(case, entry, variant, id=f"{case}-{entry.name}-{variant.name}")
        for case in CASES
        for entry in metrics
        for variant in entry.details["variants"]
        if case in ESSENTIAL or not (variant.options and entry.details.get("sampled"))
    ],
)
def test_every_number_is_finite_and_in_range(case, entry, variant):
    if not variant.needs_variance:
        check(entry, entry.factory(samples(case, False), **options_of(entry, variant)))
    if ("variance" in signature(entry.factory).parameters and "definition" not in variant.options) or variant.needs_variance:
        check(entry, entry.factory(samples(case, True), **options_of(entry, variant)))


@pytest.mark.parametrize("entry", list(metrics), ids=lambda entry: entry.name)
def test_names_of_factors_must_differ_and_be_as_many(entry):
    codes, factors = CASES["one factor"][0], CASES["duplicated"][1]
    for names in (["a", "a"], ["a"], ["a", "b", "c"]):
        with pytest.raises(UsageError, match="each needs its own"):
            entry.factory(codes, factors, factor_names=names)


@pytest.mark.parametrize("entry", list(metrics), ids=lambda entry: entry.name)
def test_all_constant_codes_score_alike(entry):
    """Whatever the number: the mean of 0.1 or 0.3 is off by rounding, which is no knowledge."""
    factors = CASES["duplicated"][1]
    options = {option: few for option, few in FEW.items() if option in entry.options}
    found = [entry.factory(np.full((N, 3), value), factors, **options)["score"] for value in (0.0, 0.1, 0.3, 1e300)]
    assert found == [found[0]] * 4


def test_huge_codes_are_scaled_down_together_with_their_variances():
    codes, factors = CASES["duplicated"]
    variance = np.full(codes.shape, 0.01)
    plain, huge = gather(codes, factors, variance=variance), gather(codes * 2.0**500, factors, variance=variance * 2.0**1000)
    assert huge.variance is not None
    assert np.abs(huge.codes).max() < 2.0**200
    np.testing.assert_array_equal(huge.codes / np.abs(huge.codes).max(0), plain.codes / np.abs(plain.codes).max(0))
    np.testing.assert_allclose(huge.variance / huge.codes**2, variance / plain.codes**2)
    large = gather(codes * 2.0**150, factors, variance=variance)
    np.testing.assert_array_equal(large.codes, codes * 2.0**150)
    np.testing.assert_array_equal(large.variance, variance)
