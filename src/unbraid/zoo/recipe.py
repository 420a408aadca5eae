"""What a named model is: an objective and the parts and settings that go with it unless told otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from unbraid.interfaces import Context
from unbraid.objectives.interface import Objective
from unbraid.registry import Registry

models = Registry("model", "models", "unbraid.zoo")


@dataclass(frozen=True)
class Optimiser:
    """Settings of one player's optimiser; `name` is one of `unbraid.training.optimisers`.

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
        """The learning rate of a step: a function of the step alone, so that there is no schedule whose state could be lost."""
        return float(self.lr * self.drop ** sum(context.ramp(milestone) == 1 for milestone in self.milestones))


@dataclass(frozen=True)
class Recipe:
    """A named model with its hyper-parameters filled in.

    Args:
        objective: the game.
        encoder, decoder, likelihood, posterior, prior: names of the parts; a user may choose the first three.
        part_options: defaults of the options of those three, by flat name (`decoder_kernel`), where the model has its own.
        posterior_options, prior_options: options of the other two, which follow from the model's.
        least_batch: fewest images a batch that the objective is defined for.
        optimiser: of encoder and decoder; `player_optimisers` holds those of other players.
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
    optimiser: Optimiser = field(default=Optimiser())
    player_optimisers: Mapping[str, Optimiser] = field(default_factory=dict)

    def optimiser_of(self, player: str) -> Optimiser:
        """The settings of a player's optimiser."""
        return self.player_optimisers.get(player, self.optimiser)


STAND_INS: Mapping[int, Mapping[str, str]] = {28: {"burgess": "koller", "higgins": "koller"}}
"""By size of the images: networks that take the place of a model's own where those do not take that size."""

RIVALS: Mapping[str, frozenset[str]] = {"steps": frozenset({"steps", "epochs"}), "lr": frozenset({"lr", "optimizer"})}
"""Settings that a tuned value goes with."""


def tuned(model: str, data: str, given: Collection[str] = ()) -> dict[str, Any]:
    """Options whose defaults were measured for a model on a data set, by flat name, as far as what is given leaves them.

    The hyper-parameters of a model belong together: who gives one of them gets the declared defaults of the others. So do
    learning rate and optimiser, steps and epochs.
    """
    entry = models[model]
    own = frozenset(entry.options)
    values: Mapping[str, Any] = entry.details.get("tuned", {}).get(data, {})
    return {
        name: value
        for name, value in values.items()
        if not (own if name in own else RIVALS.get(name, frozenset({name}))) & set(given)
    }


def remedies(model: str) -> Mapping[str, str]:
    """What to do about symptoms of training (`unbraid.training.symptoms`), by their name, as far as the model's row says."""
    found: Mapping[str, str] = models[model].details.get("remedies", {})
    return found


@dataclass(frozen=True)
class Published:
    """Hyper-parameters that a publication or its code used on a data set."""

    source: str
    data: str
    values: Mapping[str, Any]
    note: str = ""
