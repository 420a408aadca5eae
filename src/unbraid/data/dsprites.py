"""dSprites, regenerated from its geometry: drawn once into a bit-packed file, then memory-mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import UInt8

from unbraid.data.cache import REMEDY, cache_folder, cached_file
from unbraid.data.dataset import Dataset, TestShare, datasets, grid_dataset
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.order import Order, presentation
from unbraid.data.outlines import Outline, draw_grid, ellipse, heart, square
from unbraid.data.storage import PackedImages
from unbraid.errors import DataUnavailable
from unbraid.options import Option

SIZE = 64
OUTLINES: list[Outline] = [square, ellipse, heart]
GEOMETRY = 1
"""Version of the drawing; a change of any pixel must raise it, so that old caches are not taken for new ones."""
_SOURCE = "Matthey, Higgins, Hassabis and Lerchner (2017); regenerated from its geometry, not the published file"

OrderOption = Annotated[Order, Option("order of presentation: shuffled, one_factor or all_factors, as for ellipses")]


def dsprites_space() -> FactorSpace:
    """Factors of dSprites without its constant colour; orientation holds both 0 and 2 pi, so its ends are the same images."""
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


def draw_dsprites(path: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Draw all 737,280 images into a bit-packed .npy file; `progress` is told (blocks drawn, blocks in all)."""
    space = dsprites_space()
    n_blocks = len(space) // (32 * 32)
    with cached_file(path) as temporary, temporary.open("wb") as handle:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(space), SIZE * SIZE // 8)}
        np.lib.format.write_array_header_1_0(handle, header)
        for done, block in enumerate(_blocks(space), start=1):
            handle.write(block.tobytes())
            if progress:
                progress(done, n_blocks)


def _opened(path: Path) -> np.ndarray | None:
    # the cache file memory-mapped; None where there is none or it is damaged, so that it is drawn anew
    try:
        packed: np.ndarray = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError):
        return None
    whole = packed.shape == (len(dsprites_space()), SIZE * SIZE // 8) and packed.dtype == np.uint8
    return packed if whole and packed.flags.c_contiguous else None


def _mapped(progress: Callable[[int, int], None] | None) -> np.ndarray:
    path = cache_folder() / f"dsprites-geometry{GEOMETRY}.npy"
    packed = _opened(path)
    if packed is None:
        draw_dsprites(path, progress)
        packed = _opened(path)
    if packed is None:
        raise DataUnavailable(f"{path} was drawn but cannot be mapped into memory. {REMEDY}")
    return packed


@datasets.register("dsprites", source=_SOURCE, draws_once=True)
def dsprites(order: OrderOption = "shuffled", test_share: TestShare = 0.1) -> Dataset:
    """737,280 sprites of 64 x 64: shape (3), scale (6), orientation (40), position x and y (32 each)."""
    from unbraid.data.progress import reporting

    space = dsprites_space()
    with reporting("drawing dSprites, once") as progress:
        packed = _mapped(progress)
    walk = presentation(space, order)
    return grid_dataset("dsprites", PackedImages(packed, SIZE, SIZE), space, test_share=test_share, walk=walk)


@datasets.register("dsprites_reduced", source=f"Sub-grid of the Soft-Intro-TCVAE report. {_SOURCE}")
def dsprites_reduced(order: OrderOption = "shuffled", test_share: TestShare = 0.1) -> Dataset:
    """7,200 sprites of 64 x 64: dSprites with 4 of 40 orientations and 10 of 32 positions along each axis."""
    tenth = [0, 3, 7, 10, 14, 17, 21, 24, 28, 31]
    space, _ = dsprites_space().subgrid(orientation=[0, 10, 20, 29], x=tenth, y=tenth)
    packed = np.concatenate(list(_blocks(space)))
    walk = presentation(space, order)
    return grid_dataset("dsprites_reduced", PackedImages(packed, SIZE, SIZE), space, test_share=test_share, walk=walk)
