"""The residual encoder of Soft-IntroVAE."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from unbraid.nn.encoders.golla import Width, scaled
from unbraid.nn.registry import Shape, check_size, encoders
from unbraid.nn.residual import SLOPE, Residual

WIDTHS = {28: (64, 128), 32: (64, 128, 256), 64: (64, 128, 256, 512), 128: (64, 128, 256, 512, 512)}
"""Channels after each halving, by size of the images: those for 64 pixels are Matt's (2022), the others Daniel and Tamar's."""


def grid_of(shape: Shape, width: float) -> tuple[list[int], int]:
    """Channels after each halving, and the final side of the grid: 7 for 28 pixels, 4 for other sizes."""
    channels = scaled(WIDTHS[shape[1]], width)
    return channels, shape[1] >> len(channels)


@encoders.register("soft_intro", source="Daniel and Tamar (2021), Soft-IntroVAE, CVPR, layers as in their code")
def soft_intro(image_shape: Shape, n_params: int, width: Width = 1.0) -> nn.Module:
    """A convolution (5 x 5), residual blocks (3 x 3) with 2 x 2 average pooling; 28, 32, 64 or 128 px.

    Channels are 64, 128 for 28 pixels, 64, 128, 256 for 32 and 64, 128, 256, 512, 512 for 128; those for 64 pixels, 64, 128,
    256, 512, are of the code of Matt (2022). A last block and one layer make the posterior's numbers. Initial weights are
    PyTorch's own.

    >>> soft_intro((3, 32, 32), n_params=20, width=0.25)(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 20])
    """
    check_size("encoder", "soft_intro", image_shape, tuple(WIDTHS))
    channels, side = grid_of(image_shape, width)
    layers: list[nn.Module] = [
        nn.Conv2d(image_shape[0], channels[0], kernel_size=5, padding=2, bias=False),
        nn.BatchNorm2d(channels[0]),
        nn.LeakyReLU(SLOPE),
        nn.AvgPool2d(2),
    ]
    for inputs, outputs in pairwise(channels):
        layers += [Residual(inputs, outputs), nn.AvgPool2d(2)]
    last = channels[-1]
    return nn.Sequential(*layers, Residual(last, last), nn.Flatten(), nn.Linear(last * side * side, n_params))
