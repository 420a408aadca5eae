"""Soft-IntroVAE against an independent account of its published update, its limits, and what each player may touch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from helpers.games import LATENTS, PIXELS, a_context, batch, small_vae
from helpers.steps import changed, snapshot
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.likelihoods.gaussian_optimal import GaussianOptimal
from unbraid.errors import IncompatibleParts
from unbraid.objectives.elbo import ELBO
from unbraid.objectives.soft_intro import SoftIntro, exp_elbo
from unbraid.rates.capacity import Capacity
from unbraid.rates.dip import DipII
from unbraid.rates.kl import KL
from unbraid.rates.total_correlation import TotalCorrelation
from unbraid.terms import AUTOENCODER, Context, Draw
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import _modes, evaluate_step, train_step
from unbraid.zoo.recipe import Optimizer, Recipe

BATCH = 8
S = 1 / PIXELS
EXACT = {"rtol": 1e-12, "atol": 1e-14}


def play(game, vae, steps=1, *, optimizer=None, images=None, first=0, n_steps=100):
    """Steps of a game by the training loop, with noise that is a function of the step; what the last one showed."""
    optimizers = make_optimizers(vae, Recipe(game, optimizer=optimizer or Optimizer("adam", 2e-4)))
    outcomes = []
    for step in range(first, first + steps):
        context = Context(step, n_steps, 1000, torch.Generator().manual_seed(step))
        outcomes = train_step(vae, game, optimizers, Draw((batch() if images is None else images,)), context)
    return outcomes


def first_move(game, vae, context=None, images=None):
    return next(game.moves(vae, Draw((batch() if images is None else images,)), context or a_context()))


def gradients(move, vae, *players):
    found = torch.autograd.grad(move.loss, vae.parameters_of(*players), allow_unused=True, retain_graph=True)
    return [torch.zeros(()) if g is None else g for g in found]


class Twin:
    """The published update written out: a linear model with its own optimizers, no code of the library.

    Squared error over 2 (a Gaussian of scale 1 with its constant), KL in closed form, one noise for each sampling in the order:
    real, prior, reconstruction, fake; in the decoder's half reconstruction, fake.
    """

    def __init__(self, vae, *, beta_rec, beta_kl, beta_neg, gamma_r, reference):
        encoder, decoder = vae.networks["encoder"][1], vae.networks["decoder"][0]
        self.encoder = [encoder.weight.detach().clone().requires_grad_(), encoder.bias.detach().clone().requires_grad_()]
        self.decoder = [decoder.weight.detach().clone().requires_grad_(), decoder.bias.detach().clone().requires_grad_()]
        self.optimizer_e = torch.optim.Adam(self.encoder, lr=2e-4)
        self.optimizer_d = torch.optim.Adam(self.decoder, lr=2e-4)
        self.beta_rec, self.beta_kl, self.beta_neg, self.gamma_r = beta_rec, beta_kl, beta_neg, gamma_r
        self.reference = reference

    def encode(self, x):
        out = x @ self.encoder[0].T + self.encoder[1]
        return out[:, :LATENTS], out[:, LATENTS:]

    def decode(self, z):
        return z @ self.decoder[0].T + self.decoder[1]

    @staticmethod
    def error(x, y):
        return 0.5 * ((x - y) ** 2).sum(1)

    @staticmethod
    def divergence(mu, logvar):
        return -0.5 * (1 + logvar - logvar.exp() - mu**2).sum(1)

    def step(self, x, noise):
        real_noise, prior, rec_noise, fake_noise, rec_noise_d, fake_noise_d = noise
        constant = PIXELS * 0.5 * math.log(2 * math.pi)  # of the real image's loss alone, without a gradient

        mu, logvar = self.encode(x)
        z = mu + torch.exp(logvar / 2) * real_noise
        rec, fake = self.decode(z), self.decode(prior)
        exponentials = []
        for image, target, eps in ((rec, rec, rec_noise), (fake, fake, fake_noise)):
            mu_i, logvar_i = self.encode(image.detach())
            again = self.decode(mu_i + torch.exp(logvar_i / 2) * eps)
            missed = self.error(target if self.reference else target.detach(), again)
            energy = self.beta_rec * missed + self.beta_neg * self.divergence(mu_i, logvar_i)
            exponentials.append(torch.exp(-2 * S * energy).mean())
        loss_e = S * (self.beta_rec * self.error(x, rec).mean() + self.beta_kl * self.divergence(mu, logvar).mean())
        loss_e = loss_e + 0.25 * (exponentials[0] + exponentials[1])
        self.optimizer_e.zero_grad()
        self.optimizer_d.zero_grad()
        loss_e.backward()
        self.optimizer_e.step()

        z = z.detach()
        rec, fake = self.decode(z), self.decode(prior)
        loss_d = self.beta_rec * self.error(x, rec).mean()
        for image, eps in ((rec, rec_noise_d), (fake, fake_noise_d)):
            mu_i, logvar_i = self.encode(image)
            again = self.decode((mu_i + torch.exp(logvar_i / 2) * eps).detach())
            loss_d = loss_d + 0.5 * self.beta_kl * self.divergence(mu_i, logvar_i).mean()
            loss_d = loss_d + 0.5 * self.gamma_r * self.beta_rec * self.error(image.detach(), again).mean()
        loss_d = S * loss_d
        self.optimizer_d.zero_grad()
        loss_d.backward()
        self.optimizer_d.step()
        return loss_e.item() + S * self.beta_rec * constant, loss_d.item() + S * self.beta_rec * (1 + self.gamma_r) * constant


@pytest.mark.parametrize("target", ["detached", "reference"])
@pytest.mark.parametrize("gamma_r", [1e-8, 1.0])
def test_two_steps_are_those_of_the_published_update(target, gamma_r):
    weights = {"beta_rec": 0.7, "beta_kl": 1.3, "beta_neg": 2.0, "gamma_r": gamma_r}
    game, vae = SoftIntro(**weights, target=target), small_vae()
    twin = Twin(vae, **weights, reference=target == "reference")
    optimizers = make_optimizers(vae, Recipe(game, optimizer=Optimizer("adam", 2e-4)))
    for step in range(2):
        images = batch(seed=10 + step)
        context = Context(step, 100, 1000, torch.Generator().manual_seed(step))
        noise = torch.Generator().manual_seed(step)
        drawn = [torch.randn(BATCH, LATENTS, generator=noise, dtype=torch.float64) for _ in range(6)]
        losses = twin.step(images.flatten(1), drawn)
        outcomes = train_step(vae, game, optimizers, Draw((images,)), context)
        shown = outcomes[0].values["encoder/loss"].item(), outcomes[1].values["decoder/loss"].item()
        assert shown == pytest.approx(losses, rel=1e-12)
    for ours, theirs in zip(vae.parameters_of(*AUTOENCODER), [*twin.encoder, *twin.decoder], strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-12, atol=1e-12)
    assert not torch.equal(vae.parameters_of("encoder")[0], small_vae().parameters_of("encoder")[0])


def test_the_target_of_the_reference_changes_the_encoder_s_gradient_and_not_its_loss():
    vae = small_vae()
    detached, reference = (first_move(SoftIntro(beta_neg=1.0, target=target), vae) for target in ("detached", "reference"))
    assert detached.loss == reference.loss
    pairs = zip(gradients(detached, vae, "encoder"), gradients(reference, vae, "encoder"), strict=True)
    assert all((one - other).abs().max() > 1e-6 for one, other in pairs)


@pytest.mark.parametrize("beta_neg", [1e6, 1e300])
def test_with_beta_neg_towards_infinity_the_encoder_minimizes_s_times_the_vae_s_loss(beta_neg):
    vae = small_vae()
    encoder = first_move(SoftIntro(beta_rec=0.6, beta_kl=1.7, beta_neg=beta_neg), vae)
    joint = first_move(SoftIntro(beta_rec=0.6, beta_kl=1.7, warmup=1.0), vae)
    assert (encoder.players, joint.players) == (("encoder",), AUTOENCODER)
    torch.testing.assert_close(encoder.loss, S * joint.loss, **EXACT)
    pairs = zip(gradients(encoder, vae, "encoder"), gradients(joint, vae, "encoder"), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, S * other, **EXACT)


def test_the_warm_up_is_the_vae_without_s():
    vae = small_vae()
    moves = list(SoftIntro(warmup=0.5).moves(vae, Draw((batch(),)), a_context(step=49)))
    (plain,) = ELBO().moves(vae, Draw((batch(),)), a_context(step=49))
    assert [move.players for move in moves] == [AUTOENCODER]
    assert moves[0].loss == plain.loss
    for one, other in zip(gradients(moves[0], vae, *AUTOENCODER), gradients(plain, vae, *AUTOENCODER), strict=True):
        torch.testing.assert_close(one, other, **EXACT)


def test_a_scaled_warm_up_leaves_adam_as_it_is_needed_after_it():
    """Without s, the second moments of Adam are those of gradients six times as large, and the steps after it are smaller."""
    moved = {}
    for scaled in (False, True):
        vae, game = small_vae(), SoftIntro(warmup=50.0, warmup_scaled=scaled)
        (move,) = game.moves(vae, Draw((batch(),)), a_context())
        (plain,) = ELBO().moves(vae, Draw((batch(),)), a_context())
        torch.testing.assert_close(move.loss, (S if scaled else 1.0) * plain.loss, **EXACT)
        optimizers = make_optimizers(vae, Recipe(game, optimizer=Optimizer("adam", 2e-4)))
        for step in range(60):
            before = vae.parameters_of("decoder")[0].detach().clone()
            context = Context(step, 1000, 1000, torch.Generator().manual_seed(step))
            train_step(vae, game, optimizers, Draw((batch(),)), context)
        moved[scaled] = (vae.parameters_of("decoder")[0].detach() - before).abs().mean().item()
    assert moved[True] > 2 * moved[False]


@pytest.mark.parametrize(
    ("warmup", "last_joint"), [(0.0, None), (0.5, 49), (1.0, 99), (7.0, 6), (0.075, 7)], ids=["none", "half", "all", "7", "7.5"]
)
def test_the_warm_up_lasts_as_long_as_other_durations(warmup, last_joint):
    vae, game = small_vae(), SoftIntro(warmup=warmup)
    last = -1 if last_joint is None else last_joint
    for step in {0, max(last, 0), last + 1}:
        joint = first_move(game, vae, a_context(step=step)).players == AUTOENCODER
        assert joint == (step <= last)


def perfect_vae():
    """Every image is the decoder's bias, and every posterior the prior: its own images have L = 0 and KL = 0."""
    vae = small_vae()
    with torch.no_grad():
        for parameter in (*vae.networks["encoder"].parameters(), vae.networks["decoder"][0].weight):
            parameter.zero_()
    return vae


