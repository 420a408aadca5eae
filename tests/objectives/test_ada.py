"""Ada-GVAE and Ada-ML-VAE: what they minimize, by hand and against models whose loss is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from helpers.games import LATENTS, PIXELS, a_context, batch, small_vae
from unbraid.data.pairs import Pairs
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormal
from unbraid.distributions.posteriors.full_normal import FullNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.errors import IncompatibleParts
from unbraid.nn.vae import VAE
from unbraid.objectives import ada
from unbraid.objectives.ada import AVERAGES, AdaVAE, divergence, mean_of_moments, mean_of_precisions, shared_latents
from unbraid.objectives.elbo import ELBO
from unbraid.objectives.moves import Move, Objective
from unbraid.randomness import seeded_construction
from unbraid.rates.capacity import Capacity
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Draw

AVERAGINGS = tuple(AVERAGES)


def normal(mean: list, variance: list) -> DiagonalNormal:
    return DiagonalNormal(torch.tensor([mean], dtype=torch.float64), torch.tensor([variance], dtype=torch.float64).log())


def random_normal(n: int, latents: int, seed: int) -> DiagonalNormal:
    noise = torch.Generator().manual_seed(seed)
    mean, logvar = torch.randn(2, n, latents, generator=noise, dtype=torch.float64)
    return DiagonalNormal(mean, logvar)


def move_of(objective: Objective, vae: VAE, *batches: torch.Tensor) -> Move:
    (move,) = objective.moves(vae, Draw(batches), a_context())
    return move


def value_and_gradients(objective: Objective, vae: VAE, *batches: torch.Tensor) -> list[torch.Tensor]:
    move = move_of(objective, vae, *batches)
    return [move.loss.detach(), *torch.autograd.grad(move.loss, vae.parameters_of(*AUTOENCODER))]


def assert_close(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


class TestDivergence:
    def test_it_is_the_kl_from_the_first_to_the_second(self):
        first, second = random_normal(20, 4, 0), random_normal(20, 4, 1)
        expected = torch.distributions.kl_divergence(
            *(torch.distributions.Normal(q.mean, q.variance.sqrt()) for q in (first, second))
        )
        torch.testing.assert_close(divergence(first, second), expected)
        assert not torch.allclose(divergence(second, first), expected)

    def test_by_hand(self):
        found = divergence(normal([1.0, 0.0], [1.0, 4.0]), normal([3.0, 0.0], [2.0, 1.0]))
        expected = [0.5 * (math.log(2) + (1 + 4) / 2 - 1), 0.5 * (-math.log(4) + 4 - 1)]
        torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float64))

    def test_it_keeps_its_digits_where_posteriors_are_nearly_equal(self):
        q = DiagonalNormal(torch.zeros(1, 1), torch.zeros(1, 1))
        near = DiagonalNormal(torch.zeros(1, 1), torch.full((1, 1), 1e-3))
        assert divergence(q, near).item() == pytest.approx(2.5e-7, rel=1e-3)
        assert divergence(q, q).item() == 0


class TestMask:
    @pytest.mark.parametrize(
        ("divergences", "expected"),
        [
            ([0.0, 1.0, 2.0], [True, False, False]),  # 1.0 is the threshold itself
            ([0.0, 0.9, 2.0, 1.1], [True, True, False, False]),
            ([3.0, 3.0, 9.0, 3.0], [True, True, False, True]),
            ([5.0, 4.9999], [False, True]),
            ([0.0, 0.0, 0.0], [False, False, False]),  # nothing tells which
            ([2.7, 2.7], [False, False]),
            ([1.3], [False]),  # a single latent holds all that changes
        ],
    )
    def test_by_hand(self, divergences, expected):
        assert shared_latents(torch.tensor([divergences])).tolist() == [expected]

    def test_every_pair_has_a_threshold_of_its_own(self):
        found = shared_latents(torch.tensor([[0.0, 4.0, 10.0], [0.0, 4.0, 5.0]]))
        assert found.tolist() == [[True, True, False], [True, False, False]]


class TestAverages:
    first, second = normal([1.0, -2.0], [1.0, 0.5]), normal([4.0, 2.0], [2.0, 0.5])

    def test_of_moments_by_hand(self):
        found = mean_of_moments(self.first, self.second)
        torch.testing.assert_close(found.mean, torch.tensor([[2.5, 0.0]], dtype=torch.float64))
        torch.testing.assert_close(found.variance, torch.tensor([[1.5, 0.5]], dtype=torch.float64))

    def test_of_precisions_by_hand(self):
        """Precisions 1 and 1/2: their mean is 3/4, and the first has two thirds of the weight."""
        found = mean_of_precisions(self.first, self.second)
        torch.testing.assert_close(found.mean, torch.tensor([[2.0, 0.0]], dtype=torch.float64))
        torch.testing.assert_close(found.variance, torch.tensor([[4 / 3, 0.5]], dtype=torch.float64))

    def test_of_precisions_is_the_product_of_densities_with_twice_the_variance(self):
        first, second = random_normal(5, 3, 0), random_normal(5, 3, 1)
        shared = mean_of_precisions(first, second)
        product = DiagonalNormal(shared.mean, shared.logvar - math.log(2))
        z = torch.randn(40, 5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        constant = torch.stack([first.log_prob(one) + second.log_prob(one) - product.log_prob(one) for one in z])
        torch.testing.assert_close(constant, constant[:1].expand_as(constant))

    @pytest.mark.parametrize("average", AVERAGES.values(), ids=AVERAGES)
    def test_either_way_round_is_the_same_and_of_equals_the_same(self, average):
        first, second = random_normal(5, 3, 0), random_normal(5, 3, 1)
        there, back, own = average(first, second), average(second, first), average(first, first)
        assert_close([there.mean, there.logvar, own.mean, own.logvar], [back.mean, back.logvar, first.mean, first.logvar])

    @pytest.mark.parametrize("average", AVERAGES.values(), ids=AVERAGES)
    def test_finite_at_the_ends_of_the_range(self, average):
        first = DiagonalNormal(torch.full((1, 2), 1e3), torch.tensor([[-30.0, 20.0]]))
        second = DiagonalNormal(torch.full((1, 2), -1e3), torch.tensor([[20.0, 20.0]]))
        found = average(first, second)
        assert torch.isfinite(torch.cat([found.mean, found.logvar, divergence(first, second), divergence(second, first)])).all()
        if average is mean_of_precisions:
            assert found.mean[0, 0] == 1e3  # of one that knows and one that does not


@pytest.mark.parametrize("averaging", AVERAGINGS)
class TestGame:
    def test_the_loss_by_hand(self, averaging):
        """From means, variances and the same noise, pair by pair and latent by latent, in NumPy."""
        vae, beta, n = small_vae(), 3.0, 5
        images = batch(n, seed=1), batch(n, seed=2)
        q = vae.encode(torch.cat(images))
        mean, variance = (part.detach().numpy().copy() for part in (q.mean, q.variance))
        n_shared = 0
        for i, j in zip(range(n), range(n, 2 * n), strict=True):
            delta = 0.5 * (np.log(variance[j] / variance[i]) + (variance[i] + (mean[i] - mean[j]) ** 2) / variance[j] - 1)
            for k in np.flatnonzero(delta < (delta.min() + delta.max()) / 2):
                n_shared += 1
                if averaging == "gvae":
                    m, v = (mean[i, k] + mean[j, k]) / 2, (variance[i, k] + variance[j, k]) / 2
                else:
                    v = 2 * variance[i, k] * variance[j, k] / (variance[i, k] + variance[j, k])
                    m = v / 2 * (mean[i, k] / variance[i, k] + mean[j, k] / variance[j, k])
                mean[[i, j], k], variance[[i, j], k] = m, v
        noise = torch.randn(2 * n, LATENTS, generator=a_context().generator, dtype=torch.float64).numpy()
        z = mean + np.sqrt(variance) * noise
        linear = vae.networks["decoder"][0]
        output = z @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
        errors = (output - torch.cat(images).flatten(1).numpy()) ** 2
        nll = 0.5 * errors.sum(1) + PIXELS / 2 * math.log(2 * math.pi)
        kl = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(1)
        expected = 0.5 * (nll[:n].mean() + nll[n:].mean()) + beta / 2 * (kl[:n].mean() + kl[n:].mean())
        move = move_of(AdaVAE(averaging, (KL(beta),)), vae, *images)
        assert move.loss.item() == pytest.approx(expected, rel=1e-12)
        assert move.watch["shared"].value.item() == pytest.approx(n_shared / n)
        assert 1 < n_shared / n < LATENTS
        torch.testing.assert_close(move.watch["kl_per_dim"].value.sum(), move.terms["kl"].mean)

    def test_twice_the_same_image_is_the_beta_vae_in_value_and_gradient(self, averaging):
        vae, images = small_vae(), batch(6)
        found = value_and_gradients(AdaVAE(averaging, (KL(4.0),)), vae, images, images)
        assert_close(found, value_and_gradients(ELBO((KL(4.0),)), vae, torch.cat([images, images])))

    def test_no_gradient_goes_through_the_choice_and_all_of_it_through_the_average(self, averaging, monkeypatch):
        vae, images, objective = small_vae(), (batch(6, seed=1), batch(6, seed=2)), AdaVAE(averaging, (KL(2.0),))
        q = vae.encode(torch.cat(images))
        halves = [DiagonalNormal(q.mean[rows], q.logvar[rows]) for rows in (slice(6), slice(6, 12))]
        chosen = shared_latents(divergence(*halves)).detach()
        found = value_and_gradients(objective, vae, *images)
        monkeypatch.setattr(ada, "shared_latents", lambda divergences: chosen)
        assert_close(found, value_and_gradients(objective, vae, *images))
        weight = vae.networks["encoder"][-1].weight
        step = 1e-6
        for place in [(0, 1), (LATENTS, 2), (2 * LATENTS - 1, 0)]:  # finite differences, the choice held
            ends = []
            for sign in (1, -1):
                with torch.no_grad():
                    weight[place] += sign * step
                ends.append(move_of(objective, vae, *images).loss.item())
                with torch.no_grad():
                    weight[place] -= sign * step
            (gradient,) = torch.autograd.grad(move_of(objective, vae, *images).loss, weight)
            assert gradient[place].item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-7)

    def test_only_what_is_shared_is_the_same_in_both(self, averaging):
        first, second = random_normal(9, 4, 0), random_normal(9, 4, 1)
        joined, shared = AdaVAE(averaging).share(first, second)
        mean, logvar = joined.mean.reshape(2, 9, 4), joined.logvar.reshape(2, 9, 4)
        assert torch.equal(mean[0] == mean[1], shared)
        assert torch.equal(logvar[0] == logvar[1], shared)
        for i, q in enumerate((first, second)):
            assert torch.equal(mean[i][~shared], q.mean[~shared])
            assert torch.equal(logvar[i][~shared], q.logvar[~shared])

    def test_any_rate_sees_both_images(self, averaging):
        vae, images = small_vae(), (batch(6, seed=1), batch(6, seed=2))
        kl = move_of(AdaVAE(averaging), vae, *images).terms["kl"]
        assert kl.value.shape == (12,)
        move = move_of(AdaVAE(averaging, (Capacity(5.0, 0.0, 2.0, 0.0),)), vae, *images)
        torch.testing.assert_close(move.terms["capacity_gap"].value, (kl.mean - 2).abs())


def test_the_two_differ_where_variances_do_and_nowhere_else():
    first, second = random_normal(5, 3, 0), random_normal(5, 3, 1)
    level = DiagonalNormal(second.mean, first.logvar)
    for other, equal in ((level, True), (second, False)):
        one, two = (AdaVAE(averaging).share(first, other)[0] for averaging in AVERAGINGS)
        assert torch.allclose(one.mean, two.mean) == equal
        assert torch.allclose(one.logvar, two.logvar) == equal


def test_other_posteriors_are_refused():
    head = FullNormalHead(LATENTS)
    with seeded_construction(0):
        vae = VAE(
            nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, head.n_params)),
            nn.Sequential(nn.Linear(LATENTS, PIXELS), nn.Unflatten(1, (1, 1, PIXELS))),
            Gaussian(1.0, squash="none"),
            StandardNormal(LATENTS),
            head,
        ).double()
    with pytest.raises(IncompatibleParts, match="diagonal_normal, not FullNormal"):
        move_of(AdaVAE(), vae, batch(), batch())


def test_it_draws_pairs():
    assert AdaVAE().draws == Pairs()
