"""Moves and the protocol of objectives.

An objective is a game that yields moves. A move names its players, whose parameters learn, and the named terms they
minimize; the training loop applies the move and resumes the generator, which then sees the updated parameters.
One loop serves every objective, adversarial or not (`unbraid.training.step`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.data.draws import Draws
from unbraid.errors import UsageError
from unbraid.log_entry import Unit
from unbraid.nn.registry import Shape
from unbraid.nn.vae import VAE
from unbraid.terms import Context, Draw, Quantity, Term


@dataclass(frozen=True)
class Move:
    """What some players minimize together: one backward pass, one step of each of their optimizers.

    Args:
        players: whose parameters learn; empty for a move that only watches or has only `after`.
        terms: named terms of their loss.
        watch: quantities to log beside the terms; scalars or vectors over latents, averaged over steps. A plain tensor is in
            nats per image. They are read after the step, so that `backward` may fill them.
        after: called once the step is done, never in evaluation; updates state that is not learned by gradient (an
            averaged decoder, a multiplier) and is kept in the model's buffers.
        retain_graph: keep the autograd graph, since a later move of this step backpropagates through it; parameters on that
            path must not be stepped in between.
        unit: of the loss; games that scale their losses are not in nats.

    >>> from unbraid.terms import Term
    >>> terms = {"nll": Term(torch.tensor([80.0, 90.0])), "kl": Term(torch.tensor([2.0, 4.0]), weight=4.0)}
    >>> Move(("encoder", "decoder"), terms).loss
    tensor(97.)
    """

    players: tuple[str, ...]
    terms: Mapping[str, Term]
    watch: Mapping[str, Float[Tensor, "..."] | Quantity] = field(default_factory=dict)
    after: Callable[[], None] | None = None
    retain_graph: bool = False
    unit: Unit = "nats"

    @property
    def loss(self) -> Float[Tensor, ""]:
        """Weighted sum of the terms, mean over the batch; the one place where weights are applied."""
        parts = [term.weight * term.mean for term in self.terms.values() if term.learns]
        if not parts:
            raise UsageError(f"Every term of the move of {', '.join(self.players)} has weight 0; nothing would be learned.")
        return torch.stack([part.float() if part.dtype in (torch.float16, torch.bfloat16) else part for part in parts]).sum()


@runtime_checkable
class Objective(Protocol):
    """A game: its players, the networks they need besides encoder and decoder, and the moves of a step."""

    @property
    def draws(self) -> Draws:
        """The batches that each step draws."""
        ...

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """Players beyond encoder and decoder, with the names of the networks each owns."""
        ...

    def networks(self, own: Mapping[str, nn.Module], image_shape: Shape, latent_dim: int) -> Mapping[str, nn.Module]:
        """Networks beyond those of every model (`own`), by name; one may start as a copy of those."""
        ...

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        """The moves of one step, in order. Never yields inside `no_grad` or `autocast`."""
        ...


class OfTwo:
    """Base of objectives whose only players are encoder and decoder, with no networks beyond theirs."""

    @property
    def players(self) -> Mapping[str, tuple[str, ...]]:
        """None beyond encoder and decoder."""
        return {}

    def networks(self, own: Mapping[str, nn.Module], image_shape: Shape, latent_dim: int) -> Mapping[str, nn.Module]:
        """None beyond encoder and decoder."""
        return {}
