"""The deconvolutional decoder of disentanglement_lib."""

from __future__ import annotations

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.initialization import glorot_uniform
from unbraid.nn.layers import doubling, rectified_linear
from unbraid.nn.registry import Shape, check_size, decoders

SIZES = (32, 64, 128)


@decoders.register(
    "locatello", source="Locatello et al. (2019), Challenging Common Assumptions, layers as in disentanglement_lib"
)
def locatello(latent_dim: int, output_shape: Shape) -> nn.Module:
    """Linear 256, 1024; transposed convolutions of 64, 32, 32 (4 x 4, stride 2); 32, 64 or 128 px.

    Made for 64 pixels, where the second layer is a grid of 4 x 4 and 64 channels. Our reading at other sizes keeps the four
    transposed convolutions and scales that grid: 2 x 2 at 32 pixels, 8 x 8 at 128. Initial weights as the encoder's.

    >>> locatello(10, (3, 64, 64))(torch.zeros(5, 10)).shape
    torch.Size([5, 3, 64, 64])
    """
    check_size("decoder", "locatello", output_shape, SIZES)
    grid = (64, output_shape[1] // 16, output_shape[2] // 16)
    dense = [*rectified_linear(latent_dim, 256, grid[0] * grid[1] * grid[2]), nn.Unflatten(1, grid)]
    network = Stack(*dense, *doubling((64, 64, 32, 32, output_shape[0])))
    glorot_uniform(network)
    return network
