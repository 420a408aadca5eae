"""The rows of Soft-IntroVAE and Soft-Intro-TCVAE, and how their runs stop and go on."""

from __future__ import annotations

import pytest
import torch

import unbraid
from helpers.games import PIXELS, a_context, batch, small_vae
from helpers.resuming import StopAt, assert_same_run
from helpers.tiny import TINY
from unbraid.config.plan import plan
from unbraid.errors import Interrupted, UsageError
from unbraid.terms import Draw
from unbraid.training.log import read_log
from unbraid.zoo.registry import models

RUN = {"steps": 12, "batch_size": 16, "latent_dim": 4, "log_every": 4, "checkpoint_every": 3, "evaluate_every": 0}


def test_a_run_stopped_about_the_end_of_its_warm_up_ends_where_a_whole_one_ends(tmp_path):
    """The warm-up ends after 6 steps, and the learning rates fall after 9."""
    options = {**RUN, "warmup": 0.5, "lr_milestone": 9.0, "encoder": "golla", "encoder_norm": "batch"}
    unbraid.train("soft_intro_vae", TINY, out=tmp_path / "whole", device="cpu", **options)
    for step in (3, 5, 8):  # each stops one step later
        with pytest.raises(Interrupted):
            unbraid.train("soft_intro_vae", TINY, out=tmp_path / "parts", device="cpu", monitor=StopAt(step), **options)
    unbraid.train("soft_intro_vae", TINY, out=tmp_path / "parts", device="cpu", **options)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_what_is_needed_to_see_it_fail_is_in_the_log(tmp_path):
    unbraid.train("soft_intro_tcvae", TINY, out=tmp_path / "run", device="cpu", **RUN, warmup=4.0)
    first, *_, last = [entry for entry in read_log(tmp_path / "run" / "log.jsonl") if entry.kind == "train"]
    assert {"loss", "nll", "kl", "tc_plain", "kl_per_dim"} == set(first.values)
    assert first.units == {}
    needed = {"nll", "kl", "kl_per_dim", "encoder/exp_elbo_fake", "encoder/exp_elbo_rec", "encoder/clamped"}
    needed |= {f"decoder/{name}_{own}" for name in ("nll", "kl", "tc_plain") for own in ("rec", "fake")}
    assert needed <= set(last.values)
    numbers = {f"encoder/{name}" for name in ("loss", "exp_elbo_fake", "exp_elbo_rec")} | {"decoder/loss"}
    assert last.units == {"encoder/clamped": "share", **dict.fromkeys(numbers, "number")}


def test_the_learning_rate_falls_in_training(tmp_path):
    """A run whose rates fall to nearly nothing at its middle stays where it was then."""
    options = {**RUN, "checkpoint_every": 6, "optimizer": "sgd", "lr": 1e-3}
    ends = []
    for steps, milestone in ((12, 6.0), (12, 0.0)):
        model = unbraid.train(
            "soft_intro_vae",
            TINY,
            out=tmp_path / f"{milestone}",
            device="cpu",
            **{**options, "steps": steps},
            lr_milestone=milestone,
        )
        ends.append(torch.cat([p.detach().flatten() for p in model.vae.parameters()]))
    middle = unbraid.train(
        "soft_intro_vae", TINY, out=tmp_path / "middle", device="cpu", **{**options, "steps": 6}, lr_milestone=0.0
    )
    start = torch.cat([p.detach().flatten() for p in middle.vae.parameters()])
    ratio = (ends[0] - start).norm() / (ends[1] - start).norm()
    assert ratio.item() == pytest.approx(0.1, rel=0.02)


def test_the_row_with_weight_one_is_soft_intro_vae():
    """In value and gradient, whatever the other weights are."""
    weights = {"beta_rec": 2.0, "beta_kl": 3.0, "beta_neg": 5.0, "gamma_r": 0.5}
    found = []
    for name, more in (("soft_intro_vae", {}), ("soft_intro_tcvae", {"beta_tc": 1.0})):
        game, vae, shown = models[name].factory(**weights, **more).objective, small_vae(), []
        for move in game.moves(vae, Draw((batch(),)), a_context()):
            if move.players:
                gradients = torch.autograd.grad(move.loss, vae.parameters_of(*move.players), retain_graph=move.retain_graph)
                shown += [move.loss.detach(), *gradients]
        found.append(shown)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-14)


def arm(name: str, words: str) -> dict[str, float]:
    """The published settings whose note begins with these words."""
    row = next(row for row in models[name].details["published"] if row.note.startswith(words))
    return {option: value for option, value in row.values.items() if option in models[name].options}


def test_the_arm_as_coded_has_one_number_for_kl_and_tc_and_the_kl_has_weight_one():
    """Its code's energies with beta_kl = beta_neg = 8: 8 L + KL + (8 - 1) TC, in the exponentials too."""
    game, vae = models["soft_intro_tcvae"].factory(**arm("soft_intro_tcvae", "as coded")).objective, small_vae()
    encoder, decoder, _ = game.moves(vae, Draw((batch(),)), a_context())
    s = 1 / PIXELS
    weights = {name: encoder.terms[name].weight / s for name in ("nll", "kl", "tc_plain")}
    assert weights == pytest.approx({"nll": 8.0, "kl": 1.0, "tc_plain": 7.0})
    inside = [rate(vae(batch(), a_context().generator), a_context()) for rate in game.inside]
    assert {name: game.beta_neg * term.weight for terms in inside for name, term in terms.items()} == {"kl": 1, "tc_plain": 7}
    assert decoder.terms["nll_fake"].weight == pytest.approx(0.5 * s * 8 * 1e-8)


def test_the_arms_as_meant_weigh_the_reconstruction_by_one():
    for name, expected in (("soft_intro_vae", {"kl": 8.0}), ("soft_intro_tcvae", {"kl": 1.0, "tc_plain": 7.0})):
        game = models[name].factory(**arm(name, "as meant")).objective
        encoder, decoder, _ = game.moves(small_vae(), Draw((batch(),)), a_context())
        found = {term: encoder.terms[term].weight * PIXELS for term in ("nll", *expected)}
        assert found == pytest.approx({"nll": 1.0, **expected})
        assert decoder.terms["nll_fake"].weight == pytest.approx(0.5 / PIXELS)


def test_both_players_have_the_published_optimizer():
    experiment, _ = plan("soft_intro_vae", TINY, {"lr_milestone": 0.875, "batch_size": 16})
    recipe = experiment.recipe()
    for player in ("encoder", "decoder"):
        settings = recipe.optimizer_of(player)
        assert (settings.name, settings.lr, settings.milestones, settings.drop) == ("adam", 2e-4, (0.875,), 0.1)
    chosen = plan("soft_intro_vae", TINY, {"lr_milestone": 0.875, "lr": 1e-3, "batch_size": 16})[0].recipe().optimizer
    assert (chosen.lr, chosen.milestones) == (1e-3, (0.875,))
    assert plan("soft_intro_vae", TINY, {"batch_size": 16})[0].recipe().optimizer.milestones == ()


def test_one_image_has_no_total_correlation_to_estimate():
    with pytest.raises(UsageError, match="at least 2"):
        plan("soft_intro_tcvae", TINY, {"batch_size": 1})
