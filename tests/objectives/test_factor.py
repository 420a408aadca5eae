"""FactorVAE's game: what it minimizes, in value and gradient, where the answer is known."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import nn

from helpers.games import LATENTS, a_context, batch, small_vae
from helpers.gaussian_codes import BestDiscriminator, Judge, correlated, gaussian_total_correlation, linear_vae, white_images
from unbraid.data.draws import Batches
from unbraid.errors import UsageError
from unbraid.log_entry import Entry
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import ELBO
from unbraid.objectives.factor import FactorVAE, accuracy, log_density_ratio, permute_latents
from unbraid.objectives.factor import gaussian_total_correlation as gaussian_total_correlation_of
from unbraid.objectives.moves import Move, Objective
from unbraid.rates.aggregate import log_aggregate
from unbraid.rates.capacity import Capacity
from unbraid.rates.decomposed import Decomposed
from unbraid.rates.kl import KL
from unbraid.rates.total_correlation import TotalCorrelation
from unbraid.terms import AUTOENCODER, Context, Draw, Rate
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import train_step
from unbraid.training.symptoms import symptoms
from unbraid.zoo.recipe import Optimizer, Recipe

RHO = 0.6


def game(gamma: float = 5.0, *rates: Rate) -> FactorVAE:
    return FactorVAE(gamma, rates or (KL(),), layers=2, width=8)


def draws() -> Draw:
    return Draw((batch(seed=1), batch(seed=2)))


def first_move(objective: Objective, vae: VAE, draw: Draw | None = None) -> Move:
    return next(iter(objective.moves(vae, draw or draws(), a_context())))


def both_moves(objective: Objective, vae: VAE, draw: Draw | None = None) -> tuple[Move, Move]:
    joint, discriminators = objective.moves(vae, draw or draws(), a_context())
    return joint, discriminators


def value_and_gradients(objective: Objective, vae: VAE) -> list[torch.Tensor]:
    move = first_move(objective, vae)
    return [move.loss.detach(), *torch.autograd.grad(move.loss, vae.parameters_of(*AUTOENCODER))]


class TestPermutation:
    def test_each_latent_keeps_its_values_and_rows_are_torn_apart(self, generator):
        z = torch.randn(64, 5, generator=generator)
        permuted = permute_latents(z, generator)
        assert torch.equal(permuted.sort(0).values, z.sort(0).values)
        rows = {tuple(row) for row in z.tolist()}
        assert not any(tuple(row) in rows for row in permuted.tolist())

    def test_latents_are_permuted_independently_and_every_permutation_is_as_likely(self, generator):
        z = torch.arange(3.0)[:, None].expand(3, 2)
        seen = dict.fromkeys(((a, b) for a in permutations((0.0, 1.0, 2.0)) for b in permutations((0.0, 1.0, 2.0))), 0)
        for _ in range(3600):
            first, second = permute_latents(z, generator).T.tolist()
            seen[tuple(first), tuple(second)] += 1
        chi_squared = sum((count - 100) ** 2 / 100 for count in seen.values())
        assert chi_squared < 66.6  # 35 degrees of freedom, 1 in 1000

    def test_copied_latents_come_out_independent(self, generator):
        z = torch.randn(4000, 1, generator=generator).expand(-1, 2)
        correlation = torch.corrcoef(permute_latents(z, generator).T)[0, 1]
        assert abs(correlation) < 4 / math.sqrt(4000)


class TestBestDiscriminator:
    """Codes that are exactly normal with correlation rho, and the discriminator whose logits are their exact log-densities."""

    def test_the_term_is_the_total_correlation_in_closed_form(self):
        gain = correlated(RHO)
        vae = linear_vae(game(), gain, BestDiscriminator(gain @ gain.T))
        move = first_move(game(), vae, Draw((white_images(400, 2), white_images(400, 2))))
        assert move.terms["tc_discriminator"].value.shape == (400,)
        assert move.terms["tc_discriminator"].mean.item() == pytest.approx(-0.5 * math.log(1 - RHO**2), abs=1e-6)

    def test_its_gradient_is_that_of_the_total_correlation(self):
        """That the discriminator does not follow does no harm: the derivative of log q by its own parameters averages to 0."""
        gain = torch.tensor([[1.1, 0.3, -0.4], [0.5, 0.9, 0.2], [-0.3, 0.6, 1.4]], dtype=torch.float64, requires_grad=True)
        covariance = gain @ gain.T
        (expected,) = torch.autograd.grad(gaussian_total_correlation(covariance), gain)
        vae = linear_vae(game(), gain.detach(), BestDiscriminator(covariance.detach()))
        move = first_move(game(), vae, Draw((white_images(500, 3), white_images(500, 3))))
        (found,) = torch.autograd.grad(move.terms["tc_discriminator"].mean, vae.networks["encoder"].gain)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)

    def test_no_other_scale_or_offset_of_it_has_a_smaller_loss(self):
        """The cross-entropy's minimum is at the exact ratio: the better of any two discriminators is the nearer one."""
        gain = correlated(RHO)
        n = 40_000
        draw = Draw((white_images(n, 2, seed=1), white_images(n, 2, seed=2)))
        best = BestDiscriminator(gain @ gain.T)
        best_loss = both_moves(game(), linear_vae(game(), gain, best), draw)[1].loss.item()
        assert best_loss < math.log(2) - 0.02
        for scale, offset in ((0.7, 0.0), (1.3, 0.0), (1.0, 0.2), (1.0, -0.2), (-1.0, 0.0), (0.0, 0.0)):

            class Other(Judge):
                def __init__(self, scale: float = scale, offset: float = offset) -> None:
                    super().__init__()
                    self.best, self.by = best, torch.tensor([[scale], [offset]], dtype=torch.float64)

                def logits(self, z):
                    ratio = log_density_ratio(self.best, z)
                    return torch.stack([self.by[0] * ratio + self.by[1], torch.zeros_like(ratio)], 1)

            worse = both_moves(game(), linear_vae(game(), gain, Other()), draw)[1].loss.item()
            assert worse > best_loss + 5e-4, (scale, offset)

    def test_permuted_codes_have_the_expected_ratio_of_independent_ones(self):
        """Over the product of the marginals E[d] = -(1/2 log(1 - rho^2) + rho^2 / (1 - rho^2))."""
        gain = correlated(RHO)
        vae = linear_vae(game(), gain, BestDiscriminator(gain @ gain.T))
        z = vae.encode(white_images(40_000, 2)).mean
        generator = torch.Generator().manual_seed(3)
        ratio = log_density_ratio(vae.networks["discriminator"], permute_latents(z, generator)).mean().item()
        assert ratio == pytest.approx(-(0.5 * math.log(1 - RHO**2) + RHO**2 / (1 - RHO**2)), abs=0.02)


