"""One optimizer per player."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from unbraid.errors import CorruptFile
from unbraid.nn.vae import VAE
from unbraid.terms import Context
from unbraid.torch_private import eager
from unbraid.zoo.recipe import Optimizer, Recipe

Optimizers = dict[str, torch.optim.Optimizer]


def _groups(vae: VAE, player: str, settings: Optimizer) -> list[dict[str, Any]]:
    """The player's parameters, and apart from them those that do not decay."""
    parameters = vae.parameters_of(player)
    decaying = {id(p) for name, p in vae.named_parameters() if settings.decay == "all" or name.endswith(".weight")}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if id(p) in decaying]},
        {"params": [p for p in parameters if id(p) not in decaying], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _make(groups: list[dict[str, Any]], settings: Optimizer) -> torch.optim.Optimizer:
    lr, decay = settings.lr, settings.weight_decay
    match settings.name:
        case "adam":  # fused: one kernel for the whole update, the same arithmetic
            return eager(torch.optim.Adam)(groups, lr=lr, betas=settings.betas, weight_decay=decay, fused=True)
        case "adamw":
            return eager(torch.optim.AdamW)(groups, lr=lr, betas=settings.betas, weight_decay=decay, fused=True)
        case "adagrad":
            return eager(torch.optim.Adagrad)(groups, lr=lr, weight_decay=decay)
        case "rmsprop":
            return eager(torch.optim.RMSprop)(groups, lr=lr, weight_decay=decay)
        case "sgd":
            return eager(torch.optim.SGD)(groups, lr=lr, weight_decay=decay)
        case _:
            raise ValueError(f"no optimizer {settings.name!r}")


def make_optimizers(vae: VAE, recipe: Recipe) -> Optimizers:
    """An optimizer for every player that has parameters."""
    optimizers = {}
    for player in vae.players:
        groups = _groups(vae, player, recipe.optimizer_of(player))
        if groups:
            optimizers[player] = _make(groups, recipe.optimizer_of(player))
    return optimizers


def set_learning_rates(optimizers: Optimizers, recipe: Recipe, context: Context) -> None:
    """Give every player's optimizer the learning rate of a step."""
    for player, optimizer in optimizers.items():
        for group in optimizer.param_groups:
            group["lr"] = recipe.optimizer_of(player).lr_at(context)


def optimizer_tensors(optimizers: Optimizers) -> dict[str, Tensor]:
    """The state of all optimizers as named tensors: `player/parameter/entry`."""
    tensors = {}
    for player, optimizer in optimizers.items():
        for i, parameter in enumerate(_parameters(optimizer)):
            for entry, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    tensors[f"{player}/{i}/{entry}"] = value
    return tensors


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """All parameters, group after group."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def restore_optimizers(optimizers: Optimizers, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave.

    Values are copied into tensors laid out like their parameters: fused optimizers walk both in memory order.
    """
    for name, saved in tensors.items():
        player, position, entry = name.split("/")
        try:
            group = optimizers[player].param_groups[0]
            parameter = _parameters(optimizers[player])[int(position)]
        except (KeyError, IndexError):
            raise CorruptFile(f"The checkpoint has optimizer state {name!r}, which this model does not have.") from None
        if entry == "step":  # fused kernels read it on the device, the others on the CPU
            on_device = group.get("fused") or group.get("capturable")
            value = saved.to(parameter.device if on_device else "cpu")
        elif saved.shape == parameter.shape:
            value = torch.empty_like(parameter).copy_(saved).detach()
        else:
            value = saved.to(parameter.device)
        optimizers[player].state[parameter][entry] = value
