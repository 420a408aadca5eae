"""The fully connected encoder used on dSprites."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Annotated, Literal

from torch import nn

from unbraid.nn.registry import Shape, encoders
from unbraid.options import Option

Activation = Annotated[Literal["relu", "tanh"], Option("what follows each hidden layer")]
Layers = Annotated[int, Option("number of hidden layers", ge=1, le=20)]
Width = Annotated[int, Option("width of the hidden layers", ge=1, le=20_000)]


def activated_linear(widths: list[int], activation: str) -> list[nn.Module]:
    """Linear layers from one width to the next, with an activation between them."""
    between = {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), between()]
    return layers[:-1]


@encoders.register("mlp", source="Higgins et al. (2017), as in the codes of Chen et al. (2018) and Locatello et al. (2019)")
def mlp(
    image_shape: Shape, n_params: int, layers: Layers = 2, width: Width = 1200, activation: Activation = "relu"
) -> nn.Module:
    """Fully connected: two hidden layers of 1200, rectified; any size.

    Initial weights are PyTorch's own, as in the code of Chen et al. (2018).

    >>> mlp((1, 32, 32), n_params=20, layers=1, width=64)(torch.zeros(5, 1, 32, 32)).shape
    torch.Size([5, 20])
    """
    widths = [prod(image_shape), *[width] * layers, n_params]
    return nn.Sequential(nn.Flatten(), *activated_linear(widths, activation))