def test_an_exponential_is_one_where_nothing_is_lost_and_nowhere_else():
    vae = perfect_vae()
    move = first_move(SoftIntro(), vae)
    for name in ("exp_elbo_rec", "exp_elbo_fake"):
        assert torch.equal(move.terms[name].value, torch.ones(BATCH, dtype=torch.float64))
    assert move.watch["clamped"].value == 0  # no energy is below 0
    real = first_move(SoftIntro(warmup=1.0), vae).loss
    torch.testing.assert_close(move.loss, S * real + 0.5, **EXACT)  # the adversarial part is at most a half
    with torch.no_grad():
        vae.networks["encoder"][1].bias[0] = 1e-3  # a KL of 5e-7
    low = first_move(SoftIntro(), vae).terms["exp_elbo_fake"].value
    torch.testing.assert_close(low, torch.full_like(low, math.exp(-2 * S * 256 * 5e-7)), **EXACT)
    with torch.no_grad():
        vae.networks["encoder"][1].bias[0] = 0.0
        vae.networks["decoder"][0].weight.fill_(1e-3)
    assert (first_move(SoftIntro(), vae).terms["exp_elbo_rec"].value < 1).all()


def test_exponentials_lie_in_the_unit_interval_and_keep_the_encoder_s_loss_finite():
    for level in (0.0, 1.0, 1e3, 1e8):
        vae = small_vae()
        with torch.no_grad():
            for parameter in vae.parameters():
                parameter.mul_(1 + level)
        for move in SoftIntro().moves(vae, Draw((batch() * max(level, 1.0),)), a_context()):
            values = [term.value for name, term in move.terms.items() if name.startswith("exp_elbo")]
            assert all(((value >= 0) & (value <= 1)).all() for value in values)
            assert not move.players or move.loss.isfinite()


