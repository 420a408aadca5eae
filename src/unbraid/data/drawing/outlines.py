"""Outlines of the sprites and how a grid of them is drawn: the geometry of dSprites, at any size.

Recovered from the published images: a sprite's half-width is 0.15 of the image, the ellipse is a 100-gon with half-axes 1.33 r
and r / 1.33, the heart a 150-gon. Lengths are in pixels, x to the right, y down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int, UInt8

from unbraid.data.drawing.raster import fill_polygon, place, regular, words_to_bytes

HALF_WIDTH = 0.15
"""Half-width r of a sprite at scale 1, as a share of the image."""
STRETCH = 1.33
"""The ellipse's half-axes are r times and divided by this."""

Outline = Callable[[float], Float[np.ndarray, "vertex 2"]]


def square(r: float) -> Float[np.ndarray, "4 2"]:
    """Square of half-width r."""
    return np.array([[-r, -r], [r, -r], [r, r], [-r, r]])


def ellipse(r: float) -> Float[np.ndarray, "100 2"]:
    """Ellipse with its long half-axis 1.33 r horizontal; its area is that of a circle of radius r."""
    cos, sin = regular(100)
    return np.stack([STRETCH * r * cos, r / STRETCH * sin], axis=1)


def heart(r: float) -> Float[np.ndarray, "150 2"]:
    """Heart, point down."""
    cos, sin = regular(150)
    t = 2 * np.pi * np.arange(150) / 150
    up = (13 * cos - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 14.5 + 0.15
    return np.stack([r * sin**3, -r * up], axis=1)


def centers(positions: Float[np.ndarray, "p"], size: int) -> Float[np.ndarray, "p"]:
    """Pixel coordinates of positions in [0, 1]: the middle half of the image."""
    return size / 4 + size / 2 * positions


def draw_grid(
    outlines: list[Outline],
    scales: Float[np.ndarray, "s"],
    angles: Float[np.ndarray, "o"],
    positions_x: Float[np.ndarray, "x"],
    positions_y: Float[np.ndarray, "y"],
    size: int,
    half_width: float = HALF_WIDTH,
) -> Iterator[UInt8[np.ndarray, "x*y packed"]]:
    """Bit-packed images of a full grid, one block of all positions per (outline, scale, angle), y fastest.

    Sprites have the given half-width r at scale 1, as a share of the image.
    """
    xs, ys = centers(positions_x, size), centers(positions_y, size)
    for outline in outlines:
        vertices = outline(half_width * size)
        for scale in scales:
            for angle in angles:
                words = fill_polygon(place(vertices, float(scale), float(angle)), xs, ys, size)
                yield words_to_bytes(words.reshape(-1, size), size)


def draw_each(
    outlines: list[Outline],
    which: Int[np.ndarray, "n"],
    scales: Float[np.ndarray, "n"],
    angles: Float[np.ndarray, "n"],
    xs: Float[np.ndarray, "n"],
    ys: Float[np.ndarray, "n"],
    size: int,
    half_width: float = HALF_WIDTH,
) -> UInt8[np.ndarray, "n packed"]:
    """Bit-packed images of one sprite each, as `draw_grid` draws it.

    Corners are rounded to 1/256 of a pixel.

    Args:
        outlines: that there are.
        which: the outline of each image.
        scales, angles: of each.
        xs, ys: positions of each in [0, 1].
        size: width and height in pixels.
        half_width: of a sprite at scale 1, as a share of the image.
    """
    vertices = [outline(half_width * size) for outline in outlines]
    right, down = centers(xs, size), centers(ys, size)
    words = np.empty((len(which), size), dtype=np.uint64)
    for i, k in enumerate(which):
        turned = place(vertices[k], float(scales[i]), float(angles[i]))
        words[i] = fill_polygon(turned, right[i : i + 1], down[i : i + 1], size)[0, 0]
    return words_to_bytes(words, size)
