"""Regressors where classifiers stand for classes: SAP, explicitness, InfoMEC and DCI of continuous and cyclic factors."""

from __future__ import annotations

from math import cos, log, pi, sin

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics import dci, explicitness, gather, infomec, r2, sap


def turned(angle: float, n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    factors = np.random.default_rng(0).standard_normal((n, 2))
    return factors @ np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]), factors


def on_a_circle(n: int = 3000):
    """Codes that are cosine and sine of an angle, and noise."""
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 360, n)
    codes = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle)), rng.normal(size=n)], 1)
    return gather(codes, angle[:, None], factor_names=["angle"], cyclic={"angle": 360.0})


@pytest.mark.parametrize("angle", [0.2, pi / 6, pi / 4])
def test_sap_of_a_turned_code(angle):
    assert sap(*turned(angle))["score"] == pytest.approx(cos(2 * angle), abs=0.06)


def test_sap_of_an_angle_is_mardias_correlation():
    rng = np.random.default_rng(0)
    angle = rng.vonmises(0, 1, 400)
    codes = np.stack([angle, rng.normal(size=400)], 1)
    x, c, s = angle, np.cos(angle), np.sin(angle)
    xc, xs, cs = (np.corrcoef(one, other)[0, 1] for one, other in ((x, c), (x, s), (c, s)))
    squared = (xc**2 + xs**2 - 2 * xc * xs * cs) / (1 - cs**2)
    y = codes[:, 1]
    yc, ys = (np.corrcoef(y, other)[0, 1] for other in (c, s))
    second = (yc**2 + ys**2 - 2 * yc * ys * cs) / (1 - cs**2)
    found = sap(gather(codes, angle[:, None], cyclic={"0": 2 * pi}))
    assert found["score"] == pytest.approx(squared - second, abs=1e-9)
    assert sap(on_a_circle())["score"] == pytest.approx(0, abs=0.01)  # two latents know all of it


def test_explicitness_is_of_least_squares():
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(900, 2))
    codes = factors @ rng.normal(size=(2, 3)) + rng.normal(size=(900, 3))
    expected = {name: 0.5 + 0.5 * score for name, score in r2(codes, factors)["per_factor"].items()}
    assert explicitness(codes, factors)["per_factor"] == pytest.approx(expected)
    assert explicitness(on_a_circle())["score"] == pytest.approx(1, abs=1e-6)
    assert explicitness(rng.normal(size=(900, 2)), factors)["score"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("angle", [0.3, pi / 4])
def test_infomec_of_a_turned_code(angle):
    """Of two shares cos^2 and sin^2 the best has cos^2 of the sum."""
    found = infomec(*turned(angle, 8000))
    assert found["modularity"]["score"] == pytest.approx(cos(2 * angle), abs=0.06)
    assert found["compactness"]["score"] == pytest.approx(cos(2 * angle), abs=0.06)
    assert found["explicitness"]["score"] == pytest.approx(1, abs=1e-6)
    noise = infomec(np.random.default_rng(1).normal(size=(3000, 2)), turned(0)[1])
    assert [noise[part]["score"] for part in ("modularity", "compactness", "explicitness")] == [0, 0, 0]


@pytest.mark.parametrize("importance", ["forest", "gbt", "lasso"])
def test_dci_of_known_codes(importance):
    codes, factors = turned(0, 900)
    noise = np.random.default_rng(1).normal(size=(900, 1))
    found = dci(np.hstack([-3 * codes[:, ::-1], noise]), factors, importance=importance)
    assert found["disentanglement"]["score"] == pytest.approx(1, abs=0.02)
    assert found["completeness"]["score"] == pytest.approx(1, abs=0.02)
    assert found["informativeness"]["score"] > 0.97
    mixed = dci(*turned(pi / 4, 900), importance=importance)
    assert mixed["disentanglement"]["score"] < 0.1
    assert mixed["completeness"]["score"] < 0.1


def test_lasso_by_hand():
    """Each coefficient of a turned code, cos and sin, is less by the penalty."""
    big, small = cos(0.4) - 0.02, sin(0.4) - 0.02
    shares = np.array([big, small]) / (big + small)
    expected = 1 + float((shares * np.log(shares)).sum()) / log(2)
    found = dci(*turned(0.4), importance="lasso")
    assert found["disentanglement"]["score"] == pytest.approx(expected, abs=0.03)
    assert found["informativeness"]["score"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("importance", ["forest", "gbt", "lasso"])
def test_dci_of_an_angle(importance):
    """Cosine and sine share it evenly, so that of three latents completeness is 1 - log 2 / log 3."""
    found = dci(on_a_circle(1200), importance=importance)
    assert found["completeness"]["score"] == pytest.approx(1 - log(2) / log(3), abs=0.03)
    assert found["informativeness"]["score"] > 0.97


def test_nothing_known_has_no_importance():
    rng = np.random.default_rng(0)
    found = dci(rng.normal(size=(900, 3)), rng.normal(size=(900, 2)))
    assert [found[part]["score"] for part in ("disentanglement", "completeness", "informativeness")] == [0, 0, 0]


def test_classes_beside_continuous_factors_score_as_alone():
    rng = np.random.default_rng(0)
    classes, line = rng.integers(0, 4, (600, 2)), rng.uniform(size=(600, 1))
    codes = np.hstack([classes, line]) @ rng.normal(size=(3, 4)) + 0.2 * rng.normal(size=(600, 4))
    mixed, alone = (
        gather(codes, np.hstack([classes, line]), factor_names=list("abx")),
        gather(codes, classes, factor_names=list("ab")),
    )
    for metric in (sap, explicitness):
        found, same = metric(mixed)["per_factor"], metric(alone)["per_factor"]
        assert list(found) == ["a", "b", "x"]
        assert {name: found[name] for name in "ab"} == same
    for metric, part in ((infomec, "explicitness"), (infomec, "compactness"), (dci, "informativeness"), (dci, "completeness")):
        found, same = metric(mixed)[part]["per_factor"], metric(alone)[part]["per_factor"]
        assert {name: found[name] for name in "ab"} == pytest.approx(same), part
        assert 0 <= found["x"] <= 1


@pytest.mark.parametrize(
    ("metric", "options", "says"),
    [
        (sap, {"definition": "locatello2019"}, 'Ask for "kumar2018"'),
        (explicitness, {"definition": "one_vs_rest"}, 'Ask for "multinomial"'),
        (infomec, {"definition": "hsu2023"}, 'Ask for "held_out"'),
        (dci, {"importance": "logistic"}, 'Ask for "forest", "gbt" or "lasso"'),
        (dci, {"importance": "entropy_forest"}, 'Ask for "forest"'),
    ],
)
def test_definitions_of_classes_say_what_to_ask_for(metric, options, says):
    with pytest.raises(UsageError, match=says):
        metric(*turned(0.3, 60), **options)