def test_negative_energies_are_held_at_one_without_a_gradient():
    energy = torch.tensor([-3.0, -1e-9, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
    value = exp_elbo(energy, 0.25)
    value.sum().backward()
    assert value.tolist() == [1.0, 1.0, 1.0, math.exp(-1)]
    assert energy.grad.tolist() == [0.0, 0.0, -0.5, -0.5 * math.exp(-1)]


def test_the_push_on_the_divergence_of_a_fake_by_finite_differences():
    """d/dk [1/4 exp(-2 s (beta_rec r + beta_neg k))] = -1/2 s beta_neg exp(...), and alike in r."""
    beta_rec, beta_neg, r, k, h = 0.7, 3.0, 1.2, 0.4, 1e-6

    def adversarial(r, k):
        energy = torch.tensor([beta_rec * r + beta_neg * k], dtype=torch.float64)
        return 0.25 * exp_elbo(energy, S).item()

    exponential = math.exp(-2 * S * (beta_rec * r + beta_neg * k))
    by_k = (adversarial(r, k + h) - adversarial(r, k - h)) / (2 * h)
    by_r = (adversarial(r + h, k) - adversarial(r - h, k)) / (2 * h)
    assert by_k == pytest.approx(-0.5 * S * beta_neg * exponential, rel=1e-8)
    assert by_r == pytest.approx(-0.5 * S * beta_rec * exponential, rel=1e-8)


@pytest.mark.parametrize("name", ["exp_elbo_rec", "exp_elbo_fake"])
def test_the_gradient_of_the_exponentials_by_finite_differences_in_the_encoder(name):
    """Of the whole path: through encoding, sampling and decoding of an image that is held constant."""
    vae, game = small_vae(), SoftIntro(beta_neg=2.0)
    weight = vae.networks["encoder"][1].weight
    term = first_move(game, vae).terms[name]
    (gradient,) = torch.autograd.grad(term.mean, [weight])

    def shifted(by):
        """What the term would be with another encoder, its images those of the first."""
        images = own_images(small_vae())[name.removeprefix("exp_elbo_")]
        changed_vae = small_vae()
        with torch.no_grad():
            changed_vae.networks["encoder"][1].weight[1, 2] += by
        noise = torch.Generator().manual_seed(7)
        draws = [torch.randn(BATCH, LATENTS, generator=noise, dtype=torch.float64) for _ in range(4)]
        q = changed_vae.encode(images)
        z = q.mean + q.variance.sqrt() * draws[2 if name == "exp_elbo_rec" else 3]
        energy = 0.5 * (images - changed_vae.decode(z)).square().flatten(1).sum(1)
        return torch.exp(-2 * S * (energy + 2.0 * q.kl(changed_vae.prior))).mean().item()

    h = 1e-6
    assert term.mean.item() == pytest.approx(shifted(0.0), rel=1e-12)
    assert gradient[1, 2].item() == pytest.approx((shifted(h) - shifted(-h)) / (2 * h), rel=1e-6)


def own_images(vae):
    """Reconstructions and fakes as the encoder's move sees them."""
    noise = torch.Generator().manual_seed(7)
    with torch.no_grad():
        made = vae(batch(), noise)
        return {"rec": made.reconstruction, "fake": vae.decode(vae.prior.sample(BATCH, noise))}


class Spy(SoftIntro):
    """Records which networks each move changed."""

    def moves(self, vae, draw, context):
        before = snapshot(vae)
        for move in super().moves(vae, draw, context):
            modes = _modes()
            yield move
            assert _modes() == modes == (True, False)
            self.__dict__.setdefault("record", []).append((move.players, changed(before, vae)))
            before = snapshot(vae)


def normed_vae():
    """A small model with batch normalization in both networks."""
    vae = small_vae(normed=True)
    vae.networks["decoder"].insert(0, nn.BatchNorm1d(LATENTS, dtype=torch.float64))
    return vae


@pytest.mark.parametrize("normed", [False, True])
def test_a_player_s_move_leaves_the_other_as_it_was_to_the_last_bit_buffers_included(normed):
    game, vae = Spy(), normed_vae() if normed else small_vae()
    play(game, vae, 3)
    assert game.record == [(("encoder",), {"encoder"}), (("decoder",), {"decoder"}), ((), set())] * 3


def test_running_statistics_are_of_images_and_their_reconstructions_alone():
    vae = normed_vae()
    play(SoftIntro(), vae, optimizer=Optimizer("sgd", 1e-300))
    encoder, decoder = vae.networks["encoder"][1], vae.networks["decoder"][0]
    assert (encoder.num_batches_tracked, decoder.num_batches_tracked) == (1, 1)
    torch.testing.assert_close(encoder.running_mean, 0.1 * batch().flatten(1).mean(0))
    fresh = normed_vae()
    z = fresh.encode(batch()).sample(torch.Generator().manual_seed(0))
    torch.testing.assert_close(decoder.running_mean, 0.1 * z.detach().mean(0))
    assert encoder.track_running_stats
    assert decoder.track_running_stats


def test_a_likelihood_learns_its_scale_from_images_alone_once_a_step():
    """Its running variance is a buffer of the decoder's player, whose only pass of images the encoder's move makes."""
    vae = small_vae()
    vae.networks["likelihood"] = likelihood = GaussianOptimal(squash="none").double()
    made = vae(batch(), torch.Generator().manual_seed(0))
    variance = (made.output - batch()).square().mean()
    likelihood.batches.zero_()
    play(SoftIntro(), vae, optimizer=Optimizer("sgd", 1e-300))
    assert likelihood.batches == 1
    torch.testing.assert_close(likelihood.variance, variance.detach())


def test_evaluation_changes_no_byte_and_repeats():
    vae = normed_vae()
    before = snapshot(vae)
    shown = [evaluate_step(vae, SoftIntro(), Draw((batch(),)), a_context(training=False)) for _ in range(2)]
    assert changed(before, vae) == set()
    assert vae.training
    first, second = ([{k: v.tolist() for k, v in outcome.values.items()} for outcome in outcomes] for outcomes in shown)
    assert first == second
    assert [outcome.players for outcome in shown[0]] == [("encoder",), ("decoder",), ()]


def test_same_seed_same_run():
    ends = []
    for _ in range(2):
        vae = normed_vae()
        play(SoftIntro(), vae, 3)
        ends.append(snapshot(vae))
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_what_is_logged_is_in_nats_and_unweighted():
    vae = small_vae()
    weights = {"beta_rec": 3.0, "beta_kl": 5.0, "beta_neg": 7.0, "gamma_r": 0.5}
    encoder, decoder, everybody = SoftIntro(**weights).moves(vae, Draw((batch(),)), a_context())
    (plain,) = ELBO().moves(vae, Draw((batch(),)), a_context())
    for name in ("nll", "kl"):
        torch.testing.assert_close(encoder.terms[name].value, plain.terms[name].value)
        torch.testing.assert_close(everybody.watch[name].value, plain.terms[name].mean)
    assert set(everybody.watch) == {"nll", "kl", "kl_per_dim"}
    assert set(decoder.terms) == {"nll", "nll_rec", "kl_rec", "nll_fake", "kl_fake"}
    for name, image in own_images(vae).items():
        q = vae.encode(image)
        torch.testing.assert_close(decoder.terms[f"kl_{name}"].value, q.kl(vae.prior))
        least = vae.likelihood.normalizer(PIXELS)
        assert (decoder.terms[f"nll_{name}"].value > least).all()  # constants included
    expected = {"nll": 3 * S, "nll_rec": 0.75 * S, "nll_fake": 0.75 * S, "kl_rec": 2.5 * S, "kl_fake": 2.5 * S}
    assert {name: term.weight for name, term in decoder.terms.items()} == pytest.approx(expected)


def test_the_reconstruction_of_its_own_images_costs_no_gradient_where_it_has_no_weight():
    vae = small_vae()
    shown = {}
    for gamma_r in (0.0, 1e-8):
        _, decoder, _ = SoftIntro(gamma_r=gamma_r).moves(vae, Draw((batch(),)), a_context())
        assert decoder.terms["nll_fake"].value.requires_grad == decoder.terms["nll_rec"].value.requires_grad == (gamma_r > 0)
        shown[gamma_r] = {name: term.value.detach() for name, term in decoder.terms.items()}
    assert all(torch.equal(value, shown[1e-8][name]) for name, value in shown[0.0].items())


@pytest.mark.parametrize("player", ["encoder", "decoder"])
def test_no_image_of_the_model_s_own_is_encoded_with_a_gradient_nobody_uses(player):
    """The encoder's move takes gradients of its own images nowhere; the decoder's takes them, of each once."""
    vae = small_vae()
    seen = []
    vae.networks["encoder"].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].requires_grad))
    moves = SoftIntro().moves(vae, Draw((batch(),)), a_context())
    next(moves)
    assert seen == [False] * 3  # data, reconstructions, fakes
    next(moves)
    assert seen[3:] == [True] * 2


