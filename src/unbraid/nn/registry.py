"""Registries of encoders and decoders, and the sizes of images they refuse.

An encoder is made by `factory(image_shape, n_params, **options)` and maps images to the numbers that describe a posterior;
a decoder by `factory(latent_dim, output_shape, **options)` and maps latents to what the likelihood reads. Both take any
number of channels: a likelihood may read more than one per channel of the image.

`n_params`, the width of the encoder's output, is that of the posterior's head: 2 per latent, a mean and a log-variance, for
`DiagonalNormalHead` (`unbraid.distributions.posteriors.diagonal_normal`).
"""

from __future__ import annotations

from collections.abc import Sequence

from unbraid.data.storage import Shape
from unbraid.errors import IncompatibleParts
from unbraid.nn.own import NetworkRegistry

__all__ = ["Shape", "check_size", "decoders", "encoders"]

encoders = NetworkRegistry("encoder", "encoders", "unbraid.nn.encoders", takes=("image_shape", "n_params"))
decoders = NetworkRegistry("decoder", "decoders", "unbraid.nn.decoders", takes=("latent_dim", "output_shape"))


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def check_size(kind: str, name: str, shape: Shape, sizes: Sequence[int]) -> None:
    """Raise `IncompatibleParts` for images that are not square or not of a size that a network supports."""
    height, width = shape[1:]
    if height != width or height not in sizes:
        raise IncompatibleParts(
            f"The {name!r} {kind} takes images of {_either([f'{size} x {size}' for size in sizes])} pixels, the data set has "
            f"{height} x {width}. Give --size {_either([str(size) for size in sizes])} where the data set has that option, "
            f"or another --{kind} (unbraid list {kind}s)."
        )
