"""Shapes: white hearts, squares or ellipses on black, at positions, scales and rotations."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float, Int, UInt8

from unbraid.data.drawing.antialias import draw_gray
from unbraid.data.drawing.drawn_once import drawn_once
from unbraid.data.drawing.outlines import Outline, centers, draw_each, draw_grid, ellipse, heart, square
from unbraid.data.drawing.raster import place
from unbraid.data.drawing.sprites import SpriteImages
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.drawn import Drawing
from unbraid.data.grids.options import Grid, drawn_grid
from unbraid.data.registry import datasets
from unbraid.data.storage import ImageStore, PackedImages
from unbraid.options import Option

Values = Float[np.ndarray, "_"]
ShapeName = Literal["heart", "square", "ellipse", "all"]
OUTLINES: dict[str, Outline] = {"heart": heart, "square": square, "ellipse": ellipse}
TURNS = {"heart": 2 * np.pi, "square": np.pi / 2, "ellipse": np.pi, "all": 2 * np.pi}
"""The angle after which a shape looks the same."""
HALF_WIDTH = 0.175
"""Half-width r of a shape at scale 1, as a share of the image: nearly the largest at which no turned square is cut off."""


def shapes_space(shape: ShapeName = "heart") -> FactorSpace:
    """Factors of the shapes: 16 places along x and y each, 6 scales, 40 rotations.

    Rotations reach up to the angle at which the shape looks the same.
    """
    position = tuple(np.linspace(0, 1, 16))
    factors = (
        Factor("x", position, unit="share of the middle half"),
        Factor("y", position, unit="share of the middle half"),
        Factor("scale", tuple(np.linspace(0.5, 1, 6))),
        Factor("rotation", tuple(TURNS[shape] * np.arange(40) / 40), kind="circular", unit="rad"),
    )
    if shape != "all":
        return FactorSpace(factors)
    names = tuple(OUTLINES)
    return FactorSpace((Factor("shape", tuple(map(float, range(len(names)))), kind="categorical", labels=names), *factors))


def drawn_shapes(shape: ShapeName, size: int, antialias: bool) -> Drawing:
    """Shapes at any position, scale and rotation."""
    outlines = list(OUTLINES.values()) if shape == "all" else [OUTLINES[shape]]

    def draw(values: Float[np.ndarray, "n factor"]) -> ImageStore:
        x, y, scale, rotation = values[:, -4:].T
        which = values[:, 0].astype(np.int64) if shape == "all" else np.zeros(len(values), np.int64)
        columns = np.stack([which, scale, rotation, x, y], 1)
        if antialias:
            return _gray_each(outlines, columns, size)
        packed = drawn_once(
            "binary-shapes", columns, (1, 1, size**2 // 8), lambda rows: _binary_each(outlines, rows, size), shape
        )
        return PackedImages(packed[:, 0, 0], size, size)

    ranges = {"x": (0.0, 1.0), "y": (0.0, 1.0), "scale": (0.5, 1.0), "rotation": (0.0, TURNS[shape])}
    return Drawing(shapes_space(shape), ranges, draw)


@datasets.register("shapes", source="Factors as in the report of Koller; their numbers of values and the drawing are ours")
@drawn_grid(drawn_shapes)
def shapes(
    shape: Annotated[ShapeName, Option("which shape; all three as a further factor with `all`")] = "heart",
    size: Annotated[Literal[28, 32, 64], Option("image width and height in pixels")] = 28,
    antialias: Annotated[bool, Option("gray edges from 4 x 4 samples per pixel, or binary images")] = True,
) -> Grid:
    """61,440 white hearts on black: position x and y (16 each), scale (6), rotation (40).

    The report names the factors, the heart and the 28 pixels; all else is our definition. The outlines are those of dSprites,
    with a half-width of 0.175 of the image at scale 1. Centers span the middle half of the image. Rotations are
    counter-clockwise, at equal steps over the angle after which a shape looks the same: a whole turn for the heart, half a turn
    for the ellipse, a quarter for the square. With all three as a factor (184,320 images) they span a whole turn, so that there
    the ellipse shows each outline twice and the square four times. With `continuous` there is no grid: 50,000 images, unless
    told otherwise, have values from all of the range.

    >>> unbraid.load_dataset("shapes", shape="square", only="scale=5 rotation=0")
    <Dataset shapes: 256 gray images of 28 x 28, 26 held out; factors x (16), y (16)>
    """
    outlines = list(OUTLINES.values()) if shape == "all" else [OUTLINES[shape]]
    space = shapes_space(shape)
    x, y, scale, rotation = (np.asarray(factor.values) for factor in space.factors[-4:])
    draw = _gray if antialias else _binary
    return Grid(draw(outlines, x, y, scale, rotation, size), space)


def _binary(outlines: list[Outline], x: Values, y: Values, scale: Values, rotation: Values, size: int) -> ImageStore:
    blocks = np.stack(list(draw_grid(outlines, scale, rotation, x, y, size, HALF_WIDTH)))  # one per outline, scale, rotation
    blocks = blocks.reshape(len(outlines), len(scale), len(rotation), len(x), len(y), -1)
    return PackedImages(np.moveaxis(blocks, (3, 4), (1, 2)).reshape(-1, blocks.shape[-1]), size, size)


def _gray(outlines: list[Outline], x: Values, y: Values, scale: Values, rotation: Values, size: int) -> ImageStore:
    box = size // 2 + 2  # a shape is less than half as wide as the image
    center_x, center_y = centers(x, size), centers(y, size)
    left, top = (np.clip(np.floor(c - box / 2).astype(np.int32), 0, size - box) for c in (center_x, center_y))
    turned = [place(outline(HALF_WIDTH * size), float(s), float(r)) for outline in outlines for s in scale for r in rotation]
    sprites = np.empty((len(turned), len(x), len(y), box, box), dtype=np.uint8)
    for drawn, one in zip(sprites, turned, strict=True):
        drawn[:] = draw_gray(one, center_x - left, center_y - top, box)
    n = len(turned) * len(x) * len(y)
    numbers = np.arange(n, dtype=np.int32).reshape(len(outlines), len(scale), len(rotation), len(x), len(y))
    which = np.moveaxis(numbers, (3, 4), (1, 2))  # (outline, x, y, scale, rotation)
    tops = np.broadcast_to(top[:, None, None], which.shape)
    lefts = np.broadcast_to(left[:, None, None, None], which.shape)
    return SpriteImages(sprites.reshape(n, box, box), which.reshape(-1), tops.reshape(-1), lefts.reshape(-1), size)


def _binary_each(outlines: list[Outline], rows: Float[np.ndarray, "n 5"], size: int) -> UInt8[np.ndarray, "n 1 1 packed"]:
    which, scale, rotation, x, y = rows.T
    packed = draw_each(outlines, which.astype(np.int64), scale, rotation, x, y, size, HALF_WIDTH)
    return packed[:, None, None]


def _gray_each(outlines: list[Outline], rows: Float[np.ndarray, "n 5"], size: int) -> ImageStore:
    """Images of rows of outline, scale, rotation, x and y."""
    box = size // 2 + 2
    vertices = [outline(HALF_WIDTH * size) for outline in outlines]

    def corners(values: Values) -> tuple[Values, Int[np.ndarray, "_"]]:
        center = centers(values, size)
        return center, np.clip(np.floor(center - box / 2).astype(np.int32), 0, size - box)

    def draw(some: Float[np.ndarray, "n 5"]) -> UInt8[np.ndarray, "n 1 k k"]:
        (center_x, left), (center_y, top) = corners(some[:, 3]), corners(some[:, 4])
        right, down = center_x - left, center_y - top
        sprites = np.empty((len(some), 1, box, box), dtype=np.uint8)
        for i, (k, scale, rotation) in enumerate(some[:, :3]):
            turned = place(vertices[int(k)], float(scale), float(rotation))
            sprites[i] = draw_gray(turned, right[i : i + 1], down[i : i + 1], box)[0, 0]
        return sprites

    sprites = drawn_once("shapes", rows, (1, box, box), draw, [outline.__name__ for outline in outlines], size)[:, 0]
    left, top = corners(rows[:, 3])[1], corners(rows[:, 4])[1]
    return SpriteImages(sprites, np.arange(len(rows), dtype=np.int32), top, left, size)