def test_the_decoder_draws_once_for_both_moves():
    """D(z) and D(noise), and then what it draws of the encoder's answers to them, in each move."""
    vae = small_vae()
    seen = []
    vae.networks["decoder"].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    play(SoftIntro(), vae)
    assert len(seen) == 2 + 2 + 2
    assert len({z.detach().numpy().tobytes() for z in seen}) == 6


@pytest.mark.parametrize("beta_kl", [1.0, 8.0])
def test_total_correlation_of_weight_one_is_soft_intro_vae_in_value_and_gradient(beta_kl):
    plain = SoftIntro(beta_kl=beta_kl, beta_neg=3.0)
    zero = (KL(), TotalCorrelation(0.0))
    found = []
    for game in (plain, SoftIntro(zero, zero, beta_kl=beta_kl, beta_neg=3.0)):
        vae, moves = small_vae(), []
        for move in game.moves(vae, Draw((batch(),)), a_context()):
            if move.players:
                moves += [move.loss.detach(), *gradients(move, vae, *move.players)]
        found.append(moves)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(other, one, **EXACT)


def naive_total_correlation(z, mean, variance):
    """log 1/B sum_j q(z_i|x_j) - sum_d log 1/B sum_j q(z_id|x_j), by loops."""
    values = []
    for point in z:
        densities = torch.exp(-((point - mean) ** 2) / (2 * variance)) / (2 * math.pi * variance).sqrt()
        values.append(densities.prod(1).mean().log() - densities.mean(0).log().sum())
    return torch.stack(values)