def test_a_discriminator_that_knows_nothing_sees_nothing_and_pays_log_2():
    vae = small_vae(game())
    for parameter in vae.networks["discriminator"][-1].parameters():
        nn.init.zeros_(parameter)
    joint, discriminators = both_moves(game(), vae)
    assert not joint.terms["tc_discriminator"].value.any()
    torch.testing.assert_close(discriminators.loss, torch.tensor(math.log(2), dtype=torch.float64))
    for term in discriminators.terms.values():
        torch.testing.assert_close(term.mean, torch.tensor(math.log(2), dtype=torch.float64))
    assert discriminators.watch["accuracy"].value == 0.5


def test_discriminators_entropies_and_accuracy_by_hand():
    """Codes drawn from q(z) have class 0, permuted ones class 1; either half weighs the same whatever its size."""
    vae = small_vae(game())
    draw = Draw((batch(8, seed=1), batch(5, seed=2)))
    _, discriminators = both_moves(game(), vae, draw)
    noise = a_context().generator
    drawn = vae.encode(draw.batches[0]).sample(noise)
    permuted = permute_latents(vae.encode(draw.batches[1]).sample(noise), noise)
    logits = [vae.networks["discriminator"](z) for z in (drawn, permuted)]
    entropies = [nn.functional.cross_entropy(one, torch.full((len(one),), label)) for label, one in enumerate(logits)]
    torch.testing.assert_close(discriminators.terms["drawn"].mean, entropies[0])
    torch.testing.assert_close(discriminators.terms["permuted"].mean, entropies[1])
    torch.testing.assert_close(discriminators.loss, 0.5 * (entropies[0] + entropies[1]))
    right = [(one.argmax(1) == label).double().mean() for label, one in enumerate(logits)]
    torch.testing.assert_close(discriminators.watch["accuracy"].value, 0.5 * (right[0] + right[1]))


