"""One latent moved at a time: over which values, from which code, and what the decoder makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

from unbraid.data.examples import example_images
from unbraid.errors import UsageError
from unbraid.figures.grids import to_bytes
from unbraid.figures.ranges import traversal_values
from unbraid.reporting.view import RunView, need_image

BaseOf = Literal["posterior", "prior"]


def values_of(view: RunView, columns: int) -> Float32[np.ndarray, "d value"]:
    """Values of each latent, from 2 standard deviations below its mean to 2 above.

    Mean and deviation are those of the aggregate posterior. Quantized latents take the nearest values of their codebooks.
    Raises `UsageError` for codes that are not finite.
    """
    values = traversal_values(view.table.mean, view.table.variance, columns).astype(np.float32)
    if not np.isfinite(values).all():
        raise UsageError(f"The codes of {view.name} are not finite, so there is no range to move latents over.")
    return np.asarray(view.model.nearest_codes(values.T)).T


def base_image(view: RunView, image: int | None = None) -> int:
    """The image from whose code latents are moved: the first example, or the one that is given."""
    return int(example_images(view.dataset, 1)[0]) if image is None else need_image(view.dataset, image)


def code_of(view: RunView, base: BaseOf, image: int | None = None) -> tuple[Float32[np.ndarray, "d"], str]:
    """The code that latents are moved from, and what it is in words."""
    if base == "prior":
        middle = np.zeros((1, view.model.latent_dim), np.float32)
        return np.asarray(view.model.nearest_codes(middle))[0], "the middle of the prior"
    index = base_image(view, image)
    return view.encoded(np.array([index]))[0], f"the code of image {index}"


def along(
    view: RunView, code: Float32[np.ndarray, "d"], values: Float32[np.ndarray, "d value"], dims: Sequence[int]
) -> UInt8[np.ndarray, "row value c h w"]:
    """Decoded images, one row per latent in `dims`, moved over its values while the others stay."""
    codes = np.tile(code, (len(dims), values.shape[1], 1))
    for row, dim in enumerate(dims):
        codes[row, :, dim] = values[dim]
    images = to_bytes(view.model.decode(codes.reshape(-1, codes.shape[-1])))
    return images.reshape(*codes.shape[:2], *images.shape[1:])
