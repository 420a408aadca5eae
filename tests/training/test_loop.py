"""What the training loop promises every objective, checked on a game with every difficulty."""

from __future__ import annotations

import pytest
import torch
from msgspec import UNSET
from torch import nn

from helpers.games import LATENTS, PIXELS, Adversarial, a_context, batch, small_vae
from helpers.steps import changed, optimizers_of, snapshot
from unbraid.data.draws import Batches
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.errors import UsageError
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import ELBO
from unbraid.objectives.moves import Move
from unbraid.rates.capacity import Capacity
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Draw, Term
from unbraid.training.step import evaluate_step, train_step


def draws() -> Draw:
    return Draw((batch(seed=1), batch(seed=2)))


OWNED = {
    AUTOENCODER: {"encoder", "decoder"},
    ("encoder",): {"encoder"},
    ("decoder",): {"decoder"},
    ("discriminator",): {"discriminator"},
}


class Spy(Adversarial):
    """Records which networks each move changed, from the end of the move before to its own end."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "record", [])

    def moves(self, vae, draw, context):
        before = snapshot(vae)
        for move in super().moves(vae, draw, context):
            yield move
            self.record.append((move.players, changed(before, vae)))
            before = snapshot(vae)


@pytest.mark.parametrize("normed", [False, True])
def test_a_move_changes_its_players_and_nothing_else_buffers_included(normed):
    game = Spy()
    vae = small_vae(game, normed=normed)
    for _ in range(3):
        train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
    assert len(game.record) == 12
    for players, touched in game.record:
        extra = {"average"} if players == AUTOENCODER else set()  # its `after` updates the average
        assert touched == OWNED[players] | extra


def test_running_statistics_learn_only_from_moves_of_their_owner():
    """Batch norm of the encoder sees fakes during the decoder's move and must not remember them."""
    game = Adversarial()
    vae = small_vae(game, normed=True)
    norm = vae.networks["encoder"][1]
    train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
    assert norm.num_batches_tracked == 2  # the joint move and the encoder's own
    images = batch(seed=1).flatten(1)
    expected = torch.zeros(PIXELS, dtype=torch.float64)
    for _ in range(2):
        expected = 0.9 * expected + 0.1 * images.mean(0)
    torch.testing.assert_close(norm.running_mean, expected)


def test_gradients_land_on_players_alone():
    game = Adversarial()
    vae = small_vae(game)
    optimizers = optimizers_of(vae, game)
    for move in game.moves(vae, draws(), a_context()):
        vae.zero_grad()
        torch.autograd.backward(move.loss, inputs=vae.parameters_of(*move.players))
        others = [p for player in vae.players if player not in move.players for p in vae.parameters_of(player)]
        assert all(p.grad is None for p in others)
        assert any(p.grad is not None for p in vae.parameters_of(*move.players))
    assert set(optimizers) == {"encoder", "decoder", "discriminator"}  # the keeper has nothing to learn


def test_the_discriminator_s_step_does_not_touch_the_encoder_s_gradient():
    """The published leak: a discriminator's loss on codes that were not detached also trains the encoder."""

    class WithoutDiscriminator(Adversarial):
        def moves(self, vae, draw, context):
            for move in super().moves(vae, draw, context):
                if move.players != ("discriminator",):
                    yield move

    after = []
    for game in (Adversarial(), WithoutDiscriminator()):
        vae = small_vae(game)
        train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
        after.append(snapshot(vae))
    for name, value in after[0].items():
        assert torch.equal(value, after[1][name]) == ("discriminator" not in name)


def test_later_moves_see_the_updated_parameters():
    seen = []

    class TwoMoves(ELBO):
        def moves(self, vae, draw, context):
            for _ in range(2):
                made = vae(draw.batches[0], torch.Generator().manual_seed(0))
                seen.append(made.nll.mean().item())
                yield Move(AUTOENCODER, {"nll": Term(made.nll)})

    vae = small_vae()
    train_step(vae, TwoMoves(), optimizers_of(vae, TwoMoves()), draws(), a_context())
    assert seen[1] < seen[0]


