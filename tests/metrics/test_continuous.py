"""Continuous and cyclic factors in the metrics of information: closed forms, bounds, invariances, refusals."""

from __future__ import annotations

import json
import re
from math import cos, log, log1p, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.errors import UsageError
from unbraid.evaluation.scores import periods, posterior_samples
from unbraid.metrics import aam, audit, dcimig, evaluate, gather, jemmig, mig, mig_sup, mmig, modularity, mutual_information
from unbraid.metrics.audit import OF_CLASSES as NOT_CONTINUOUS
from unbraid.metrics.audit import left_out
from unbraid.metrics.information.nearest_neighbors import neighbor_estimates, neighbor_information
from unbraid.metrics.information.posterior_information import posterior_information
from unbraid.metrics.registry import metrics
from unbraid.metrics.samples import from_widest_gap, is_continuous, quantiles
from unbraid.metrics.score_table import nodes

BY_INFORMATION = {"mig": mig, "mmig": mmig, "aam": aam, "mig_sup": mig_sup, "modularity": modularity, "dcimig": dcimig}
READ = [entry for entry in metrics if entry.details.get("continuous")]
OF_CLASSES = [entry for entry in metrics if not entry.details.get("continuous")]
DOWNSTREAM = {entry.name for entry in metrics if entry.details.get("downstream")}
FEW = {"train_votes": 60, "test_votes": 30, "batch": 8, "pairs": 4}


def few(entry) -> dict:
    return {option: value for option, value in FEW.items() if option in entry.options}


def pair(correlation: float, n: int, seed: int = 0) -> np.ndarray:
    """Two normal factors with a correlation."""
    first, other = np.random.default_rng(seed).standard_normal((2, n))
    return np.stack([first, correlation * first + sqrt(1 - correlation**2) * other], axis=1)


