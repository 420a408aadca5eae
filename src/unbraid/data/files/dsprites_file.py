"""The published dSprites file, npz or HDF5: verified, and read as a stream without unpickling."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from jaxtyping import UInt8

from unbraid.data.factor_space import FactorSpace
from unbraid.errors import CorruptFile, DataUnavailable, UsageError
from unbraid.files import os_errors

MD5 = {"npz": "7da33b31b13a06f4b04a70402ce90c2e", "hdf5": "b331c4447a651c44bf5e8ae09022e230"}
"""Of the whole files as published. For the npz file no stronger digest is public."""
NAME = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"
HOME = "https://github.com/google-deepmind/dsprites-dataset"
BLOCK = 1_024
"""Rows read at once: 4 MiB of images."""
_LARGEST_BLOCK = 65_536


class _Rows(NamedTuple):
    """An array in a file whose rows are read in order, `block` at a time where that is fast."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    block: int
    read: Callable[[int, int], np.ndarray]

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Index of the first row, and the rows."""
        for start in range(0, self.shape[0], self.block):
            yield start, self.read(start, min(start + self.block, self.shape[0]))


def published_kind(file: Path) -> str:
    """Which of the two published files it is, "npz" or "hdf5", by the digest of all its bytes.

    Raises `CorruptFile` where it is neither and `UnbraidError` where it cannot be read.
    """
    if file.exists() and not file.is_file():
        raise UsageError(f"--file {file} is not a file; give the published one, {NAME}.npz or .hdf5.")
    with os_errors(f"read {file}", "Check --file."), file.open("rb") as handle:
        digest = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    for kind, published in MD5.items():
        if digest == published:
            return kind
    expected = " or ".join(f"{published} ({NAME}.{kind})" for kind, published in MD5.items())
    raise CorruptFile(
        f"{file} is not the published dSprites file: its MD5 is {digest}, expected {expected}. Get it again from {HOME}, or "
        "leave out --file to have dSprites drawn."
    )


def published_images(file: Path, kind: str, space: FactorSpace, side: int) -> Iterator[UInt8[np.ndarray, "_ packed"]]:
    """The images in index order, one bit per pixel, in blocks.

    Only the images and their factor codes are read. The npz file also holds a pickled description, which is left alone:
    unpickling can run whatever a file says.

    Args:
        file: a file of that kind, as `published_kind` found it.
        kind: "npz" or "hdf5".
        space: the factors whose grid it must hold, last factor fastest.
        side: height and width of the images.

    Raises `CorruptFile` where it holds something else and `DataUnavailable` where h5py is needed and missing.
    """
    with _reading(file), _OPENERS[kind](file) as array:
        _check_codes(array("classes"), space, file)
        images = array("images")
        _check_layout(images, (len(space), side, side), np.uint8, "images", file)
        for start, block in images.blocks():
            if block.max() > 1:
                raise CorruptFile(f"{file}: images {start:,} to {start + len(block) - 1:,} hold values other than 0 and 1.")
            yield np.packbits(block.reshape(len(block), -1), axis=1)


def _check_codes(codes: _Rows, space: FactorSpace, file: Path) -> None:
    _check_layout(codes, (len(space), 1 + len(space.factors)), np.integer, "factor codes", file)
    for start, block in codes.blocks():
        expected = np.pad(space.at(np.arange(start, start + len(block))), ((0, 0), (1, 0)))  # the constant color is first
        wrong = np.flatnonzero((block != expected).any(axis=1))
        if len(wrong):
            raise CorruptFile(
                f"{file}: the factors of image {start + wrong[0]:,} are {block[wrong[0]].tolist()}, expected "
                f"{expected[wrong[0]].tolist()}."
            )


def _check_layout(rows: _Rows, shape: tuple[int, ...], kind: type[Any], what: str, file: Path) -> None:
    if rows.shape != shape or not np.issubdtype(rows.dtype, kind):
        raise CorruptFile(f"{file}: the {what} are {rows.dtype} {rows.shape}, expected {kind.__name__} {shape}.")


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise CorruptFile(f"{file} cannot be read as the dSprites file: {error}. Get it again from {HOME}.") from error


@contextmanager
def _npz(file: Path) -> Iterator[Callable[[str], _Rows]]:
    members = {"images": "imgs.npy", "classes": "latents_classes.npy"}
    with ExitStack() as stack:
        archive = stack.enter_context(zipfile.ZipFile(file))
        yield lambda name: _npy_rows(stack.enter_context(cast(BufferedIOBase, archive.open(members[name]))))


def _npy_rows(handle: BufferedIOBase) -> _Rows:
    version = np.lib.format.read_magic(handle)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of headers that Python 2 wrote
        shape, fortran_order, dtype = header(handle)
    if fortran_order or dtype.hasobject:
        raise ValueError(f"it holds an array of {dtype} in {'Fortran' if fortran_order else 'C'} order")
    row = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))

    def read(start: int, stop: int) -> np.ndarray:
        content = handle.read((stop - start) * row)
        if len(content) < (stop - start) * row:
            raise EOFError(f"it ends within rows {start:,} to {stop - 1:,}")
        return np.frombuffer(content, dtype).reshape(stop - start, *shape[1:])

    return _Rows(shape, dtype, BLOCK, read)


@contextmanager
def _hdf5(file: Path) -> Iterator[Callable[[str], _Rows]]:
    try:
        import h5py
    except ImportError as error:
        raise DataUnavailable(
            f"Reading {file} needs h5py: pip install 'unbraid[hdf5]'. The published .npz file needs nothing more."
        ) from error
    members = {"images": "imgs", "classes": "latents/classes"}
    with h5py.File(file, "r") as opened:

        def rows(name: str) -> _Rows:
            array = opened[members[name]]
            if not isinstance(array, h5py.Dataset):
                raise KeyError(f"{members[name]} is no array")
            # whole chunks, since each is decompressed anew whenever a part of it is read
            block = min(max(BLOCK, array.chunks[0] if array.chunks else 0), _LARGEST_BLOCK)
            return _Rows(array.shape, array.dtype, block, lambda start, stop: array[start:stop])

        yield rows


_OPENERS = {"npz": _npz, "hdf5": _hdf5}
