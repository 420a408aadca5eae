"""What a training step does to the process around it.

What it promises every objective is tested in `tests/training/test_loop.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from unbraid.data.draws import Batches
from unbraid.nn.vae import VAE
from unbraid.objectives.moves import Move, OfTwo
from unbraid.terms import AUTOENCODER, Context, Draw, Term
from unbraid.training.optimizers import make_optimizers
from unbraid.training.step import train_step
from unbraid.zoo.assemble import assemble
from unbraid.zoo.recipe import Recipe


def tiny_numbers_count() -> bool:
    return bool((torch.full((8,), 1e-39) * torch.ones(8)).any())


class Looks(torch.autograd.Function):
    """Notes on the way back whether numbers below 1e-38 count."""

    @staticmethod
    def forward(ctx, x, seen):
        ctx.seen = seen
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        ctx.seen.append(tiny_numbers_count())
        return grad, None


class Looking(OfTwo):
    draws = Batches(1)

    def __init__(self) -> None:
        self.seen: list[bool] = []

    def moves(self, vae: VAE, draw: Draw, context: Context) -> Iterator[Move]:
        self.seen.append(tiny_numbers_count())
        loss = Looks.apply(vae(draw.batches[0], context.generator).nll, self.seen)
        yield Move(AUTOENCODER, {"nll": Term(loss, 1.0)})


@pytest.mark.parametrize("flushed", [False, True])
def test_denormal_numbers_count_as_0_in_a_step_and_the_setting_is_as_before_after(flushed) -> None:
    recipe = Recipe(Looking())
    vae = assemble(recipe, (1, 32, 32), 2, seed=0)
    draw = Draw((torch.from_numpy(np.zeros((2, 1, 32, 32), np.float32)),))
    try:
        if not torch.set_flush_denormal(flushed):
            pytest.skip("this processor has no such setting")
        train_step(vae, recipe.objective, make_optimizers(vae, recipe), draw, Context(0, 10, 2, torch.Generator()))
        assert recipe.objective.seen == [False, False]
        assert tiny_numbers_count() is not flushed
    finally:
        torch.set_flush_denormal(False)
