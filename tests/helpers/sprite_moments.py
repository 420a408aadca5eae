"""Areas and moments of sprites: exact ones from their outlines, and those of drawn images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STRETCH = 1.33
EDGE = 5 / 64
"""Variance in square pixels of the four sample positions within a pixel: what averaging over them adds to second moments."""

Curve = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def by_green(curve: Curve, derivative: Curve) -> np.ndarray:
    """Integrals over the inside of a closed curve (x, up)(t), counter-clockwise: of 1, x, up, x^2, x up, up^2.

    By Green's theorem each is a line integral. For trigonometric polynomials of degree up to 4 the trapezoidal rule with 64
    points is exact.
    """
    t = 2 * np.pi * np.arange(64) / 64
    (x, up), (dx, dup) = curve(t), derivative(t)
    forms = (x * dup, x**2 / 2 * dup, -(up**2) / 2 * dx, x**3 / 3 * dup, x**2 * up / 2 * dup, -(up**3) / 3 * dx)
    return np.array([form.mean() * 2 * np.pi for form in forms])


def _heart(t):
    return np.sin(t) ** 3, (13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 14.5 + 0.15


def _heart_derivative(t):
    dup = (-13 * np.sin(t) + 10 * np.sin(2 * t) + 6 * np.sin(3 * t) + 4 * np.sin(4 * t)) / 14.5
    return 3 * np.sin(t) ** 2 * np.cos(t), dup


_A, _B = STRETCH, 1 / STRETCH
INTEGRALS = {
    "square": np.array([4, 0, 0, 4 / 3, 0, 4 / 3]),
    "ellipse": np.array([np.pi, 0, 0, np.pi / 4 * _A**2, 0, np.pi / 4 * _B**2]),
    "heart": -by_green(_heart, _heart_derivative),  # this parametrization runs clockwise
}
"""Of 1, x, up, x^2, x up, up^2 over a sprite with r = 1, upright."""


def expected(upright: np.ndarray, r: float, angle: float) -> np.ndarray:
    """The integrals of a sprite of half-width r turned counter-clockwise, with y down: of 1, x, y, x^2, x y, y^2."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    down = np.diag([1.0, -1.0])
    first = down @ turn @ upright[1:3]
    second = down @ turn @ np.array([[upright[3], upright[4]], [upright[4], upright[5]]]) @ turn.T @ down
    return np.array([upright[0] * r**2, *(first * r**3), *(np.array([second[0, 0], second[0, 1], second[1, 1]]) * r**4)])


def measured(images: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same sums over the pixels of images (n, height, width) in [0, 1] about the centers (x, y), in pixels."""
    n, height, width = images.shape
    down, right = np.mgrid[:height, :width] + 0.5 - np.array([height, width])[:, None, None] / 2
    basis = np.stack([np.ones_like(right), right, down, right**2, right * down, down**2]).reshape(6, -1).T
    m, mx, my, mxx, mxy, myy = np.concatenate(
        [part.reshape(len(part), -1) @ basis for part in np.array_split(images, -(-n // 500))]
    ).T
    x, y = x - width / 2, y - height / 2
    return np.stack(
        [
            m,
            mx - x * m,
            my - y * m,
            mxx - 2 * x * mx + x**2 * m,
            mxy - x * my - y * mx + x * y * m,
            myy - 2 * y * my + y**2 * m,
        ],
        1,
    )


def scaled_errors(seen: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Differences as shares: of the area, of area x radius, and of area x radius^2, with the radius of an equal circle."""
    area = exact[..., :1]
    radius = np.sqrt(area / np.pi)
    return np.abs(seen - exact) / (area * radius ** np.array([0, 1, 1, 2, 2, 2]))
