"""The game of one: encoder and decoder minimise reconstruction and rate together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from torch import nn

from unbraid.data.draws import Batches
from unbraid.interfaces import AUTOENCODER, Context, Draw, Rate, Term, join_terms
from unbraid.nn.interfaces import Shape
from unbraid.nn.vae import VAE
from unbraid.objectives.interface import Move
from unbraid.rates.kl import KL


@dataclass(frozen=True)
class ELBO:
    """-E_q[log p(x|z)] + the sum of the rates, in nats per image."""

    rates: tuple[Rate, ...] = (KL(),)
    draws: Batches = field(default=Batches(1))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """None beyond encoder and decoder."""
        return {}

    def networks(self, own: Mapping[str, nn.Module], image_shape: Shape, latent_dim: int) -> Mapping[str, nn.Module]:
        """None beyond encoder and decoder."""
        return {}

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """One move of both players."""
        made = vae(draw.batches[0], context.generator)
        terms = join_terms([{"nll": Term(made.nll)}, *(rate(made, context) for rate in self.rates)])
        per_dim = made.kl_per_dim
        watch = {"kl_per_dim": None if per_dim is None else per_dim.mean(0), "sigma": vae.likelihood.scale}
        yield Move(AUTOENCODER, terms, watch={name: value for name, value in watch.items() if value is not None})
