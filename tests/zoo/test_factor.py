"""FactorVAE and CFactorVAE as named models."""

from __future__ import annotations

import json

import pytest

import unbraid
from helpers.tiny import TINY
from unbraid.config.plan import plan
from unbraid.data.draws import Batches
from unbraid.errors import UsageError
from unbraid.evaluation.loss_rows import term_label
from unbraid.objectives.factor import FactorVAE
from unbraid.rates.capacity import Capacity
from unbraid.rates.kl import KL
from unbraid.training.log import read_log
from unbraid.training.optimizers import make_optimizers
from unbraid.zoo.assemble import assemble
from unbraid.zoo.registry import models


def test_factor_vae_is_two_moves_over_two_batches():
    recipe = models["factor_vae"].factory(gamma=35.0)
    assert recipe.objective == FactorVAE(35.0, (KL(),), 6, 1000, "kaiming", 1, Batches(2))


@pytest.mark.parametrize("reduction", ["sample", "batch"])
def test_cfactor_vae_holds_a_capacity_instead_of_the_kl(reduction):
    recipe = models["cfactor_vae"].factory(capacity_reduction=reduction, capacity=20.0, beta=2.0, capacity_ramp=0.5)
    (rate,) = recipe.objective.rates
    assert rate == Capacity(2.0, 0.0, 20.0, 0.5, reduction)
    assert recipe.objective.gamma == 3.5
    assert models["cfactor_vae"].factory().objective.rates[0].per_sample  # as published


@pytest.mark.parametrize(("name", "lr", "discriminator_lr"), [("factor_vae", 1e-4, 3e-5), ("cfactor_vae", 1e-3, 3e-5)])
def test_the_discriminator_has_an_optimizer_of_its_own(name, lr, discriminator_lr):
    recipe = models[name].factory(discriminator_lr=discriminator_lr, discriminator_width=8)
    vae = assemble(recipe, (1, 32, 32), 4, seed=0)
    optimizers = make_optimizers(vae, recipe)
    settings = {player: (one.param_groups[0]["lr"], one.param_groups[0]["betas"]) for player, one in optimizers.items()}
    assert settings == {
        "encoder": (lr, (0.9, 0.999)),
        "decoder": (lr, (0.9, 0.999)),
        "discriminator": (discriminator_lr, (0.5, 0.9)),
    }


def test_settings_of_encoder_and_decoder_are_not_the_discriminator_s():
    experiment, _ = plan("factor_vae", TINY, {"lr": 0.5, "optimizer": "sgd", "discriminator_width": 8})
    recipe = experiment.recipe()
    assert (recipe.optimizer.name, recipe.optimizer.lr) == ("sgd", 0.5)
    discriminator = recipe.player_optimizers["discriminator"]
    assert (discriminator.name, discriminator.lr, discriminator.betas) == ("adam", 1e-4, (0.5, 0.9))


def test_one_image_cannot_be_permuted():
    with pytest.raises(UsageError, match="at least 2"):
        plan("factor_vae", TINY, {"batch_size": 1})


@pytest.mark.parametrize("name", ["factor_vae", "cfactor_vae"])
def test_a_run_logs_what_tells_whether_the_discriminator_keeps_up(name, tmp_path):
    options = {
        "steps": 4,
        "batch_size": 16,
        "latent_dim": 3,
        "log_every": 2,
        "discriminator_width": 8,
        "discriminator_layers": 1,
    }
    unbraid.train(name, TINY, out=tmp_path / "run", device="cpu", **options)
    unbraid.evaluate(tmp_path / "run", metrics=["mig"], limit=100)
    scored = json.loads((tmp_path / "run" / "metrics.json").read_text())
    discriminators = {"discriminator/loss", "discriminator/drawn", "discriminator/permuted", "discriminator/accuracy"}
    for entry in read_log(tmp_path / "run" / "log.jsonl"):
        assert discriminators | {"tc_discriminator"} <= set(entry.values)
        assert entry.units == {"discriminator/accuracy": "share", "tc_gradient": "number"}
    assert scored["units"] == {"discriminator/accuracy": "share"}
    for split in scored["splits"].values():
        assert discriminators | {"tc_discriminator", "kl"} <= set(split["terms"])
    assert json.loads((tmp_path / "run" / "config.json").read_text())["model_options"]["discriminator_width"] == 8


def test_names_in_the_report():
    assert term_label("tc_discriminator") == "Total correlation, by the discriminator"
    assert term_label("discriminator/accuracy", "share") == "Discriminator's accuracy, 0.5 at chance (share)"


def test_show_counts_the_discriminator_and_names_its_optimizer(capsys, monkeypatch):
    from unbraid.cli import console
    from unbraid.cli.main import main

    monkeypatch.setattr(console.out, "width", 160)
    assert main(["show", "factor_vae"]) == 0
    page = capsys.readouterr().out
    assert "discriminator: 5,018,002 parameters" in page
    assert "adam, lr 0.0001, betas 0.5 and 0.9" in page
