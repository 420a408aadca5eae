"""Spreads and roughness over training, in closed form, and what the ledger keeps of losses and checkpoints."""

import math

import msgspec
import numpy as np
import pytest

import unbraid
from unbraid.api import view_of
from unbraid.metrics.evaluate import evaluate
from unbraid.studies.declaration import Arm, Length, Study
from unbraid.studies.measures import Run
from unbraid.studies.over_training import (
    BOUND_CHANGE,
    EVALUATIONS,
    FOLLOWED,
    KL_ROUGHNESS,
    SCORED,
    TERMS,
    HoursTo,
    hours_to,
    late_spread,
    roughness,
    variability,
)
from unbraid.studies.results import Results
from unbraid.sweep.code import Code
from unbraid.sweep.records import Result


def test_a_straight_line_is_not_rough_and_a_zigzag_is_by_its_height():
    line = np.linspace(10.0, 2.0, 40)
    assert roughness(line) == pytest.approx(0, abs=1e-12)
    zigzag = np.full(80, 5.0)
    zigzag[::2] += 1
    zigzag[1::2] -= 1
    assert roughness(zigzag) == pytest.approx(1 / 5, rel=1e-2)  # the line through it is all but level
    assert math.isnan(roughness(line[:6]))  # three values in its second half
    assert math.isnan(roughness(np.array([1.0] * 8 + [math.nan])))


def test_only_the_second_half_counts():
    values = np.array([0.0, 9.0, 0.0, 9.0, 1.0, 2.0, 3.0, 4.0])
    assert late_spread(values) == pytest.approx(np.std([1, 2, 3, 4], ddof=1))
    assert late_spread(np.array([100.0, 50.0, 0.0, 1.0, 2.0, 3.0, 4.0])) == late_spread(values)  # of seven the last four
    assert math.isnan(late_spread(values[:6]))


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    options = {
        "only": "scale=5 orientation=0",
        "batch_size": 16,
        "steps": 8,
        "keep_checkpoints": 0,
        "log_every": 1,
        "evaluate_every": 4,
    }
    found = {}
    for model in ("vae", "soft_intro_vae"):
        run = folder / model
        unbraid.train(model, "dsprites_reduced", out=run, device="cpu", progress=False, checkpoint_every=2, **options)
        unbraid.evaluate(run, metrics=["mig"], device="cpu")
        found[model] = view_of(run, device="cpu")
    return found


@pytest.mark.parametrize("model", ["vae", "soft_intro_vae"])
def test_terms_are_those_of_the_log_with_one_player_or_two(views, model):
    kept = TERMS.make(views[model])
    prefix = "encoder/" if model == "soft_intro_vae" else ""
    logged = [entry for entry in views[model].log if entry.kind == "train"]
    assert kept["step"] == [entry.step for entry in logged]
    for term in ("nll", "kl"):
        assert kept[term] == pytest.approx([entry.values[prefix + term] for entry in logged], abs=1e-3)


def test_scores_at_the_last_checkpoint_are_those_of_the_model_and_others_differ(views):
    view = views["vae"]
    kept = SCORED.make(view)
    assert kept["step"] == [2, 4, 6, 8]
    codes = view.model.encode(view.dataset.images.bytes(np.arange(len(view.dataset))), distribution=True)
    own = evaluate(
        mean=codes.mean, variance=codes.variance, factors=view.dataset.factors, metrics=["mig", "explicitness"], intervals=0,
        references=False,
    )  # fmt: skip
    for name in ("mig", "explicitness"):
        assert kept[name][-1] == pytest.approx(own[name]["score"], abs=5e-3)
    assert all(len(kept[name]) == 4 for name in FOLLOWED)
    assert len(set(kept["explicitness"])) > 1  # the weights of each checkpoint are read


def run_with(evidence):
    result = Result(
        key="k", configuration={}, seed=0, code=Code("0", None, "d"), versions={}, python="", platform="", device="cpu",
        threads=1, steps=4, images=4, train_seconds=1, evaluate_seconds=1, scored_images=1, of_images=1, losses={}, metrics={},
        active=[], kl_per_dim=[], kl_parts=None, warnings=[], disk=0, finished="",
    )  # fmt: skip
    return Run(result, evidence)


def test_measures_read_the_ledger():
    terms = {"step": [1, 2, 3, 4], "nll": [8.0, 6.0, 4.0, 2.0], "kl": [0.0, 1.0, 2.0, 3.0]}
    run = run_with({"terms": terms, "scored": {"mig": [0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4]}})
    assert BOUND_CHANGE.of(run) == pytest.approx((6 - 5) / 5)
    assert variability("mig", "MIG").of(run) == pytest.approx(np.std([0.1, 0.2, 0.3, 0.4], ddof=1))
    assert math.isnan(KL_ROUGHNESS.of(run))
    assert math.isnan(variability("mig", "MIG").of(run_with({})))


def test_evaluations_are_those_of_the_log(views):
    kept = EVALUATIONS.make(views["vae"])
    logged = [entry for entry in views["vae"].log if entry.kind == "evaluation"]
    assert kept["step"] == [entry.step for entry in logged] == [4, 8]
    for name in ("mig", "dcimig", "test/nll"):
        assert kept[name] == pytest.approx([entry.values[name] for entry in logged], abs=1e-4)


def evaluated(mig: list[float], *, hours: float = 2.0) -> Run:
    """A run of 100 steps, evaluated evenly."""
    plain = run_with({})
    steps = [100 * (i + 1) // len(mig) for i in range(len(mig))]
    result = msgspec.structs.replace(plain.result, steps=100, train_seconds=3600 * hours)
    return Run(result, {"evaluations": {"step": steps, "mig": mig}})


def test_hours_to_a_score_are_its_share_of_the_steps():
    run = evaluated([0.05, 0.2, 0.1, 0.35])
    assert hours_to(run, "mig", 0.1) == pytest.approx(1.0)  # at step 50 of 100, of 2 hours; that it falls again is no matter
    assert hours_to(run, "mig", 0.35) == pytest.approx(2.0)
    assert math.isnan(hours_to(run, "mig", 0.4))
    assert math.isnan(hours_to(run_with({}), "mig", 0.1))


def test_a_table_of_hours_says_how_many_runs_reach_a_score():
    arm = Arm("VAE", "vae", "ellipses", {"batch_size": 64}, {"cpu": Length(6_400, 2)})
    other = Arm("none", "vae", "shapes", {"batch_size": 64}, {"cpu": Length(6_400, 2)})
    study = Study("?", [arm, other], [], [])
    runs = {"VAE": [evaluated([0.1, 0.3]), evaluated([0.1, 0.2], hours=4.0)], "none": []}
    results = Results("name", study, "cpu", None, runs)
    (table,) = HoursTo("Hours", [arm, other], "mig", (0.1, 0.3, 0.5)).blocks(results)
    assert table.columns == ["", "runs", "hours, whole run", "hours to 0.1", "hours to 0.3", "hours to 0.5"]
    assert table.rows[0] == ["VAE", "2", "3.00", "1.50", "2.00 (1 of 2)", "–"]
    assert table.rows[1] == ["none", "not run", "–", "–", "–", "–"]