def test_evaluation_changes_no_byte():
    game = Adversarial()
    vae = small_vae(game, normed=True)
    vae.train()
    before = snapshot(vae)
    outcomes = evaluate_step(vae, game, draws(), a_context(training=False))
    assert changed(before, vae) == set()
    assert vae.training
    assert all(p.grad is None for p in vae.parameters())
    assert [o.players for o in outcomes] == list(OWNED)
    assert not any(value.requires_grad for outcome in outcomes for value in outcome.values.values())


def test_log_names_are_plain_for_the_autoencoder_and_prefixed_for_others():
    game = Adversarial()
    vae = small_vae(game)
    outcomes = train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
    assert [sorted(o.values) for o in outcomes] == [
        ["kl", "loss", "nll"],
        ["encoder/fool", "encoder/loss", "encoder/nll"],
        ["decoder/fake", "decoder/loss"],
        ["discriminator/loss", "discriminator/score"],
    ]
    joint = outcomes[0].values
    torch.testing.assert_close(joint["loss"], joint["nll"] + 2 * joint["kl"])  # terms are logged unweighted


@pytest.mark.parametrize("mode", [torch.no_grad, lambda: torch.autocast("cpu", torch.bfloat16)])
def test_a_yield_inside_a_mode_is_an_error(mode):
    class Leaky(ELBO):
        def moves(self, vae, draw, context):
            made = vae(draw.batches[0], context.generator)
            with mode():
                yield Move(AUTOENCODER, {"nll": Term(made.nll)})

    vae = small_vae()
    with pytest.raises(RuntimeError, match="yielded inside"):
        train_step(vae, Leaky(), optimizers_of(vae, Leaky()), draws(), a_context())
    torch.set_grad_enabled(True)


def test_autocast_holds_in_the_objective_s_steps_and_not_around_backward():
    inside = []

    class Asking(ELBO):
        def moves(self, vae, draw, context):
            inside.append(torch.is_autocast_enabled("cpu"))
            yield from ELBO.moves(self, vae, draw, context)
            inside.append(torch.is_autocast_enabled("cpu"))

    vae = small_vae()
    vae.float()
    draw = Draw((batch().float(),))
    around = torch.autocast("cpu", torch.bfloat16)
    (outcome,) = train_step(vae, Asking(), optimizers_of(vae, Asking()), draw, a_context(), around)
    assert inside == [True, True]
    assert not torch.is_autocast_enabled("cpu")
    assert outcome.values["kl"].dtype == torch.float32  # nats never in half precision


def test_players_must_partition_the_networks():
    parts = (nn.Identity(), nn.Identity(), Gaussian(), StandardNormal(1), DiagonalNormalHead(1))
    discriminator = {"discriminator": nn.PReLU()}
    with pytest.raises(UsageError, match="'discriminator' is owned by nobody"):
        VAE(*parts, extra=discriminator)
    with pytest.raises(UsageError, match="'encoder' is owned by"):
        VAE(*parts, extra=discriminator, players={"discriminator": ("discriminator", "encoder")})
    with pytest.raises(UsageError, match="'judge' that the model does not have"):
        VAE(*parts, players={"discriminator": ("judge",)})


def test_a_move_without_weight_is_refused():
    with pytest.raises(UsageError, match="weight 0"):
        _ = Move(AUTOENCODER, {"nll": Term(torch.ones(2), 0.0)}).loss


def test_same_seed_same_step():
    game = Adversarial()
    results = []
    for _ in range(2):
        vae = small_vae(game)
        outcomes = train_step(vae, game, optimizers_of(vae, game), draws(), a_context())
        results.append([{k: v.item() for k, v in o.values.items()} for o in outcomes])
    assert results[0] == results[1]


IDENTICAL = {
    "beta-VAE at 1": ELBO((KL(beta=1.0),)),
    "beta-VAE with warm-up over at once": ELBO((KL(beta=1.0, warmup=0.0),)),
    "normalized beta": ELBO((KL(beta=LATENTS / PIXELS, normalized=True),)),
    "capacity 0, weight 1": ELBO((Capacity(1.0, 0.0, 0.0),)),
    "capacity 0, weight 1, per image": ELBO((Capacity(1.0, 0.0, 0.0, reduction="sample"),)),
}


