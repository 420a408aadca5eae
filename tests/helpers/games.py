"""Small models, and games that are harder than any objective so far, to hold the training loop to its promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from unbraid.data.draws import Batches
from unbraid.distributions.likelihoods.gaussian import Gaussian
from unbraid.distributions.posteriors.diagonal_normal import DiagonalNormalHead
from unbraid.distributions.priors.standard_normal import StandardNormal
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Move, Objective
from unbraid.terms import AUTOENCODER, Context, Draw, Term

PIXELS, LATENTS = 6, 3


def small_vae(objective: Objective | None = None, *, seed: int = 0, normed: bool = False) -> VAE:
    """A linear model of 1 x 1 x 6 images in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        norm = [nn.BatchNorm1d(PIXELS)] if normed else []
        likelihood = Gaussian(1.0, squash="none")
        extra = objective.networks({"likelihood": likelihood}, (1, 1, PIXELS), LATENTS) if objective else None
        vae = VAE(
            nn.Sequential(nn.Flatten(), *norm, nn.Linear(PIXELS, 2 * LATENTS)),
            nn.Sequential(nn.Linear(LATENTS, PIXELS), nn.Unflatten(1, (1, 1, PIXELS))),
            likelihood,
            StandardNormal(LATENTS),
            DiagonalNormalHead(LATENTS),
            extra,
            objective.players if objective else None,
        )
    return vae.double()


def batch(n: int = 8, seed: int = 1) -> torch.Tensor:
    return torch.rand(n, 1, 1, PIXELS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def a_context(training: bool = True, step: int = 0) -> Context:
    return Context(step, 100, 1000, torch.Generator().manual_seed(7), training)


@dataclass(frozen=True)
class Adversarial:
    """Joint warm-up, then encoder against decoder, then a discriminator with two batches; state that moves after each step."""

    draws: Batches = Batches(2)  # noqa: RUF009 - frozen

    @property
    def players(self):
        return {"discriminator": ("discriminator",), "keeper": ("average",)}

    def networks(self, own, image_shape, latent_dim: int):
        average = nn.Module()
        average.register_buffer("level", torch.zeros(()))
        return {"discriminator": nn.Sequential(nn.Linear(latent_dim, 4), nn.Tanh(), nn.Linear(4, 1)), "average": average}

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        made = vae(draw.batches[0], context.generator)
        level = vae.networks["average"].level

        def keep() -> None:
            level.mul_(0.5).add_(0.5 * float(made.nll.detach().mean()))

        yield Move(AUTOENCODER, {"nll": Term(made.nll), "kl": Term(made.kl, 2.0)}, after=keep)
        again = vae(draw.batches[0], context.generator)
        yield Move(("encoder",), {"nll": Term(again.nll), "fool": Term(vae.networks["discriminator"](again.z)[:, 0], -1.0)})
        fake = vae.decode(vae.prior.sample(len(again.z), context.generator).double())
        yield Move(("decoder",), {"fake": Term(vae.encode(fake).kl(vae.prior))})
        with torch.no_grad():
            other = vae.encode(draw.batches[1]).sample(context.generator)
        discriminator = vae.networks["discriminator"]
        scores = torch.cat([discriminator(again.z.detach()), -discriminator(other)])[:, 0]
        yield Move(("discriminator",), {"score": Term(nn.functional.softplus(scores))})