def turned(angle: float, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Independent normal factors, and a code that is a rotation of them: correlations are cos and sin of the angle."""
    factors = pair(0, n)
    return factors @ np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]), factors


@pytest.mark.parametrize("correlation", [0.3, 0.6, 0.9])
def test_information_of_normal_pairs(correlation):
    code, factor = pair(correlation, 8000).T
    found = mutual_information(code[:, None], factor[:, None])
    assert found.continuous == 1
    assert found.estimate[0, 0] == pytest.approx(-0.5 * log(1 - correlation**2), abs=0.03)
    assert found.shares[0, 0] == pytest.approx(correlation**2, abs=0.03)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 2.0])
def test_posteriors_give_bounds(sigma):
    """A normal factor, and a posterior around it: I = log(1 + 1 / sigma^2) / 2. All that is told of the sample is of it."""
    factor = np.random.default_rng(0).standard_normal((4000, 1))
    found = mutual_information(mean=factor, variance=np.full((4000, 1), sigma**2), factors=factor)
    truth = 0.5 * log1p(1 / sigma**2)
    assert found.estimate[0, 0] - found.error - 0.02 < truth < found.of_images[0] + found.error + 0.02
    assert found.estimate[0, 0] == pytest.approx(truth, rel=0.08)  # what is lost within 20 parts
    assert found.of_images[0] == pytest.approx(truth, abs=0.03)


def test_posteriors_at_parts_by_hand():
    """Densities of all posteriors, and of those of each fifth of the factor, summed on a fine grid."""
    rng = np.random.default_rng(0)
    factor = rng.normal(size=500)
    mean, spread = factor + 0.3 * rng.normal(size=500), rng.uniform(0.2, 0.4, 500)
    z = np.linspace(-8, 8, 2001)

    def entropy(rows: np.ndarray) -> float:
        density = sum(np.exp(-0.5 * ((z - mean[i]) / spread[i]) ** 2) / spread[i] for i in rows) / (len(rows) * sqrt(2 * pi))
        return -float((density * np.log(np.maximum(density, 1e-300))).sum()) * 0.008

    parts = np.array_split(np.argsort(factor), 5)
    found = mutual_information(mean=mean[:, None], variance=(spread**2)[:, None], factors=factor[:, None])
    expected = entropy(np.arange(500)) - np.mean([entropy(rows) for rows in parts])
    raw = posterior_information(mean[:, None], (spread**2)[:, None], quantiles(factor)[:, None], adjusted=False)
    assert raw.estimate[0, 0] == pytest.approx(expected, abs=raw.error + 1e-6)
    assert found.estimate[0, 0] == pytest.approx(expected, abs=0.03)  # less what chance gives
    whole = entropy(np.arange(500)) - np.mean(0.5 * (1 + np.log(2 * pi * spread**2)))
    assert expected < whole <= found.of_images[0] < whole + found.error + 1e-3


def test_by_parts_nothing_but_order_matters():
    code, factor = pair(0.7, 2000).T
    plain = mutual_information(code[:, None], factor[:, None], definition="adjusted")
    bent = mutual_information(code[:, None], np.exp(3 * factor[:, None]), definition="adjusted")
    np.testing.assert_array_equal(plain.estimate, bent.estimate)
    assert plain.estimate[0, 0] <= -0.5 * log(1 - 0.49) + 0.01


def test_parts_hold_equally_many():
    values = np.random.default_rng(0).exponential(size=2000)
    assert np.bincount(quantiles(values)).tolist() == [100] * 20
    assert np.bincount(quantiles(values[:400])).tolist() == [100] * 4
    assert np.bincount(quantiles(np.arange(8000.0))).tolist() == [400] * 20  # at most
    assert len(np.unique(quantiles(np.repeat([1.0, 2.0], 500)))) == 2
    assert quantiles(np.array([3.0, 1.0, 2.0, 4.0])).tolist() == [1, 0, 0, 1]  # of few samples two parts
    assert quantiles(np.array([1.0, 2.0, 2.0, 2.0])).tolist() == [0, 1, 1, 1]  # equal values share the upper one


def test_fractions_are_continuous_where_more_than_half_are_new():
    values = np.arange(60) + 0.5
    assert is_continuous(values)
    assert not is_continuous(np.floor(values))  # whole numbers
    assert is_continuous(np.append(values[:31], values[:29]))
    assert not is_continuous(np.append(values[:30], values[:30]))
    assert is_continuous(np.append(values[:21], values[:5]))
    assert not is_continuous(np.append(values[:20], values[:5]))  # so few may be classes
    assert not is_continuous(np.append(values, np.nan))


@pytest.mark.parametrize("angle", [0.2, pi / 6, pi / 4])
def test_scores_of_a_turned_code(angle):
    """A rotation explains c = cos^2 and s = sin^2 of the factors' variance, which gives scores in closed form."""
    codes, factors = turned(angle)
    c, s = cos(angle) ** 2, sin(angle) ** 2
    theory = {
        "mig": c - s,
        "mmig": c - s,
        "mig_sup": c - s,
        "dcimig": c - s,
        "aam": (c - s) / c,
        "modularity": 1 - (s / c) ** 2,
    }
    for name, metric in BY_INFORMATION.items():
        assert metric(codes, factors)["score"] == pytest.approx(theory[name], abs=0.06), name


def test_scores_of_known_codes():
    factors = np.random.default_rng(0).uniform(size=(3000, 3))
    noise = np.random.default_rng(1).normal(size=(3000, 2))
    for name, metric in BY_INFORMATION.items():
        assert metric(factors[:, [2, 0, 1]], factors)["score"] == pytest.approx(1, abs=0.01), name
        assert metric(-np.hstack([factors, noise]), factors)["score"] == pytest.approx(1, abs=0.01), name
        assert metric(noise, factors)["score"] == 0, name
        assert metric(np.ones((3000, 2)), factors)["score"] == 0, name
    copies = np.hstack([factors, factors])
    assert [mig(copies, factors)["score"], aam(copies, factors)["score"]] == pytest.approx([0, 0], abs=0.01)
    assert mig_sup(copies, factors)["score"] == pytest.approx(1, abs=0.01)


def test_a_perfect_code_of_factors_that_depend_on_each_other():
    """MIG is at most 1 less the squared correlation; MMIG takes that as its scale."""
    factors = pair(0.6, 4000)
    assert mig(factors, factors)["score"] == pytest.approx(0.64, abs=0.03)
    assert mmig(factors, factors)["score"] == pytest.approx(1, abs=1e-6)


def test_jemmig_reads_parts():
    """Each of 20 bins of a uniform latent is a part of its factor; a second code of it costs its information."""
    factors = (np.random.default_rng(0).permutation(4000)[:, None] + 0.5) / 4000
    assert jemmig(factors, factors)["score"] == pytest.approx(1, abs=0.01)
    assert jemmig(np.hstack([factors, factors]), factors)["score"] == pytest.approx(0.5, abs=0.01)
    assert jemmig(np.random.default_rng(1).normal(size=(4000, 1)), factors)["score"] == 0


def around(turn: float, variance: bool = False, evenly: bool = False):
    """Codes of an angle and of another factor; the angle in shares of a circle, from another place by a turn."""
    rng = np.random.default_rng(0)
    angle = rng.integers(0, 20, 240) / 20 if evenly else 0.6 * rng.uniform(size=240) + 0.1 * rng.normal(size=240)
    line = rng.normal(size=240)
    told = np.stack([np.cos(2 * pi * angle), np.sin(2 * pi * angle), line, np.mod(angle, 1)], 1)
    codes = told @ rng.normal(size=(4, 4)) + 0.2 * rng.normal(size=(240, 4))
    factors = np.stack([360 * (angle + turn), line], 1)
    spread = np.full_like(codes, 0.1) if variance else None
    return gather(codes, factors, variance=spread, factor_names=["angle", "line"], cyclic={"angle": 360.0})


@pytest.mark.parametrize(
    ("entry", "variant"),
    [
        pytest.param(entry, own, id=f"{entry.name}-{own.name}")
        for entry in READ
        for own in entry.details["variants"]
        if (own.continuous or not own.options) and not own.slow
    ],
)
def test_turning_a_cyclic_factor_changes_no_score(entry, variant):
    for variance in (False, True)[: 1 + (not variant.options and entry.name not in DOWNSTREAM)]:
        plain = entry.factory(around(0.0, variance), **variant.options)
        for turn in (0.317, -7.5):
            for (part, one), (_, other) in zip(
                nodes(dict(plain)), nodes(dict(entry.factory(around(turn, variance), **variant.options))), strict=True
            ):
                assert other["score"] == pytest.approx(one["score"], abs=1e-9), (part, variance)


def test_turning_a_cyclic_factor_changes_no_reference_and_no_interval():
    tables = [evaluate(around(turn), metrics=["mig", "mcc", "jemmig"], intervals=4, nulls=2) for turn in (0.0, 0.317)]
    for name in tables[0]:
        one, other = (json.dumps(table[name], default=str) for table in tables)
        numbers = [np.array([float(x) for x in re.findall(r"-?\d+\.\d+", text)]) for text in (one, other)]
        np.testing.assert_allclose(*numbers, atol=1e-9)


@pytest.mark.parametrize("evenly", [False, True])
def test_a_circle_is_cut_open_where_nothing_is(evenly):
    plain = around(0.0, evenly=evenly).quantities[:, 0]
    for turn in (0.317, -7.5, 1e3):
        np.testing.assert_allclose(around(turn, evenly=evenly).quantities[:, 0], plain, atol=1e-6)
    for values, expected in (
        ([10.0, 20, 300], [70, 80, 0]),  # of gaps of 10, 280 and 70
        ([-350.0, 740, 300], [70, 80, 0]),
        ([180.0, 0, 90, 270], [0, 180, 270, 90]),  # of four that are equally wide
        ([90.0, 90, 0, 1, 2], [90, 90, 0, 1, 2]),
    ):
        assert from_widest_gap(np.array(values), 360.0).tolist() == pytest.approx(expected)
    half = gather(np.zeros((90, 1)), np.mod(np.linspace(-45, 45, 90), 360)[:, None], cyclic={"0": 360.0})
    np.testing.assert_allclose(half.quantities[:, 0], np.linspace(0, 90, 90), atol=1e-9)
    whole = gather(np.zeros((3, 1)), np.array([[-1e-20], [359.0], [720.0]]), cyclic={"0": 360.0})
    assert whole.quantities[:, 0] == pytest.approx([1, 0, 1], abs=1e-6)


def test_spaces_say_which_factors_are_circular():
    space = FactorSpace(
        (Factor("kind", (0.0, 1.0)), Factor("x", (0.0,)).over(0, 2), Factor("angle", (0.0,), "circular").over(-180, 180))
    )
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(0, 2, 60), rng.uniform(0, 2, 60), rng.uniform(-180, 180, 60)], 1)
    assert periods(space) == {"angle": 360.0}
    samples = posterior_samples(rng.normal(size=(60, 2)), np.ones((60, 2)), factors, space.names, space.continuous, space)
    assert samples.quantity_names == ("x", "angle")
    assert samples.periods == (0.0, 360.0)
    assert posterior_samples(samples.codes, np.ones((60, 2)), factors, space.names, space.continuous).periods == (0.0, 0.0)


