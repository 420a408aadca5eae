"""Rooms: a solid in a colored room, cast by rays, with the shadow of a lamp."""

from __future__ import annotations

import colorsys
import math
from typing import Annotated

import numpy as np
from jaxtyping import Float, UInt8

from unbraid.data.drawing.drawn_once import drawn_once
from unbraid.data.drawing.ray_casting import Camera, EmptyRoom
from unbraid.data.drawing.solids import Solid, capsule, cone, cube, cylinder, sphere
from unbraid.data.drawing.tinted_layers import TintedLayers
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.drawn import Drawing
from unbraid.data.grids.options import Grid, drawn_grid
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
    for part in range(len(DARKEST_AND_BRIGHTEST)):
        colors.append(colors_of(part, np.arange(HUES) / HUES))
    return np.concatenate([*colors, np.full((1, 3), 255, np.uint8)])


def colors_of(part: int, hues: Float[np.ndarray, "hue"]) -> UInt8[np.ndarray, "hue 3"]:
    """Colors of the floor (0), the walls (1) or the object (2) in these hues."""
    low, high = DARKEST_AND_BRIGHTEST[part]
    rgb = np.array([colorsys.hsv_to_rgb(hue % 1, 1, 1) for hue in hues.tolist()])
    return np.rint(low + (high - low) * rgb).astype(np.uint8)


def drawn_rooms(size: int, cameras: int, lamps: int) -> Drawing:
    """Rooms of any hues, scale and angles; camera height and lamp where they are factors."""
    space = rooms_space(cameras, lamps)
    lines = {"orientation": (-TURN, TURN), "camera_height": (2, 4), "lamp": (-60, 60), "scale": (0.5, 1)}
    hues = ("floor_hue", "wall_hue", "object_hue")
    ranges = dict.fromkeys(hues, (0.0, 1.0)) | {name: ends for name, ends in lines.items() if name in space.names}
    solids = list(SOLIDS.values())

    def cast(views: Float[np.ndarray, "view 5"]) -> UInt8[np.ndarray, "view 4 h w"]:
        seen = np.empty((len(views), 4, size, size), dtype=np.uint8)
        for i, (angle, height, place, scale, shape) in enumerate(views):
            if i == 0 or not np.array_equal(views[i, :3], views[i - 1, :3]):
                room = EmptyRoom(Camera(np.radians(angle), height), np.radians(place), size)
            seen[i] = room.maps(solids[int(shape)], scale)
        return seen

    def draw(values: Float[np.ndarray, "n factor"]) -> TintedLayers:
        usual = {"camera_height": CAMERA, "lamp": LAMP}
        columns = [
            values[:, space.column(name)] if name in space.names else np.full(len(values), usual[name])
            for name in ("orientation", "camera_height", "lamp", "scale", "shape")
        ]
        views, which = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)  # those of one room after each other
        seen = drawn_once("rooms", views, (4, size, size), cast)
        colors, tints = [np.full((1, 3), 255, np.uint8)], []
        for part, name in enumerate(hues):
            distinct, of = np.unique(values[:, space.column(name)], return_inverse=True)
            tints.append(sum(map(len, colors)) + of.reshape(-1))
            colors.append(colors_of(part, distinct))
        tints.append(np.zeros(len(values), np.int64))
        return TintedLayers(seen, which.reshape(-1).astype(np.int32), np.concatenate(colors), np.stack(tints, 1))

    return Drawing(space, ranges, draw, usual=10_000)


def _require_memory(needed: int, what: str) -> None:
    if needed > LARGEST:
        raise UsageError(
            f"{what} takes {needed / 2**30:.1f} GiB of memory; allowed: at most {LARGEST / 2**30:g}. Give a smaller size, or "
            "fewer images, cameras or lamps."
        )


@datasets.register(
    "rooms", source="Our definition, drawn by unbraid; in the manner of Burgess and Kim (2018), 3D Shapes, not that set"
)
@drawn_grid(drawn_rooms)
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

    With `continuous` there is no grid: 10,000 images, unless told otherwise, have values from all of the range of hues, scale
    and orientation, and of `camera_height` and `lamp` where they are factors. A view is cast for each, which takes some 7
    milliseconds at 64 pixels; where hues alone are continuous the views are those of the grid.

    This is not the published 3D Shapes: shapes, angles, sizes, light and colors are ours.

    >>> dict(zip(rooms_space(lamps=2).names, rooms_space(lamps=2).sizes))
    {'floor_hue': 8, 'wall_hue': 8, 'object_hue': 8, 'scale': 6, 'shape': 5, 'orientation': 12, 'lamp': 2}
    """
    space = rooms_space(cameras, lamps)
    values = {factor.name: factor.values for factor in space.factors}
    angles, heights, places = values["orientation"], values.get("camera_height", (CAMERA,)), values.get("lamp", (LAMP,))
    scales, solids = values["scale"], list(SOLIDS.values())
    shape = (len(scales), len(solids), len(angles), len(heights), len(places), 4, size, size)
    _require_memory(math.prod(shape), f"--size {size} with --cameras {cameras} and --lamps {lamps}")
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
