"""The study of orthogonal decoders compares each model with itself, with and without the penalty."""

from __future__ import annotations

import pytest

from unbraid.studies.reports import leaderboard
from unbraid.studies.reports import orthogonal_decoder as study
from unbraid.sweep.resolving import resolve


@pytest.mark.parametrize("pair", study.PAIRS, ids=lambda pair: pair[1].name)
def test_a_pair_differs_in_the_penalty_alone(pair) -> None:
    plain, other = (resolve(arm.requests("cpu")[0]) for arm in pair)
    differing = {name for name in plain | other if plain.get(name) != other.get(name)}
    assert differing <= {"model", "model_options", "rate", "rate_options"}, differing
    assert other["rate"] == "kl,orthogonality"
    beta = plain["model_options"].get("beta", 1)
    assert {name: other["rate_options"][name] for name in ("beta", "warmup", "start")} == {
        "beta": beta,
        "warmup": 0,
        "start": 0,
    }


def test_arms_of_the_leaderboard_are_the_same_runs() -> None:
    assert study.VAE is leaderboard.VAE
    assert study.BETA4 is leaderboard.BETA4


def test_arms_with_unseen_positions_lack_them_in_training_alone() -> None:
    options = study.ORTHOGONAL_HOLE.options
    assert options["unseen"] == study.VAE_HOLE.options["unseen"]
    assert "holes" not in options
