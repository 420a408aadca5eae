"""One optimiser per player."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from unbraid.errors import CorruptFile
from unbraid.interfaces import Context
from unbraid.nn.vae import VAE
from unbraid.zoo.recipe import Optimiser, Recipe

Optimisers = dict[str, torch.optim.Optimizer]


def _make(parameters: list[torch.nn.Parameter], settings: Optimiser) -> torch.optim.Optimizer:
    lr, decay = settings.lr, settings.weight_decay
    match settings.name:
        case "adam":  # fused: one kernel for the whole update, the same arithmetic
            return torch.optim.Adam(parameters, lr=lr, betas=settings.betas, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=lr, betas=settings.betas, weight_decay=decay, fused=True)
        case "adagrad":
            return torch.optim.Adagrad(parameters, lr=lr, weight_decay=decay)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr=lr, weight_decay=decay)
        case "sgd":
            return torch.optim.SGD(parameters, lr=lr, weight_decay=decay)
        case _:
            raise ValueError(f"no optimiser {settings.name!r}")


def make_optimisers(vae: VAE, recipe: Recipe) -> Optimisers:
    """An optimiser for every player that has parameters."""
    optimisers = {}
    for player in vae.players:
        parameters = vae.parameters_of(player)
        if parameters:
            optimisers[player] = _make(parameters, recipe.optimiser_of(player))
    return optimisers


def set_learning_rates(optimisers: Optimisers, recipe: Recipe, context: Context) -> None:
    """Give every player's optimiser the learning rate of a step."""
    for player, optimiser in optimisers.items():
        for group in optimiser.param_groups:
            group["lr"] = recipe.optimiser_of(player).lr_at(context)


def optimiser_tensors(optimisers: Optimisers) -> dict[str, Tensor]:
    """The state of all optimisers as named tensors: `player/parameter/entry`."""
    tensors = {}
    for player, optimiser in optimisers.items():
        for group in optimiser.param_groups:
            for i, parameter in enumerate(group["params"]):
                for entry, value in optimiser.state.get(parameter, {}).items():
                    if isinstance(value, Tensor):
                        tensors[f"{player}/{i}/{entry}"] = value
    return tensors


def restore_optimisers(optimisers: Optimisers, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimiser_tensors` gave.

    Values are copied into tensors laid out like their parameters: fused optimisers walk both in memory order.
    """
    for name, saved in tensors.items():
        player, position, entry = name.split("/")
        try:
            group = optimisers[player].param_groups[0]
            parameter = group["params"][int(position)]
        except (KeyError, IndexError):
            raise CorruptFile(f"The checkpoint has optimiser state {name!r}, which this model does not have.") from None
        if entry == "step":  # fused kernels read it on the device, the others on the CPU
            on_device = group.get("fused") or group.get("capturable")
            value = saved.to(parameter.device if on_device else "cpu")
        elif saved.shape == parameter.shape:
            value = torch.empty_like(parameter).copy_(saved).detach()
        else:
            value = saved.to(parameter.device)
        optimisers[player].state[parameter][entry] = value
