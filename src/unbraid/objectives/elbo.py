"""Encoder and decoder minimize reconstruction and rates together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from unbraid.data.draws import Batches
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Move, OfTwo
from unbraid.rates.kl import KL
from unbraid.terms import AUTOENCODER, Context, Draw, Pass, Quantity, Rate, Term, join_terms


def reconstruction_and_rates(made: Pass, rates: Sequence[Rate], context: Context) -> dict[str, Term]:
    """The terms of a bound: `nll` and those of the rates."""
    return join_terms([{"nll": Term(made.nll)}, *(rate(made, context) for rate in rates)])


def watched(made: Pass) -> dict[str, Quantity]:
    """What is logged of a pass beside the terms: the KL of each latent, and a learned pixel scale.

    >>> watched(made)["kl_per_dim"]
    Quantity(value=tensor([0.5000, 0.0000]), unit='nats', label='')
    """
    per_dim, scale = made.kl_per_dim, made.likelihood.scale
    shown = {} if per_dim is None else {"kl_per_dim": Quantity(per_dim.mean(0))}
    return shown if scale is None else {**shown, "sigma": Quantity(scale, "number")}


@dataclass(frozen=True)
class ELBO(OfTwo):
    """-E_q[log p(x|z)] + the sum of the rates, in nats per image.

    >>> from unbraid.rates.kl import KL
    >>> objective = ELBO(rates=(KL(beta=4.0),))
    >>> objective.rates, objective.draws
    ((KL(beta=4.0, warmup=0.0, start=0.0, normalized=False),), Batches(count=1))
    """

    rates: tuple[Rate, ...] = (KL(),)
    draws: Batches = field(default=Batches(1))

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """One move of both players."""
        made = vae(draw.batches[0], context.generator)
        yield Move(AUTOENCODER, reconstruction_and_rates(made, self.rates, context), watch=watched(made))
