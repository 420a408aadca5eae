"""How much of each pixel a shape covers: smooth edges at every size of an image.

A shape is given by a function that is negative inside. The function is divided by the length of its gradient, which near its
zeros gives the distance from the outline in pixels. Within a pixel the outline is taken as straight and upright.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from unbraid.errors import UsageError

Field = Float[np.ndarray, "h w"]
_FLAT = 1e-9


def pixel_distance(field: Field) -> Field:
    """Pixels from the zeros of a function, negative where it is."""
    if min(field.shape) < 2:
        raise UsageError(f"A shape cannot be drawn on {field.shape[0]} x {field.shape[1]} pixels; give at least 2 x 2.")
    down, right = np.gradient(field)
    distance: Field = field / np.maximum(np.hypot(down, right), _FLAT)
    return distance


def filled(field: Field) -> Field:
    """Share of each pixel where a function is negative."""
    share: Field = np.clip(0.5 - pixel_distance(field), 0, 1)
    return share


def stroked(field: Field, half_width: float | Field) -> Field:
    """Share of each pixel within a band around the zeros of a function, this many pixels to either side."""
    distance = pixel_distance(field)
    share: Field = np.clip(np.minimum(distance + 0.5, half_width) - np.maximum(distance - 0.5, -half_width), 0, 1)
    return share
