"""SmallNORB: photographs of toys, from the published files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Int64

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.files.binary_matrix import Matrix, opened_matrix
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.image_file import Conversion
from unbraid.data.published.look import Look
from unbraid.data.published.source import EmbedOption, PathOption, Published, Remote, SizeOption
from unbraid.data.published.store import stored
from unbraid.errors import CorruptFile
from unbraid.options import Option

_HOME = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
PARTS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")
_KNOWN = (
    ("training", "dat", 131_896_188, "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873"),
    ("training", "cat", 348, "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa"),
    ("training", "info", 71_052, "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32"),
    ("testing", "dat", 130_799_817, "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474"),
    ("testing", "cat", 347, "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff"),
    ("testing", "info", 10_428, "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2"),
)


def _remote(part: str, what: str, size: int, sha256: str) -> Remote:
    name = f"{PARTS[part == 'testing']}-{what}.mat"
    return Remote(f"{name}.gz", (f"{_HOME}{name}.gz",), f"sha256:{sha256}", size, unpacked=(name,))


SMALLNORB = Published(
    "smallnorb",
    "SmallNORB",
    home=_HOME,
    license="see its home page",
    terms="read its home page; it is understood to be for research only",
    files=tuple(_remote(*known) for known in _KNOWN),
    by_hand=f"open {_HOME} in a browser; get the six files that end in .mat.gz; put them into one folder",
    images=48_600,
    image_bytes=64 * 64,
)
CATEGORIES = ("animal", "human", "airplane", "truck", "car")
_NAMES = ("category", "instance", "elevation", "azimuth", "lighting")
SIDE = 96


@SMALLNORB.registered(
    source="LeCun, Huang and Bottou (2004), Learning Methods for Generic Object Recognition with Invariance to Pose and "
    "Lighting",
)
@factor_grid
def smallnorb(
    path: PathOption = "",
    size: SizeOption = 64,
    camera: Annotated[Literal["left", "right"], Option("which image of each pair")] = "left",
    gray: Annotated[bool, Option("the photographs are gray; without it gray in three channels")] = True,
    redistributable: EmbedOption = False,
) -> Grid:
    """48,600 gray photographs of 50 toys: category, instance, elevation, azimuth and lighting.

    Both official parts together; the official split is --unseen "instance=0..3,5", whose instances the testing part has.
    Images of 96 x 96 are reduced by Lanczos windows, as disentanglement_lib does. There the instance is no factor.
    """
    look = Look(size, gray=True, sharp=True)
    store = stored(SMALLNORB, path, look, lambda: _converting(path, ("left", "right").index(camera), look), camera)
    space, rows = _arranged(store.columns["labels"])
    return Grid(store.images(rows), space, redistributable, SMALLNORB.notes(len(rows)))


def _arranged(labels: np.ndarray) -> tuple[FactorSpace, Int64[np.ndarray, "n"]]:
    """The factors, and the row of each image of their grid.

    Labels are category, instance, elevation, azimuth in 20 degrees (0, 2, ..., 34) and lighting.
    """
    factors = []
    codes = np.empty_like(labels)
    for k, name in enumerate(_NAMES):
        known, codes[:, k] = np.unique(labels[:, k], return_inverse=True)
        match name:
            case "category":
                words = tuple(CATEGORIES[int(value)] for value in known)
                factors.append(Factor(name, tuple(known.tolist()), "categorical", labels=words))
            case "elevation":
                factors.append(Factor(name, tuple((30.0 + 5 * known).tolist()), unit="degree"))
            case "azimuth":
                factors.append(Factor(name, tuple((10.0 * known).tolist()), "circular", "degree"))
            case _:
                factors.append(Factor(name, tuple(known.tolist()), "categorical"))
    space = FactorSpace(tuple(factors))
    return space, np.argsort(space.index(codes))


@contextmanager
def _converting(path: str, camera: int, look: Look) -> Iterator[Conversion]:
    labels = np.concatenate([_labels(part, path) for part in PARTS])
    _check_grid(labels)
    files = [SMALLNORB.get(f"{part}-dat.mat.gz", path) for part in PARTS]
    heads = []
    for file in files:
        with opened_matrix(file, SMALLNORB.steps) as matrix:
            heads.append(matrix)
            if matrix.shape[1:] != (2, SIDE, SIDE) or matrix.dtype != np.uint8:
                raise CorruptFile(
                    f"{file} holds {matrix.dtype} {matrix.shape}, expected bytes (n, 2, {SIDE}, {SIDE}). {SMALLNORB.steps}"
                )
    n = sum(matrix.shape[0] for matrix in heads)
    if n != len(labels):
        raise CorruptFile(f"{files[0].parent} holds {n:,} pairs of images and {len(labels):,} labels. {SMALLNORB.steps}")

    def blocks(start: int) -> Iterator[np.ndarray]:
        for file, head in zip(files, heads, strict=True):
            first = min(start, head.shape[0])
            start -= first
            with opened_matrix(file, SMALLNORB.steps) as matrix:
                for rows in matrix.blocks(first):
                    yield look.of_arrays(rows[:, camera, :, :, None])

    yield Conversion(n, look.shape, blocks, lambda: {"labels": labels})


def _labels(part: str, path: str) -> Int64[np.ndarray, "n 5"]:
    category = _whole(SMALLNORB.get(f"{part}-cat.mat.gz", path), ())
    info = _whole(SMALLNORB.get(f"{part}-info.mat.gz", path), (4,))
    if len(category) != len(info):
        raise CorruptFile(f"{part}: {len(category):,} categories and {len(info):,} rows of info. {SMALLNORB.steps}")
    return np.column_stack([category, info]).astype(np.int64)


def _whole(file: Path, row: Sequence[int]) -> np.ndarray:
    def check(matrix: Matrix) -> None:
        if matrix.shape[1:] != tuple(row) or matrix.dtype.kind != "i" or not 0 < matrix.shape[0] <= 10 * SMALLNORB.images:
            raise CorruptFile(
                f"{file} holds {matrix.dtype} {matrix.shape}, expected whole numbers (n, {row}). {SMALLNORB.steps}"
            )

    with opened_matrix(file, SMALLNORB.steps) as matrix:
        check(matrix)
        return np.concatenate(list(matrix.blocks()))


def _check_grid(labels: np.ndarray) -> None:
    if labels.min() < 0 or labels[:, 0].max() >= len(CATEGORIES):
        raise CorruptFile(f"Labels of SmallNORB from {labels.min(0)} to {labels.max(0)} are out of range. {SMALLNORB.steps}")
    sizes = [len(np.unique(column)) for column in labels.T]
    if np.prod(sizes) != len(labels) or len(np.unique(labels, axis=0)) != len(labels):
        shown = " x ".join(map(str, sizes))
        raise CorruptFile(
            f"Labels of SmallNORB are no full grid of {', '.join(_NAMES)}: {len(labels):,} rows, {shown} values. "
            f"{SMALLNORB.steps}"
        )