def test_information_around_a_circle():
    """Noise around the circle is little, although it throws angles from one end to the other."""
    rng = np.random.default_rng(0)
    code = rng.uniform(0, 1, 3000)
    angle = np.mod(code + 0.1 * rng.normal(size=3000), 1)[:, None]
    found = mutual_information(gather(code[:, None], angle, cyclic={"0": 1.0})).estimate[0, 0]
    truth = -0.5 * log(2 * pi * 0.01) - 0.5  # the noise has the density of a normal one, which hardly reaches around
    assert found == pytest.approx(truth, abs=0.04)


@given(
    scale=st.floats(0.01, 100),
    shift=st.floats(-50, 50),
    order=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from([-1, 1])] * 3),
)
@settings(max_examples=8, deadline=None)
def test_scale_place_sign_and_order_do_not_matter(scale, shift, order, signs):
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(400, 2))
    codes = factors @ rng.normal(size=(2, 3)) + 0.3 * rng.normal(size=(400, 3))
    for metric in BY_INFORMATION.values():
        plain = metric(codes, factors)["score"]
        assert metric((codes * signs)[:, order] * scale + shift, factors)["score"] == pytest.approx(plain, abs=1e-6)
        assert metric(codes, -factors[:, ::-1] * scale + shift)["score"] == pytest.approx(plain, abs=0.02)


