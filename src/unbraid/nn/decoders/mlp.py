"""The fully connected decoder used on dSprites."""

from __future__ import annotations

from math import prod

from torch import nn

from unbraid.nn.encoders.mlp import Activation, Layers, Width, activated_linear
from unbraid.nn.registry import Shape, decoders


@decoders.register("mlp", source="Higgins et al. (2017), as in the codes of Chen et al. (2018) and Locatello et al. (2019)")
def mlp(
    latent_dim: int, output_shape: Shape, layers: Layers = 3, width: Width = 1200, activation: Activation = "tanh"
) -> nn.Module:
    """Fully connected: three hidden layers of 1200 with tanh; any size.

    Initial weights are PyTorch's own, as in the code of Chen et al. (2018).

    >>> mlp(10, (1, 32, 32), layers=1, width=64)(torch.zeros(5, 10)).shape
    torch.Size([5, 1, 32, 32])
    """
    widths = [latent_dim, *[width] * layers, prod(output_shape)]
    return nn.Sequential(*activated_linear(widths, activation), nn.Unflatten(1, output_shape))
