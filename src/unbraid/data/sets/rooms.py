"""Rooms: a solid in a colored room, cast by rays, with the shadow of a lamp."""

from __future__ import annotations

import colorsys
import math
from typing import Annotated

import numpy as np
from jaxtyping import UInt8

from unbraid.data.drawing.ray_casting import Camera, EmptyRoom
from unbraid.data.drawing.solids import Solid, capsule, cone, cube, cylinder, sphere
from unbraid.data.drawing.tinted_layers import TintedLayers
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.registry import datasets
from unbraid.errors import UsageError
from unbraid.options import Option
from unbraid.progress import reporting

SOLIDS: dict[str, Solid] = {
    "sphere": sphere(1.0),
    "cube": cube(1.6),
    "cylinder": cylinder(0.8, 1.7),
    "cone": cone(1.0, 2.1),
    "capsule": capsule(0.65, 2.2),
}
HUES = 8
LARGEST = 2**31
"""Bytes of all views together."""
DARKEST_AND_BRIGHTEST = ((116, 236), (124, 244), (55, 255))
"""Smallest and largest channel of the colors of floor, walls and object; differences are multiples of 4: hues are exact."""
WHITE = 3 * HUES
TURN = 44
"""Largest angle of the camera to either side, in degrees; half a quarter turn would show the room as its mirror image."""
CAMERA, LAMP = 3.0, -40.0
"""Height of the camera, and angle of the lamp in degrees, where they are no factors."""


def rooms_space(cameras: int = 1, lamps: int = 1) -> FactorSpace:
    """Factors of the rooms; camera height and lamp are factors where they have several values."""
    hue = tuple(k / HUES for k in range(HUES))
    factors = [
        *(Factor(f"{part}_hue", hue, "circular", "share of the color circle") for part in ("floor", "wall", "object")),
        Factor("scale", tuple(np.linspace(0.5, 1, 6))),
        Factor("shape", tuple(map(float, range(len(SOLIDS)))), "categorical", labels=tuple(SOLIDS)),
        Factor("orientation", tuple(np.linspace(-TURN, TURN, 12)), unit="degrees"),
    ]
    if cameras > 1:
        factors.append(Factor("camera_height", tuple(np.linspace(2, 4, cameras))))
    if lamps > 1:
        factors.append(Factor("lamp", tuple(np.linspace(-60, 60, lamps)), unit="degrees"))
    return FactorSpace(tuple(factors))


def palette() -> UInt8[np.ndarray, "color 3"]:
    """Colors of the floor, then of the walls, then of the object, red first; then white."""
    colors = []
    for low, high in DARKEST_AND_BRIGHTEST:
        rgb = np.array([colorsys.hsv_to_rgb(k / HUES, 1, 1) for k in range(HUES)])
        colors.append(low + (high - low) * rgb)
    return np.rint(np.concatenate([*colors, np.full((1, 3), 255.0)])).astype(np.uint8)


@datasets.register(
    "rooms", source="Our definition, drawn by unbraid; in the manner of Burgess and Kim (2018), 3D Shapes, not that set"
)
@factor_grid
def rooms(
    size: Annotated[int, Option("image width and height in pixels", ge=16, le=256)] = 64,
    cameras: Annotated[int, Option("heights of the camera, a further factor where there are several", ge=1, le=8)] = 1,
    lamps: Annotated[int, Option("places of the lamp, a further factor where there are several", ge=1, le=8)] = 1,
) -> Grid:
    """184,320 rooms: hue of floor, wall and object (8 each), scale (6), shape (5), orientation (12).

    A sphere, cube, cylinder, cone or capsule stands in the middle of a square room, and a lamp throws its shadow on the floor
    and the walls. Orientation is the angle at which the camera stands around the room, from -44 to 44 degrees, so that every
    shape shows it. Rays are cast from a pinhole camera, 4 x 4 per pixel. Surfaces are matte, and the object also reflects the
    lamp in white. Hues only color what was cast: a pixel has the hue of the part that it shows, in light and in shadow.
    `cameras` adds the factor `camera_height`, and `lamps` the factor `lamp`, the angle at which the lamp hangs around the room.

    This is not the published 3D Shapes: shapes, angles, sizes, light and colors are ours.
    """
    space = rooms_space(cameras, lamps)
    values = {factor.name: factor.values for factor in space.factors}
    angles, heights, places = values["orientation"], values.get("camera_height", (CAMERA,)), values.get("lamp", (LAMP,))
    scales, solids = values["scale"], list(SOLIDS.values())
    shape = (len(scales), len(solids), len(angles), len(heights), len(places), 4, size, size)
    if math.prod(shape) > LARGEST:
        raise UsageError(
            f"--size {size} with --cameras {cameras} and --lamps {lamps} takes {math.prod(shape) / 2**30:.1f} GiB of memory; "
            f"allowed: at most {LARGEST / 2**30:g}. Give a smaller size, or fewer cameras or lamps."
        )
    seen = np.empty(shape, dtype=np.uint8)
    with reporting("drawing rooms") as progress:
        for done, (a, h, p) in enumerate(np.ndindex(len(angles), len(heights), len(places))):
            room = EmptyRoom(Camera(np.radians(angles[a]), heights[h]), np.radians(places[p]), size)
            for i, scale in enumerate(scales):
                for j, solid in enumerate(solids):
                    seen[i, j, a, h, p] = room.maps(solid, scale)
            progress(done + 1, len(angles) * len(heights) * len(places))
    views = seen.reshape(-1, 4, size, size)
    # the hues are the first factors, so that views repeat in index order
    every = np.arange(len(space))
    hues = np.unravel_index(every // len(views), (HUES, HUES, HUES))
    tints = np.stack([*(HUES * part + hue for part, hue in enumerate(hues)), np.full(len(space), WHITE)], axis=1)
    return Grid(TintedLayers(views, (every % len(views)).astype(np.int32), palette(), tints.astype(np.uint8)), space)