def test_classes_beside_continuous_factors_score_as_alone():
    rng = np.random.default_rng(0)
    classes, line = rng.integers(0, 4, (1500, 2)), rng.uniform(size=1500)
    factors = np.column_stack([classes[:, 0], line, classes[:, 1]])
    codes = factors @ rng.normal(size=(3, 4)) + 0.2 * rng.normal(size=(1500, 4))
    samples, alone = gather(codes, factors, factor_names=("a", "x", "b")), gather(codes, classes, factor_names=("a", "b"))
    assert samples.factor_names == ("a", "b")
    assert samples.quantity_names == ("x",)
    assert np.array_equal(samples.rows(np.array([5, 2])).quantities[:, 0], line[[5, 2]])
    found = mig(samples)["per_factor"]
    assert list(found) == ["a", "x", "b"]
    assert {name: found[name] for name in "ab"} == pytest.approx(mig(alone)["per_factor"], abs=1e-12)
    assert found["x"] == mig(codes, line[:, None])["per_factor"]["0"]
    assert mig(samples, definition="locatello2019") == mig(alone, definition="locatello2019")
    by_neighbors = mutual_information(samples, definition="neighbors")
    np.testing.assert_allclose(by_neighbors.shares[:, :2], mutual_information(alone).shares, atol=0.12)
    assert (by_neighbors.shares <= 1).all()


def test_only_wanted_pairs_are_estimated():
    rng = np.random.default_rng(0)
    factors, classes = rng.normal(size=(300, 2)), rng.integers(0, 3, 300)
    codes = factors @ rng.normal(size=(2, 3)) + classes[:, None]
    columns, kinds = [*factors.T, classes], ["quantity", 5.0, "class"]
    all_of_them = neighbor_estimates(codes, columns, kinds, np.ones((3, 3), dtype=bool))
    np.testing.assert_allclose(all_of_them, neighbor_information(codes, np.column_stack(columns), kinds).estimate, atol=1e-6)
    some = neighbor_estimates(codes, columns, kinds, np.eye(3, dtype=bool))
    np.testing.assert_allclose(some, all_of_them * np.eye(3), atol=1e-6)
    assert not neighbor_estimates(codes[:3], [column[:3] for column in columns], kinds, np.ones((3, 3), dtype=bool)).any()


@pytest.mark.parametrize("entry", OF_CLASSES, ids=lambda entry: entry.name)
def test_metrics_of_classes_refuse_continuous_factors_alone_and_leave_out_others(entry):
    rng = np.random.default_rng(0)
    classes = np.stack(np.unravel_index(np.arange(240) % 12, (3, 4)), 1)
    codes = classes @ rng.normal(size=(2, 3)) + rng.normal(size=(240, 3))
    line = rng.normal(size=(240, 1))
    with pytest.raises(
        UsageError, match=r"compares samples that share a value of a factor, and 0 is continuous\. .*mcc and r2"
    ):
        entry.factory(codes, line)
    mixed = gather(codes, np.hstack([classes, line]), factor_names=["a", "b", "line"])
    assert entry.factory(mixed, **few(entry)) == entry.factory(codes, classes, factor_names=["a", "b"], **few(entry))


@pytest.mark.parametrize("entry", READ, ids=lambda entry: entry.name)
def test_chance_is_as_said_for_continuous_factors(entry):
    rng = np.random.default_rng(0)
    found = evaluate(rng.normal(size=(600, 3)), rng.normal(size=(600, 2)), metrics=[entry.name], intervals=0)
    for part, node in nodes(dict(found)[entry.name]):
        if "informativeness" not in part and entry.name != "tmex":  # one false alarm is a match
            assert node["score"] == pytest.approx(node["chance"], abs=0.1), part


