"""Rates chosen by name in the place of a model's KL: the models they make, and what is refused before work starts."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

import unbraid
from helpers.resuming import StopAt, final
from helpers.tiny import TINY
from unbraid.config.experiment import Experiment
from unbraid.config.plan import plan
from unbraid.errors import CorruptFile, IncompatibleParts, UnknownName, UsageError
from unbraid.rates.capacity import Capacity
from unbraid.rates.choosing import rate_choice
from unbraid.rates.dip import DipII
from unbraid.rates.kl import KL
from unbraid.rates.registry import rates
from unbraid.rates.total_correlation import TotalCorrelation
from unbraid.reporting.command import given_options
from unbraid.reporting.tables import part_table, setting_table
from unbraid.zoo.registry import models

FAST = {"steps": 6, "batch_size": 16, "latent_dim": 3, "checkpoint_every": 2, "log_every": 2}
OURS = [entry for entry in rates if entry.factory.__module__.startswith("unbraid.")]

SAME = {
    "beta-VAE": (("vae", {"rate": "kl", "beta": 4.0}), ("beta_vae", {"beta": 4.0})),
    "with warm-up": (
        ("vae", {"rate": "kl", "beta": 2.0, "start": 9.0, "warmup": 0.5}),
        ("beta_vae", {"beta": 2.0, "beta_start": 9.0, "beta_warmup": 0.5}),
    ),
    "DIP-VAE II": (("vae", {"rate": "kl,dip_ii", "lambda_od": 5.0}), ("dip_vae_ii", {"lambda_od": 5.0})),
    "beta-TCVAE": (("vae", {"rate": "decomposed", "alpha": 2.0}), ("beta_tcvae", {"alpha": 2.0})),
    "InfoVAE": (
        ("vae", {"rate": "kl,mmd", "beta": 0.5, "weight": 3.5, "kernel": "rbf"}),
        ("info_vae", {"alpha": 0.5, "lambda_mmd": 4.0}),
    ),
}


@pytest.mark.parametrize(("chosen", "named"), SAME.values(), ids=SAME)
def test_chosen_rates_make_the_named_model(chosen, named):
    """Equal objectives are one loss and one gradient: objectives are frozen, and all there is to a loss."""
    one, other = (plan(model, TINY, options)[0].recipe() for model, options in (chosen, named))
    assert one == other  # with optimizer, parts and the least batch


@pytest.mark.parametrize("case", ["beta-VAE", "DIP-VAE II"])
def test_they_train_the_same_weights_bit_for_bit(case, tmp_path):
    for name, (model, options) in zip(("chosen", "named"), SAME[case], strict=True):
        unbraid.train(model, TINY, out=tmp_path / name, device="cpu", **options, **FAST)
    assert final(tmp_path / "chosen") == final(tmp_path / "named")


def test_a_discriminator_and_soft_intro_take_rates_beside_their_own_games():
    options = {"rate": "capacity", "rate_gamma": 1.0, "end": 24.5, "reduction": "sample", "gamma": 3.5}
    objective = (
        plan("factor_vae", TINY, options)[0].recipe().objective
    )  # gamma is the discriminator's: the rate's carries its part
    assert objective == models["cfactor_vae"].factory().objective
    assert objective.rates == (Capacity(1.0, 0.0, 24.5, 1.0, "sample"),)
    soft = plan("soft_intro_vae", TINY, {"rate": "kl,total_correlation", "weight": 7.0})[0].recipe()
    assert soft.objective.rates == soft.objective.inside == (KL(), TotalCorrelation(7.0))
    assert soft.least_batch == models["soft_intro_tcvae"].factory().least_batch


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry.name)
class TestEveryRate:
    def test_every_hyper_parameter_is_an_option_with_its_default(self, entry):
        assert {field.name: field.default for field in fields(entry.factory)} == entry.resolve({})
        assert entry.details["formula"]

    def test_it_can_be_chosen_or_is_refused_in_words(self, entry):
        try:
            experiment, _ = plan("vae", TINY, {"rate": entry.name})
        except IncompatibleParts as refusal:
            assert entry.name in str(refusal)  # needs another posterior
            return
        assert experiment.recipe().objective.rates == (entry.factory(),)
        assert experiment.rate_options == entry.resolve({})


def test_the_least_batch_is_that_of_the_models_made_of_them():
    for names, model in (("kl,dip_i", "dip_vae_i"), ("kl,mmd", "info_vae"), ("decomposed", "beta_tcvae"), ("kl", "vae")):
        assert rate_choice[names].least_batch == models[model].factory().least_batch
    assert rate_choice["total_correlation"].least_batch == 2


REFUSED = {
    "kl,dipii": (UnknownName, "Did you mean 'dip_ii'"),
    "kl,": (UnknownName, "Unknown rate ''"),
    "kl,kl": (UsageError, "kl twice"),
    "dip_i,dip_ii": (UsageError, "dip_i and dip_ii both have an option lambda_d, lambda_od"),
    "kl,capacity": (UsageError, "both have an option start"),
    "capacity,inverse_wishart": (UsageError, "Two rates report a term named 'kl'"),
}


@pytest.mark.parametrize(("names", "error", "says"), [(name, *found) for name, found in REFUSED.items()], ids=REFUSED)
def test_what_cannot_stand_together_is_refused_before_anything_is_written(names, error, says, tmp_path):
    with pytest.raises(error, match=says):
        unbraid.train("vae", TINY, rate=names, out=tmp_path / "run", **FAST)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("model", "options", "error", "says"),
    [
        ("beta_vae", {"rate": "kl"}, IncompatibleParts, "rates of its own. Models that take any: factor_vae, sbd_vae, soft"),
        ("geco", {"rate": "kl"}, IncompatibleParts, "rates of its own"),
        ("soft_intro_vae", {"rate": "kl,dip_ii"}, IncompatibleParts, "DipII has one value per batch"),
        ("vae", {"rate": "kl", "lambda_od": 5.0}, UnknownName, "lambda_od"),
        ("vae", {"beta": 2.0}, UnknownName, "beta"),
        ("vae", {"rate": "kl", "beta": -1.0}, UsageError, "--beta of rate 'kl' is -1.0; allowed: a finite number at least 0"),
        ("vae", {"rate": "kl,dip_ii", "batch_size": 1}, UsageError, "at least 2"),
        ("vae", {"rate": "inverse_wishart", "nu": 5.0}, UsageError, "needs more than 9"),
        ("vae", {"rate": 3}, UsageError, "rate is of type int; give a registered name"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(model, options, error, says):
    with pytest.raises(error, match=says):
        plan(model, TINY, options)


def test_spaces_do_not_matter_and_none_is_the_model_s_own():
    spaced, plain = (plan("vae", TINY, {"rate": names})[0] for names in ("kl , dip_ii", "kl,dip_ii"))
    assert spaced == plain
    own = plan("vae", TINY, {})[0]
    assert plan("vae", TINY, {"rate": None})[0] == own
    assert not {"rate", "rate_options"} & own.to_dict().keys()  # configurations from before there were rates are the same


def test_configuration_round_trip_command_and_report():
    experiment, _ = plan("vae", TINY, {"rate": "kl,dip_ii", "lambda_od": 5.0, "beta": 2})
    content = json.loads(json.dumps(experiment.to_dict()))
    assert Experiment.from_dict(content) == experiment
    assert experiment.recipe().objective.rates == (KL(2.0), DipII(5.0, 10.0))
    given = given_options(experiment)
    assert given == {"rate": "kl,dip_ii", "lambda_od": 5.0, "beta": 2.0}
    assert plan("vae", TINY, given)[0] == experiment
    (row,) = [row for row in part_table(experiment, 240).rows if row[0] == "rate"]
    assert row[1] == "kl,dip_ii"
    assert "lambda_od = 5" in row[2]
    assert not [row for row in part_table(plan("vae", TINY, {})[0], 240).rows if row[0] == "rate"]
    assert not [row for row in setting_table(experiment).rows if row[0] == "rate"]
    for change, error in (
        ({"rate": 3}, CorruptFile),
        ({"rate_options": []}, CorruptFile),
        ({"rate_options": {"lambda_od": 5.0, "gamma": 1.0}}, UnknownName),
        ({"rate": "kl,kl"}, UsageError),
        ({"rate": ""}, UnknownName),
    ):
        with pytest.raises(error):
            Experiment.from_dict({**content, **change})
    elsewhere = plan("beta_vae", TINY, {})[0].to_dict() | {"rate": "kl", "rate_options": {}}
    with pytest.raises(IncompatibleParts):
        Experiment.from_dict(elsewhere).recipe()


def test_two_halves_of_a_run_are_one_whole(tmp_path):
    options = {**FAST, "rate": "kl,total_correlation", "beta": 2.0, "warmup": 0.5, "weight": 3.0}
    unbraid.train("vae", TINY, out=tmp_path / "whole", device="cpu", **options)
    with pytest.raises(KeyboardInterrupt):
        unbraid.train("vae", TINY, out=tmp_path / "parts", device="cpu", monitor=StopAt(2), **options)
    unbraid.train("vae", TINY, out=tmp_path / "parts", device="cpu", **options)
    assert final(tmp_path / "whole") == final(tmp_path / "parts")
    assert unbraid.load(tmp_path / "parts").experiment.rate == "kl,total_correlation"
