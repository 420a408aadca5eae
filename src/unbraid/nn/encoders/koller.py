"""The convolutional encoder with pooling of Koller's report."""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.layers import rectified_linear
from unbraid.nn.registry import Shape, check_size, encoders

SIZES = (28, 32, 64, 128)
HIDDEN = 256


def stages(shape: Shape) -> list[int]:
    """Channels of the image and after each pooling, down to 7 x 7 or 8 x 8."""
    poolings = (shape[1] // 7).bit_length() - 1
    return [shape[0], *(32, 64, 64, 64)[:poolings]]


@encoders.register("koller", source="Koller (2022), reproduction report on beta-VAE; the widths are ours")
def koller(image_shape: Shape, n_params: int) -> nn.Module:
    """Convolutions of 32, 64 channels (3 x 3), max-pooled (2 x 2); linear 256; 28, 32, 64 or 128 px.

    The report names the kinds of layers for 28 pixels; the number of layers, widths and kernels are ours. So are other sizes:
    one more stage of 64 channels for 64 pixels, two for 128. Initial weights are PyTorch's own.

    >>> koller((1, 28, 28), n_params=20)(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 20])
    """
    check_size("encoder", "koller", image_shape, SIZES)
    channels = stages(image_shape)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    side = image_shape[1] >> (len(channels) - 1)
    dense = [nn.Flatten(), *rectified_linear(channels[-1] * side * side, HIDDEN), nn.Linear(HIDDEN, n_params)]
    return Stack(*layers, *dense)
