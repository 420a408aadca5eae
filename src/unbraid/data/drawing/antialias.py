"""Anti-aliased sprites: gray levels by supersampling, on the same rule as binary ones."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer, UInt8

from unbraid.data.drawing.raster import fill_polygon

SAMPLES = 4
"""Samples along each side of a pixel."""


def levels(counts: Integer[np.ndarray, "*batch"]) -> UInt8[np.ndarray, "*batch"]:
    """Gray level of a pixel of which so many of its 16 samples are white."""
    table = np.rint(255 * np.arange(SAMPLES**2 + 1) / SAMPLES**2).astype(np.uint8)
    gray: UInt8[np.ndarray, "*batch"] = table[counts]
    return gray


def draw_gray(
    vertices: Float[np.ndarray, "vertex 2"], xs: Float[np.ndarray, "x"], ys: Float[np.ndarray, "y"], size: int
) -> UInt8[np.ndarray, "x y {size} {size}"]:
    """Draw a polygon around every center (x, y); the gray level of a pixel is the share it covers of it.

    A pixel has 4 x 4 samples at the centers of its sixteenths. To sample beside the pixel centers the polygon is moved the
    other way and drawn as `fill_polygon` draws it.
    """
    shifts = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
    moved_x, moved_y = ((center[:, None] - shifts).reshape(-1) for center in (xs, ys))
    words = fill_polygon(vertices, moved_x, moved_y, size).astype(">u8").view(np.uint8)
    samples = words.reshape(len(xs), SAMPLES, len(ys), SAMPLES, size, 8)
    counts = np.zeros((len(xs), len(ys), size, size), dtype=np.uint8)
    for column in range(SAMPLES):
        for row in range(SAMPLES):
            counts += np.unpackbits(samples[:, column, :, row], axis=-1, count=size)
    return levels(counts)
