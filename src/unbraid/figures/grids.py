"""Strips of images as arrays of pixels, ready to be written as PNG."""

from __future__ import annotations

import io

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

SEPARATOR = 190
"""Gray between images: seen beside black and beside white ones."""

Pixels = UInt8[np.ndarray, "rows columns"] | UInt8[np.ndarray, "rows columns 3"]


def to_bytes(images: Float[np.ndarray, "n c h w"]) -> UInt8[np.ndarray, "n c h w"]:
    """Images in [0, 1] as bytes; what is not finite becomes black, what is outside is cut."""
    return np.asarray(np.rint(np.clip(np.nan_to_num(images, nan=0.0), 0, 1) * 255), dtype=np.uint8)


def shrink(images: UInt8[np.ndarray, "n c h w"], most: int) -> UInt8[np.ndarray, "n c y x"]:
    """Images of at most this many pixels a side: means of square blocks; incomplete blocks are cut off."""
    n, channels, height, width = images.shape
    block = -(-max(height, width) // most)
    if block <= 1 or block > min(height, width):
        return images
    rows, columns = height // block, width // block
    cut = images[:, :, : rows * block, : columns * block].reshape(n, channels, rows, block, columns, block)
    return np.asarray(np.rint(cut.mean((3, 5))), dtype=np.uint8)


def gap_of(height: int) -> int:
    """Pixels between neighbors, for images of this height."""
    return max(1, round(height / 32))


def strip(images: UInt8[np.ndarray, "n c h w"], *, gap: int | None = None) -> Pixels:
    """Images side by side with gaps: (h, n w + (n - 1) gap), in 3 colors unless there is 1 channel.

    Two channels are shown as red and green; of more than three, the first three.
    """
    n, channels, height, width = images.shape
    gap = gap_of(height) if gap is None else gap
    shown = images if channels == 1 else _three(images)
    made = np.full((height, n * width + (n - 1) * gap, shown.shape[1]), SEPARATOR, dtype=np.uint8)
    for i, image in enumerate(shown):
        left = i * (width + gap)
        made[:, left : left + width] = image.transpose(1, 2, 0)
    return made[..., 0] if channels == 1 else made


def _three(images: UInt8[np.ndarray, "n c h w"]) -> UInt8[np.ndarray, "n 3 h w"]:
    missing = max(0, 3 - images.shape[1])
    return np.pad(images[:, :3], ((0, 0), (0, missing), (0, 0), (0, 0)))


def png(pixels: Pixels) -> bytes:
    """Pixels as a PNG file, without metadata; equal pixels give equal bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def png_within(pixels: Pixels, most: int) -> bytes:
    """A PNG file of at most this many bytes if possible, by rounding brightness to 128, ... 8 levels.

    Smooth images of any model fit with all 256 levels; noise in three colors does not.
    """
    made = png(pixels)
    for levels in (128, 64, 32, 16, 8):
        if len(made) <= most:
            break
        made = png(coarse(pixels, levels))
    return made


def coarse(pixels: Pixels, levels: int) -> Pixels:
    """Pixels rounded to so many levels of brightness, evenly from 0 to 255."""
    steps = levels - 1
    return np.asarray(np.rint(np.rint(pixels / 255 * steps) * (255 / steps)), dtype=np.uint8)
