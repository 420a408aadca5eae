"""The decoder of interpolations and transposed convolutions of Koller's report."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from unbraid.nn.encoders.koller import HIDDEN, SIZES, stages
from unbraid.nn.fast.stack import Stack
from unbraid.nn.layers import rectified_linear
from unbraid.nn.registry import Shape, check_size, decoders


@decoders.register("koller", source="Koller (2022), reproduction report on beta-VAE; the widths are ours")
def koller(latent_dim: int, output_shape: Shape) -> nn.Module:
    """Linear twice, then upsampling and transposed convolutions, 64 to 32 channels; 28, 32, 64 or 128 px.

    The mirror of the encoder: as in the report, an enlarging by 2 answers each pooling, and a transposed convolution each
    convolution. Widths are ours.

    >>> koller(10, (1, 28, 28))(torch.zeros(5, 10)).shape
    torch.Size([5, 1, 28, 28])
    """
    check_size("decoder", "koller", output_shape, SIZES)
    channels = stages(output_shape)[::-1]
    side = output_shape[1] >> (len(channels) - 1)
    layers = rectified_linear(latent_dim, HIDDEN, channels[0] * side * side)
    layers.append(nn.Unflatten(1, (channels[0], side, side)))
    for inputs, outputs in pairwise(channels):
        enlarging = nn.Upsample(scale_factor=2, mode="nearest")
        layers += [enlarging, nn.ConvTranspose2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU()]
    return Stack(*layers[:-1])
