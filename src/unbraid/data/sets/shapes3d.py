"""3D Shapes: a shape in a room, in all combinations of six factors, from the published file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from unbraid.data.factor_space import Factor, FactorSpace, Kind
from unbraid.data.files.hdf5 import opened_hdf5
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.image_file import Conversion
from unbraid.data.published.look import Look
from unbraid.data.published.source import EmbedOption, GrayOption, PathOption, Published, Remote, SizeOption
from unbraid.data.published.store import stored
from unbraid.errors import CorruptFile

_FILE = Remote(
    "3dshapes.h5",
    ("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
    "sha256:0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
    267_573_662,
)
SHAPES3D = Published(
    "shapes3d",
    "3D Shapes",
    home="https://github.com/google-deepmind/3d-shapes",
    license="Apache-2.0",
    terms="",
    files=(_FILE,),
    by_hand="open https://console.cloud.google.com/storage/browser/3d-shapes in a browser; get 3dshapes.h5; put it in a folder",
    images=480_000,
)
NAMES = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
_HUES = ("floor_hue", "wall_hue", "object_hue")


@SHAPES3D.registered(
    source="Burgess and Kim (2018), 3D Shapes Dataset; Apache-2.0",
)
@factor_grid
def shapes3d(
    path: PathOption = "", size: SizeOption = 64, gray: GrayOption = False, redistributable: EmbedOption = True
) -> Grid:
    """480,000 images of a shape in a room: hues of floor, wall and object, scale, shape and orientation."""
    look = Look(size, gray)
    store = stored(SHAPES3D, path, look, lambda: _converting(SHAPES3D.get("3dshapes.h5", path), look))
    return Grid(store.images(), _space(store.columns["labels"]), redistributable, SHAPES3D.notes(len(store.pixels)))


def _space(values: np.ndarray) -> FactorSpace:
    """The factors of labels that run through a full grid, the last one fastest."""
    factors = []
    for name, column in zip(NAMES, values.T, strict=True):
        known = tuple(np.unique(column).tolist())
        kind: Kind = "circular" if name in _HUES else "categorical" if name == "shape" else "ordinal"
        unit = {"orientation": "degree"}.get(name, "share of the color circle" if name in _HUES else "")
        factors.append(Factor(name, known, kind, unit))
    return FactorSpace(tuple(factors))


def _check_grid(labels: np.ndarray, file: Path) -> None:
    space = _space(labels)
    if len(space) != len(labels) or not np.array_equal(space.values(space.at(np.arange(len(space)))), labels):
        raise CorruptFile(
            f"{file}: the labels are no full grid of {', '.join(NAMES)}, the last one fastest ({len(labels):,} rows, "
            f"{' x '.join(map(str, space.sizes))} values). {SHAPES3D.steps}"
        )


@contextmanager
def _converting(file: Path, look: Look) -> Iterator[Conversion]:
    with opened_hdf5(file, {"images": (None, 64, 64, 3), "labels": (None, len(NAMES))}, SHAPES3D.steps) as arrays:
        images, labels = arrays["images"], arrays["labels"]
        if images.dtype != np.uint8 or labels.dtype.kind != "f" or len(images) != len(labels):
            raise CorruptFile(
                f"{file} holds images {images.dtype} {images.shape} and labels {labels.dtype} {labels.shape}; expected bytes "
                f"and floats, as many. {SHAPES3D.steps}"
            )
        values = labels.read(0, len(labels))
        _check_grid(values, file)
        yield Conversion(
            len(images), look.shape, lambda start: map(look.of_arrays, images.blocks(start)), lambda: {"labels": values}
        )