def test_accuracy_of_known_ratios():
    ratios = torch.tensor([1.0, 2.0, -1.0, 0.0]), torch.tensor([-3.0, -3.0])
    assert accuracy(*ratios).item() == pytest.approx((2.5 / 4 + 1) / 2)
    assert accuracy(*(-one for one in ratios)).item() == pytest.approx((1.5 / 4 + 0) / 2)


def test_the_loss_weighs_the_term_by_gamma():
    vae = small_vae(game())
    terms = first_move(game(5.0), vae).terms
    expected = terms["nll"].mean + terms["kl"].mean + 5 * terms["tc_discriminator"].mean
    torch.testing.assert_close(first_move(game(5.0), vae).loss, expected)


IDENTICAL = {
    "gamma 0 is the VAE": (game(0.0), ELBO()),
    "gamma 0 with capacity is beta-VAE with capacity": (game(0.0, Capacity(3.0, 0.0, 2.0)), ELBO((Capacity(3.0, 0.0, 2.0),))),
    "capacity 0 and weight 1 is FactorVAE": (game(5.0, Capacity(1.0, 0.0, 0.0)), game(5.0)),
    "the same per image": (game(5.0, Capacity(1.0, 0.0, 0.0, reduction="sample")), game(5.0)),
    "all at once is the VAE": (game(0.0, Capacity(1.0, 0.0, 0.0, reduction="sample")), ELBO()),
}


@pytest.mark.parametrize(("one", "other"), IDENTICAL.values(), ids=IDENTICAL)
def test_limits_in_value_and_gradient(one, other):
    vae = small_vae(game())
    for got, expected in zip(value_and_gradients(one, vae), value_and_gradients(other, vae), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-13, atol=1e-13)


def test_any_rate_may_stand_beside_the_discriminator():
    vae = small_vae(game())
    both = first_move(game(5.0, KL(2.0), TotalCorrelation(3.0)), vae)
    assert set(both.terms) == {"nll", "kl", "tc_plain", "tc_discriminator"}  # two estimates of one quantity, by name
    with pytest.raises(UsageError, match="Two rates report"):
        first_move(game(5.0, KL(), Capacity()), vae)


def test_gamma_is_beta_minus_one_of_beta_tcvae():
    """With a discriminator that sees what beta-TCVAE's estimator sees, the two losses are one number."""

    class Estimator(Judge):
        def logits(self, z: torch.Tensor) -> torch.Tensor:
            posterior = vae.encode(draws().batches[0])
            log_q, log_q_per_latent = log_aggregate(z, posterior, 1000, "plain")
            return torch.stack([log_q, log_q_per_latent.sum(1)], 1)

    vae = small_vae(game())
    vae.networks["discriminator"] = Estimator()
    losses = [first_move(one, vae).loss for one in (game(5.4), ELBO((Decomposed(beta=6.4),)))]
    torch.testing.assert_close(*losses, rtol=1e-13, atol=1e-13)


