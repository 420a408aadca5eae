"""Ellipses: 16 x 16 positions, 6 scales, 40 orientations, drawn in a second."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float, UInt8

from unbraid.data.drawing.drawn_once import drawn_once
from unbraid.data.drawing.outlines import draw_each, draw_grid, ellipse
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.drawn import Drawing
from unbraid.data.grids.options import Grid, drawn_grid
from unbraid.data.registry import datasets
from unbraid.data.storage import PackedImages
from unbraid.options import Option


def ellipses_space(turn: Literal["half", "dsprites"] = "half") -> FactorSpace:
    """Factors of the ellipses.

    An ellipse repeats after half a turn, so the default spreads 40 orientations over half a turn, end excluded. `dsprites`
    spreads them over a whole turn with both ends: the last orientation repeats the first, and those of the second half turn
    fall half-way between those of the first.
    """
    positions = tuple(np.linspace(0, 1, 16))
    angles = np.pi * np.arange(40) / 40 if turn == "half" else np.linspace(0, 2 * np.pi, 40)
    return FactorSpace(
        (
            Factor("x", positions, unit="share of the middle half"),
            Factor("y", positions, unit="share of the middle half"),
            Factor("scale", tuple(np.linspace(0.5, 1, 6))),
            Factor("orientation", tuple(angles), kind="circular", unit="rad"),
        )
    )


def drawn_ellipses(size: int, turn: Literal["half", "dsprites"]) -> Drawing:
    """Ellipses at any position, scale and orientation."""

    def fill(values: Float[np.ndarray, "n factor"]) -> UInt8[np.ndarray, "n 1 1 packed"]:
        x, y, scale, orientation = values.T
        return draw_each([ellipse], np.zeros(len(values), np.int64), scale, orientation, x, y, size)[:, None, None]

    def draw(values: Float[np.ndarray, "n factor"]) -> PackedImages:
        packed = drawn_once("ellipses", values, (1, 1, size**2 // 8), fill)
        return PackedImages(packed[:, 0, 0], size, size)

    whole = np.pi if turn == "half" else 2 * np.pi
    return Drawing(ellipses_space(turn), {"x": (0, 1), "y": (0, 1), "scale": (0.5, 1), "orientation": (0, whole)}, draw)


@datasets.register("ellipses", source="Factor sizes as in Golla, Caspari and Oezkan (2021); drawn with the ellipse of dSprites")
@drawn_grid(drawn_ellipses)
def ellipses(
    size: Annotated[Literal[28, 32, 64], Option("image width and height in pixels")] = 32,
    turn: Annotated[
        Literal["half", "dsprites"],
        Option("orientations over half a turn, or over a whole turn as in dSprites, where the last repeats the first"),
    ] = "half",
) -> Grid:
    """61,440 white ellipses on black: position x and y (16 each), scale (6), orientation (40).

    The outlines all differ, but small ellipses in neighboring orientations can cover the same pixels: 61,232 images are
    distinct at 64 pixels and 54,344 at 32; with `turn="dsprites"` 59,768 and 53,268. With `continuous` there is no grid: 50,000
    images, unless told otherwise, have values from all of the range.

    >>> unbraid.load_dataset("ellipses", only="scale=5 orientation=0")
    <Dataset ellipses: 256 gray images of 32 x 32, 26 held out; factors x (16), y (16)>
    """
    space = ellipses_space(turn)
    x, y, scale, orientation = (np.asarray(factor.values) for factor in space.factors)
    blocks = np.stack(list(draw_grid([ellipse], scale, orientation, x, y, size)))
    packed = blocks.reshape(6, 40, 16, 16, -1).transpose(2, 3, 0, 1, 4).reshape(len(space), -1)  # (x, y, scale, angle)
    return Grid(PackedImages(packed, size, size), space)
