"""The deconvolutional decoder that the spatial broadcast decoder is compared with."""

from __future__ import annotations

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.layers import doubling, halvings, rectified_linear
from unbraid.nn.registry import Shape, check_size, decoders


@decoders.register("watters", source="Watters et al. (2019), Spatial Broadcast Decoder, arXiv:1901.07017, the baseline")
def watters(latent_dim: int, output_shape: Shape) -> nn.Module:
    """Linear 256 as 64 channels of 2 x 2; transposed convolutions of 64 (stride 2); 32, 64 or 128 px.

    Made for 64 pixels, with four of 64 channels before the last; one fewer at 32 and one more at 128 are our reading. Initial
    weights are PyTorch's own.

    >>> watters(10, (3, 64, 64))(torch.zeros(5, 10)).shape
    torch.Size([5, 3, 64, 64])
    """
    check_size("decoder", "watters", output_shape, (32, 64, 128))
    channels = [*[64] * (halvings(output_shape[1]) + 1), output_shape[0]]
    dense = [*rectified_linear(latent_dim, 64 * 2 * 2), nn.Unflatten(1, (64, 2, 2))]
    return Stack(*dense, *doubling(channels))
