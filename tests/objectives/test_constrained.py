"""The game with a constraint: gradients at a fixed multiplier, how the multiplier moves, and where both end."""

from __future__ import annotations

import math

import pytest
import torch

from helpers.games import a_context, batch, small_vae
from helpers.linear_vae_theory import LAMBDAS, SIGMA, optimum, shown, trained
from unbraid.distributions.likelihoods.gaussian_learned import GaussianLearned
from unbraid.distributions.likelihoods.gaussian_optimal import GaussianOptimal
from unbraid.errors import IncompatibleParts
from unbraid.nn.vae import VAE
from unbraid.objectives.constrained import LEAST, MOST, Constrained, Multiplier
from unbraid.objectives.elbo import ELBO
from unbraid.objectives.moves import Move, Objective
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Draw
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import evaluate_step, train_step
from unbraid.zoo.recipe import Optimizer, Recipe

HELD = ("reconstruction", "kl")


def the_move(objective: Objective, vae: VAE) -> Move:
    (move,) = objective.moves(vae, Draw((batch(),)), a_context())
    return move


def gradients(objective: Objective, vae: VAE) -> list[torch.Tensor]:
    return list(torch.autograd.grad(the_move(objective, vae).loss, vae.parameters_of(*AUTOENCODER)))


def multiplier_of(vae: VAE) -> Multiplier:
    return vae.networks["multiplier"]


def test_settings_and_ends_that_the_documentation_names():
    assert (LEAST, MOST) == (1e-6, 1e6)
    given = Constrained()
    assert (given.held, given.bound, given.rate, given.start, given.memory) == ("reconstruction", 40.0, 5e-3, 1.0, 0.99)
    assert given.draws.count == 1


