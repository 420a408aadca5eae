"""What every metric does with what it is given: names, and means and variances in the place of codes."""

from __future__ import annotations

from functools import partial
from inspect import signature

import numpy as np
import pytest

from unbraid.metrics import audit, evaluate, gather
from unbraid.metrics.evaluate import choose
from unbraid.metrics.registry import metrics
from unbraid.metrics.score_table import nodes

FEW = {"train_votes": 60, "test_votes": 30, "batch": 8, "pairs": 4}
RNG = np.random.default_rng(0)
FACTORS = np.stack(np.unravel_index(np.arange(240) % 24, (2, 3, 4)), 1)
MEAN = FACTORS @ RNG.normal(size=(3, 3)) + RNG.normal(size=(240, 3))
VARIANCE = RNG.uniform(0.02, 0.1, size=MEAN.shape)
NAMES = ("shape", "scale", "x")
BY_VARIANCE = [entry for entry in metrics if "variance" in signature(entry.factory).parameters]


def few(entry) -> dict:
    return {option: value for option, value in FEW.items() if option in entry.options}


@pytest.mark.parametrize("entry", list(metrics), ids=lambda entry: entry.name)
def test_scores_by_factor_have_the_names_given(entry):
    named = entry.factory(MEAN, FACTORS, factor_names=NAMES, **few(entry))
    plain = entry.factory(MEAN, FACTORS, **few(entry))
    for (_, one), (_, other) in zip(nodes(dict(named)), nodes(dict(plain)), strict=True):
        assert one["score"] == other["score"]
        if "per_factor" in one:
            assert [*one["per_factor"]] == [*NAMES]
            assert [*other["per_factor"]] == ["0", "1", "2"]
            assert [*one["per_factor"].values()] == [*other["per_factor"].values()]


@pytest.mark.parametrize("entry", BY_VARIANCE, ids=lambda entry: entry.name)
def test_means_are_the_codes(entry):
    given = entry.factory(mean=MEAN, variance=VARIANCE, factors=FACTORS)
    assert given == entry.factory(MEAN, FACTORS, variance=VARIANCE)
    assert given == entry.factory(gather(MEAN, FACTORS, variance=VARIANCE))


@pytest.mark.parametrize("table", [partial(evaluate, intervals=0), partial(audit, quick=True)], ids=["evaluate", "audit"])
def test_tables_take_what_metrics_take(table):
    found = table(mean=MEAN, variance=VARIANCE, factors=FACTORS, factor_names=NAMES, metrics=["mig"])
    same = table(gather(MEAN, FACTORS, variance=VARIANCE, factor_names=NAMES), metrics=["mig"])
    assert dict(found) == dict(same)


def test_core_leaves_out_what_trains_many_models():
    downstream = {entry.name for entry in metrics if entry.details.get("downstream")}
    assert downstream
    assert set(choose("all")) == {entry.name for entry in metrics} == set(choose("core")) | downstream
    assert not set(choose("core")) & downstream


def test_printed_columns_stand_under_their_heads():
    """Names to the left, numbers to the right, and every column as wide as its widest cell."""
    samples = gather(MEAN, FACTORS, variance=VARIANCE, factor_names=NAMES)
    for table in (evaluate(samples, metrics=["mig", "modularity"], intervals=0), audit(samples, metrics=["mig", "modularity"])):
        lines = [line for line in str(table).splitlines() if "samples" not in line]
        head = next(line for line in lines if line.lstrip().startswith("metric"))
        rows = lines[lines.index(head) + 1 :]
        for name in ("score", "chance", "ceiling"):
            end = head.index(name) + len(name)
            assert all(row[end - 1].isdigit() and row[end : end + 1] in ("", " ") for row in rows), str(table)
