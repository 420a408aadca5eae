"""A training step of FactorVAE: who changes in which move, what runs through which network, and what is not computed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import softplus

from helpers.games import a_context, batch, small_vae
from helpers.steps import changed, optimizers_of, snapshot
from unbraid.objectives.factor import FactorVAE, log_density_ratio, permute_latents
from unbraid.rates.capacity import Capacity
from unbraid.terms import AUTOENCODER, Draw
from unbraid.training.step import evaluate_step, train_step

GAMES = {
    "factor_vae": FactorVAE(5.0, layers=2, width=8),
    "cfactor_vae": FactorVAE(5.0, (Capacity(1.0, 0.0, 3.0, reduction="sample"),), layers=2, width=8),
}
every_game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES)


def draws() -> Draw:
    return Draw((batch(seed=1), batch(seed=2)))


@every_game
@pytest.mark.parametrize("normed", [False, True])
def test_each_move_changes_its_players_alone_buffers_included(game, normed):
    vae = small_vae(game, normed=normed)
    record = []

    class Spy(type(game)):
        def moves(self, vae, draw, context):
            before = snapshot(vae)
            for move in super().moves(vae, draw, context):
                yield move
                record.append((move.players, changed(before, vae)))
                before = snapshot(vae)

    spy = Spy(game.gamma, game.rates, layers=2, width=8)
    for _ in range(2):
        train_step(vae, spy, optimizers_of(vae, spy), draws(), a_context())
    assert record == [(AUTOENCODER, {"encoder", "decoder"}), (("discriminator",), {"discriminator"})] * 2
    if normed:
        assert vae.networks["encoder"][1].num_batches_tracked == 2  # the second batch leaves no trace


@every_game
def test_the_discriminator_s_step_leaves_encoder_and_decoder_as_they_would_be_without_it(game):
    class WithoutDiscriminator(type(game)):
        def moves(self, vae, draw, context):
            yield next(iter(super().moves(vae, draw, context)))

    after, gradients = [], []
    for one in (game, WithoutDiscriminator(game.gamma, game.rates, layers=2, width=8)):
        vae = small_vae(game)
        train_step(vae, one, optimizers_of(vae, one), draws(), a_context())
        after.append(snapshot(vae))
        gradients.append([p.grad.clone() for p in vae.parameters_of(*AUTOENCODER)])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))
    for name, value in after[0].items():
        assert torch.equal(value, after[1][name]) == ("discriminator" not in name)


def test_encoder_and_decoder_feel_the_discriminator_and_not_the_other_way_round():
    """A discriminator that sees dependence moves the encoder; the joint move leaves no gradient on the discriminator."""
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    joint = next(iter(game.moves(vae, draws(), a_context())))
    (with_discriminator, *_), (decoder, *_) = (vae.parameters_of(player) for player in AUTOENCODER)
    (felt,) = torch.autograd.grad(joint.terms["tc_discriminator"].mean, with_discriminator, retain_graph=True)
    assert felt.abs().max() > 0
    (nothing,) = torch.autograd.grad(joint.terms["tc_discriminator"].mean, decoder, retain_graph=True, allow_unused=True)
    assert nothing is None
    torch.autograd.backward(joint.loss, inputs=vae.parameters_of(*AUTOENCODER))
    assert all(p.grad is None for p in vae.parameters_of("discriminator"))


def test_no_pass_is_made_twice_and_none_with_a_graph_that_nobody_uses():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    passes: list[tuple[str, int, bool]] = []
    for name in ("encoder", "decoder", "discriminator"):
        vae.networks[name].register_forward_hook(
            lambda _, given, made, name=name: passes.append((name, len(given[0]), given[0].requires_grad or made.requires_grad))
        )
    train_step(vae, game, optimizers_of(vae, game), Draw((batch(8), batch(6))), a_context())
    assert passes == [
        ("encoder", 8, True),
        ("decoder", 8, True),
        ("discriminator", 8, True),
        ("encoder", 6, False),
        ("discriminator", 6, True),
    ]


def test_the_discriminator_sees_codes_without_a_graph():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    given = []
    hook = vae.networks["discriminator"].register_forward_pre_hook(lambda _, z: given.append(z[0]))
    _, discriminators = game.moves(vae, draws(), a_context())
    hook.remove()
    assert [z.requires_grad for z in given] == [True, False]
    grads = torch.autograd.grad(discriminators.loss, vae.parameters_of("encoder"), allow_unused=True, retain_graph=True)
    assert all(one is None for one in grads)
    drawn, permuted = (vae.networks["discriminator"](z.detach()) for z in given)  # the codes of the first move, not drawn anew
    loss = 0.5 * (softplus(drawn[:, 1] - drawn[:, 0]) + softplus(permuted[:, 0] - permuted[:, 1])).mean()
    torch.testing.assert_close(discriminators.loss, loss)
    weights = vae.parameters_of("discriminator")
    for found, expected in zip(*(torch.autograd.grad(one, weights) for one in (discriminators.loss, loss)), strict=True):
        torch.testing.assert_close(found, expected)


def test_permuted_codes_come_from_the_second_batch_and_the_encoder_as_it_is_by_then():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    given = []
    vae.networks["discriminator"].register_forward_pre_hook(lambda _, z: given.append(z[0]))
    context = a_context()
    train_step(vae, game, optimizers_of(vae, game), draws(), context)
    noise = a_context().generator
    vae.encode(draws().batches[0]).sample(noise)
    codes = vae.encode(draws().batches[1]).sample(noise)  # with the encoder after its step
    torch.testing.assert_close(given[1].sort(0).values, codes.detach().sort(0).values)


@every_game
def test_evaluation_changes_no_byte_and_has_no_graph(game):
    vae = small_vae(game, normed=True)
    vae.train()
    before = snapshot(vae)
    outcomes = evaluate_step(vae, game, Draw((batch(8), batch(3))), a_context(training=False))
    assert changed(before, vae) == set()
    assert all(p.grad is None for p in vae.parameters())
    assert [one.players for one in outcomes] == [AUTOENCODER, ("discriminator",)]
    assert not any(value.requires_grad for one in outcomes for value in one.values.values())


@every_game
def test_same_seed_same_values(game):
    shown = []
    for _ in range(2):
        vae = small_vae(game)
        outcomes = train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
        shown.append([{name: value.tolist() for name, value in one.values.items()} for one in outcomes])
    assert shown[0] == shown[1]


def test_log_names():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    joint, discriminators = train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
    assert list(joint.values) == ["loss", "nll", "kl", "tc_discriminator", "kl_per_dim", "tc_gaussian", "tc_gradient"]
    assert list(discriminators.values) == [
        "discriminator/loss",
        "discriminator/drawn",
        "discriminator/permuted",
        "discriminator/accuracy",
    ]


def test_the_gradient_s_scale_is_measured_on_the_codes_and_changes_nothing():
    """The mean norm of the gradient of d by a code: not weighed by gamma, without what reaches the codes by other ways."""
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    z = vae(draws().batches[0], a_context().generator).z.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(log_density_ratio(vae.networks["discriminator"], z).sum(), z)
    joint = next(iter(game.moves(vae, draws(), a_context())))
    assert joint.watch["tc_gradient"].value.isnan()  # not known before
    torch.autograd.backward(joint.loss, inputs=vae.parameters_of(*AUTOENCODER))
    torch.testing.assert_close(joint.watch["tc_gradient"].value, gradient.norm(dim=1).mean(), check_dtype=False)


def test_where_nothing_is_learned_from_it_the_gradient_s_scale_is_not_shown():
    vae = small_vae(GAMES["factor_vae"])
    joint, _ = evaluate_step(vae, GAMES["factor_vae"], draws(), a_context(training=False))
    assert "tc_gradient" not in joint.values
    free = replace(GAMES["factor_vae"], gamma=0.0)
    assert "tc_gradient" not in train_step(vae, free, optimizers_of(vae, free), draws(), a_context())[0].values


def test_half_precision_reaches_no_term():
    game = GAMES["factor_vae"]
    vae = small_vae(game).float()
    around = torch.autocast("cpu", torch.bfloat16)
    draw = Draw(tuple(one.float() for one in draws().batches))
    outcomes = train_step(vae, game, optimizers_of(vae, game), draw, a_context(), around)
    assert {value.dtype for one in outcomes for value in one.values.values()} == {torch.float32}
    assert all(value.isfinite().all() for one in outcomes for value in one.values.values())


def test_codes_far_out_and_batches_of_one_are_finite():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    for parameter in vae.parameters_of("discriminator"):
        parameter.data.mul_(1e6)  # a discriminator that is certain, and wrong about half of them
    for n in (1, 8):
        for one in train_step(vae, game, optimizers_of(vae, game), Draw((1e3 * batch(n), 1e3 * batch(n))), a_context()):
            assert all(value.isfinite().all() for value in one.values.values())


def test_each_further_step_of_the_discriminator_has_new_codes_of_the_same_posteriors():
    game = replace(GAMES["factor_vae"], steps=3)
    vae = small_vae(game)
    given = []
    vae.networks["discriminator"].register_forward_pre_hook(lambda _, z: given.append(z[0].detach().clone()))
    draw = Draw((batch(8), batch(6, seed=2)))
    outcomes = train_step(vae, game, optimizers_of(vae, game), draw, a_context())
    assert [one.players for one in outcomes] == [AUTOENCODER, *[("discriminator",)] * 3]
    assert [len(z) for z in given] == [8, 6, 14, 14]
    start = small_vae(game)
    noise = a_context().generator
    posterior = start.encode(draw.batches[0])
    torch.testing.assert_close(given[0], posterior.sample(noise))  # of the encoder before its step
    second = vae.encode(draw.batches[1])  # of the encoder after it
    permute_latents(second.sample(noise), noise)
    for z in given[2:]:
        torch.testing.assert_close(z[:8], posterior.sample(noise))
        torch.testing.assert_close(z[8:], permute_latents(second.sample(noise), noise))


def test_a_further_step_learns_from_what_the_discriminator_is_by_then():
    """Two steps on one batch: the second has the gradient of the updated weights, as without a cache."""
    game = replace(GAMES["factor_vae"], steps=2)
    vae = small_vae(game)
    moves = game.moves(vae, draws(), a_context())
    next(moves), next(moves)
    given = []
    vae.networks["discriminator"].register_forward_pre_hook(lambda _, z: given.append(z[0]))
    with torch.no_grad():
        for weight in vae.parameters_of("discriminator"):
            weight.add_(0.1)
    found = next(moves).loss
    drawn, permuted = log_density_ratio(vae.networks["discriminator"], given[0]).tensor_split([8])
    torch.testing.assert_close(found, 0.5 * (softplus(-drawn).mean() + softplus(permuted).mean()))
