"""The first convolution of a spatial broadcast decoder, without tiling the latents.

Tiled latents are the same at every pixel, so their contribution to the output is the same wherever the kernel covers the same
part of the image: at all inner pixels, and along the borders in a few other ways. The contribution of the coordinates is the
same for every image. So a matrix product and one convolution of the coordinates replace the convolution of a batch of tiled
images.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import conv2d, pad

from unbraid.distributions.protocols import Latents
from unbraid.torch_private import rectifier_gradient

Ranges = list[tuple[int, int]]
Zeros = tuple[int, int]


def tiled_convolution(
    z: Latents,
    coordinates: Float[Tensor, "2 height width"],
    weight: Float[Tensor, "out latent_and_two kernel kernel"],
    bias: Float[Tensor, "out"] | None,
    zeros: tuple[Zeros, Zeros],
) -> Float[Tensor, "batch out height width"]:
    """The rectified convolution of latents tiled over a grid and its coordinates.

    Args:
        zeros: numbers of zeros before and after the rows, and before and after the columns.
    """
    above, beside = zeros
    of_latents, of_coordinates = weight[:, :-2], weight[:, -2:]
    grid = conv2d(pad(coordinates[None], (*beside, *above)), of_coordinates, bias)[0]
    (rows, covers), (columns, spans) = (
        covered(length, weight.shape[2], around) for length, around in zip(coordinates.shape[1:], zeros, strict=True)
    )
    masks = [mask.to(weight) for mask in (covers, spans)]
    summed = torch.einsum("olyx,ry,cx->rcol", of_latents, *masks)
    by_rectangle = torch.einsum("bl,rcol->rcbo", z, summed)
    return cast(Tensor, _Spread.apply(grid, by_rectangle, rows, columns))  # type: ignore[no-untyped-call]


@lru_cache  # of a decoder's own size
def covered(length: int, kernel: int, zeros: Zeros) -> tuple[Ranges, Bool[Tensor, "ranges kernel"]]:
    """Ranges of positions along a side at which a kernel covers the same part of it, and that part.

    At position i, kernel row k covers position i + k - (zeros before), if that is within the side.
    """
    places = torch.arange(length)[:, None] + torch.arange(kernel) - zeros[0]
    within = (places >= 0) & (places < length)
    parts, counts = torch.unique_consecutive(within, dim=0, return_counts=True)
    return list(pairwise(accumulate(counts.tolist(), initial=0))), parts


class _Spread(torch.autograd.Function):
    """relu(grid + of_latents), the latter constant over each rectangle of the ranges; channels last."""

    @staticmethod
    def forward(
        ctx: Any,
        grid: Float[Tensor, "out height width"],
        of_latents: Float[Tensor, "rows columns batch out"],
        rows: Ranges,
        columns: Ranges,
    ) -> Float[Tensor, "batch out height width"]:
        """Write the output once, rectangle by rectangle."""
        shape = (of_latents.shape[2], *grid.shape)
        whole = torch.empty(shape, dtype=grid.dtype, device=grid.device, memory_format=torch.channels_last)
        for r, (top, bottom) in enumerate(rows):
            for c, (left, right) in enumerate(columns):
                part = whole[:, :, top:bottom, left:right]
                torch.add(grid[:, top:bottom, left:right], of_latents[r, c][:, :, None, None], out=part)
        whole.relu_()
        ctx.rows, ctx.columns = rows, columns
        ctx.save_for_backward(whole)
        return whole

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "batch out height width"]) -> tuple[Tensor, Tensor, None, None]:
        """Sums over the batch, and over each rectangle."""
        (whole,) = ctx.saved_tensors
        flowing = rectifier_gradient(gradient.contiguous(memory_format=torch.channels_last), whole)
        parts = [
            torch.stack([flowing[:, :, top:bottom, left:right].sum((2, 3)) for left, right in ctx.columns])
            for top, bottom in ctx.rows
        ]
        return flowing.sum(0), torch.stack(parts), None, None
