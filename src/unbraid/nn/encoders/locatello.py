"""The convolutional encoder of disentanglement_lib."""

from __future__ import annotations

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.initialization import glorot_uniform
from unbraid.nn.layers import rectified_linear, same_halving
from unbraid.nn.registry import Shape, encoders


@encoders.register(
    "locatello", source="Locatello et al. (2019), Challenging Common Assumptions, layers as in disentanglement_lib"
)
def locatello(image_shape: Shape, n_params: int) -> nn.Module:
    """Convolutions of 32, 32 (4 x 4) and 64, 64 (2 x 2) channels, stride 2, and a layer of 256; any size.

    Made for 64 pixels. Sides are padded as TensorFlow's "same" does, so every size fits: it is halved four times, rounding up.
    Initial weights are what TensorFlow's layers have by themselves: Glorot uniform, biases 0.

    >>> locatello((3, 50, 40), n_params=20)(torch.zeros(5, 3, 50, 40)).shape  # any size
    torch.Size([5, 20])
    """
    channels = (image_shape[0], 32, 32, 64, 64)
    layers, (height, width) = same_halving(channels, (4, 4, 2, 2), image_shape[1:])
    dense = [nn.Flatten(), *rectified_linear(64 * height * width, 256), nn.Linear(256, n_params)]
    network = Stack(*layers, *dense)
    glorot_uniform(network)
    return network
