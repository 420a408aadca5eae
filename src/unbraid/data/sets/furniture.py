"""Furniture: models of chairs and other pieces, drawn from all sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float, UInt8

from unbraid.data.drawing.drawn_once import drawn_once
from unbraid.data.drawing.meshes import seen
from unbraid.data.factor_space import Factor, FactorSpace, as_label
from unbraid.data.files.furniture_catalogs import USUAL, Piece, catalogs, digest_of, mesh_of, pieces_of
from unbraid.data.grids.drawn import Drawing
from unbraid.data.grids.options import Grid, drawn_grid, whole
from unbraid.data.registry import datasets
from unbraid.data.storage import ByteImages
from unbraid.errors import DataUnavailable, UsageError
from unbraid.options import Option

AZIMUTHS = 24
ELEVATIONS = (10.0, 25.0, 40.0)
ALL = "all"
SHOWN = 8
"""Names of pieces in an error."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in gray, those of ITU-R BT.601."""


def _files(path: str) -> list[Path]:
    return catalogs(Path(path) if path else USUAL)


def chosen(path: str, asked: str) -> tuple[Piece, ...]:
    """The pieces of a folder of catalogs whose name has one of the words, in the order of their names.

    Raises `DataUnavailable` and `CorruptFile` where there are no catalogs that can be read, and `UsageError` where no piece
    fits.
    """
    files = _files(path)
    every = [piece for file in files for piece in pieces_of(file)]
    if not every:
        raise DataUnavailable(
            f"{', '.join(map(str, files))}: no piece has its model in the format OBJ, the only one that is drawn. Give other "
            "catalogs."
        )
    words = [word.strip().lower() for word in asked.split(",") if word.strip()]
    fits = [p for p in every if ALL in words or any(word in p.name.lower() for word in words)]
    if not fits:
        names = sorted({piece.name for piece in every}, key=str.lower)
        some = ", ".join(names[:: -(-len(names) // SHOWN)])
        raise UsageError(
            f"--pieces {asked!r} fits none of the {len(every)} pieces; give words of their names, as in chair or table,desk, "
            f"or {ALL}. Some names: {some}."
        )
    return tuple(sorted(fits, key=lambda piece: (piece.name.lower(), piece.catalog.path.name, piece.model)))


def furniture_space(names: tuple[str, ...]) -> FactorSpace:
    """Factors: the model where there are several, elevation and azimuth of the camera."""
    model = Factor("model", tuple(map(float, range(len(names)))), "categorical", labels=names)
    return FactorSpace(
        (
            *((model,) if len(names) > 1 else ()),
            Factor("elevation", ELEVATIONS, unit="degrees"),
            Factor("azimuth", tuple(360 * k / AZIMUTHS for k in range(AZIMUTHS)), "circular", "degrees"),
        )
    )


def _labels(found: tuple[Piece, ...]) -> tuple[str, ...]:
    """Names of pieces as values of a factor, numbered where several have the same."""
    plain = [as_label(piece.name, "piece") for piece in found]
    times, labels = Counter(plain), list[str]()
    numbers: dict[str, Iterator[int]] = {}
    for name in plain:
        label = name
        if times[name] > 1:
            following = numbers.setdefault(name, count(1))
            label = next(numbered for k in following if times[numbered := f"{name}_{k}"] != 1)
        labels.append(label)
    return tuple(labels)


def drawn_furniture(path: str, pieces: str, size: int, gray: bool) -> Drawing:
    """Pieces of furniture from any azimuth and elevation."""
    found = chosen(path, pieces)
    space = furniture_space(_labels(found))
    channels = 1 if gray else 3

    def draw_some(rows: Float[np.ndarray, "n 3"]) -> UInt8[np.ndarray, "n c h w"]:
        pictures = np.empty((len(rows), channels, size, size), np.uint8)
        for picture, (model, elevation, azimuth) in zip(pictures, rows.tolist(), strict=True):
            color = seen(mesh_of(found[int(model)]), azimuth, elevation, size)
            picture[:] = np.rint(np.tensordot(LUMINANCE, color, 1)) if gray else color
        return pictures

    def draw(values: Float[np.ndarray, "n factor"]) -> ByteImages:
        rows = values if len(found) > 1 else np.concatenate([np.zeros((len(values), 1)), values], axis=1)
        order = np.argsort(rows[:, 0], kind="stable")  # a mesh is read once
        pictures = drawn_once("furniture", rows[order], (channels, size, size), draw_some, gray, digest_of(found))
        back = np.argsort(order, kind="stable")
        return ByteImages(pictures if np.array_equal(order, np.arange(len(order))) else pictures[back])

    of = dict.fromkeys(piece.catalog for piece in found)
    said = "; ".join(f"{catalog.name}, {catalog.license or 'no license named'}" for catalog in of)
    return Drawing(
        space,
        {"elevation": (ELEVATIONS[0], ELEVATIONS[-1]), "azimuth": (0.0, 360.0)},
        draw,
        redistributable=all(catalog.redistributable for catalog in of),
        usual=5_000,
        notes=(f"Drawn from models of others, whose names belong with pictures of them: {said}.",),
    )


@datasets.register(
    "furniture",
    source="Free models for Sweet Home 3D, each by its creator; drawn by unbraid",
    paths=("path",),
    files=lambda options: _files(str(options["path"])),
)
@drawn_grid(drawn_furniture)
def furniture(
    path: Annotated[
        str,
        Option(f"folder of catalogs (.sh3f), or one; furniture:FOLDER is short for it; {USUAL} of Debian unless given"),
    ] = "",
    pieces: Annotated[str, Option(f"words of names of the pieces that are drawn, with commas between, or {ALL}")] = "chair",
    size: Annotated[int, Option("image width and height in pixels", ge=16, le=256)] = 64,
    gray: Annotated[bool, Option("gray images instead of color")] = True,
) -> Grid:
    """Free models of chairs, or of other furniture, drawn from 24 azimuths and 3 elevations.

    The stand-in for 3D Chairs where that archive cannot be had: model, elevation (10, 25 and 40 degrees) and azimuth (each 15
    degrees, 0 in front, 90 at the model's left side, which is the right of who looks at it). Models are those of Sweet Home 3D,
    which Debian has as `sweethome3d-furniture`; nothing is downloaded. Each is scaled so that the corners of its box are at
    distance 1 from its middle. A pinhole camera at distance 4 looks at it, and a lamp moves with the camera. Surfaces are flat
    and matte, in the color of their material times the mean color of its texture; there is no texture and no shadow.

    Pictures are drawn at their first use and kept in the cache. With `continuous` azimuth and elevation take all values, and
    there are 5,000 images unless told otherwise.

    >>> space = furniture_space(("chair", "armchair"))
    >>> dict(zip(space.names, space.sizes))
    {'model': 2, 'elevation': 3, 'azimuth': 24}
    """
    return whole(drawn_furniture(path, pieces, size, gray))