@pytest.mark.parametrize("start", [0.25, 1.0, 8.0])
class TestAtAFixedMultiplier:
    def test_with_the_kl_held_it_is_beta_vae(self, start):
        held = Constrained("kl", 1.0, start=start)
        vae = small_vae(held)
        for got, expected in zip(gradients(held, vae), gradients(ELBO((KL(start),)), vae), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)

    def test_with_the_reconstruction_held_it_is_beta_vae_of_the_inverse(self, start):
        held = Constrained("reconstruction", 1.0, start=start)
        vae = small_vae(held)
        for got, expected in zip(gradients(held, vae), gradients(ELBO((KL(1 / start),)), vae), strict=True):
            torch.testing.assert_close(got, start * expected, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("held", HELD)
    def test_the_loss_is_the_lagrangian(self, held, start):
        one = Constrained(held, 0.7, start=start)
        vae = small_vae(one)
        made = vae(batch(), a_context().generator)
        squares = (batch() - made.output).square().flatten(1).sum(1).mean()
        goal, side = (made.nll.mean(), made.kl.mean()) if held == "kl" else (made.kl.mean(), squares / 2)
        move = the_move(one, vae)
        torch.testing.assert_close(move.loss, goal + start * (side - 0.7))
        torch.testing.assert_close(move.terms["violation"].mean, side - 0.7)
        torch.testing.assert_close(move.terms["nll"].mean, made.nll.mean())  # both sides are logged, as of any model
        torch.testing.assert_close(move.terms["kl"].mean, made.kl.mean())
        assert move.watch["multiplier"].value == start


class TestMultiplier:
    def test_it_moves_by_the_exponential_of_rate_times_running_mean(self):
        one = Multiplier(2.0).double()
        mean, value = 0.3, 2.0 * math.exp(0.1 * 0.3)  # the first violation is the first mean
        one.ascend(torch.tensor(0.3), 0.1, 0.9)
        torch.testing.assert_close((one.mean.item(), one.value.item()), (mean, value), rtol=1e-7, atol=0)
        for violation in (-0.5, 0.2, -0.9):
            mean = 0.9 * mean + 0.1 * violation
            value *= math.exp(0.1 * mean)
            one.ascend(torch.tensor(violation), 0.1, 0.9)
            torch.testing.assert_close((one.mean.item(), one.value.item()), (mean, value), rtol=1e-6, atol=0)

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_it_grows_every_step_while_violated_and_shrinks_while_there_is_room(self, sign):
        one, values = Multiplier(1.0), []
        for violation in torch.linspace(0.1, 2.0, 40):
            one.ascend(sign * violation, 0.01, 0.99)
            values.append(sign * one.value.log().item())
        assert values[0] > 0
        assert values == sorted(set(values))

    @pytest.mark.parametrize(("violation", "end"), [(1e9, MOST), (-1.0, LEAST)])
    def test_it_stays_between_its_ends_and_no_step_is_larger_than_the_rate(self, violation, end):
        one = Multiplier(1.0)
        one.ascend(torch.tensor(violation), 0.25, 0.99)
        assert one.value.log().item() == pytest.approx(math.copysign(0.25, violation))
        for _ in range(100):
            one.ascend(torch.tensor(violation), 0.25, 0.99)
        assert one.value.item() == pytest.approx(end)
        for _ in range(20):  # and it finds back at once
            one.ascend(torch.tensor(-violation), 0.25, 0.0)
        assert abs(one.value.log().item()) == pytest.approx(abs(math.log(end)) - 5)

    def test_it_stands_still_at_the_bound(self):
        one = Multiplier(3.0)
        one.ascend(torch.tensor(0.0), 0.25, 0.99)
        assert one.value == 3

    def test_small_steps_are_not_lost_in_float32(self):
        one = Multiplier(1000.0)
        for _ in range(2000):
            one.ascend(torch.tensor(1e-3), 1e-3, 0.99)
        assert one.value.dtype == torch.float32
        assert math.log(one.value.item() / 1000) == pytest.approx(2e-3, rel=0.1)


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize(("bound", "sign"), [(1e-3, 1), (1e3, -1)])
def test_a_step_moves_the_multiplier_by_the_share_it_is_missed_by(held, bound, sign):
    game = Constrained(held, bound, rate=0.125, start=2.0)
    vae = small_vae(game)
    move = the_move(game, vae)
    share = min(1.0, move.terms["violation"].mean.item() / bound)
    assert math.copysign(1, share) == sign
    optimizers = make_optimizers(vae, Recipe(game, optimizer=Optimizer("sgd", 0.01)))
    (outcome,) = train_step(vae, game, optimizers, Draw((batch(),)), a_context())
    assert outcome.values["multiplier"] == 2  # what the step was made with
    assert multiplier_of(vae).value.item() == pytest.approx(2 * math.exp(0.125 * share), rel=1e-6)


@pytest.mark.parametrize("held", HELD)
def test_evaluation_and_an_unplayed_move_leave_the_multiplier_alone(held):
    game = Constrained(held, 1e-3)
    vae = small_vae(game)
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    evaluate_step(vae, game, Draw((batch(),)), a_context(training=False))
    move = the_move(game, vae)
    assert all(torch.equal(before[name], value) for name, value in vae.state_dict().items())
    assert {f"networks.multiplier.{name}" for name in ("value", "mean", "batches")} <= set(before)  # what checkpoints hold
    loss = move.loss.item()
    move.after()
    assert move.loss.item() == loss  # a move keeps the weight that it was made with


@pytest.mark.parametrize("likelihood", [GaussianLearned(), GaussianOptimal()])
def test_a_scale_that_is_learned_would_meet_any_bound(likelihood):
    with pytest.raises(IncompatibleParts, match="--likelihood bernoulli"):
        Constrained("reconstruction").networks({"likelihood": likelihood}, (1, 1, 6), 3)
    assert set(Constrained("kl").networks({"likelihood": likelihood}, (1, 1, 6), 3)) == {"multiplier"}


def side_of(held: str, beta: float) -> float:
    """KL, or energy of the reconstruction, of the linear VAE at its optimum."""
    kl, errors = optimum(beta)
    return kl.sum().item() if held == "kl" else errors.sum().item() / (2 * SIGMA**2)


def water_level(held: str, bound: float) -> float:
    """The beta of beta-VAE whose optimum has that side exactly at a bound."""
    low, high = 1e-3, 15.9
    for _ in range(80):
        beta = math.sqrt(low * high)
        low, high = (beta, high) if (side_of(held, beta) > bound) == (held == "kl") else (low, beta)
    return beta


class TestLinearVAE:
    """Where everything is known: KL, errors and the multiplier itself."""

    @pytest.mark.parametrize(
        ("held", "bound"), [("kl", 0.5), ("kl", 2.5), ("kl", 6.0), ("reconstruction", 1.0), ("reconstruction", 10.0)]
    )
    @pytest.mark.parametrize("start", [0.01, 50.0])
    def test_ascent_ends_at_the_exact_multiplier_where_players_follow_at_once(self, held, bound, start):
        one, beta = Multiplier(start).double(), water_level(held, bound)
        for _ in range(3000):
            level = one.value.item()
            violation = side_of(held, level if held == "kl" else 1 / level) / bound - 1
            one.ascend(torch.tensor(violation, dtype=torch.float64), 0.01, 0.99)
        assert one.value.item() == pytest.approx(beta if held == "kl" else 1 / beta, rel=1e-3)

    def test_the_kl_ends_at_its_bound_and_beta_at_the_exact_multiplier(self):
        beta = water_level("kl", 1.5)
        vae, images = trained(Constrained("kl", 1.5, rate=0.05, memory=0.9), steps=700)
        kl, errors = shown(vae, images)
        assert kl.sum().item() == pytest.approx(1.5, rel=0.03)
        assert multiplier_of(vae).value.item() == pytest.approx(beta, rel=0.1)
        torch.testing.assert_close(errors, optimum(beta)[1], rtol=0.1, atol=0.05)

    def test_the_reconstruction_ends_at_its_bound_and_lambda_at_the_exact_multiplier(self):
        beta = water_level("reconstruction", 5.0)
        vae, images = trained(Constrained("reconstruction", 5.0, rate=0.05, memory=0.9), steps=700)
        kl, errors = shown(vae, images)
        assert errors.sum().item() / (2 * SIGMA**2) == pytest.approx(5.0, rel=0.03)
        assert multiplier_of(vae).value.item() == pytest.approx(1 / beta, rel=0.1)
        assert kl.sum().item() == pytest.approx(side_of("kl", beta), rel=0.1)

    def test_a_tolerance_that_no_latent_is_needed_for_leaves_none(self):
        nothing = LAMBDAS.sum().item() / (2 * SIGMA**2)
        vae, images = trained(Constrained("reconstruction", 1.5 * nothing, rate=0.2, memory=0.9), steps=400)
        kl, _ = shown(vae, images)
        assert kl.sum() < 0.02
        assert multiplier_of(vae).value == pytest.approx(LEAST)
