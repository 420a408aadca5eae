"""The study of orthogonal decoders compares each model with itself, with and without the penalty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from unbraid.data.sets.dsprites import dsprites_space
from unbraid.studies.declaration import Arm, Claim
from unbraid.studies.measures import Measure
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


@dataclass
class Scores:
    """Scores of runs by the name of their arm, and by factor where all are not alike."""

    of_arms: Mapping[str, float]
    of_factors: Mapping[str, float]

    def values(self, arm: Arm, measure: Measure) -> Mapping[int, float]:
        _, _, factor = measure.key.partition(".")
        mean = self.of_factors.get(factor, self.of_arms[arm.name])
        return {seed: mean + 0.001 * seed for seed in range(5)}


def claim(text: str) -> Claim:
    return next(one for one in study.CLAIMS if one.text.startswith(text))


@pytest.mark.parametrize(
    ("text", "other"),
    [("dependent factors are found", study.ORTHOGONAL_DEPENDENT), ("where combinations", study.ORTHOGONAL_HOLE)],
)
def test_a_penalty_that_finds_nothing_confirms_no_claim_about_what_it_finds(text, other) -> None:
    apart = 0.0 if other is study.ORTHOGONAL_DEPENDENT else 0.1
    for without, outcome in ((0.1, "confirmed"), (0.4, "not confirmed"), (0.6, "reversed")):
        found = Scores({study.VAE.name: without, study.ORTHOGONAL.name: 0.4, other.name: 0.4 - apart}, {})
        assert claim(text).rule.decide(found).outcome == outcome


def test_three_factors_of_five_that_are_found_well_are_not_all() -> None:
    mean = {study.ORTHOGONAL_SPRITES.name: 0.51}
    rule = claim("all five factors").rule
    assert rule.decide(Scores(mean, {})).outcome == "confirmed"
    assert rule.decide(Scores(mean, {"shape": 0.02, "orientation": 0.01})).outcome == "reversed"


def test_factors_of_dsprites_are_named_as_the_data_name_them() -> None:
    assert dsprites_space().names == study.SPRITE_FACTORS
