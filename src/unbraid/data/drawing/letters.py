"""Letters at any place, size, angle, slant and weight, each drawn from one field of distances.

A letter is a set of line segments: the strokes of a pen, or the outline of a font. Its field holds the distance from them on a
grid, negative inside an outline. Ink is where the distance is below a threshold, and the threshold is the weight. The idea is
that of Green (2007), Improved Alpha-Tested Magnification for Vector Textures and Special Effects.

Lengths are multiples of the height of a capital. The middle of a letter is the origin, x points right and y up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, UInt8

from unbraid.data.drawing.coverage import filled

EDGE = 1.0
"""The field reaches this far to all sides."""
CELLS = 96
"""Cells of the field along the height of a capital."""
FINE = 128
"""Samples along an image at least; small images take several along each pixel."""

_AT_ONCE = 1 << 20
"""Pairs of segments at once."""

Segments = Float[np.ndarray, "_ 2 2"]
"""Start and end of each segment, x first."""
Matrix = Float[np.ndarray, "2 2"]


@dataclass(frozen=True, eq=False)
class Letter:
    """The segments of a letter and how they become ink.

    Args:
        segments: of the strokes, or of the closed outlines.
        light, bold: distances up to which there is ink at weight 0 and at weight 1.
        nib: maps the plane so that the nib of the pen is a circle, and distances are measured there.
        outline: whether what the segments enclose is ink; else they are strokes.
    """

    segments: Segments
    light: float
    bold: float
    nib: Matrix = field(default_factory=lambda: np.eye(2))
    outline: bool = False

    @cached_property
    def half(self) -> Float[np.ndarray, "2"]:
        """Half the width and height of the box that holds the ink at weight 1."""
        points = self.segments.reshape(-1, 2)
        # the ellipse |nib p| <= r reaches r times the length of a row of the inverse to each side
        reach: Float[np.ndarray, "2"] = self.bold * np.linalg.norm(np.linalg.inv(self.nib), axis=1)
        return np.abs(points).max(0) + reach

    @cached_property
    def distances(self) -> Float32[np.ndarray, "row column"]:
        """The field: distances at the points of a grid from -`EDGE` to `EDGE`, rows from the lowest."""
        line = np.linspace(-EDGE, EDGE, 2 * round(EDGE * CELLS) + 1)
        at = np.stack(np.broadcast_arrays(line, line[:, None])) if self.outline else None
        x, y = (self.nib[k, 0] * line + self.nib[k, 1] * line[:, None] for k in (0, 1))
        found = distance(self.segments @ self.nib.T, x, y)
        if at is not None:
            inside = windings(self.segments, at.reshape(2, -1).T).reshape(found.shape) != 0
            found = np.where(inside, -found, found)
        return found.astype(np.float32)


def distance(segments: Segments, x: Float[np.ndarray, "*at"], y: Float[np.ndarray, "*at"]) -> Float[np.ndarray, "*at"]:
    """How far points are from the nearest of the segments."""
    nearest = np.full(x.shape, np.inf)
    for (ax, ay), (bx, by) in segments:
        along_x, along_y, from_x, from_y = bx - ax, by - ay, x - ax, y - ay
        length = max(along_x**2 + along_y**2, 1e-18)
        share = np.clip((from_x * along_x + from_y * along_y) / length, 0, 1)
        np.minimum(nearest, (from_x - share * along_x) ** 2 + (from_y - share * along_y) ** 2, out=nearest)
    found: Float[np.ndarray, "*at"] = np.sqrt(nearest)
    return found


def windings(segments: Segments, points: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point"]:
    """How often closed outlines go around each point, counter-clockwise."""
    found, (x, y) = np.zeros(len(points)), points.T
    for (ax, ay), (bx, by) in segments:
        crossed = (ay <= y) != (by <= y)
        left = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) * (by - ay) > 0  # the point is left of where it is crossed
        found += np.sign(by - ay) * (crossed & left)
    return found


def boundary(segments: Segments) -> Segments:
    """The segments of closed outlines between ink and no ink.

    Where outlines overlap, what lies inside of others goes. Segments are cut where they cross, and a piece is kept when exactly
    one of its sides is ink, by the nonzero rule.
    """
    within, at_once = 1e-9, max(1, _AT_ONCE // len(segments))
    pieces = []
    for first in range(0, len(segments), at_once):
        some = segments[first : first + at_once]
        crossings = _crossings(some, segments, within)
        for (start, end), mine in zip(some, crossings, strict=True):
            ends = start + np.concatenate([[0.0], mine, [1.0]])[:, None] * (end - start)
            pieces.append(np.stack([ends[:-1], ends[1:]], axis=1))
    cut = np.concatenate(pieces)
    way = cut[:, 1] - cut[:, 0]
    length = np.linalg.norm(way, axis=1)
    cut, way, length = cut[length > within], way[length > within], length[length > within]
    aside = 1e-6 * np.stack([-way[:, 1], way[:, 0]], axis=1) / length[:, None]
    middle = cut.mean(1)
    kept: Segments = cut[(windings(cut, middle + aside) != 0) != (windings(cut, middle - aside) != 0)]
    return kept


def _crossings(some: Segments, others: Segments, within: float) -> list[Float[np.ndarray, "_"]]:
    """Where others cross each of some segments: shares of its length, ascending."""
    start, along = some[:, None, 0], some[:, None, 1] - some[:, None, 0]
    across = others[:, 1] - others[:, 0]
    between = others[:, 0] - start
    cross = along[..., 0] * across[:, 1] - along[..., 1] * across[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        mine = (between[..., 0] * across[:, 1] - between[..., 1] * across[:, 0]) / cross
        other = (between[..., 0] * along[..., 1] - between[..., 1] * along[..., 0]) / cross
    met = (mine > within) & (mine < 1 - within) & (other > -within) & (other < 1 + within)
    return [np.sort(shares[here]) for shares, here in zip(mine, met, strict=True)]


def to_image(slant: float, scale: float, rotation: float) -> Matrix:
    """The matrix from a letter to an image, y still up: it leans, is scaled, then turned.

    Args:
        slant: angle of upright strokes to the right of the vertical, in degrees.
        scale: pixels of the height of a capital.
        rotation: counter-clockwise, in degrees.
    """
    lean, turn = math.tan(math.radians(slant)), math.radians(rotation)
    cos, sin = math.cos(turn), math.sin(turn)
    return scale * np.array([[cos, lean * cos - sin], [sin, lean * sin + cos]])


def draw_letters(
    letters: Sequence[Letter], rows: Float[np.ndarray, "n 7"], box: int, samples: int
) -> UInt8[np.ndarray, "n 1 {box} {box}"]:
    """White letters on black, one per row; the gray level of a pixel is the share of it that is ink.

    Args:
        letters: that there are.
        rows: the letter's number; its weight from 0 to 1; slant, scale and rotation as of `to_image`; and pixels from the left
            and the upper edge to its middle.
        box: width and height in pixels.
        samples: along each side of a pixel.
    """
    pictures = np.zeros((len(rows), 1, box, box), dtype=np.uint8)
    for picture, (which, weight, slant, scale, rotation, right, down) in zip(pictures, rows.tolist(), strict=True):
        letter, matrix = letters[int(which)], to_image(slant, scale, rotation)
        extent = np.abs(matrix) @ letter.half + 1
        left, end = _pixels(right, extent[0], box)
        top, bottom = _pixels(down, extent[1], box)
        ink = letter.light + (letter.bold - letter.light) * weight
        x = (np.arange(left * samples, end * samples) + 0.5) / samples - right
        y = down - (np.arange(top * samples, bottom * samples) + 0.5) / samples
        share = filled(_sampled(letter.distances, np.linalg.inv(matrix), x, y) - ink)
        pixels = share.reshape(bottom - top, samples, end - left, samples).mean((1, 3))
        picture[0, top:bottom, left:end] = np.rint(255 * pixels)
    return pictures


def _pixels(middle: float, extent: float, box: int) -> tuple[int, int]:
    """First pixel and the one after the last of a letter, two or more of them inside the box."""
    first = min(max(math.floor(middle - extent), 0), box - 2)
    return first, max(min(math.ceil(middle + extent), box), first + 2)


def _sampled(
    distances: Float32[np.ndarray, "row column"], inverse: Matrix, x: Float[np.ndarray, "w"], y: Float[np.ndarray, "h"]
) -> Float32[np.ndarray, "h w"]:
    from scipy.ndimage import map_coordinates  # type: ignore[attr-defined]  # gathered when it is imported

    places = [CELLS * (inverse[k, 0] * x + inverse[k, 1] * y[:, None] + EDGE) for k in (1, 0)]
    found: Float32[np.ndarray, "h w"] = map_coordinates(distances, places, order=1, mode="nearest")
    return found
