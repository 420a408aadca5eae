"""The convolutional encoder published with the spatial broadcast decoder."""

from __future__ import annotations

from typing import Annotated

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.layers import rectified_linear, same_halving
from unbraid.nn.registry import Shape, encoders
from unbraid.options import Option


@encoders.register("watters", source="Watters et al. (2019), Spatial Broadcast Decoder, arXiv:1901.07017")
def watters(
    image_shape: Shape,
    n_params: int,
    hidden: Annotated[
        int,
        Option("width of the layer before the last; 0 for none, as Golla, Caspari and Oezkan (2021) have it", ge=0, le=20_000),
    ] = 256,
) -> nn.Module:
    """Four convolutions of 64 channels (4 x 4, stride 2); linear 256; any size.

    Made for 64 pixels. At sizes that four halvings do not divide, sides are padded so that halves are rounded up; this is
    ours. Initial weights are PyTorch's own.

    >>> watters((3, 64, 64), n_params=20, hidden=0)(torch.zeros(5, 3, 64, 64)).shape
    torch.Size([5, 20])
    """
    layers, (height, width) = same_halving((image_shape[0], 64, 64, 64, 64), (4, 4, 4, 4), image_shape[1:])
    features = 64 * height * width
    dense = rectified_linear(features, hidden) if hidden else []
    return Stack(*layers, nn.Flatten(), *dense, nn.Linear(hidden or features, n_params))