def test_energies_of_the_tc_model_hold_each_image_s_own_estimate_from_its_own_batch():
    """beta_rec L + beta_neg (KL + (b - 1) TC), fakes among fakes and reconstructions among reconstructions."""
    vae = small_vae()
    with torch.no_grad():
        vae.networks["encoder"][1].weight.mul_(3)
    game = SoftIntro((KL(), TotalCorrelation(9.0)), (KL(), TotalCorrelation(4.0)), beta_rec=0.2, beta_neg=0.5)
    encoder, decoder, _ = game.moves(vae, Draw((batch(),)), a_context())
    noise = torch.Generator().manual_seed(7)
    draws = [torch.randn(BATCH, LATENTS, generator=noise, dtype=torch.float64) for _ in range(6)]
    for i, (name, image) in enumerate(own_images(vae).items()):
        q = vae.encode(image)
        z = q.mean + q.variance.sqrt() * draws[2 + i]
        energy = 0.2 * 0.5 * (image - vae.decode(z)).square().flatten(1).sum(1)
        energy = energy + 0.5 * (q.kl(vae.prior) + 4 * naive_total_correlation(z, q.mean, q.variance))
        torch.testing.assert_close(encoder.terms[f"exp_elbo_{name}"].value, torch.exp(-2 * S * energy).clamp(max=1))
        z = q.mean + q.variance.sqrt() * draws[4 + i]
        expected = naive_total_correlation(z, q.mean, q.variance)
        torch.testing.assert_close(decoder.terms[f"tc_plain_{name}"].value, expected)
        assert decoder.terms[f"tc_plain_{name}"].weight == pytest.approx(4.5 * S)
    assert encoder.terms["tc_plain"].weight == pytest.approx(9 * S)