def test_evaluate_says_what_it_leaves_out():
    codes, factors = turned(0.3, 2000)
    table = evaluate(codes, factors, metrics=["mig", "irs"], intervals=4)
    assert list(table) == ["mig"]
    assert "Left out, since they compare samples that share a value of a factor: irs." in str(table)
    low, high = table["mig"]["interval"]
    assert low - 0.02 < cos(0.6) < high + 0.02
    assert table["mig"]["ceiling"] == pytest.approx(1, abs=0.01)
    assert table["mig"]["chance"] == 0
    assert table.factor_names == ("0", "1")
    with pytest.raises(UsageError, match="IRS compares samples"):
        evaluate(codes, factors, metrics=["irs"])


@pytest.mark.parametrize(
    ("entry", "variant"),
    [pytest.param(entry, own, id=f"{entry.name}-{own.name}") for entry in metrics for own in entry.details["variants"]],
)
def test_audit_knows_what_reads_continuous_factors(entry, variant):
    codes, factors = turned(0.3, 60)
    samples = gather(codes, factors, variance=np.full_like(codes, 0.1))
    reason = left_out(entry.name, variant, samples, quick=False)
    if entry.name not in DOWNSTREAM and not reason:
        entry.factory(samples.rows(np.arange(60)), **variant.options)
    elif reason == NOT_CONTINUOUS:
        with pytest.raises(UsageError, match="compares samples that share a value"):
            entry.factory(samples, **variant.options)


def test_audit_leaves_out_definitions_of_classes():
    codes, factors = turned(0.3, 400)
    table = audit(codes, factors, metrics=["mig"], quick=True)
    assert table["mig"]["default"]["score"] == pytest.approx(cos(0.6), abs=0.15)
    assert "score" not in table["mig"]["locatello2019"]
    assert "continuous" in table["mig"]["locatello2019"]["left_out"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"continuous": ["nope"]}, "Continuous factors nope; there are only a, b"),
        ({"cyclic": {"a": 0.0}}, "The period of a is 0.0; give how far it goes once around"),
        ({"cyclic": {"a": np.nan}}, "The period of a is nan"),
    ],
)
def test_names_and_periods_that_are_wrong(given, says):
    factors = np.random.default_rng(0).uniform(size=(50, 2))
    with pytest.raises(UsageError, match=says):
        gather(factors, factors, factor_names=["a", "b"], **given)


def test_what_is_taken_for_continuous():
    rng = np.random.default_rng(0)
    whole, fractions = rng.permutation(100), rng.uniform(size=100)
    samples = gather(np.ones((100, 1)), np.stack([whole, fractions], 1), continuous=["0"], factor_names=["0", "b"])
    assert samples.quantity_names == ("0", "b")
    assert gather(np.ones((100, 1)), np.stack([whole % 4, fractions], 1)).factor_names == ("0",)
    constant = gather(np.ones((100, 1)), np.stack([np.full(100, 0.5), fractions], 1), continuous=["0"])
    assert constant.left_out == {"0": "has a single value"}
    fractions[3] = np.inf
    with pytest.raises(UsageError, match=r"factors\[3, 1\] is inf"):
        gather(np.ones((100, 1)), np.stack([whole, fractions], 1), continuous=["1"], factor_names=["0", "1"])


@pytest.mark.parametrize(("unit", "start"), [(1e-6, 0.0), (1e200, 0.0), (1e-200, 0.0), (1.0, 1e6)])
@pytest.mark.parametrize("name", ["tmex", "r2", "mcc", "dci_es", "explicitness", "infomec", "mig", "minimality"])
def test_the_unit_of_a_factor_does_not_matter(name, unit, start):
    """Micrometers in place of meters, years from the first or the two-thousandth."""
    factors = pair(0.5, 600)
    codes = factors @ [[1.0, 0.2], [0.0, 1.0]]
    score = metrics[name].factory
    plain = score(gather(codes, factors, continuous=["0", "1"]))["score"]
    assert score(gather(codes, factors * [1.0, unit] + [0.0, start], continuous=["0", "1"]))["score"] == pytest.approx(plain)


@pytest.mark.parametrize("values", [(0, 180), (0, 120), (90, 270)])
def test_an_angle_of_two_values_counts_once(values):
    """Its cosine determines its sine: nothing is left of that but rounding."""
    rng = np.random.default_rng(0)
    angle = np.array(values, dtype=np.float64)[rng.integers(0, 2, 500)]
    code = (angle == values[0]) + rng.standard_normal(500)
    samples = gather(np.stack([code, np.zeros(500)], 1), angle[:, None], cyclic={"0": 360.0})
    assert metrics["sap"].factory(samples)["score"] == pytest.approx(np.corrcoef(code, angle)[0, 1] ** 2)
