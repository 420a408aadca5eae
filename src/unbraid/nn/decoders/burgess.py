"""The deconvolutional decoder of Burgess et al. (2018)."""

from __future__ import annotations

from torch import nn

from unbraid.nn.encoders.burgess import SIZES
from unbraid.nn.fast.stack import Stack
from unbraid.nn.initialization import kaiming_uniform
from unbraid.nn.layers import doubling, pyramid, rectified_linear
from unbraid.nn.registry import Shape, check_size, decoders


@decoders.register("burgess", source="Burgess et al. (2018), layers and initial weights as in the code of Dubois et al. (2019)")
def burgess(latent_dim: int, output_shape: Shape) -> nn.Module:
    """Linear 256, 256, 512; transposed convolutions of 32 channels (4 x 4, stride 2); 32 or 64 px.

    >>> burgess(10, (1, 32, 32))(torch.zeros(5, 10)).shape
    torch.Size([5, 1, 32, 32])
    """
    check_size("decoder", "burgess", output_shape, SIZES)
    dense = [*rectified_linear(latent_dim, 256, 256, 32 * 4 * 4), nn.Unflatten(1, (32, 4, 4))]
    network = Stack(*dense, *doubling(pyramid(output_shape, [32] * 4)[::-1]))
    kaiming_uniform(network)
    return network
