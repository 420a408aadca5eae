"""What a step of training changes."""

from __future__ import annotations

import torch

from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Objective
from unbraid.training.optimizers import make_optimizers
from unbraid.zoo.recipe import Optimizer, Recipe


def optimizers_of(vae: VAE, objective: Objective):
    return make_optimizers(vae, Recipe(objective, optimizer=Optimizer("sgd", 0.05)))


def snapshot(vae: VAE) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in vae.state_dict().items()}


def changed(before: dict[str, torch.Tensor], vae: VAE) -> set[str]:
    """Names of the networks with any changed parameter or buffer."""
    return {name.split(".")[1] for name, value in vae.state_dict().items() if not torch.equal(before[name], value)}
