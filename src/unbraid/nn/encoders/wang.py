"""The convolutional encoder of CFactorVAE."""

from __future__ import annotations

from torch import nn

from unbraid.nn.fast.stack import Stack
from unbraid.nn.layers import halving, pyramid, rectified_linear
from unbraid.nn.registry import Shape, check_size, encoders

SIZES = (32, 64, 128)
WIDTHS = (32, 32, 64, 64, 64)


@encoders.register("wang", source="Wang, report on CFactorVAE")
def wang(image_shape: Shape, n_params: int) -> nn.Module:
    """Convolutions of 32, 32, 64 channels (4 x 4, stride 2) down to 4 x 4; linear 256; 32, 64 or 128 px.

    64 pixels take one more convolution of 64 channels, as in the report; 128 take two, which is ours. Initial weights are
    PyTorch's own.

    >>> wang((1, 32, 32), n_params=20)(torch.zeros(5, 1, 32, 32)).shape
    torch.Size([5, 20])
    """
    check_size("encoder", "wang", image_shape, SIZES)
    layers = [*halving(pyramid(image_shape, WIDTHS)), nn.Flatten(), *rectified_linear(64 * 4 * 4, 256)]
    return Stack(*layers, nn.Linear(256, n_params))
