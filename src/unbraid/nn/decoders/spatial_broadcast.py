"""The spatial broadcast decoder of Watters et al. (2019)."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unbraid.distributions.protocols import Latents
from unbraid.nn.fast.allowed import fast_kernels_allowed
from unbraid.nn.fast.convolutions import form_of
from unbraid.nn.fast.stack import Stack
from unbraid.nn.fast.tiled import tiled_convolution
from unbraid.nn.layers import Size, same_convolution, same_padding
from unbraid.nn.registry import Shape, decoders
from unbraid.options import Option

Grid = Float[Tensor, "2 height width"]


def coordinate_grid(size: Size) -> Grid:
    """Channel 0 is x, from -1 (left) to 1 (right); channel 1 is y, from -1 (top) to 1 (bottom).

    Indexing is "ij": the first axis of each channel is the row, as in images.
    """
    height, width = size
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([x, y])


class Broadcast(nn.Module):
    """The latents at every pixel, followed by its x and its y.

    The coordinates are a buffer, which moves with the module; they are not saved, since they follow from the size.
    """

    coordinates: Tensor

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.register_buffer("coordinates", coordinate_grid(size), persistent=False)

    def grid(self, size: Size | None) -> Grid:
        """The coordinates, or those of another size."""
        return self.coordinates if size is None else coordinate_grid(size).to(self.coordinates)

    def forward(self, z: Latents, size: Size | None = None) -> Float[Tensor, "batch latent_and_two height width"]:
        """Tile latents over the grid, or over one of another size."""
        grid = self.grid(size)
        tiled = z[:, :, None, None].expand(-1, -1, *grid.shape[1:])
        # not len(z), which an exporter takes for a constant
        return torch.cat([tiled, grid.to(z.dtype).expand(z.shape[0], -1, -1, -1)], dim=1)


@decoders.register("spatial_broadcast", source="Watters et al. (2019), Spatial Broadcast Decoder, arXiv:1901.07017")
class SpatialBroadcast(nn.Module):
    """The latents at every pixel beside its coordinates, then convolutions of stride 1; any size.

    Channels enter the first convolution in this order: the latents, x (-1 at the left to 1 at the right), y (-1 at the top to 1
    at the bottom), on a grid of indexing "ij". Convolutions keep the size by zeros at the border; where their number is odd
    (kernel 4: three), the extra row and column are at the bottom and the right.

    Watters et al. have two hidden convolutions of 64 channels and kernel 4; Golla, Caspari and Oezkan (2021) have kernel 3.
    Initial weights are PyTorch's own.

    >>> decoder = SpatialBroadcast(10, (3, 32, 32), channels=8)
    >>> decoder(torch.zeros(5, 10)).shape
    torch.Size([5, 3, 32, 32])
    >>> decoder(torch.zeros(5, 10), (48, 64)).shape  # any size, with the same weights
    torch.Size([5, 3, 48, 64])
    """

    def __init__(
        self,
        latent_dim: int,
        output_shape: Shape,
        kernel: Annotated[Literal[3, 4, 5], Option("width and height of the kernels")] = 4,
        channels: Annotated[int, Option("channels of the hidden convolutions", ge=1, le=4096)] = 64,
        layers: Annotated[int, Option("number of hidden convolutions", ge=1, le=20)] = 2,
    ) -> None:
        super().__init__()
        size = output_shape[1:]
        stack: list[nn.Module] = []
        for inputs, outputs in pairwise([latent_dim + 2, *[channels] * layers, output_shape[0]]):
            stack += [*same_convolution(inputs, outputs, kernel, size), nn.ReLU()]
        self.broadcast = Broadcast(size)
        self.convolutions = Stack(*stack[:-1])

    def forward(self, z: Latents, size: Size | None = None) -> Float[Tensor, "batch channel height width"]:
        """The output for each latent.

        Args:
            z: latents.
            size: height and width to draw, with the same weights; those the decoder was made for unless given.
        """
        layers = list(self.convolutions)
        before = int(isinstance(layers[0], nn.ZeroPad2d))
        first, rest = layers[before], self.convolutions[before + 2 :]
        output: Tensor
        if isinstance(first, nn.Conv2d) and form_of(first) and fast_kernels_allowed(self, z):
            # without the latents at every pixel, which are 15 % of the work
            grid = self.broadcast.grid(size)
            above, beside = (same_padding(length, first.kernel_size[0]) for length in grid.shape[1:])
            output = rest(tiled_convolution(z, grid, first.weight, first.bias, (above, beside)))
        else:
            output = self.convolutions(self.broadcast(z, size))
        return output
