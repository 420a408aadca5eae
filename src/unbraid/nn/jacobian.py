"""Columns of a decoder's Jacobian, by forward-mode products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from unbraid.distributions.protocols import Latents
from unbraid.torch_private import load_forward_mode


def jacobian_columns(
    function: Callable[[Latents], Float[Tensor, "batch ..."]], z: Latents, latents: Sequence[int]
) -> Float[Tensor, "batch column value"]:
    r"""How what a function gives changes with some of its latents, :math:`\partial f(z) / \partial z_j`.

    One forward-mode product per latent; exact, and differentiable once more. A function that mixes images, as batch
    normalization does in training mode, is differentiated as if the latent changed in all images at once.

    Args:
        function: of latents, of each image by itself.
        latents: the columns that are wanted.
    """
    load_forward_mode()

    def column(j: int) -> Float[Tensor, "batch value"]:
        along = torch.zeros_like(z)
        along[:, j] = 1
        return cast(Tensor, torch.func.jvp(function, (z,), (along,))[1]).flatten(1)

    return torch.stack([column(j) for j in latents], dim=1)
