"""The deconvolutional decoder of beta-VAE and FactorVAE."""

from __future__ import annotations

from torch import nn

from unbraid.nn.encoders.higgins import INIT, SIZES, WIDTHS, Hidden, Init
from unbraid.nn.fast.stack import Stack
from unbraid.nn.layers import doubling, pyramid, rectified_linear
from unbraid.nn.registry import Shape, check_size, decoders


@decoders.register("higgins", source="Higgins et al. (2017) and Kim and Mnih (2018), as in the codes of 1Konny")
def higgins(latent_dim: int, output_shape: Shape, hidden: Hidden = 256, init: Init = "kaiming_normal") -> nn.Module:
    """The encoder mirrored: linear, transposed convolutions of 64, 64, 32, 32 channels; 32, 64 or 128 px.

    As in both codes, `init` is of the first layer; transposed convolutions begin as PyTorch sets them.

    >>> higgins(10, (3, 64, 64))(torch.zeros(5, 10)).shape
    torch.Size([5, 3, 64, 64])
    """
    check_size("decoder", "higgins", output_shape, SIZES)
    channels = pyramid(output_shape, WIDTHS)[::-1]
    first = [*rectified_linear(latent_dim, hidden), nn.Unflatten(1, (hidden, 1, 1))]
    up = [nn.ConvTranspose2d(hidden, channels[0], kernel_size=4), nn.ReLU(), *doubling(channels)]
    network = Stack(*first, *up)
    INIT[init](network)
    return network
