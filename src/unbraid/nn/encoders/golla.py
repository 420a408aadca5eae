"""The convolutional encoder of Golla, Caspari and Oezkan (2021)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.initialization import glorot_uniform
from unbraid.nn.registry import Shape, encoders
from unbraid.options import Option

Norm = Annotated[Literal["none", "batch"], Option("batch normalization before each rectifier of a convolution, or none")]
Dropout = Annotated[float, Option("share of the features beside the dense layer that are dropped in training", ge=0, lt=1)]
Width = Annotated[float, Option("multiplies the number of kernels", gt=0, le=64)]


def scaled(widths: Sequence[int], factor: float) -> list[int]:
    """Numbers of kernels, times a factor, at least one."""
    return [max(1, round(width * factor)) for width in widths]


def normalized(channels: int, norm: str) -> list[nn.Module]:
    """What comes between a convolution and its successor: a normalization, if any, and the rectifier."""
    return [*([nn.BatchNorm2d(channels)] if norm == "batch" else []), nn.ReLU()]


def sizes_on_the_way(shape: Shape) -> list[tuple[int, int]]:
    """Height and width of the image and after each of three convolutions of stride 2: 28, 14, 7, 4."""
    sizes = [shape[1:]]
    for _ in range(3):
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


@encoders.register("golla", source="Golla, Caspari and Oezkan (2021), report on beta-VAE; kernel and stride are our reading")
def golla(image_shape: Shape, n_params: int, norm: Norm = "none", dropout: Dropout = 0.0, width: Width = 1.0) -> nn.Module:
    """Convolutions of 32, 64, 64 channels (3 x 3, stride 2), then linear; any size.

    The report gives the numbers of kernels alone. Kernel 3, stride 2, rectifiers, padding 1 and initial weights (Glorot
    uniform, biases 0, as Keras has them) are our reading. The options are for its ablation; where normalization and dropout
    stand is ours too.

    >>> golla((1, 28, 28), n_params=20, width=0.5)(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 20])
    """
    channels = [image_shape[0], *scaled((32, 64, 64), width)]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1), *normalized(outputs, norm)]
    layers.append(nn.Flatten())
    if dropout:
        layers.append(nn.Dropout(dropout))
    height, breadth = sizes_on_the_way(image_shape)[-1]
    network = Stack(*layers, nn.Linear(channels[-1] * height * breadth, n_params))
    glorot_uniform(network)
    return network
