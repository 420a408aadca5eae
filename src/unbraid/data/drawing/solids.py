"""Convex solids that stand on the floor: where rays enter and leave them, and their normals.

Solids have their natural size around the axis x = y = 0, with the floor at z = 0. Vectors are arrays (3, n); an origin that all
rays share is (3, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

Vectors = Float[np.ndarray, "3 _"]
Places = Float[np.ndarray, "n"]
Interval = tuple[Places, Places]
"""Where rays are inside, from and to, in lengths of their direction; empty where the first is not below the second."""

TINY = 1e-12


@dataclass(frozen=True)
class Solid:
    """A convex solid.

    Args:
        height: of its highest point.
        radius: of the upright cylinder around it.
        inside: the interval of each ray, origin + t direction, inside the solid.
        outward: the unit normal at points of the surface.
    """

    height: float
    radius: float
    inside: Callable[[Vectors, Vectors], Interval]
    outward: Callable[[Vectors], Vectors]


def meets(interval: Interval) -> Bool[np.ndarray, "n"]:
    """Whether each ray is inside somewhere in front of its origin."""
    start, end = interval
    hit: Bool[np.ndarray, "n"] = (start < end) & (end > 0)
    return hit


def between(origin: Vectors, direction: Vectors, axis: int, low: float, high: float) -> Interval:
    """The interval of each ray between two planes across an axis."""
    along = direction[axis]
    safe = np.where(np.abs(along) < TINY, TINY, along)
    first, second = (low - origin[axis]) / safe, (high - origin[axis]) / safe
    return np.minimum(first, second), np.maximum(first, second)


def in_ball(origin: Vectors, direction: Vectors, center: float, radius: float) -> Interval:
    """The interval of each ray in a ball around (0, 0, center)."""
    x, y, z = origin[0], origin[1], origin[2] - center
    b = direction[0] * x + direction[1] * y + direction[2] * z
    return _roots(np.ones_like(b), b, x**2 + y**2 + z**2 - radius**2)


def _roots(a: Places, b: Places, c: Float[np.ndarray, "_"]) -> Interval:
    """Where a t^2 + 2 b t + c is negative, for a above 0; an empty interval where it never is."""
    discriminant = b**2 - a * c
    root = np.sqrt(np.maximum(discriminant, 0))
    missed = discriminant <= 0
    return np.where(missed, np.inf, (-b - root) / a), np.where(missed, -np.inf, (-b + root) / a)


def _both(first: Interval, second: Interval) -> Interval:
    return np.maximum(first[0], second[0]), np.minimum(first[1], second[1])


def _in_column(origin: Vectors, direction: Vectors, radius: float) -> Interval:
    a = np.maximum(direction[0] ** 2 + direction[1] ** 2, TINY)
    b = direction[0] * origin[0] + direction[1] * origin[1]
    return _roots(a, b, origin[0] ** 2 + origin[1] ** 2 - radius**2)


def sphere(radius: float) -> Solid:
    """A ball that lies on the floor."""

    def outward(points: Vectors) -> Vectors:
        return (points - np.array([[0.0], [0.0], [radius]])) / radius

    return Solid(2 * radius, radius, lambda origin, direction: in_ball(origin, direction, radius, radius), outward)


def cube(side: float) -> Solid:
    """A cube with its sides along x and y."""
    half = side / 2

    def inside(origin: Vectors, direction: Vectors) -> Interval:
        level = _both(between(origin, direction, 0, -half, half), between(origin, direction, 1, -half, half))
        return _both(level, between(origin, direction, 2, 0.0, side))

    def outward(points: Vectors) -> Vectors:
        offset = points - np.array([[0.0], [0.0], [half]])
        face = np.abs(offset).argmax(axis=0)
        every = np.arange(points.shape[1])
        normal = np.zeros_like(points)
        normal[face, every] = np.sign(offset[face, every])
        return normal

    return Solid(side, half * np.sqrt(2), inside, outward)


def cylinder(radius: float, height: float) -> Solid:
    """An upright cylinder."""

    def inside(origin: Vectors, direction: Vectors) -> Interval:
        return _both(_in_column(origin, direction, radius), between(origin, direction, 2, 0.0, height))

    def outward(points: Vectors) -> Vectors:
        x, y, z = points
        top = z > height * (1 - 1e-9)
        return np.stack([np.where(top, 0, x / radius), np.where(top, 0, y / radius), top.astype(x.dtype)])

    return Solid(height, radius, inside, outward)


def cone(radius: float, height: float) -> Solid:
    """An upright cone, its tip above."""
    slope = radius / height

    def inside(origin: Vectors, direction: Vectors) -> Interval:
        # x^2 + y^2 - slope^2 (height - z)^2 < 0 also holds in the mirrored cone above the tip, which the planes cut off
        depth = height - origin[2]
        a = direction[0] ** 2 + direction[1] ** 2 - (slope * direction[2]) ** 2
        b = direction[0] * origin[0] + direction[1] * origin[1] + slope**2 * direction[2] * depth
        c = origin[0] ** 2 + origin[1] ** 2 - (slope * depth) ** 2
        steep = a <= 0  # as steep as the cone or steeper: inside it from one root on for ever
        a = np.where(np.abs(a) < TINY, -TINY, a)
        shallow = _roots(np.where(steep, 1.0, a), b, c)
        root = np.sqrt(np.maximum(b**2 - a * c, 0))
        one, two = (-b - root) / a, (-b + root) / a
        down = direction[2] < 0
        start = np.where(down, np.maximum(one, two), -np.inf)
        end = np.where(down, np.inf, np.minimum(one, two))
        body = np.where(steep, start, shallow[0]), np.where(steep, end, shallow[1])
        return _both(body, between(origin, direction, 2, 0.0, height))

    def outward(points: Vectors) -> Vectors:
        x, y, _ = points
        out = np.maximum(np.hypot(x, y), TINY)
        return np.stack([x / out, y / out, np.full_like(x, slope)]) / np.hypot(1.0, slope)

    return Solid(height, radius, inside, outward)


def capsule(radius: float, height: float) -> Solid:
    """An upright cylinder with round ends."""
    low, high = radius, height - radius

    def inside(origin: Vectors, direction: Vectors) -> Interval:
        body = _both(_in_column(origin, direction, radius), between(origin, direction, 2, low, high))
        parts = [in_ball(origin, direction, low, radius), body, in_ball(origin, direction, high, radius)]
        starts = [np.where(start < end, start, np.inf) for start, end in parts]
        ends = [np.where(start < end, end, -np.inf) for start, end in parts]
        return np.minimum.reduce(starts), np.maximum.reduce(ends)

    def outward(points: Vectors) -> Vectors:
        x, y, z = points
        return np.stack([x, y, z - np.clip(z, low, high)]) / radius

    return Solid(height, radius, inside, outward)
