"""Cars3D: drawn cars from all sides, from the published archive."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.image_file import Conversion
from unbraid.data.published.archives import damage, members, stream
from unbraid.data.published.look import Look
from unbraid.data.published.source import EmbedOption, GrayOption, PathOption, Published, Remote, SizeOption
from unbraid.data.published.store import stored
from unbraid.errors import CorruptFile

_FILE = Remote(
    "nips2015-analogy-data.tar.gz",
    ("http://www.scottreed.info/files/nips2015-analogy-data.tar.gz",),
    "md5:4e866a7919c1beedf53964e6f7a23686",
    unpacked=("data", "cars"),
)
CARS3D = Published(
    "cars3d",
    "Cars3D",
    home="http://www.scottreed.info",
    license="none found",
    terms="cite Reed, Zhang, Zhang and Lee (2015)",
    files=(_FILE,),
    by_hand="get http://www.scottreed.info/files/nips2015-analogy-data.tar.gz with a browser; put it into a folder",
    images=17_568,
)
AZIMUTHS, ELEVATIONS = 24, 4
_EACH = AZIMUTHS * ELEVATIONS
_NAMES = r"(?:.*/)?(car_[^/]+)\.mat"
_MOST_SIDE = 512


@CARS3D.registered(
    source="Reed, Zhang, Zhang and Lee (2015), Deep Visual Analogy-Making, of models of Fidler, Dickinson and Urtasun (2012)",
)
@factor_grid
def cars3d(
    path: PathOption = "", size: SizeOption = 64, gray: GrayOption = False, redistributable: EmbedOption = False
) -> Grid:
    """17,568 images of 183 cars from 4 elevations and 24 azimuths.

    Factors are in the order of disentanglement_lib: elevation, azimuth, car; cars are in the order of their names. Images of
    128 x 128 are reduced by Lanczos windows, as there.
    """
    look = Look(size, gray, sharp=True)
    store = stored(CARS3D, path, look, lambda: _converting(CARS3D.get(_FILE.name, path), look))
    cars = store.columns["cars"]
    rows = _grid_rows(cars)
    return Grid(store.images(rows), _space(len(cars)), redistributable, CARS3D.notes(len(rows)))


def _space(cars: int) -> FactorSpace:
    return FactorSpace(
        (
            Factor("elevation", tuple(map(float, range(ELEVATIONS)))),
            Factor("azimuth", tuple(15.0 * i for i in range(AZIMUTHS)), "circular", "degree"),
            Factor("car", tuple(map(float, range(cars))), "categorical"),
        )
    )


def _grid_rows(cars: np.ndarray) -> Int64[np.ndarray, "n"]:
    """Where in the store, which has one car after the other, the images of the grid are."""
    car = np.argsort(cars).reshape(1, 1, -1)  # archives have their members in any order
    elevation, azimuth = np.arange(ELEVATIONS).reshape(-1, 1, 1), np.arange(AZIMUTHS).reshape(1, -1, 1)
    return ((car * AZIMUTHS + azimuth) * ELEVATIONS + elevation).reshape(-1)


@contextmanager
def _converting(file: Path, look: Look) -> Iterator[Conversion]:
    names = [name for name, _ in _cars(file)]
    if not names or len(set(names)) != len(names):
        raise CorruptFile(f"{file} holds {len(names)} files of cars with {len(set(names))} names. {CARS3D.steps}")

    def blocks(start: int) -> Iterator[np.ndarray]:
        first, left_out = divmod(start, _EACH)
        for name, content in islice(_cars(file), first, None):
            yield look.of_arrays(_views(content, f"{name} in {file}"))[left_out:]
            left_out = 0

    yield Conversion(len(names) * _EACH, look.shape, blocks, lambda: {"cars": np.array(names)})


def _cars(file: Path) -> Iterator[tuple[str, bytes]]:
    """Names and MATLAB files of the cars."""
    if not file.is_dir():
        yield from stream(file, _NAMES)
        return
    with members(file, _NAMES) as found:
        for name in found:
            yield name, found.read(name)


def _views(content: bytes, where: str) -> UInt8[np.ndarray, "96 h w 3"]:
    """The views of a car, elevation fastest.

    Its file has an array `im` (row, column, color, azimuth, elevation); its mask is not read.
    """
    from scipy.io.matlab import MatReadError, loadmat, whosmat

    try:
        with damage(Path(where)):
            held = {name: (shape, kind) for name, shape, kind in whosmat(BytesIO(content))}
            shape, kind = held.get("im", ((), "nothing"))
            expected = kind == "uint8" and len(shape) == 5 and shape[2:] == (3, AZIMUTHS, ELEVATIONS)
            if not expected or not 0 < max(shape[:2]) <= _MOST_SIDE:
                raise CorruptFile(
                    f"{where}: 'im' is {kind} {shape}, expected uint8 (n, n, 3, {AZIMUTHS}, {ELEVATIONS}). {CARS3D.steps}"
                )
            images = loadmat(BytesIO(content), variable_names=["im"])["im"]
    except (MatReadError, TypeError, LookupError, OverflowError, struct.error, MemoryError) as error:
        raise CorruptFile(f"{where} is no MATLAB file that can be read ({error}). {CARS3D.steps}") from error
    return np.ascontiguousarray(images.transpose(3, 4, 0, 1, 2)).reshape(_EACH, *images.shape[:3])
