"""Scan conversion of polygons to binary images, bit-exact and fast enough to draw dSprites in seconds.

One polygon is drawn at every combination of several x and y positions at once. Which edges cross which pixel row depends on
y alone and where they cross on x, so the two positions separate; and the even-odd rule on a row is an exclusive-or of
"everything to the right of this crossing", one 64-bit word per row.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int64, UInt8, UInt64

from unbraid.errors import UsageError

SUBPIXEL = 256
"""Vertices are rounded to this fraction of a pixel, as the renderer of dSprites did."""
_PIXEL = 2 * SUBPIXEL
"""A pixel in half sub-pixels, in which vertices and centers of pixels are whole numbers."""


def fill_polygon(
    vertices: Float[np.ndarray, "vertex 2"], xs: Float[np.ndarray, "x"], ys: Float[np.ndarray, "y"], size: int
) -> UInt64[np.ndarray, "x y {size}"]:
    """Draw a polygon around every center (x, y); x to the right, y down, pixel centers at halves.

    A pixel is white iff its center lies in [left, right) of a span between edges, by the even-odd rule; an edge crosses
    the center line c of a row iff exactly one of its ends lies above c. Column 0 is the highest bit of a row's word.
    """
    if not 1 <= size <= 64:
        raise UsageError(f"Images of {size} pixels: polygons are drawn at 1 to 64.")
    x, y = _in_units(xs, vertices[:, 0]), _in_units(ys, vertices[:, 1])  # (x, vertex) and (y, vertex)
    x2, y2 = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    centers = np.arange(size) * _PIXEL + _PIXEL // 2
    above, above2 = y[:, None, :] < centers[:, None], y2[:, None, :] < centers[:, None]
    which, row, edge = np.nonzero(above != above2)  # sorted by (which, row): one run per pixel row
    # An edge from (x, y) to (x2, y2) crosses the line c at x + (c - y) (x2 - x) / (y2 - y). In whole numbers, since a crossing
    # that is exactly at a pixel's center decides about that pixel.
    height = y2[which, edge] - y[which, edge]
    down = np.sign(height) * (centers[row] - y[which, edge])
    height = np.abs(height)
    past_center = (x[:, edge] - _PIXEL // 2) * height + down * (x2 - x)[:, edge]  # (x, crossing)
    first = np.clip(-(-past_center // (_PIXEL * height)), 0, size)  # first pixel whose center is not left of the crossing
    to_the_right = _to_the_right(size)[first]
    words = np.zeros((len(xs), len(ys) * size), dtype=np.uint64)
    if len(edge):
        line = which * size + row
        starts = np.flatnonzero(np.diff(line, prepend=-1))
        words[:, line[starts]] = np.bitwise_xor.reduceat(to_the_right, starts, axis=1)
    return words.reshape(len(xs), len(ys), size)


def _in_units(positions: Float[np.ndarray, "n"], offsets: Float[np.ndarray, "vertex"]) -> Int64[np.ndarray, "n vertex"]:
    return 2 * np.round((positions[:, None] + offsets) * SUBPIXEL).astype(np.int64)


def _to_the_right(size: int) -> UInt64[np.ndarray, "_"]:
    # entry j: a word whose columns j, j + 1, ..., size - 1 are set
    ones = (1 << 64) - 1
    inside = ones ^ ((1 << (64 - size)) - 1)
    return np.array([(ones >> j) & inside if j < 64 else 0 for j in range(size + 1)], dtype=np.uint64)


def words_to_bytes(words: UInt64[np.ndarray, "*batch {size}"], size: int) -> UInt8[np.ndarray, "*batch packed"]:
    """Rows of words as bit-packed images: `size` x `size` bits, row after row, highest bit first."""
    if size % 4:
        raise UsageError(f"Images of {size} pixels cannot be bit-packed; allowed: multiples of 4.")
    flat = words.astype(">u8").view(np.uint8).reshape(*words.shape, 8)
    if size % 8:  # rows end within a byte
        flat = np.packbits(np.unpackbits(flat, axis=-1)[..., :size].reshape(*words.shape[:-1], -1), axis=-1)
    else:
        flat = np.ascontiguousarray(flat[..., : size // 8])
    return flat.reshape(*words.shape[:-1], size * size // 8)


def regular(n: int) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Cosine and sine of n equally spaced angles, starting at zero."""
    t = 2 * np.pi * np.arange(n) / n
    return np.cos(t), np.sin(t)


def place(outline: Float[np.ndarray, "vertex 2"], scale: float, angle: float) -> Float[np.ndarray, "vertex 2"]:
    """Scale an outline and turn it counter-clockwise on the screen (y down)."""
    a, b = outline[:, 0], outline[:, 1]
    cos, sin = np.cos(angle), np.sin(angle)
    return scale * np.stack([a * cos + b * sin, -a * sin + b * cos], axis=1)
