"""The table of what metrics see: verdicts that are certain, and the rule by hand."""

from __future__ import annotations

import numpy as np
import pytest

from unbraid.errors import UsageError
from unbraid.metrics.soundness import ALL, ENCODERS, ONE, OWN, PROCESSES, Case, Soundness, _own_scores, soundness


@pytest.fixture(scope="module")
def found() -> Soundness:
    encoders = ("permuted", "monotone", "rotated", "mapped", "redundant", "partial", "null")
    return soundness(["mig", "explicitness", "mig_sup"], processes=["independent"], encoders=encoders, samples=[1_500], seeds=1)


def case(score: str, process: str = "independent", n: int = 1_500) -> Case:
    return Case(score, process, n)


@pytest.mark.parametrize(
    ("score", "sees", "blind"),
    [
        ("mig", {"rotated", "mapped", "redundant", "partial", "null"}, set()),
        ("explicitness", {"partial", "null"}, {"rotated", "mapped", "redundant"}),
        ("mig_sup", {"rotated", "mapped", "null"}, {"redundant", "partial"}),
    ],
)
def test_verdicts_that_are_certain(found, score, sees, blind):
    marks = found.marks(case(score))
    assert {name for name, mark in marks.items() if mark == "sees"} == sees
    assert {name for name, mark in marks.items() if mark == "blind"} == blind
    assert {name for name, mark in marks.items() if mark == "fine"} == {"perfect", "permuted", "monotone"}
    assert found.verdict(case(score)) == ("blind" if score == "explicitness" else "sees")


def test_what_to_report(found):
    assert found.answers(case("mig"), OWN)
    assert not found.answers(case("explicitness"), OWN)
    assert found.answers(case("explicitness"), ALL)
    assert [found.answers(case(score), ONE) for score in ("mig", "mig_sup")] == [True, False]


def test_a_metric_is_its_parts_where_its_own_score_is_always_the_first_of_them():
    """And not where the two happen to be equal for one code, as the accuracies of few and of many labels may be."""
    first, second = case("dci"), case("linear_probe")
    made = {
        first: {"perfect": [1.0], "null": [0.0]}, case("dci disentanglement"): {"perfect": [1.0], "null": [0.0]},
        case("dci completeness"): {"perfect": [0.9], "null": [0.1]},
        second: {"perfect": [1.0], "null": [0.3]}, case("linear_probe efficiency"): {"perfect": [1.0], "null": [0.7]},
        case("mig"): {"perfect": [1.0], "null": [0.0]},
    }  # fmt: skip
    assert _own_scores(made) == {"dci disentanglement", "dci completeness", "linear_probe", "mig"}


def test_the_rule_by_hand():
    scores = {"perfect": 0.7, "permuted": 0.62, "rotated": 0.59, "entangled": 0.65, "null": 0.1}
    own = case("mig")

    def of(**changed: float) -> Soundness:
        return Soundness({own: {**scores, **changed}}, {})

    assert of().marks(own) == {"perfect": "fine", "permuted": "fine", "rotated": "sees", "entangled": "blind", "null": "sees"}
    assert of().verdict(own) == "blind"
    assert of(entangled=0.5).verdict(own) == "sees"
    assert of(entangled=0.81).marks(own)["entangled"] == "wrong"
    assert of(entangled=0.81).verdict(own) == "wrong"  # an entangled code is preferred
    assert of(permuted=0.5).verdict(own) == of(permuted=0.9).verdict(own) == "wrong"  # a perfect one is not recognized
    assert of(null=0.65).verdict(own) == "wrong"  # noise is as good
    half = case("explicitness")  # from 0.5 to 1: a tenth of the range is 0.05
    assert Soundness({half: {"perfect": 0.7, "rotated": 0.64}}, {}).marks(half)["rotated"] == "sees"


@pytest.mark.parametrize("name", PROCESSES)
def test_processes_are_what_they_say(name):
    factors = PROCESSES[name].draw(np.random.default_rng(0), 4_000)
    assert factors.shape == (4_000, 4)
    correlation = np.corrcoef(factors, rowvar=False)
    combinations = len(np.unique(factors, axis=0))
    if name.startswith("continuous"):
        assert combinations == 4_000
    elif name == "holes":
        assert combinations < 0.75 * 360
    else:
        assert combinations > 0.95 * 360 or name == "correlated"
    assert (np.abs(correlation[0, 1]) > 0.15) == (name.endswith("correlated") or name == "holes")
    assert np.abs(correlation[0, 2:]).max() < 0.06


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_are_what_they_say(name):
    known = np.random.default_rng(0).normal(size=(500, 4))
    codes = ENCODERS[name].encode(known, np.random.default_rng(1))
    matrix = np.abs(np.corrcoef(np.hstack([known, codes + 1e-12 * np.arange(500)[:, None] ** 2]), rowvar=False))[:4, 4:]
    best = (matrix > 0.9).sum(1)
    assert best.tolist() == {
        "redundant": [2] * 4, "partial": [1, 0, 1, 0], "collapsed": [1, 0, 0, 0], "noisy": best.tolist(),
        "rotated": [0] * 4, "entangled": [0] * 4, "mapped": best.tolist(), "null": [0] * 4, "monotone": best.tolist(),
    }.get(name, [1] * 4)  # fmt: skip
    assert (name == "null") == (matrix.max() < 0.3)


def test_refuses_names_and_leaves_out_what_a_metric_refuses():
    with pytest.raises(UsageError, match="no process 'dependent'; allowed: independent"):
        soundness(["mig"], processes=["dependent"])
    with pytest.raises(UsageError, match="no encoder"):
        soundness(["mig"], encoders=["ideal"])
    made = soundness(["beta_vae_score"], processes=["continuous"], encoders=["null"], samples=[100], seeds=1)
    assert not made.scores
    assert ("beta_vae_score", "continuous") in made.refused
