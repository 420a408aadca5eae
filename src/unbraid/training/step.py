"""One training step: the loop that applies the moves of any objective."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from unbraid.log_entry import Unit
from unbraid.nn.fast.allowed import allow_fast_kernels
from unbraid.nn.modes import evaluation_mode
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Move, Objective
from unbraid.terms import AUTOENCODER, Context, Draw, Quantity
from unbraid.training.optimizers import Optimizers

Modes = tuple[bool, bool]
_NOTHING: Mapping[str, Any] = {}


class Outcome(NamedTuple):
    """What a move showed, detached, under its names in the log.

    That is its weighted loss, its unweighted terms and the quantities it watches.

    Args:
        players: who moved.
        values: scalars, or one number per latent.
        units: of values that are not in nats per image.
        labels: what to call values, where their terms say so.
        weights: of the terms in the loss, those that are plain numbers.
    """

    players: tuple[str, ...]
    values: dict[str, Tensor]
    units: Mapping[str, Unit] = _NOTHING
    labels: Mapping[str, str] = _NOTHING
    weights: Mapping[str, float] = _NOTHING


def _outcome(move: Move) -> Outcome:
    prefix = "" if move.players in (AUTOENCODER, ()) else "+".join(move.players) + "/"
    watched = {name: one if isinstance(one, Quantity) else Quantity(one) for name, one in move.watch.items()}
    shown: dict[str, Quantity] = {"loss": Quantity(move.loss, move.unit)} if move.players else {}
    shown |= {name: Quantity(term.mean, term.unit, term.label) for name, term in move.terms.items()} | watched
    return Outcome(
        move.players,
        {f"{prefix}{name}": one.value.detach() for name, one in shown.items()},
        {f"{prefix}{name}": one.unit for name, one in shown.items() if one.unit != "nats"},
        {f"{prefix}{name}": one.label for name, one in shown.items() if one.label},
        {f"{prefix}{name}": float(t.weight) for name, t in move.terms.items() if t.learns and not isinstance(t.weight, Tensor)},
    )


def _modes() -> Modes:
    return torch.is_grad_enabled(), torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")


@contextmanager
def _same_modes() -> Iterator[None]:
    """Raise `RuntimeError` where gradients or autocast are left switched to another state."""
    before = _modes()
    yield
    if _modes() != before:
        raise RuntimeError("the objective yielded inside no_grad or autocast; the mode leaked into the training loop")


class _Buffers:
    """Copies of a model's buffers, from which those of players that do not move are put back."""

    def __init__(self, vae: VAE) -> None:
        self._vae = vae
        self._kept = {name: buffer.clone() for name, buffer in vae.named_buffers()}

    def restore(self, players: Container[str | None] = ()) -> None:
        """Put back the buffers of all but these players."""
        for name, buffer in self._vae.named_buffers():
            if self._vae.owner_of(name) not in players:
                buffer.copy_(self._kept[name])


@contextmanager
def _own_buffers_only(vae: VAE) -> Iterator[Callable[[tuple[str, ...]], None]]:
    """Within this context all buffers may change.

    Afterwards only those of the players that moved keep their changes.

    Objectives run networks of players that are not moving (Soft-Intro encodes fakes while the decoder learns); running
    statistics such as batch norm's must not learn from that. They are put back after the step, since `backward` needs them.

    Yields:
        What to tell who moves.
    """
    moving: list[str] = []
    kept = _Buffers(vae)
    yield moving.extend
    kept.restore(moving)


def _moves(
    vae: VAE, objective: Objective, draw: Draw, context: Context, around: AbstractContextManager[object] | None
) -> Iterator[Move]:
    """The objective's moves, its own steps run inside `around`; see `_own_buffers_only` and `_same_modes`."""
    moves = objective.moves(vae, draw, context)
    while True:
        with _own_buffers_only(vae) as moving:
            # the objective's own passes
            with _same_modes(), allow_fast_kernels(), around or nullcontext():
                move = next(moves, None)
            if move is None:
                return
            # backward and the optimizers' steps, by who asked for the moves
            moving(move.players)
            yield move
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
    """What a step's moves would show, without taking the step.

    There are no gradients and no call of `after`; buffers and modes are restored.
    """
    kept = _Buffers(vae)
    with evaluation_mode(vae), torch.no_grad():
        try:
            return [_outcome(move) for move in _moves(vae, objective, draw, context, None)]
        finally:
            kept.restore()
