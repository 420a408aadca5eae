"""dSprites, drawn from its geometry or read from the published file, once, and memory-mapped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import UInt8

from unbraid.data.cache import REMEDY, KeptFile, cache_folder, cached_file
from unbraid.data.drawing.outlines import Outline, draw_grid, ellipse, heart, square
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.files.dsprites_file import published_images, published_kind
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.registry import datasets
from unbraid.data.storage import PackedImages
from unbraid.errors import DataUnavailable
from unbraid.options import Option
from unbraid.progress import Progress, reporting

SIZE = 64
OUTLINES: list[Outline] = [square, ellipse, heart]
GEOMETRY = 1
"""Version of the drawing; a change of any pixel must raise it, so that old caches are not taken for new ones."""
DIGEST_SIZE = hashlib.sha256().digest_size
_SOURCE = "Matthey, Higgins, Hassabis and Lerchner (2017); regenerated from its geometry unless the published file is given"

FileOption = Annotated[
    str | None, Option("the published file, .npz or .hdf5, verified and then used instead of images drawn from the geometry")
]


def dsprites_space() -> FactorSpace:
    """Factors of dSprites without its constant color.

    Orientation holds both 0 and 2 pi, so its ends are the same images.
    """
    position = tuple(np.linspace(0, 1, 32))
    return FactorSpace(
        (
            Factor("shape", (1.0, 2.0, 3.0), kind="categorical", labels=("square", "ellipse", "heart")),
            Factor("scale", tuple(np.linspace(0.5, 1, 6))),
            Factor("orientation", tuple(np.linspace(0, 2 * np.pi, 40)), kind="circular", unit="rad"),
            Factor("x", position, unit="share of the middle half"),
            Factor("y", position, unit="share of the middle half"),
        )
    )


def _blocks(space: FactorSpace) -> Iterator[UInt8[np.ndarray, "_ packed"]]:
    shape, scale, orientation, x, y = (np.asarray(factor.values) for factor in space.factors)
    outlines = [OUTLINES[int(code) - 1] for code in shape]
    return draw_grid(outlines, scale, orientation, x, y, SIZE)


def _write(path: Path, blocks: Iterator[UInt8[np.ndarray, "_ packed"]], progress: Progress) -> None:
    """All images in a bit-packed .npy file, with the SHA-256 of what it holds at its end."""
    n, done, digest = len(dsprites_space()), 0, hashlib.sha256()
    with cached_file(path) as temporary, temporary.open("wb") as handle:
        header = {"descr": "|u1", "fortran_order": False, "shape": (n, SIZE * SIZE // 8)}
        np.lib.format.write_array_header_1_0(handle, header)
        for block in blocks:
            handle.write(block.tobytes())
            digest.update(block.tobytes())
            done += len(block)
            progress(done, n)
        handle.write(digest.digest())


def _opened(path: Path) -> np.memmap | None:
    """The file of the cache, memory-mapped; None where there is none that looks whole."""
    try:
        packed = np.lib.format.open_memmap(path, mode="r")
        size = path.stat().st_size
    except (OSError, ValueError):
        return None
    whole = packed.shape == (len(dsprites_space()), SIZE * SIZE // 8) and packed.dtype == np.uint8
    whole = whole and size == packed.offset + packed.size + DIGEST_SIZE
    return packed if whole and packed.flags.c_contiguous else None


def _sound(path: Path) -> np.ndarray | None:
    """The file of the cache, memory-mapped; None where it does not hold what was written."""
    packed = _opened(path)
    if packed is None:
        return None
    with path.open("rb") as handle:
        handle.seek(-DIGEST_SIZE, os.SEEK_END)
        return packed if handle.read() == hashlib.sha256(packed.data).digest() else None


def _mapped(path: Path, doing: str, blocks: Callable[[], Iterator[UInt8[np.ndarray, "_ packed"]]]) -> np.ndarray:
    packed = _sound(path)
    if packed is None:
        with reporting(f"{doing} anew, since {path.name} is damaged" if path.is_file() else f"{doing}, once") as progress:
            _write(path, blocks(), progress)
        packed = _opened(path)
    if packed is None:
        raise DataUnavailable(f"{path} was written but cannot be mapped into memory. {REMEDY}")
    return packed


def _drawn_path() -> Path:
    return cache_folder() / f"dsprites-geometry{GEOMETRY}.npy"


def _drawn() -> np.ndarray:
    return _mapped(_drawn_path(), "drawing dSprites", lambda: _blocks(dsprites_space()))


def _published(file: str) -> np.ndarray:
    given = Path(file).expanduser()
    kind = published_kind(given)
    path = cache_folder() / f"dsprites-published-{kind}.npy"
    return _mapped(path, "reading dSprites", lambda: published_images(given, kind, dsprites_space(), SIZE))


def _kept() -> tuple[KeptFile, ...]:
    def find() -> Path | None:
        return None if _opened(_drawn_path()) is None else _drawn_path()

    def get() -> Path:
        _drawn()
        return _drawn_path()

    return (KeptFile(find, get, "draw"),)


@datasets.register("dsprites", source=_SOURCE, paths=("file",), kept=_kept, height=SIZE)
@factor_grid
def dsprites(file: FileOption = None) -> Grid:
    """737,280 sprites of 64 x 64: shape (3), scale (6), orientation (40), position x and y (32 each).

    >>> dict(zip(dsprites_space().names, dsprites_space().sizes))
    {'shape': 3, 'scale': 6, 'orientation': 40, 'x': 32, 'y': 32}
    """
    packed = _drawn() if file is None else _published(file)
    return Grid(PackedImages(packed, SIZE, SIZE), dsprites_space())


@datasets.register(
    "dsprites_reduced", source=f"Sub-grid of the Soft-Intro-TCVAE report. {_SOURCE}", paths=("file",), height=SIZE
)
@factor_grid
def dsprites_reduced(file: FileOption = None) -> Grid:
    """7,200 sprites of 64 x 64: dSprites with 4 of 40 orientations and 10 of 32 positions along each axis.

    >>> unbraid.load_dataset("dsprites_reduced").space.sizes
    (3, 6, 4, 10, 10)
    """
    tenth = [0, 3, 7, 10, 14, 17, 21, 24, 28, 31]
    space, rows = dsprites_space().subgrid(orientation=[0, 10, 20, 29], x=tenth, y=tenth)
    packed = np.concatenate(list(_blocks(space))) if file is None else _published(file)[rows]
    return Grid(PackedImages(packed, SIZE, SIZE), space)