def test_how_often_exponentials_are_clamped_is_logged():
    shares = {}
    for weight in (0.0, 1e6):
        vae = small_vae()
        game = SoftIntro((KL(),), (KL(), TotalCorrelation(weight)), beta_rec=1e-6)
        move = first_move(game, vae)
        shares[weight] = move.watch["clamped"].value.item()
        at_one = [move.terms[f"exp_elbo_{name}"].value == 1 for name in ("rec", "fake")]
        assert shares[weight] == torch.cat(at_one).double().mean()
    assert shares[0.0] == 0
    assert 0 < shares[1e6] < 1  # single images' estimates of the total correlation have both signs


def test_a_batch_of_one_image_has_the_same_scale():
    one = batch()[:1]
    plain, scaled = (
        first_move(SoftIntro(warmup=1.0, warmup_scaled=own), small_vae(), images=one).loss for own in (False, True)
    )
    torch.testing.assert_close(scaled, S * plain, **EXACT)
    encoder, decoder = list(SoftIntro().moves(perfect_vae(), Draw((one,)), a_context()))[:2]
    assert encoder.terms["exp_elbo_fake"].value == 1
    torch.testing.assert_close(decoder.terms["nll"].weight * decoder.terms["nll"].mean, S * decoder.terms["nll"].mean, **EXACT)


