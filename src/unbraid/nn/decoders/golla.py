"""The deconvolutional decoder of Golla, Caspari and Oezkan (2021)."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from unbraid.nn.encoders.golla import Dropout, Norm, Width, normalized, scaled, sizes_on_the_way
from unbraid.nn.fast.stack import Stack
from unbraid.nn.initialization import glorot_uniform
from unbraid.nn.layers import rectified_linear
from unbraid.nn.registry import Shape, decoders


def _enlarging(inputs: int, outputs: int, small: tuple[int, int], large: tuple[int, int]) -> nn.Module:
    """A transposed convolution of stride 2: n pixels become 2 n - 1, or 2 n where the side was even."""
    more = (large[0] - 2 * small[0] + 1, large[1] - 2 * small[1] + 1)
    return nn.ConvTranspose2d(inputs, outputs, kernel_size=3, stride=2, padding=1, output_padding=more)


@decoders.register("golla", source="Golla, Caspari and Oezkan (2021), report on beta-VAE; kernel and stride are our reading")
def golla(latent_dim: int, output_shape: Shape, norm: Norm = "none", dropout: Dropout = 0.0, width: Width = 1.0) -> nn.Module:
    """Linear; transposed convolutions of 64, 64, 32 (3 x 3, stride 2) and one of stride 1; any size.

    Kernel and strides are our reading, as the encoder's; the grids are the encoder's, backwards (4, 7, 14, 28).

    >>> golla(10, (1, 28, 28), width=0.5)(torch.zeros(5, 10)).shape
    torch.Size([5, 1, 28, 28])
    """
    channels = scaled((64, 64, 64, 32), width)
    sizes = sizes_on_the_way(output_shape)[::-1]
    grid = (channels[0], *sizes[0])
    layers = rectified_linear(latent_dim, grid[0] * grid[1] * grid[2])
    if dropout:
        layers.append(nn.Dropout(dropout))
    layers.append(nn.Unflatten(1, grid))
    for (inputs, outputs), (small, large) in zip(pairwise(channels), pairwise(sizes), strict=True):
        layers += [_enlarging(inputs, outputs, small, large), *normalized(outputs, norm)]
    network = Stack(*layers, nn.ConvTranspose2d(channels[-1], output_shape[0], kernel_size=3, padding=1))
    glorot_uniform(network)
    return network
