"""A training step of FactorVAE: who changes in which move, what runs through which network, and what is not computed."""

from __future__ import annotations

import pytest
import torch
from games import a_context, batch, small_vae
from test_loop import changed, optimizers_of, snapshot
from torch.nn.functional import softplus

from unbraid.objectives.factor import FactorVAE
from unbraid.rates.capacity import Capacity
from unbraid.terms import AUTOENCODER, Draw
from unbraid.training.step import evaluate_step, train_step

GAMES = {
    "factor_vae": FactorVAE(5.0, critic_layers=2, critic_width=8),
    "cfactor_vae": FactorVAE(5.0, (Capacity(1.0, 0.0, 3.0, reduction="sample"),), critic_layers=2, critic_width=8),
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

    spy = Spy(game.gamma, game.rates, critic_layers=2, critic_width=8)
    for _ in range(2):
        train_step(vae, spy, optimizers_of(vae, spy), draws(), a_context())
    assert record == [(AUTOENCODER, {"encoder", "decoder"}), (("critic",), {"critic"})] * 2
    if normed:
        assert vae.networks["encoder"][1].num_batches_tracked == 2  # the second batch leaves no trace


@every_game
def test_the_critic_s_step_leaves_encoder_and_decoder_as_they_would_be_without_it(game):
    class WithoutCritic(type(game)):
        def moves(self, vae, draw, context):
            yield next(iter(super().moves(vae, draw, context)))

    after, gradients = [], []
    for one in (game, WithoutCritic(game.gamma, game.rates, critic_layers=2, critic_width=8)):
        vae = small_vae(game)
        train_step(vae, one, optimizers_of(vae, one), draws(), a_context())
        after.append(snapshot(vae))
        gradients.append([p.grad.clone() for p in vae.parameters_of(*AUTOENCODER)])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))
    for name, value in after[0].items():
        assert torch.equal(value, after[1][name]) == ("critic" not in name)


def test_encoder_and_decoder_feel_the_critic_and_not_the_other_way_round():
    """A critic that sees dependence moves the encoder; the joint move leaves no gradient on the critic."""
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    joint = next(iter(game.moves(vae, draws(), a_context())))
    (with_critic, *_), (decoder, *_) = (vae.parameters_of(player) for player in AUTOENCODER)
    (felt,) = torch.autograd.grad(joint.terms["tc_critic"].mean, with_critic, retain_graph=True)
    assert felt.abs().max() > 0
    (nothing,) = torch.autograd.grad(joint.terms["tc_critic"].mean, decoder, retain_graph=True, allow_unused=True)
    assert nothing is None
    torch.autograd.backward(joint.loss, inputs=vae.parameters_of(*AUTOENCODER))
    assert all(p.grad is None for p in vae.parameters_of("critic"))


def test_no_pass_is_made_twice_and_none_with_a_graph_that_nobody_uses():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    passes: list[tuple[str, int, bool]] = []
    for name in ("encoder", "decoder", "critic"):
        vae.networks[name].register_forward_hook(
            lambda _, given, made, name=name: passes.append((name, len(given[0]), given[0].requires_grad or made.requires_grad))
        )
    train_step(vae, game, optimizers_of(vae, game), Draw((batch(8), batch(6))), a_context())
    assert passes == [
        ("encoder", 8, True),
        ("decoder", 8, True),
        ("critic", 8, True),
        ("encoder", 6, False),
        ("critic", 6, True),
    ]


def test_the_critic_sees_codes_without_a_graph():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    given = []
    hook = vae.networks["critic"].register_forward_pre_hook(lambda _, z: given.append(z[0]))
    _, critics = game.moves(vae, draws(), a_context())
    hook.remove()
    assert [z.requires_grad for z in given] == [True, False]
    grads = torch.autograd.grad(critics.loss, vae.parameters_of("encoder"), allow_unused=True, retain_graph=True)
    assert all(one is None for one in grads)
    drawn, permuted = (vae.networks["critic"](z.detach()) for z in given)  # the codes of the first move, not drawn anew
    loss = 0.5 * (softplus(drawn[:, 1] - drawn[:, 0]) + softplus(permuted[:, 0] - permuted[:, 1])).mean()
    torch.testing.assert_close(critics.loss, loss)
    weights = vae.parameters_of("critic")
    for found, expected in zip(*(torch.autograd.grad(one, weights) for one in (critics.loss, loss)), strict=True):
        torch.testing.assert_close(found, expected)


def test_permuted_codes_come_from_the_second_batch_and_the_encoder_as_it_is_by_then():
    game = GAMES["factor_vae"]
    vae = small_vae(game)
    given = []
    vae.networks["critic"].register_forward_pre_hook(lambda _, z: given.append(z[0]))
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
    assert [one.players for one in outcomes] == [AUTOENCODER, ("critic",)]
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
    joint, critics = train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
    assert list(joint.values) == ["loss", "nll", "kl", "tc_critic", "kl_per_dim", "tc_gaussian"]
    assert list(critics.values) == ["critic/loss", "critic/drawn", "critic/permuted", "critic/accuracy"]


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
    for parameter in vae.parameters_of("critic"):
        parameter.data.mul_(1e6)  # a critic that is certain, and wrong about half of them
    for n in (1, 8):
        for one in train_step(vae, game, optimizers_of(vae, game), Draw((1e3 * batch(n), 1e3 * batch(n))), a_context()):
            assert all(value.isfinite().all() for value in one.values.values())
