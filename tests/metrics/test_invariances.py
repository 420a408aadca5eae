"""What must not change a score: exact symmetries of every metric that only computes, on codes that hypothesis makes up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from unbraid.metrics.registry import metrics
from unbraid.metrics.score_table import nodes

ORDERED_VALUES = {"sap": "straight lines through the values of a factor"}
"""Metrics for which the values of factors are numbers, not names."""
EQUAL_WIDTHS = ("locatello2019", "ridgeway2018", "carbonneau2022")
"""Bins are closed on one side: a change of sign moves codes that lie on edges. Those of do2020 are where the prior is."""
DEFINITIONS = [
    pytest.param(entry, variant, id=f"{entry.name}-{variant.name}")
    for entry in metrics
    if not entry.details.get("sampled")
    for variant in entry.details["variants"]
    if (entry.name, variant.name) != ("sap", "locatello2019")  # which trains a machine on codes as they are
    if variant.name != "dubois2019"  # which mixes up latents, as its authors' code does: a fault that is reproduced
]
everywhere = settings(max_examples=8, suppress_health_check=list(HealthCheck))


@st.composite
def coded(draw):
    """Codes that know a little of two to three factors, their variances, and a generator for what is done to them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.integers(30, 90)), draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(2, 5), min_size=2, max_size=3))
    factors = rng.integers(0, sizes, size=(n, len(sizes)))
    codes = factors @ rng.normal(size=(len(sizes), d)) + draw(st.sampled_from([0.05, 1.0])) * rng.normal(size=(n, d))
    return codes.astype(np.float32).astype(np.float64), rng.uniform(0.05, 0.2, size=(n, d)), factors, rng


def score(entry, variant, codes, variance, factors, names=None):
    given_variance = {"variance": variance} if variant.needs_variance else {}
    return entry.factory(codes, factors, factor_names=names, **given_variance, **variant.options)


def ties(codes, factor) -> bool:
    """Whether two values have the same mean rank in some latent; their names then decide the order of adjusted bins."""
    ranks = codes.argsort(0).argsort(0)
    means = np.stack([ranks[factor == value].mean(0) for value in np.unique(factor)])
    return any(len(np.unique(column.round(9))) < len(column) for column in means.T)


def same(left, right) -> None:
    """Equal but for rounding; quadrature on another grid rounds more."""
    for (part, one), (_, other) in zip(nodes(dict(left)), nodes(dict(right)), strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=2e-4), part


@pytest.mark.parametrize(("entry", "variant"), DEFINITIONS)
@given(case=coded())
@everywhere
def test_order_of_samples_and_latents(entry, variant, case):
    codes, variance, factors, rng = case
    rows, columns = rng.permutation(len(codes)), rng.permutation(codes.shape[1])
    moved = codes[rows][:, columns], variance[rows][:, columns], factors[rows]
    if not variant.needs_variance:
        same(score(entry, variant, codes, variance, factors), score(entry, variant, *moved))
        return
    whole, other = score(entry, variant, codes, variance, factors), score(entry, variant, *moved)
    assert whole["score"] == pytest.approx(other["score"], abs=0.03)  # chance is measured on random groups of rows


@pytest.mark.parametrize(("entry", "variant"), DEFINITIONS)
@given(case=coded())
@everywhere
def test_order_and_names_of_factors(entry, variant, case):
    codes, variance, factors, rng = case
    order = rng.permutation(factors.shape[1])
    names = [f"factor {k}" for k in range(factors.shape[1])]
    whole = score(entry, variant, codes, variance, factors, names)
    moved = score(entry, variant, codes, variance, factors[:, order], [names[k] for k in order])
    same(whole, moved)
    for (_, one), (_, other) in zip(nodes(dict(whole)), nodes(dict(moved)), strict=True):
        if "per_factor" in one:
            assert list(other["per_factor"]) == [names[k] for k in order]
            assert one["per_factor"] == pytest.approx(other["per_factor"], abs=2e-4)


@pytest.mark.parametrize(("entry", "variant"), DEFINITIONS)
@given(case=coded())
@everywhere
def test_names_of_values(entry, variant, case):
    codes, variance, factors, rng = case
    assume(not any(ties(codes, column) for column in factors.T))
    if entry.name in ORDERED_VALUES or (entry.name == "irs" and variant.options):
        renamed = factors * 3 - 7  # values apart and shifted, in their order
    else:
        renamed = np.stack([rng.permutation(100)[column] - 50 for column in factors.T], axis=1)
    same(score(entry, variant, codes, variance, factors), score(entry, variant, codes, variance, renamed))


@pytest.mark.parametrize(("entry", "variant"), DEFINITIONS)
@given(case=coded())
@everywhere
def test_signs_and_places_of_codes(entry, variant, case):
    codes, variance, factors, rng = case
    assume(not any(ties(codes, column) for column in factors.T))
    definition = variant.options.get("definition", "")
    signs = rng.choice([-1.0, 1.0], size=codes.shape[1]) if definition not in EQUAL_WIDTHS and entry.name != "jemmig" else 1.0
    shift = rng.integers(-4, 5, size=codes.shape[1]) * 0.25 if definition != "do2020" else 0.0
    same(score(entry, variant, codes, variance, factors), score(entry, variant, codes * signs + shift, variance, factors))


@pytest.mark.parametrize(("entry", "variant"), DEFINITIONS)
@given(case=coded())
@everywhere
def test_kinds_of_numbers(entry, variant, case):
    codes, variance, factors, _ = case  # codes are float32 numbers already
    whole = score(entry, variant, codes, variance, factors)
    same(whole, score(entry, variant, codes.astype(np.float32), variance, factors.astype(np.int8)))


@pytest.mark.parametrize(("entry", "variant"), DEFINITIONS)
@given(case=coded())
@everywhere
def test_the_score_is_the_mean_over_factors_or_live_latents(entry, variant, case):
    codes, variance, factors, _ = case
    whole = score(entry, variant, codes, variance, factors)
    low, high = entry.details["range"]
    for _, node in nodes(dict(whole)):
        assert low - 1e-12 <= node["score"] <= high + 1e-12
    if entry.name in ("mig", "mmig", "aam", "sap"):
        assert whole["score"] == pytest.approx(np.mean(list(whole["per_factor"].values())))
    if entry.name in ("mig_sup", "modularity") and variant.options.get("definition") != "locatello2019":
        live = [one for one in whole["per_latent"] if one is not None]
        assert len(live) == whole["live"]
        assert whole["score"] == pytest.approx(np.mean(live) if live else 0.0)
