"""What a named model is: an objective and the parts and settings that go with it unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unbraid.objectives.interface import Objective
from unbraid.registry import Registry

models = Registry("model", "models", "unbraid.zoo")


@dataclass(frozen=True)
class Optimiser:
    """Settings of one player's optimiser; `name` is one of `unbraid.training.optimisers`."""

    name: str = "adam"
    lr: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """A named model with its hyper-parameters filled in.

    Args:
        objective: the game.
        encoder, decoder, likelihood, posterior, prior: names of the parts used by default.
        optimiser: of encoder and decoder, unless a player has its own in `player_optimisers`.
    """

    objective: Objective
    encoder: str = "burgess"
    decoder: str = "burgess"
    likelihood: str = "bernoulli"
    posterior: str = "diagonal_normal"
    prior: str = "standard_normal"
    latent_dim: int = 10
    batch_size: int = 64
    steps: int = 10_000
    optimiser: Optimiser = field(default=Optimiser())
    player_optimisers: Mapping[str, Optimiser] = field(default_factory=dict)


def tuned(model: str, data: str) -> Mapping[str, Any]:
    """Options whose defaults were measured for a model on a data set, by flat name; what a user gives wins over them."""
    found: Mapping[str, Any] = models[model].details.get("tuned", {}).get(data, {})
    return found


@dataclass(frozen=True)
class Published:
    """Hyper-parameters that a publication or its code used on a data set."""

    source: str
    data: str
    values: Mapping[str, Any]
    note: str = ""
