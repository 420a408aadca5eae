"""Bilinear resizing of many small images at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from unbraid.errors import UsageError

_CHUNK = 2_000  # images; keeps the float32 copies in a few megabytes


def bilinear_matrix(new: int, old: int) -> Float[np.ndarray, "{new} {old}"]:
    r"""Weights of `old` pixels in each of `new` ones along an axis; rows add up to 1.

    Pixel i has its center at :math:`(i + 1/2) \cdot old / new - 1/2` of the old grid; beyond the outermost centers the edge
    pixel counts. No smoothing before reducing.
    """
    if new < 1 or old < 1:
        raise UsageError(f"Resizing {old} pixels to {new}: give at least 1 of each.")
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    weights: Float[np.ndarray, "_ _"] = np.maximum(0.0, 1 - np.abs(place[:, None] - np.arange(old)))
    return weights


def resize_bytes(
    images: UInt8[np.ndarray, "n old_height old_width"], height: int, width: int
) -> UInt8[np.ndarray, "n {height} {width}"]:
    """Images resized bilinearly and rounded to whole gray levels, ties to even."""
    vertical = bilinear_matrix(height, images.shape[1]).astype(np.float32)
    horizontal = bilinear_matrix(width, images.shape[2]).astype(np.float32)
    resized = np.empty((len(images), height, width), dtype=np.uint8)
    for start in range(0, len(images), _CHUNK):
        part = images[start : start + _CHUNK].astype(np.float32)
        gray = np.matmul(vertical, part @ horizontal.T)
        resized[start : start + _CHUNK] = np.rint(gray, out=gray)
    return resized
