"""Every definition of every metric, side by side."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unbraid.errors import UnknownName
from unbraid.metrics import audit, dci, evaluate, gather, mig, modularity, neighbor_information
from unbraid.metrics.audit import NO_VARIANCE, SLOW, variants
from unbraid.metrics.registry import metrics, range_in_words

NAMES = ["mig", "modularity", "sap"]


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, (400, 2))
    mean = np.hstack([factors + rng.normal(size=(400, 2)) * 0.3, rng.normal(size=(400, 1))])
    return gather(mean, factors, variance=np.full_like(mean, 0.09), factor_names=("a", "b"))


def test_every_definition_is_what_the_metric_says_by_it(samples):
    table = audit(samples, metrics=NAMES)
    assert list(table) == NAMES
    for name in NAMES:
        assert list(table[name]) == [variant.name for variant in variants(name)]
        for variant in variants(name):
            found, alone = table[name][variant.name], metrics[name].factory(samples, **variant.options)
            assert found["score"] == alone["score"]
            assert found.get("per_factor") == alone.get("per_factor")
            assert found["comparable"] == variant.comparable
    assert table["mig"]["adjusted"]["score"] == mig(samples.codes, samples.factors)["score"]
    assert table["mig"]["default"]["score"] == mig(samples)["score"] != table["mig"]["adjusted"]["score"]


def test_chance_and_ceiling_are_of_the_same_definition(samples):
    table = audit(samples, metrics=["modularity"])["modularity"]
    rows = np.random.default_rng(0).permutation(len(samples))
    shuffled = samples.with_codes(samples.codes[rows], samples.variance[rows])
    for definition in ("adjusted", "locatello2019"):
        assert table[definition]["chance"] == modularity(shuffled, definition=definition)["score"]
    assert table["locatello2019"]["chance"] > 0.3 > table["adjusted"]["chance"]
    assert table["default"]["ceiling"] == pytest.approx(1, abs=1e-3)
    known = audit(samples, metrics=["mig"], perfect=np.zeros((400, 1)))["mig"]
    assert known["default"]["ceiling"] == 0


def test_the_seed_is_that_of_the_metric(samples):
    for seed in (0, 1):
        found = audit(samples, metrics=["dci"], quick=True, seed=seed)["dci"]
        assert found["default"]["score"] == dci(samples, seed=seed)["score"]
        assert found["default"] == {
            **evaluate(samples, metrics=["dci"], seed=seed, intervals=0)["dci"],
            "comparable": found["default"]["comparable"],
        }


def test_what_is_left_out_says_why(samples):
    bare = gather(samples.codes, samples.factors)
    found = audit(bare, metrics=["mig"])["mig"]
    assert found["chen2018"] == {"comparable": found["chen2018"]["comparable"], "left_out": NO_VARIANCE}
    assert found["default"]["score"] == found["adjusted"]["score"]
    quick = audit(bare, metrics=["dci"], quick=True)
    assert quick["dci"]["gbt"]["left_out"] == SLOW
    assert "score" not in quick["dci"]["gbt"]
    assert SLOW in str(quick)


def test_it_prints_a_row_for_each_score_and_counts_its_work(samples):
    told: dict[str, list[tuple[int, int]]] = {}
    table = audit(
        samples,
        metrics=["mig", "dci"],
        quick=True,
        progress=lambda title: lambda *count: told.setdefault(title, []).append(count),
    )
    lines = str(table).splitlines()
    assert lines[0] == "400 samples"
    assert len(lines) == 2 + len(table.rows())
    score = table["dci"]["default"]["completeness"]["score"]
    assert next(line for line in lines if line.startswith("  completeness")).split()[1] == f"{score:.3f}"
    assert told["default of mig, dci"][-1] == (6, 6)  # two metrics on the codes, shuffled and perfect
    assert told["locatello2019 of mig"] == [(1, 3), (2, 3), (3, 3)]


def test_unknown_metrics_are_refused(samples):
    with pytest.raises(UnknownName, match="Did you mean 'mig'"):
        audit(samples, metrics=["mgi"])


def test_ranges_in_words():
    assert range_in_words((0.0, 1.0)) == "0 to 1"
    assert range_in_words((0.5, 1.0)) == "0.5 to 1"
    assert range_in_words((0.0, math.inf)) == "0 or more"
    assert range_in_words((-math.inf, 0.0)) == "0 or less"
    assert range_in_words((-math.inf, math.inf)) == "any number"


@pytest.fixture(scope="module")
def continuous():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.uniform(size=600), rng.uniform(0, 360, 600), rng.integers(0, 3, 600)], 1)
    codes = np.stack([factors[:, 2], factors[:, 0], np.cos(np.radians(factors[:, 1]))], 1) + 0.05 * rng.normal(size=(600, 3))
    return codes, factors, {"factor_names": ("x", "angle", "kind"), "cyclic": {"angle": 360.0}}


def test_information_about_continuous_factors_is_told_with_its_bias(continuous):
    codes, factors, said = continuous
    table = audit(codes, factors, metrics=["mig"], quick=True, **said)
    near = neighbor_information(codes, factors[:, :2], ["quantity", 360.0])
    assert list(table.information) == ["x", "angle"]
    for k, (own, best) in enumerate(zip(table.information.values(), (1, 2), strict=True)):
        assert own["latent"] == best
        assert own["information"] == pytest.approx(near.estimate[best, k], abs=1e-6)
        assert own["shuffled"] == pytest.approx(near.chance[best, k], abs=1e-6)
        assert own["half"] == pytest.approx(near.half[best, k], abs=1e-6)
        assert own["copy"] == near.largest[k]
        assert "3 nearest neighbors (Kraskov et al., 2004) of 600 samples" in own["estimator"]
    head, first, second = str(table).splitlines()[-3:]
    assert head.split("  ")[0] == "continuous factor"
    assert head.split()[2:] == ["latent", "information", "shuffled", "codes", "half", "of", "the", "samples", "a", "copy"]
    assert first.split()[:3] == ["x", "z1", f"{near.estimate[1, 0]:.3f}"]
    assert len(first) == len(second) == len(head)
    assert "Kraskov" in table._repr_html_()


def test_with_variances_bounds_are_told(continuous):
    codes, factors, said = continuous
    table = audit(codes, factors, variance=np.full_like(codes, 0.05**2), metrics=["mig"], quick=True, **said)
    for own in table.information.values():
        assert "cut into 6 parts of equally many samples" in own["estimator"]
        assert 0 < own["error"] < 0.1
        assert own["information"] < own["at_most"]
    assert [own["latent"] for own in table.information.values()] == [1, 2]
    assert "at most" in str(table)


def test_of_classes_nothing_is_told(samples):
    table = audit(samples, metrics=["mig"], quick=True)
    assert (table.information, table.information_rows(), table.information_title) == ({}, [], "")
    assert "nearest" not in str(table)
