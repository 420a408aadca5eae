"""The study of published settings on dSprites trains as long as published, and names the factors of the data."""

from __future__ import annotations

import math

import numpy as np
import pytest

import unbraid
from helpers.study_results import made_result
from unbraid.api import view_of
from unbraid.data.sets.dsprites import dsprites_space
from unbraid.metrics.mig import mig
from unbraid.studies.measures import Run
from unbraid.studies.reports import dsprites_published as study
from unbraid.sweep.resolving import resolve
from unbraid.zoo.registry import models

IMAGES = 737_280


def test_it_is_as_long_as_published() -> None:
    assert study.PASSES["paper"].images == 50 * IMAGES
    assert study.STEPS["paper"].images == 300_000 * 64
    of_paper = study.TC_MLP.steps("paper")
    assert study.CHEN["beta_warmup"] * of_paper == pytest.approx(7_000, rel=1e-3)
    assert study.BETA_B.options["capacity_ramp"] * study.BETA_B.steps("paper") == pytest.approx(100_000, rel=2e-3)


def test_settings_of_chen_are_those_that_the_model_has_as_published() -> None:
    (chen,) = (one for one in models["beta_tcvae"].details["published"] if one.source.startswith("Chen"))
    assert chen.values.items() <= study.TC_MLP.options.items()


@pytest.mark.parametrize("arm", study.ARMS, ids=lambda arm: arm.name)
def test_evaluations_follow_every_run(arm) -> None:
    for budget in ("cpu", "paper"):
        asked = resolve(arm.requests(budget)[0])
        assert 10 <= arm.steps(budget) / asked["evaluate_every"] <= 60


def test_the_factors_are_those_of_dsprites() -> None:
    assert set(study.SPRITE_FACTORS) == set(dsprites_space().names)


def test_four_factors_leave_out_the_shape(tmp_path) -> None:
    unbraid.train("vae", "dsprites_reduced", out=tmp_path / "run", device="cpu", progress=False, batch_size=16, steps=4)
    unbraid.evaluate(tmp_path / "run", metrics=["mig"], limit=300, device="cpu")
    view = view_of(tmp_path / "run", device="cpu")
    gaps = study.BY_POSTERIORS.make(view)
    varying = [i for i, name in enumerate(view.table.factor_names) if name in study.SPRITE_FACTORS]
    own = mig(mean=view.table.mean, variance=view.table.variance, factors=view.table.factors[:, varying], definition="chen2018")
    assert np.mean([gaps[name] for name in study.SPRITE_FACTORS]) == pytest.approx(own["score"], abs=1e-4)
    result = made_result(study.TC_MLP, 0, 0.1)
    kept = {"mig_by_posteriors": {"shape": 0.9, "scale": 0.2, "x": 0.4}}
    assert study.MIG4.of(Run(result, kept)) == pytest.approx(0.3)
    assert math.isnan(study.MIG4.of(Run(result, {})))


def test_a_published_score_is_reached_within_the_margin() -> None:
    claim = study.reaches(study.FACTOR10, study.MIG)
    assert claim.rule.above == pytest.approx(0.40 - study.MARGIN)
    assert claim.text == "FactorVAE, γ 10 reaches MIG 0.40"