def played(rho: float, discriminator_lr: float, steps: int = 500, **options: Any) -> list[dict[str, float]]:
    """What each step of the game logs for codes of two latents whose distribution does not change."""
    one = FactorVAE(gamma=0.0, width=32, **options)
    vae = linear_vae(one, correlated(rho)).float()
    vae.networks["encoder"].gain.requires_grad_(False)
    recipe = Recipe(one, player_optimizers={"discriminator": Optimizer(lr=discriminator_lr, betas=(0.5, 0.9))})
    optimizers, noise = make_optimizers(vae, recipe), torch.Generator().manual_seed(0)
    shown = []
    for step in range(steps):
        draw = Draw(tuple(torch.randn(256, 1, 1, 2, generator=noise) for _ in range(2)))
        outcomes = train_step(vae, one, optimizers, draw, Context(step, steps, 1000, noise))
        shown.append({k: float(v) for outcome in outcomes for k, v in outcome.values.items() if v.ndim == 0})
    return shown


@pytest.mark.parametrize("initialization", ["kaiming", "glorot", "torch"])
def test_the_discriminator_learns_the_total_correlation_of_a_fixed_code(initialization):
    """-1/2 log(1 - rho^2) within 20 % after 500 steps of the game."""
    shown = played(0.8, discriminator_lr=1e-3, initialization=initialization)
    seen = [values["tc_discriminator"] for values in shown]
    assert sum(seen[-50:]) / 50 == pytest.approx(-0.5 * math.log(1 - 0.8**2), rel=0.2)
    assert symptoms(entries(shown), 500) == []


def test_a_discriminator_that_does_not_learn_is_found_out():
    (found,) = symptoms(entries(played(0.8, discriminator_lr=1e-9, steps=50)), 50)
    assert found.name == "weak_discriminator"
    assert symptoms(entries(played(0.2, discriminator_lr=1e-9, steps=50)), 50) == []  # there is little to see


def entries(shown):
    return [Entry(kind="train", step=i, values=values, time=0.0, units={}) for i, values in enumerate(shown, start=1)]


class TestGaussianTotalCorrelation:
    def test_its_expectation_is_that_of_the_distribution(self, generator):
        gain = torch.randn(4, 4, generator=generator, dtype=torch.float64)
        draws = torch.randn(4000, 12, 4, generator=generator, dtype=torch.float64) @ gain.T
        found = torch.stack([gaussian_total_correlation_of(z) for z in draws])
        error = found.std() / len(found) ** 0.5
        assert abs(found.mean() - gaussian_total_correlation(gain @ gain.T)) < 4 * error
        assert error < 0.02

    def test_does_not_know_place_and_scale(self, generator):
        z = torch.randn(20, 3, generator=generator, dtype=torch.float64)
        moved = z * torch.tensor([1e-9, -5.0, 1e12], dtype=torch.float64) + torch.tensor([0.0, 3.0, 1e12], dtype=torch.float64)
        torch.testing.assert_close(gaussian_total_correlation_of(moved), gaussian_total_correlation_of(z), rtol=1e-3, atol=1e-3)

    def test_copies_and_constants_are_finite(self):
        z = torch.arange(12.0)[:, None].expand(12, 3).contiguous()
        assert 5 < gaussian_total_correlation_of(z) < 30
        assert torch.isfinite(gaussian_total_correlation_of(torch.ones(12, 3)))


def test_it_draws_two_batches_and_watches_what_the_elbo_does():
    assert FactorVAE().draws == Batches(2)
    vae = small_vae(game())
    move = first_move(game(), vae)
    assert move.watch["kl_per_dim"].value.shape == (LATENTS,)
    torch.testing.assert_close(move.watch["kl_per_dim"].value.sum(), move.terms["kl"].mean)


@pytest.mark.parametrize(("codes", "shown"), [(LATENTS + 1, False), (LATENTS + 2, True)])
def test_linear_dependence_is_shown_of_batches_that_can_tell_it(codes, shown):
    """Of fewer codes the correlations are singular, or what is taken off has no end."""
    played = game()
    first = next(played.moves(small_vae(played), Draw((batch(codes), batch(codes, seed=2))), a_context()))
    assert ("tc_gaussian" in first.watch) is shown
