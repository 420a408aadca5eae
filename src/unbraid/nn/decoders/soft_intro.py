"""The residual decoder of Soft-IntroVAE."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from unbraid.nn.encoders.golla import Width
from unbraid.nn.encoders.soft_intro import WIDTHS, grid_of
from unbraid.nn.layers import rectified_linear
from unbraid.nn.registry import Shape, check_size, decoders
from unbraid.nn.residual import Residual


@decoders.register("soft_intro", source="Daniel and Tamar (2021), Soft-IntroVAE, CVPR, layers as in their code")
def soft_intro(latent_dim: int, output_shape: Shape, width: Width = 1.0) -> nn.Module:
    """Linear, residual blocks (3 x 3) with 2 x 2 upsampling, a convolution (5 x 5); 28, 32, 64 or 128 px.

    Channels are the encoder's, backwards. Enlarging repeats pixels. The source compares the output itself with the image,
    without a sigmoid: --likelihood gaussian --squash none --convention squared_error. Initial weights are PyTorch's own.

    >>> soft_intro(10, (3, 32, 32), width=0.25)(torch.zeros(5, 10)).shape
    torch.Size([5, 3, 32, 32])
    """
    check_size("decoder", "soft_intro", output_shape, tuple(WIDTHS))
    channels, side = grid_of(output_shape, width)
    first, last = channels[-1], channels[0]
    layers = [*rectified_linear(latent_dim, first * side * side), nn.Unflatten(1, (first, side, side))]
    for inputs, outputs in pairwise([first, *channels[::-1]]):
        layers += [Residual(inputs, outputs), nn.Upsample(scale_factor=2, mode="nearest")]
    return nn.Sequential(*layers, Residual(last, last), nn.Conv2d(last, output_shape[0], kernel_size=5, padding=2))
