"""The convolutional encoder of Burgess et al. (2018)."""

from __future__ import annotations

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.initialization import kaiming_uniform
from unbraid.nn.layers import halving, pyramid, rectified_linear
from unbraid.nn.registry import Shape, check_size, encoders

SIZES = (32, 64)


@encoders.register("burgess", source="Burgess et al. (2018), layers and initial weights as in the code of Dubois et al. (2019)")
def burgess(image_shape: Shape, n_params: int) -> nn.Module:
    """Convolutions of 32 channels (4 x 4, stride 2) down to 4 x 4; linear 256, 256; 32 or 64 px.

    >>> burgess((1, 32, 32), n_params=20)(torch.zeros(5, 1, 32, 32)).shape
    torch.Size([5, 20])
    """
    check_size("encoder", "burgess", image_shape, SIZES)
    layers = [*halving(pyramid(image_shape, [32] * 4)), nn.Flatten(), *rectified_linear(32 * 4 * 4, 256, 256)]
    network = Stack(*layers, nn.Linear(256, n_params))
    kaiming_uniform(network)
    return network
