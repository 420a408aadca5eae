"""A named model: its objective, default parts and default settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unbraid.objectives.moves import Objective
from unbraid.terms import Context


@dataclass(frozen=True)
class Optimizer:
    """Settings of one player's optimizer; `name` is one of `unbraid.training.optimizers`.

    At each milestone the learning rate falls to `drop` times what it was. Milestones are durations from the beginning: up to 1
    fractions of the run, above it numbers of steps. Weight decay shrinks all parameters, or only what layers call their
    weights: not biases, codebooks or scales.
    """

    name: str = "adam"
    lr: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    decay: Literal["all", "weights"] = "all"
    milestones: tuple[float, ...] = ()
    drop: float = 0.1

    def lr_at(self, context: Context) -> float:
        """The learning rate of a step: a function of the step alone, with no state to save."""
        return float(self.lr * self.drop ** sum(context.ramp(milestone) == 1 for milestone in self.milestones))


@dataclass(frozen=True)
class Recipe:
    """A named model with its hyper-parameters filled in.

    Args:
        objective: the game.
        encoder, decoder, likelihood, posterior, prior: names of the parts; a user may choose the first three.
        part_options: defaults of the options of those three, by flat name (`decoder_kernel`), where the model has its own.
        posterior_options, prior_options: options of the other two, which follow from the model's.
        least_batch: smallest batch that the objective is defined for.
        optimizer: of encoder and decoder; `player_optimizers` holds those of other players.
    """

    objective: Objective
    encoder: str = "burgess"
    decoder: str = "burgess"
    likelihood: str = "bernoulli"
    posterior: str = "diagonal_normal"
    prior: str = "standard_normal"
    part_options: Mapping[str, Any] = field(default_factory=dict)
    posterior_options: Mapping[str, Any] = field(default_factory=dict)
    prior_options: Mapping[str, Any] = field(default_factory=dict)
    latent_dim: int = 10
    batch_size: int = 64
    least_batch: int = 1
    steps: int = 10_000
    optimizer: Optimizer = field(default=Optimizer())
    player_optimizers: Mapping[str, Optimizer] = field(default_factory=dict)

    def optimizer_of(self, player: str) -> Optimizer:
        """The settings of a player's optimizer."""
        return self.player_optimizers.get(player, self.optimizer)


STAND_INS: Mapping[int, Mapping[str, str]] = {28: {"burgess": "koller", "higgins": "koller"}}
"""By size of the images: networks that take the place of a model's own where those do not take that size."""
