"""The deconvolutional decoder of CFactorVAE."""

from __future__ import annotations

from torch import nn

from unbraid.nn.encoders.wang import SIZES, WIDTHS
from unbraid.nn.fast.stack import Stack
from unbraid.nn.layers import doubling, pyramid, rectified_linear
from unbraid.nn.registry import Shape, check_size, decoders


@decoders.register("wang", source="Wang, report on CFactorVAE")
def wang(latent_dim: int, output_shape: Shape) -> nn.Module:
    """Linear 256, 1024; transposed convolutions of 32, 32 (4 x 4, stride 2); 32, 64 or 128 px.

    The report's table does not name the channels of the last one; those of the image are the reading that fits. One more of
    64 channels at 64 pixels, as in the report, and two at 128, which is ours.

    >>> wang(10, (1, 32, 32))(torch.zeros(5, 10)).shape
    torch.Size([5, 1, 32, 32])
    """
    check_size("decoder", "wang", output_shape, SIZES)
    dense = [*rectified_linear(latent_dim, 256, 64 * 4 * 4), nn.Unflatten(1, (64, 4, 4))]
    return Stack(*dense, *doubling(pyramid(output_shape, WIDTHS)[::-1]))
