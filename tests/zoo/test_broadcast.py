"""The models with the spatial broadcast decoder: published settings, each of which a user may change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.tiny import TINY
from unbraid.cli.main import main
from unbraid.config.plan import plan
from unbraid.objectives.elbo import ELBO
from unbraid.rates.kl import KL
from unbraid.terms import Context, Draw
from unbraid.zoo.registry import models


@pytest.mark.parametrize("name", ["sbd_vae", "sbd_beta_vae"])
def test_published_settings(name):
    experiment, _ = plan(name, TINY, {"steps": 1})
    assert (experiment.encoder, experiment.decoder) == ("watters", "spatial_broadcast")
    assert experiment.encoder_options == {"hidden": 256}
    assert experiment.decoder_options == {"kernel": 4, "channels": 64, "layers": 2}
    assert (experiment.likelihood, experiment.likelihood_options["sigma"]) == ("gaussian", 0.3)
    assert (experiment.optimizer, experiment.lr, experiment.batch_size, experiment.latent_dim) == ("adam", 3e-4, 16, 10)
    assert experiment.build().likelihood.sigma == 0.3


def test_other_parts_may_be_chosen():
    experiment, _ = plan("sbd_beta_vae", TINY, {"likelihood": "bernoulli", "decoder_kernel": 3, "encoder_hidden": 0})
    assert experiment.likelihood_options == {}
    assert experiment.decoder_options["kernel"] == 3
    assert plan("sbd_vae", TINY, {"sigma": 0.5477})[0].build().likelihood.sigma == 0.5477


def test_objectives_are_those_of_vae_and_beta_vae():
    for name, plain in (("sbd_vae", "vae"), ("sbd_beta_vae", "beta_vae")):
        assert models[name].factory().objective == models[plain].factory().objective
    assert models["sbd_beta_vae"].factory(8.0, 0.5, 2.0).objective == ELBO((KL(8.0, 0.5, 2.0),))


def test_beta_one_is_sbd_vae_in_value_and_gradient():
    found = []
    for name, options in (("sbd_vae", {}), ("sbd_beta_vae", {"beta": 1.0})):
        experiment, data = plan(name, TINY, {"decoder_channels": 4, **options})
        vae, objective = experiment.build(), experiment.recipe().objective
        draw = Draw((torch.from_numpy(data.images.floats(np.arange(6))),))
        (move,) = objective.moves(vae, draw, Context(0, 1, 192, torch.Generator().manual_seed(0)))
        found.append([move.loss.detach(), *torch.autograd.grad(move.loss, vae.parameters_of("encoder", "decoder"))])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_help_shows_the_model_s_own_default(capsys):
    assert main(["train", "sbd_vae", TINY, "--help"]) == 0
    assert "[default: 0.3]" in capsys.readouterr().out
