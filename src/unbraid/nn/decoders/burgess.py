"""The deconvolutional decoder of Burgess et al. (2018)."""

from __future__ import annotations

from torch import nn

from unbraid.nn.encoders.burgess import check_size
from unbraid.nn.initialisation import kaiming_uniform
from unbraid.nn.interfaces import Shape, decoders


@decoders.register("burgess", source="Burgess et al. (2018), layers and initial weights as in the code of Dubois et al. (2019)")
def burgess(latent_dim: int, output_shape: Shape) -> nn.Module:
    """Two layers of 256, one of 512, then transposed convolutions of 32 channels (4 x 4, stride 2) up from 4 x 4."""
    check_size("decoder", output_shape)
    layers: list[nn.Module] = []
    for inputs, outputs in ((latent_dim, 256), (256, 256), (256, 32 * 4 * 4)):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    layers.append(nn.Unflatten(1, (32, 4, 4)))
    size = 4
    while size < output_shape[1] // 2:
        layers += [nn.ConvTranspose2d(32, 32, kernel_size=4, stride=2, padding=1), nn.ReLU()]
        size *= 2
    network = nn.Sequential(*layers, nn.ConvTranspose2d(32, output_shape[0], kernel_size=4, stride=2, padding=1))
    kaiming_uniform(network)
    return network
