"""The leaderboard has every model, on one protocol but where it says so."""

from __future__ import annotations

import pytest

from unbraid.data.registry import datasets
from unbraid.studies.declaration import Arm
from unbraid.studies.reports import leaderboard as study
from unbraid.studies.variance import ShareBelow
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
