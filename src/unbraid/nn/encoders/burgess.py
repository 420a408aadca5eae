"""The convolutional encoder of Burgess et al. (2018)."""

from __future__ import annotations

from torch import nn

from unbraid.errors import IncompatibleParts
from unbraid.nn.initialisation import kaiming_uniform
from unbraid.nn.interfaces import Shape, encoders

SIZES = (32, 64)


def check_size(part: str, shape: Shape) -> None:
    """Refuse image sizes that four (or three) halvings do not bring to 4 x 4."""
    if shape[1] != shape[2] or shape[1] not in SIZES:
        raise IncompatibleParts(
            f"The 'burgess' {part} takes images of 32 x 32 or 64 x 64 pixels, the data set has {shape[1]} x {shape[2]}. "
            f"Give --size 32 or 64 where the data set has that option, or another --{part}."
        )


@encoders.register("burgess", source="Burgess et al. (2018), layers and initial weights as in the code of Dubois et al. (2019)")
def burgess(image_shape: Shape, n_params: int) -> nn.Module:
    """Convolutions of 32 channels (4 x 4, stride 2) down to 4 x 4, two layers of 256, rectified throughout; 32 or 64 px."""
    check_size("encoder", image_shape)
    layers: list[nn.Module] = []
    channels, size = image_shape[0], image_shape[1]
    while size > 4:
        layers += [nn.Conv2d(channels, 32, kernel_size=4, stride=2, padding=1), nn.ReLU()]
        channels, size = 32, size // 2
    layers += [nn.Flatten(), nn.Linear(32 * 4 * 4, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(256, n_params))
    kaiming_uniform(network)
    return network