@pytest.mark.parametrize("rate", [Capacity(), DipII()])
def test_rates_of_one_value_a_batch_are_refused(rate):
    with pytest.raises(IncompatibleParts, match=f"{type(rate).__name__} has one value per batch"):
        SoftIntro((rate,))
    with pytest.raises(IncompatibleParts, match="kl, total_correlation"):
        SoftIntro((KL(),), (KL(), rate))
    assert SoftIntro((Capacity(reduction="sample"),)).inside == (Capacity(reduction="sample"),)


def test_the_exponential_sees_no_constant_of_the_likelihood():
    """A Gaussian of small scale has a negative loss; the exponential would overflow with its constant."""
    vae = perfect_vae()
    vae.networks["likelihood"] = Gaussian(1e-6, squash="none")
    encoder, decoder, _ = SoftIntro().moves(vae, Draw((batch(),)), a_context())
    assert torch.equal(encoder.terms["exp_elbo_fake"].value, torch.ones(BATCH, dtype=torch.float64))
    assert (decoder.terms["nll_fake"].value < -70).all()


def test_autocast_leaves_losses_in_float32():
    vae = small_vae().float()
    around = torch.autocast("cpu", torch.bfloat16)
    game = SoftIntro((KL(), TotalCorrelation(5.0)))
    optimizers = make_optimizers(vae, Recipe(game))
    for outcome in train_step(vae, game, optimizers, Draw((batch().float(),)), a_context(), around):
        assert all(value.dtype == torch.float32 for value in outcome.values.values())
    assert not torch.is_autocast_enabled("cpu")
