"""The convolutional encoder of beta-VAE and FactorVAE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.initialization import kaiming_normal, small_normal
from unbraid.nn.layers import halving, pyramid
from unbraid.nn.registry import Shape, check_size, encoders
from unbraid.options import Option

SIZES = (32, 64, 128)
WIDTHS = (32, 32, 64, 64, 64)

Hidden = Annotated[int, Option("channels of the 1 x 1 grid: 256 for beta-VAE, 128 for FactorVAE on gray images", ge=1, le=4096)]
Init = Annotated[
    Literal["kaiming_normal", "normal"],
    Option("initial weights: kaiming_normal for beta-VAE, normal (deviation 0.02) for FactorVAE"),
]
INIT: Mapping[str, Callable[[nn.Module], None]] = {"kaiming_normal": kaiming_normal, "normal": small_normal}


@encoders.register("higgins", source="Higgins et al. (2017) and Kim and Mnih (2018), as in the codes of 1Konny")
def higgins(image_shape: Shape, n_params: int, hidden: Hidden = 256, init: Init = "kaiming_normal") -> nn.Module:
    """Convolutions of 32, 32, 64, 64 channels (4 x 4, stride 2) and one to 1 x 1; 32, 64 or 128 px.

    Made for 64 pixels. Our reading at 32 is without the last halving, and at 128 with one more of 64 channels.

    >>> higgins((3, 64, 64), n_params=20)(torch.zeros(5, 3, 64, 64)).shape
    torch.Size([5, 20])
    """
    check_size("encoder", "higgins", image_shape, SIZES)
    channels = pyramid(image_shape, WIDTHS)
    last = [nn.Conv2d(channels[-1], hidden, kernel_size=4), nn.ReLU(), nn.Flatten(), nn.Linear(hidden, n_params)]
    network = Stack(*halving(channels), *last)
    INIT[init](network)
    return network
