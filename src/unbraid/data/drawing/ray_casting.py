"""A solid in the middle of a square room, seen by a camera, with the shadow that a lamp throws.

The floor is z = 0, the walls are the planes x and y = +-`ROOM`, of which the camera sees the far ones from inside. What is
computed does not depend on colors: how bright the floor, the walls and the solid are in each pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int8, UInt8

from unbraid.data.drawing.solids import Interval, Solid, Vectors, between, in_ball, meets

ROOM = 2.5
"""Half the width of the room."""
DISTANCE, AIM = 6.5, 0.8
"""Of the camera from the axis of the room, and the height of the point of the axis that it looks at."""
VIEW = np.radians(36)
"""Angle from the left to the right edge of an image, and from top to bottom."""
LAMP_DISTANCE, LAMP_HEIGHT = 2.3, 4.0
"""Of the lamp from the axis of the room, and above its floor."""
SAMPLES = 4
"""Rays along each side of a pixel."""
AMBIENT = 0.45
"""Share of the light that comes from everywhere."""
GLOSS, SHARPNESS = 0.18, 30
"""Brightness of the lamp's reflection in the solid, and the exponent of Blinn and Phong by which it fades."""
FLOOR, WALL, SOLID = range(3)
"""What a ray meets first."""


@dataclass(frozen=True)
class Camera:
    """Where the camera stands: its angle around the room, and its height above the floor.

    The angle is 0 in front and positive to the right.
    """

    angle: float
    height: float

    @property
    def place(self) -> Float[np.ndarray, "3 1"]:
        """Its position."""
        return np.array([[DISTANCE * np.sin(self.angle)], [-DISTANCE * np.cos(self.angle)], [self.height]])

    def rays(self, size: int) -> Vectors:
        """Unit vectors through the samples of a square image, row by row from the top left."""
        ahead = np.array([0.0, 0.0, AIM]) - self.place[:, 0]
        ahead /= np.linalg.norm(ahead)
        right = np.array([np.cos(self.angle), np.sin(self.angle), 0.0])
        down = np.cross(ahead, right)
        n = size * SAMPLES
        offset = np.tan(VIEW / 2) * (2 * (np.arange(n) + 0.5) / n - 1)
        rays = ahead[:, None, None] + right[:, None, None] * offset + down[:, None, None] * offset[:, None]
        flat: Vectors = (rays / np.linalg.norm(rays, axis=0)).reshape(3, -1)
        return flat


def lamp(angle: float) -> Float[np.ndarray, "3 1"]:
    """Position of the lamp at an angle around the room, 0 in front, positive to the right."""
    return np.array([[LAMP_DISTANCE * np.sin(angle)], [-LAMP_DISTANCE * np.cos(angle)], [LAMP_HEIGHT]])


@dataclass(frozen=True, eq=False)
class Samples:
    """What the rays of an image meet.

    Args:
        part: `FLOOR`, `WALL` or `SOLID`.
        shadow: whether the solid stands between the point and the lamp; its own dark side is not counted.
        shade: brightness of the part's color, from 0 to 1.
        gloss: brightness of the reflected lamp, in white.
    """

    part: Int8[np.ndarray, "n"]
    shadow: Bool[np.ndarray, "n"]
    shade: Float[np.ndarray, "n"]
    gloss: Float[np.ndarray, "n"]


class EmptyRoom:
    """The room before a solid stands in it, for one camera and one lamp."""

    def __init__(self, camera: Camera, lamp_angle: float, size: int) -> None:
        self._eye, self._lamp, self._rays = camera.place, lamp(lamp_angle), camera.rays(size)
        self._size = size
        across = [between(self._eye, self._rays, axis, -ROOM, ROOM)[1] for axis in (0, 1)]
        down = self._rays[2]
        with np.errstate(divide="ignore"):
            floor = np.where(down < 0, -self._eye[2] / down, np.inf)
        self._length = np.minimum(np.minimum(*across), floor)
        self._part = np.where(floor <= self._length, FLOOR, WALL).astype(np.int8)
        self._points = self._eye + self._length * self._rays
        # the normal of the floor is up, that of a wall points inwards
        axis = np.where(self._part == FLOOR, 2, np.where(across[0] < across[1], 0, 1))
        every = np.arange(len(axis))
        to_lamp = self._lamp - self._points
        self._lamp_away = np.linalg.norm(to_lamp, axis=0)
        self._to_lamp = to_lamp / self._lamp_away
        normal = np.where(self._part == FLOOR, 1.0, -np.sign(self._points[axis, every]))
        self._direct = np.maximum(normal * self._to_lamp[axis, every], 0)

    def with_solid(self, solid: Solid, scale: float) -> Samples:
        """What is seen where a solid, this many times its natural size, stands in the middle."""
        seen, start = self._entered(solid, scale, self._eye, self._rays)
        part = self._part.copy()
        part[seen] = SOLID
        shadow = np.zeros(len(part), dtype=bool)
        # a ray from the room to the lamp passes through whatever part of the solid lies above its point
        shadow[self._entered(solid, scale, self._points, self._to_lamp)[0]] = True
        shadow[seen] = False
        shade = AMBIENT + (1 - AMBIENT) * self._direct * ~shadow
        gloss = np.zeros(len(part))
        shade[seen], gloss[seen] = self._surface(solid, scale, self._rays[:, seen], start)
        return Samples(part, shadow, shade, gloss)

    def maps(self, solid: Solid, scale: float) -> UInt8[np.ndarray, "4 {self._size} {self._size}"]:
        """Brightness of floor, walls, solid and gloss in each pixel, the mean over its samples."""
        samples = self.with_solid(solid, scale)
        parts = [np.where(samples.part == part, samples.shade, 0) for part in (FLOOR, WALL, SOLID)]
        fine = np.stack([*parts, samples.gloss]).reshape(4, self._size, SAMPLES, self._size, SAMPLES)
        return np.rint(255 * fine.mean(axis=(2, 4))).astype(np.uint8)

    @staticmethod
    def _entered(solid: Solid, scale: float, origin: Vectors, direction: Vectors) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the rays that meet the solid, and the lengths after which they do."""
        origin = origin / scale
        middle = solid.height / 2
        near = np.flatnonzero(meets(in_ball(origin, direction, middle, float(np.hypot(middle, solid.radius)))))
        interval: Interval = solid.inside(origin if origin.shape[1] == 1 else origin[:, near], direction[:, near])
        met = meets(interval)
        return near[met], scale * interval[0][met]

    def _surface(
        self, solid: Solid, scale: float, rays: Vectors, start: Float[np.ndarray, "n"]
    ) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
        points = self._eye + start * rays
        normal = solid.outward(points / scale)
        to_lamp = self._lamp - points
        to_lamp /= np.linalg.norm(to_lamp, axis=0)
        facing = (normal * to_lamp).sum(0)
        halfway = to_lamp - rays
        halfway /= np.linalg.norm(halfway, axis=0)
        mirrored = np.maximum((normal * halfway).sum(0), 0) ** SHARPNESS * (facing > 0)
        # room for the gloss, so that no sum of colors is cut off
        return (1 - GLOSS) * (AMBIENT + (1 - AMBIENT) * np.maximum(facing, 0)), GLOSS * mirrored
