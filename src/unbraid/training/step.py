"""One training step: the loop that applies the moves of any objective."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from unbraid.nn.fast.allowed import allow_fast_kernels
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Move, Objective
from unbraid.terms import AUTOENCODER, Context, Draw
from unbraid.training.optimizers import Optimizers

Modes = tuple[bool, bool]


class Outcome(NamedTuple):
    """What a move showed: weighted loss, unweighted terms and watched quantities, detached, under log names."""

    players: tuple[str, ...]
    values: dict[str, Tensor]


def _modes() -> Modes:
    return torch.is_grad_enabled(), torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")


def _outcome(move: Move) -> Outcome:
    prefix = "" if move.players in (AUTOENCODER, ()) else "+".join(move.players) + "/"
    values = {f"{prefix}loss": move.loss.detach()} if move.players else {}
    values |= {f"{prefix}{name}": term.mean.detach() for name, term in move.terms.items()}
    values |= {f"{prefix}{name}": value.detach() for name, value in move.watch.items()}
    return Outcome(move.players, values)


def _moves(
    vae: VAE, objective: Objective, draw: Draw, context: Context, around: AbstractContextManager[object] | None
) -> Iterator[Move]:
    """The objective's moves, its own steps run inside `around`, with buffers of those who do not move kept as they were.

    Objectives run networks of players that are not moving (Soft-Intro encodes fakes while the decoder learns); running
    statistics such as batch norm's must not learn from that. They are put back after the step, since `backward` needs them.
    """
    moves = objective.moves(vae, draw, context)
    while True:
        modes = _modes()
        before = {name: buffer.clone() for name, buffer in vae.named_buffers()}
        with allow_fast_kernels(), around or nullcontext():
            move = next(moves, None)
        if _modes() != modes:
            raise RuntimeError("the objective yielded inside no_grad or autocast; the mode leaked into the training loop")
        if move is not None:
            yield move
        own = {name for player in (move.players if move else ()) for name in vae.players[player]}
        for name, buffer in vae.named_buffers():
            if name.split(".")[1] not in own:
                buffer.copy_(before[name])
        if move is None:
            return
        if move.after and context.training:
            move.after()
        del move  # with all that its passes left, before those of the next are made


@contextmanager
def _denormals_as_zero() -> Iterator[None]:
    """Numbers below 1e-38 count as 0 on the CPU, and the thread's setting is as before after.

    They need more than the processor's usual instructions: Soft-Intro's exponentials fill the gradients with them, and its step
    then takes half as long again.
    """
    before = bool(np.float32(1e-40) * np.float32(1) == 0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@_denormals_as_zero()
def train_step(
    vae: VAE,
    objective: Objective,
    optimizers: Optimizers,
    draw: Draw,
    context: Context,
    autocast: AbstractContextManager[object] | None = None,
) -> list[Outcome]:
    """Play one step: for each move, gradients land on its players alone, and only they step."""
    outcomes = []
    for move in _moves(vae, objective, draw, context, autocast):
        playing = [optimizers[player] for player in move.players if player in optimizers]
        for optimizer in playing:
            optimizer.zero_grad(set_to_none=True)
        if move.players:
            torch.autograd.backward(move.loss, retain_graph=move.retain_graph, inputs=vae.parameters_of(*move.players))
        for optimizer in playing:
            optimizer.step()
        outcomes.append(_outcome(move))
        del move
    return outcomes


def evaluate_step(vae: VAE, objective: Objective, draw: Draw, context: Context) -> list[Outcome]:
    """What a step's moves would show, changing nothing: no gradient, no step, no `after`, buffers and modes restored."""
    before = {name: buffer.clone() for name, buffer in vae.named_buffers()}
    modes = {module: module.training for module in vae.modules()}
    vae.eval()
    try:
        with torch.no_grad():
            return [_outcome(move) for move in _moves(vae, objective, draw, context, None)]
    finally:
        for module, training in modes.items():
            module.training = training
        for name, buffer in vae.named_buffers():
            buffer.copy_(before[name])
