"""Constrained training: a Lagrange multiplier holds the reconstruction or the KL at a bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.data.draws import Batches
from unbraid.distributions.protocols import Likelihood, PerImage
from unbraid.errors import IncompatibleParts
from unbraid.nn.registry import Shape
from unbraid.nn.vae import VAE
from unbraid.objectives.elbo import watched
from unbraid.objectives.moves import Move
from unbraid.terms import AUTOENCODER, Context, Draw, Pass, Quantity, Term

LEAST, MOST = 1e-6, 1e6
"""Between these a multiplier stays, so that it finds back from a constraint that could not be met for a while."""

MULTIPLIER = "multiplier"
"""The network that holds it."""


class Multiplier(nn.Module):
    """The weight of a constraint and the running mean of its violation, updated by `ascend`.

    Args:
        start: first value.
    """

    value: Tensor
    mean: Tensor
    batches: Tensor

    def __init__(self, start: float) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(start))
        self.register_buffer("mean", torch.tensor(0.0))
        self.register_buffer("batches", torch.tensor(0))

    def ascend(self, violation: Float[Tensor, ""], rate: float, memory: float) -> None:
        """Update the running mean of violations, in shares of the bound; scale by exp(rate * mean)."""
        share = torch.where(self.batches == 0, 1.0, 1 - memory)
        self.mean.lerp_(violation.clamp(-1, 1).to(self.mean), share.to(self.mean))
        self.batches += 1
        self.value.mul_((rate * self.mean).exp()).clamp_(LEAST, MOST)


@dataclass(frozen=True)
class Constrained:
    r"""Minimize the KL subject to a bound on the reconstruction, or the other way round.

    .. math:: \min f \;\text{ such that }\; g \le b: \qquad
        \mathcal{L} = f + \lambda (g - b), \qquad \lambda \leftarrow \lambda\, e^{\rho\, \bar v},
        \quad \bar v \leftarrow m \bar v + (1 - m)\, [g / b - 1]_{-1}^{1}

    in nats per image. Held is g: the reconstruction's energy (-log p(x|z) without the likelihood's constant, never negative;
    f is then the KL), or the KL (f is then -log p(x|z)). Encoder and decoder minimize the Lagrangian at the multiplier as it
    is; after their step the multiplier climbs it. It grows while the bound is missed, shrinks while there is room, and stands
    still where g = b: there it is the exact multiplier of the problem. At a fixed multiplier the gradients are those of
    beta-VAE: with the KL held of beta = lambda, with the reconstruction held lambda times those of beta = 1 / lambda.

    With the reconstruction held this is GECO (Rezende and Viola, 2018, Taming VAEs, arXiv:1810.00597). The ascent on log lambda
    is its, and serves the KL as well, whose textbook ascent adds to lambda instead: the right multiplier may be 0.01 or 10,
    depending on the likelihood alone, and one rate fits both only if it multiplies. Ours is that violations are shares of the
    bound, cut off at 1, so that no unit enters the rate either and a first, random decoder does not drive the multiplier
    off. The source puts the running mean in the place of g - b, by a straight-through estimate; this changes no gradient of
    encoder and decoder, and is left out. Where a bound cannot be met, or holds by itself, the multiplier ends at 1e6 or 1e-6.

    Logged: `violation` = g - b in nats per image, above 0 while the bound is missed, and `multiplier`, which is no nats.

    Args:
        held: `reconstruction` or `kl`.
        bound: b, in nats per image, above 0.
        rate: rho, by how much log lambda changes per step while g is twice its bound.
        start: lambda at the beginning.
        memory: m, the share that the running mean of violations keeps at each step; it begins at the first batch's.

    Raises:
        IncompatibleParts: with the reconstruction held, for a likelihood that learns its scale: any error is within a bound
            that moves with the scale.
    """

    held: Literal["reconstruction", "kl"] = "reconstruction"
    bound: float = 40.0
    rate: float = 5e-3
    start: float = 1.0
    memory: float = 0.99
    draws: Batches = field(default=Batches(1))

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """None beyond encoder and decoder: the multiplier has nothing to learn by gradient."""
        return {}

    def networks(self, own: Mapping[str, nn.Module], image_shape: Shape, latent_dim: int) -> Mapping[str, nn.Module]:
        """The multiplier's."""
        if self.held == "reconstruction" and cast(Likelihood, own["likelihood"]).scale is not None:
            raise IncompatibleParts(
                f"{type(own['likelihood']).__name__} learns the scale of a pixel, by which any reconstruction gets within a "
                "bound. Choose a likelihood whose scale is given: --likelihood bernoulli, or gaussian with --sigma."
            )
        return {MULTIPLIER: Multiplier(self.start)}

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """One move of both players, after which the multiplier climbs."""
        multiplier = cast(Multiplier, vae.networks[MULTIPLIER])
        made = vae(draw.batches[0], context.generator)
        weight = multiplier.value.clone()
        holds_kl = self.held == "kl"
        violation = self._held(made) - self.bound
        terms = {
            "nll": Term(made.nll, 1.0 if holds_kl else 0.0),
            "kl": Term(made.kl, 0.0 if holds_kl else 1.0),
            "violation": Term(violation, weight),
        }
        shown = violation.detach().mean() / self.bound
        yield Move(
            AUTOENCODER,
            terms,
            watch={**watched(made), MULTIPLIER: Quantity(weight, "number")},
            after=lambda: multiplier.ascend(shown, self.rate, self.memory),
        )

    def _held(self, made: Pass) -> PerImage:
        """g of each image."""
        return made.kl if self.held == "kl" else made.likelihood.energy(made.output, made.images)
