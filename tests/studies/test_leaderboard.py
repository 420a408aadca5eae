"""The leaderboard has every model, on one protocol but where it says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.study_results import keep, made_result
from unbraid.data.registry import datasets
from unbraid.files import read_json, write_json
from unbraid.studies.blocks import Chart, Table
from unbraid.studies.declaration import Arm
from unbraid.studies.page import render
from unbraid.studies.reports import leaderboard as study
from unbraid.studies.results import Results, evidence_path, find
from unbraid.studies.selection import packed
from unbraid.studies.variance import ShareBelow
from unbraid.studies.writing import tell
from unbraid.sweep.resolving import resolve
from unbraid.zoo.registry import models


def test_every_model_has_an_arm_or_a_reason() -> None:
    assert {arm.model for arm in study.ARMS} | set(study.LEFT_OUT) == set(models.names())
    assert not {arm.model for arm in study.ARMS} & set(study.LEFT_OUT)


def test_arms_differ_in_what_makes_the_model() -> None:
    """All have the protocol's settings, but for those that stand apart; nothing else of the run differs."""
    first = resolve(study.VAE.requests("cpu")[0])
    free = {"model", "model_options", "posterior", "prior", "checkpoint_every", "log_every"}
    apart = {"lr", "optimizer", "weight_decay"}
    for arm in (*study.UNSUPERVISED, *study.OTHERS, *study.WEAK):
        own = resolve(arm.requests("cpu")[0])
        differing = {name for name in first if own.get(name) != first[name]} - free
        assert differing <= (apart if arm in study.OTHERS else set()), (arm.name, differing)


def test_on_dsprites_the_same_models_see_all_images_at_64_pixels() -> None:
    assert len(study.ON_DSPRITES) >= 4
    for arm in study.ON_DSPRITES:
        own = resolve(arm.requests("cpu")[0])
        assert own["image_shape"][-1] == 64
    assert "dsprites" in datasets.names()


def test_the_split_has_three_settings_of_six_objectives_and_defaults_among_them() -> None:
    assert [len(arms) for arms in study.FAMILIES.values()] == [3] * 6
    assert len({arm.name for arm in study.SPLIT}) == 18
    defaults = {"beta_vae": "beta", "beta_tcvae": "beta", "factor_vae": "gamma", "beta_vae_capacity": "capacity"}
    for model, option in {**defaults, "dip_vae_i": "lambda_od", "dip_vae_ii": "lambda_od"}.items():
        value = models[model].options[option].default
        assert any(arm.model == model and arm.options[option] == value for arm in study.SPLIT), model


def test_quick_has_what_every_part_needs() -> None:
    quick = [arm for arm in study.ARMS if "quick" in arm.lengths]
    assert len(study.leaderboard().requests("quick")) <= 10
    assert sum(sum(arm in quick for arm in arms) >= 2 for arms in study.FAMILIES.values()) >= 2
    assert all(arm.lengths["quick"].seeds >= 2 for arm in quick)


def test_claims_that_are_not_quoted_say_so() -> None:
    for claim in study.CLAIMS:
        assert ("Abstract" in claim.section) != ("question" in claim.section), claim.text
        assert ("question" not in claim.section) or study.QUESTION in claim.note


@pytest.mark.parametrize("arm", study.ARMS, ids=lambda arm: arm.name)
def test_every_arm_can_be_planned(arm: Arm) -> None:
    (request, *_) = arm.requests("paper")
    assert resolve(request)["steps"] == arm.lengths["paper"].images // 32


def test_the_share_rests_on_all_settings() -> None:
    (rule,) = [claim.rule for claim in study.CLAIMS if isinstance(claim.rule, ShareBelow) and claim.rule.measure is study.MIG]
    assert set(rule.arms) == set(study.SPLIT)


def made(ledger: Path, seeds: int, arms: int) -> Results:
    """So many runs of the first arms that `quick` has, with codes."""
    rng = np.random.default_rng(0)
    for arm in [arm for arm in study.ARMS if "quick" in arm.lengths][:arms]:
        for seed in range(seeds):
            result = made_result(arm, seed, float(rng.uniform()), budget="quick", nll=float(rng.uniform(20, 40)))
            keep(ledger, result)
            path = evidence_path(ledger, result.key)
            write_json(path, {**read_json(path, "evidence"), "codes": packed(rng.normal(size=(100, 3)))})
    return find("leaderboard", study.leaderboard(), "quick", [ledger])


@pytest.mark.parametrize(("seeds", "arms"), [(0, 0), (1, 1), (2, 1), (1, 4), (2, 4)])
def test_the_page_can_be_made_of_any_number_of_runs(tmp_path: Path, seeds: int, arms: int) -> None:
    results = made(tmp_path, seeds, arms)
    told = tell(results, "source")
    tables = {block.title: block for block in told.blocks if isinstance(block, Table)}
    assert {"What makes scores differ", "Seeds needed: power"} <= set(tables)
    split, needed = tables["What makes scores differ"].rows[2], tables["Seeds needed: power"].rows[2]
    assert split[0] == needed[0] == "MIG"
    assert split[1] == "8" if seeds * arms == 8 else "too few" in split[1]
    assert ("too few" in needed[1]) == (seeds < 2)
    charts = [block.title for block in told.blocks if isinstance(block, Chart)]
    assert ("UDR and MIG" in charts) == (seeds * arms == 8)
    assert ("Choosing without labels, and its regret" in tables) == (seeds * arms > 1)
    assert render(results, told).startswith("<!DOCTYPE html>")