@pytest.mark.parametrize("objective", IDENTICAL.values(), ids=IDENTICAL)
def test_models_that_are_the_vae_have_its_value_and_gradient(objective):
    found = []
    for one in (ELBO(), objective):
        vae = small_vae()
        (move,) = one.moves(vae, draws(), a_context())
        gradients = torch.autograd.grad(move.loss, vae.parameters_of(*AUTOENCODER))
        found.append([move.loss.detach(), *gradients])
    for expected, got in zip(*found, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)


def test_elbo_draws_one_batch_and_watches_kl_per_latent():
    assert ELBO().draws == Batches(1)
    vae = small_vae()
    (move,) = ELBO().moves(vae, draws(), a_context())
    assert move.watch["kl_per_dim"].value.shape == (LATENTS,)
    torch.testing.assert_close(move.watch["kl_per_dim"].value.sum(), move.terms["kl"].mean)


def test_a_move_may_have_only_an_afterthought():
    done = []

    class Tail(ELBO):
        def moves(self, vae, draw, context):
            yield from ELBO.moves(self, vae, draw, context)
            yield Move((), {}, after=lambda: done.append(True))

    vae = small_vae()
    outcomes = train_step(vae, Tail(), optimizers_of(vae, Tail()), draws(), a_context())
    assert done == [True]
    assert outcomes[1].values == {}
    evaluate_step(vae, Tail(), draws(), a_context(training=False))
    assert done == [True]


def test_a_weight_may_be_a_tensor():
    vae = small_vae()
    made = vae(batch(), torch.Generator().manual_seed(0))
    plain, adapted = (Move(AUTOENCODER, {"nll": Term(made.nll, weight)}).loss for weight in (3.0, torch.tensor(3.0)))
    torch.testing.assert_close(plain, adapted)


def test_evaluation_keeps_the_mode_of_every_module():
    vae = small_vae(normed=True)
    vae.train()
    vae.networks["encoder"][1].eval()  # somebody froze it
    evaluate_step(vae, ELBO(), draws(), a_context(training=False))
    assert vae.networks["decoder"].training
    assert not vae.networks["encoder"][1].training


def test_objectives_without_a_joint_move_are_scored(tmp_path):
    """Soft-Intro's players never move together in its main phase, so there is no one loss."""
    import unbraid
    from helpers.tiny import TINY, tiny_ellipses
    from unbraid.evaluation.evaluate import Scope, evaluate_model

    class Apart(ELBO):
        def moves(self, vae, draw, context):
            (move,) = ELBO.moves(self, vae, draw, context)
            yield Move(("encoder",), move.terms)
            (move,) = ELBO.moves(self, vae, draw, context)
            yield Move(("decoder",), move.terms)

    model = unbraid.train("vae", TINY, out=tmp_path / "run", device="cpu", steps=2, batch_size=16)
    scope = Scope(seed=0, step=2, n_steps=2, batch_size=16, device=torch.device("cpu"))
    _, scored = evaluate_model(model.vae, Apart(), tiny_ellipses(), scope)
    assert scored.splits["train"].loss is UNSET
    assert scored.splits["train"].terms["encoder/loss"] > 0
    from unbraid.cli.tables import print_scores

    print_scores(scored)


def test_draws_of_an_evaluation_hold_every_row_once():
    from helpers.tiny import tiny_ellipses

    data = tiny_ellipses()
    rows = data.split("train")
    drawn = list(Batches(2).over(data, rows, 50))
    assert [len(first) for first, _ in drawn] == [50, 50, 50, 42]
    assert sorted(index for first, _ in drawn for index in first) == rows.tolist()
    assert all(set(first).isdisjoint(second) for first, second in drawn)


def test_the_loop_leaves_no_gradient_on_those_who_do_not_move():
    class DecoderAlone(ELBO):
        def moves(self, vae, draw, context):
            for move in ELBO.moves(self, vae, draw, context):
                yield Move(("decoder",), move.terms)

    vae = small_vae()
    train_step(vae, DecoderAlone(), optimizers_of(vae, DecoderAlone()), draws(), a_context())
    assert all(p.grad is None for p in vae.parameters_of("encoder"))
    assert all(p.grad is not None for p in vae.parameters_of("decoder"))
