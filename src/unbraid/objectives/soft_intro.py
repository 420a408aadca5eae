"""Soft-IntroVAE's game: the encoder tells data from generated images, the decoder fools it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch

from unbraid.data.draws import Batches
from unbraid.distributions.protocols import Images, PerImage
from unbraid.errors import IncompatibleParts
from unbraid.nn.running_statistics import frozen_running_stats
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import reconstruction_and_rates, watched
from unbraid.objectives.moves import Move, OfTwo
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Context, Draw, Pass, Quantity, Rate, Term, join_terms

Target = Literal["detached", "reference"]


def exp_elbo(energy: PerImage, scale: float) -> PerImage:
    """exp(-2 * scale * energy), and 1 without a gradient where the energy is negative."""
    return (-2 * scale * energy).clamp(max=0).exp()


@dataclass(frozen=True)
class SoftIntro(OfTwo):
    r"""Encoder against decoder (Daniel and Tamar, 2021, Algorithm 1), in two moves per step.

    With s = 1 / (C H W), L the reconstruction's energy (-log p(x|z) without constants), R the rates, x_f = D(z) for z from the
    prior, x_r = D(z(x)), and sg for no gradient, the encoder and then the decoder minimize

    .. math::
        L_E &= s [\beta_{rec} L(x) + \beta_{kl} R(x)]
            + \tfrac14 e^{-2s [\beta_{rec} L(x_f) + \beta_{neg} R'(x_f)]}
            + \tfrac14 e^{-2s [\beta_{rec} L(x_r) + \beta_{neg} R'(x_r)]} \\
        L_D &= s \{\beta_{rec} L(x) + \tfrac12 \beta_{kl} [R(x_f) + R(x_r)]
            + \tfrac12 \gamma_r \beta_{rec} [L(\mathrm{sg}\, x_f) + L(\mathrm{sg}\, x_r)]\}

    each a mean over the batch. The exponentials are taken for each image, and are between 0 and 1. R of the decoder's images
    has its gradient through the encoder, which learns nothing from it. The decoder's move takes the latents of prior and images
    as they were, and everything else from the updated encoder.

    Reconstructions and rates are logged in nats per image. `exp_elbo_...`, `clamped` (the share of the model's own images whose
    energy was negative, as estimates of the total correlation can make it) and the players' losses, scaled by s, are no nats.

    Deviations from the source: the reconstruction that the encoder has to miss is a constant to it (`target`); all likelihoods
    are summed over pixels, where the code averages cross-entropies and absolute errors; running statistics of normalizations
    come from images and their reconstructions alone.

    Args:
        rates: R.
        negative_rates: R', the rates inside the exponentials; R unless given.
        beta_rec: weight of reconstructions.
        beta_kl: weight of the rates outside the exponentials.
        beta_neg: weight of those inside.
        gamma_r: weight of the decoder's reconstruction of its own images.
        target: `reference` for the gradient of the source's code, which reaches the encoder through x_r as a target too.
        warmup: duration of a plain VAE's training at first, both players together and without s: a fraction of the run up to 1,
            steps above it; 0 for none.
        warmup_scaled: whether the loss of the warm-up is multiplied by s as well. Where it is not, as in the source's code,
            Adam keeps dividing by gradients 1 / s times as large, and hardly moves for thousands of steps after the warm-up.

    Raises:
        IncompatibleParts: for a rate that has one value per batch.
    """

    rates: tuple[Rate, ...] = (KL(),)
    negative_rates: tuple[Rate, ...] | None = None
    beta_rec: float = 1.0
    beta_kl: float = 1.0
    beta_neg: float = 256.0
    gamma_r: float = 1e-8
    target: Target = "detached"
    warmup: float = 0.0
    warmup_scaled: bool = False
    draws: Batches = field(default=Batches(1))

    def __post_init__(self) -> None:
        for rate in (*self.rates, *self.inside):
            if not rate.per_sample:
                raise IncompatibleParts(
                    f"Soft-Intro takes the exponential of each image's energy; {type(rate).__name__} has one value per batch. "
                    "Choose a rate with one value per image, such as kl, total_correlation or decomposed."
                )

    @property
    def inside(self) -> tuple[Rate, ...]:
        """The rates inside the exponentials."""
        return self.rates if self.negative_rates is None else self.negative_rates

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """A joint move during the warm-up; then the encoder's, the decoder's, and one that only logs."""
        images = draw.batches[0]
        if context.ramp(self.warmup) < 1:
            yield self._joint_move(vae, images, context)
            return
        decoder = vae.networks["decoder"]
        with frozen_running_stats(decoder) as update_running_stats:
            real = vae(images, context.generator)
        terms = reconstruction_and_rates(real, self.rates, context)
        with frozen_running_stats(decoder):
            fake = vae.likelihood.mean(vae.decode(vae.prior.sample(len(images), context.generator)))
        yield self._encoder_move(vae, real, fake.detach(), terms, context)
        shown = {name: Quantity(term.mean.detach(), term.unit, term.label) for name, term in terms.items()} | watched(real)
        update_running_stats()  # with the reconstructions of the encoder's move
        yield self._decoder_move(vae, real, fake, context)
        yield Move((), {}, watch=shown)

    def _joint_move(self, vae: VAE, images: Images, context: Context) -> Move:
        made = vae(images, context.generator)
        terms = reconstruction_and_rates(made, self.rates, context)
        scale = 1 / images[0].numel() if self.warmup_scaled else 1.0
        weighed = _weigh(terms, scale * self.beta_rec, scale * self.beta_kl)
        return Move(AUTOENCODER, weighed, watch=watched(made), unit="number" if self.warmup_scaled else "nats")

    def _encoder_move(self, vae: VAE, real: Pass, fake: Images, terms: Mapping[str, Term], context: Context) -> Move:
        scale = 1 / real.images[0].numel()
        reconstruction = real.reconstruction
        target = reconstruction if self.target == "reference" else reconstruction.detach()
        with frozen_running_stats(vae):
            energies = {
                "rec": self._negative_energy(vae, reconstruction.detach(), target, context),
                "fake": self._negative_energy(vae, fake, fake, context),
            }
        loss = _weigh(terms, scale * self.beta_rec, scale * self.beta_kl)
        loss |= {f"exp_elbo_{name}": Term(exp_elbo(energy, scale), 0.25, "number") for name, energy in energies.items()}
        negative = torch.cat(list(energies.values())) < 0
        clamped = Quantity(negative.to(real.nll.dtype).mean(), "share")
        return Move(("encoder",), loss, watch={"clamped": clamped}, retain_graph=True, unit="number")

    def _negative_energy(self, vae: VAE, images: Images, target: Images, context: Context) -> PerImage:
        """The energy that the encoder raises, of constant images; reconstructions are compared with `target`."""
        posterior = vae.encode(images)
        z = posterior.sample(context.generator)
        output = vae.decode(z)
        energy = vae.likelihood.energy(output, target)
        nll = _nll(vae, energy, images)
        made = Pass(images, posterior, z, output, nll, vae.prior, vae.likelihood, vae.decode_for_derivatives)
        terms = join_terms([rate(made, context) for rate in self.inside])
        rates = [term.weight * term.value for term in terms.values() if term.learns]
        return self.beta_rec * energy + self.beta_neg * sum(rates, start=torch.zeros_like(energy))

    def _decoder_move(self, vae: VAE, real: Pass, fake: Images, context: Context) -> Move:
        scale = 1 / fake[0].numel()
        # compared anew: a likelihood that learns its scale from data does so in the move of its player
        loss = {"nll": Term(vae.likelihood.nll(real.output, real.images), scale * self.beta_rec)}
        with frozen_running_stats(vae):
            for name, image in {"rec": real.reconstruction, "fake": fake}.items():
                terms = reconstruction_and_rates(self._seen_again(vae, image, context), self.rates, context)
                terms = _weigh(terms, 0.5 * scale * self.gamma_r * self.beta_rec, 0.5 * scale * self.beta_kl)
                loss |= {f"{term}_{name}": value for term, value in terms.items()}
        return Move(("decoder",), loss, unit="number")

    def _seen_again(self, vae: VAE, images: Images, context: Context) -> Pass:
        """The pass of generated images, with gradients through their posterior and not the comparison."""
        posterior = vae.encode(images)
        z = posterior.sample(context.generator)
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.gamma_r > 0):
            output = vae.decode(z.detach())
            nll = _nll(vae, vae.likelihood.energy(output, images.detach()), images)
        return Pass(images, posterior, z, output, nll, vae.prior, vae.likelihood, vae.decode_for_derivatives)


def _weigh(terms: Mapping[str, Term], reconstruction: float, rates: float) -> dict[str, Term]:
    """Terms with their weights multiplied, those of rates by the second number."""
    scales = {name: reconstruction if name == "nll" else rates for name in terms}
    return {name: replace(term, weight=scales[name] * term.weight) for name, term in terms.items()}


def _nll(vae: VAE, energy: PerImage, images: Images) -> PerImage:
    """-log p(x|z) of generated images; `nll` would count them as data for a learned scale."""
    return energy + vae.likelihood.normalizer(images[0].numel())
