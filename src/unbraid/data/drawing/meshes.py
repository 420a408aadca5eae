"""Meshes of triangles, seen by a pinhole camera: a depth buffer, and flat matte shading.

The object is inside the unit ball around the origin, y up. The camera stands `DISTANCE` from the origin, looks at it, and sees
all of the ball. The lamp moves with the camera, so that an object alone turns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64, UInt8

from unbraid.errors import UsageError

DISTANCE = 4.0
MARGIN = 1.04
"""The view is this many times as wide as the unit ball."""
LAMP = (-0.4, 0.7, 0.6)
"""Direction of the lamp from the object: right, up, towards the camera."""
AMBIENT = 0.4
"""Share of the light that comes from everywhere."""
FINE = 192
"""Samples along an image at least."""
_AT_ONCE = 1 << 20
"""Samples in boxes around triangles at once."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles with a color each.

    Args:
        corners: of each triangle; which side is the outer one does not matter.
        colors: red, green and blue from 0 to 1.
    """

    corners: Float[np.ndarray, "triangle 3 3"]
    colors: Float[np.ndarray, "triangle 3"]

    def in_unit_ball(self) -> Mesh:
        """The same with the middle of its box at the origin, and the corners of the box at distance 1.

        Raises `UsageError` for a mesh without extent, or whose triangles have no area.
        """
        points = self.corners.reshape(-1, 3)
        low, high = (points.min(0), points.max(0)) if len(points) else (np.zeros(3), np.zeros(3))
        radius = float(np.linalg.norm(high - low)) / 2
        if not 0 < radius < np.inf:
            raise UsageError(
                f"A mesh of {len(self.corners)} triangles and radius {radius:g} cannot be seen; give one with extent."
            )
        fitted = (self.corners - (low + high) / 2) / radius
        sides = np.diff(fitted, axis=1)
        if np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1).max() < 1e-9:
            raise UsageError(f"A mesh of {len(self.corners)} triangles without area cannot be seen; give one with area.")
        return Mesh(fitted, self.colors)


def camera(azimuth: float, elevation: float) -> Float[np.ndarray, "3 3"]:
    """Unit vectors to the right, up, and from the object to the camera, as rows.

    Args:
        azimuth: of the camera around the upright axis, in degrees; 0 in front (+z), 90 at the right (+x).
        elevation: of the camera above the horizon, in degrees.
    """
    around, above = math.radians(azimuth), math.radians(elevation)
    right = np.array([math.cos(around), 0.0, -math.sin(around)])
    back = np.array([math.sin(around) * math.cos(above), math.sin(above), math.cos(around) * math.cos(above)])
    return np.stack([right, np.cross(back, right), back])


def projected(points: Float[np.ndarray, "n 3"], azimuth: float, elevation: float) -> Float[np.ndarray, "n 3"]:
    """Places of points in an image of width 1, from its upper left corner, and inverse depths."""
    right, up, back = camera(azimuth, elevation) @ points.T
    near = 1 / (DISTANCE - back)
    spread = math.sqrt(DISTANCE**2 - 1) / MARGIN / 2  # the edge of the view touches the ball but for the margin
    return np.stack([0.5 + spread * right * near, 0.5 - spread * up * near, near], axis=1)


def seen(mesh: Mesh, azimuth: float, elevation: float, size: int) -> UInt8[np.ndarray, "3 {size} {size}"]:
    """A mesh in the unit ball on white; a pixel is the mean of its samples."""
    samples = -(-FINE // size)
    n = size * samples
    points = projected(mesh.corners.reshape(-1, 3), azimuth, elevation).reshape(-1, 3, 3)
    place, near = n * points[..., :2], points[..., 2]
    nearest, fine = np.zeros(n * n), np.ones((n * n, 3))
    shaded = _shades(mesh, azimuth, elevation)[:, None] * mesh.colors
    for pixel, depth, triangle in _fragments(place, near, n):
        np.maximum.at(nearest, pixel, depth)
        front = depth >= nearest[pixel]
        fine[pixel[front]] = shaded[triangle[front]]
    pixels = fine.reshape(size, samples, size, samples, 3).mean((1, 3))
    return np.rint(255 * pixels).astype(np.uint8).transpose(2, 0, 1)


def _shades(mesh: Mesh, azimuth: float, elevation: float) -> Float[np.ndarray, "triangle"]:
    """Brightness of the side of each triangle that the camera sees."""
    a, b, c = np.moveaxis(mesh.corners @ camera(azimuth, elevation).T, 1, 0)
    normal = np.cross(b - a, c - a)
    to_camera = np.array([0.0, 0.0, DISTANCE]) - (a + b + c) / 3
    normal *= np.where((normal * to_camera).sum(1) < 0, -1.0, 1.0)[:, None]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    lamp = np.array(LAMP) / np.linalg.norm(LAMP)
    return AMBIENT + (1 - AMBIENT) * np.maximum(normal @ lamp, 0)


def _fragments(
    place: Float[np.ndarray, "triangle 3 2"], near: Float[np.ndarray, "triangle 3"], n: int
) -> Iterator[tuple[Int64[np.ndarray, "_"], Float[np.ndarray, "_"], Int64[np.ndarray, "_"]]]:
    """Samples inside triangles, some at a time: the number of each, its inverse depth, and the triangle."""
    first = np.clip(np.ceil(place.min(1) - 0.5), 0, n).astype(np.int64)
    last = np.clip(np.floor(place.max(1) - 0.5), -1, n - 1).astype(np.int64)
    wide, high = np.maximum(last - first + 1, 0).T
    a, b, c = np.moveaxis(place, 1, 0)
    area = _cross(b - a, c - a)
    kept = np.flatnonzero((wide * high > 0) & (np.abs(area) > 1e-9))
    parts = np.cumsum((wide * high)[kept]) // _AT_ONCE
    for some in np.split(kept, np.flatnonzero(np.diff(parts)) + 1):
        count = wide[some] * high[some]
        which = np.repeat(some, count)
        number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        column, row = first[which, 0] + number % wide[which], first[which, 1] + number // wide[which]
        at = np.stack([column + 0.5, row + 0.5], axis=1)
        share_a = _cross(b[which] - at, c[which] - at) / area[which]
        share_b = _cross(c[which] - at, a[which] - at) / area[which]
        share_c = 1 - share_a - share_b
        inside = (share_a >= -1e-9) & (share_b >= -1e-9) & (share_c >= -1e-9)
        # the inverse of the depth is linear in the image
        depth = share_a * near[which, 0] + share_b * near[which, 1] + share_c * near[which, 2]
        yield (row * n + column)[inside], depth[inside], which[inside]


def _cross(one: Float[np.ndarray, "n 2"], other: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n"]:
    found: Float[np.ndarray, "n"] = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    return found
