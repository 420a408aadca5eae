"""Arrays of HDF5 files, read without trusting what they announce."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.errors import CorruptFile, DataUnavailable

ROWS = 1_024
"""Rows read at once, or a whole chunk where that has more: a chunk is decompressed whole whenever a part of it is read."""
_MOST_ROWS = 65_536
_MOST_INFLATION = 1_100
_DAMAGE = (OSError, EOFError, KeyError, ValueError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class Array:
    """An array of a file that is open."""

    path: Path
    array: Any
    remedy: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Its lengths."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its values."""
        return self.array.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Some rows; raises `CorruptFile` where the file is damaged."""
        try:
            return self.array[start:stop]
        except _DAMAGE as error:
            raise CorruptFile(f"{self.path} is truncated or damaged ({error}). {self.remedy}") from error

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Rows from a given one on, some at a time."""
        rows = min(max(ROWS, self.array.chunks[0] if self.array.chunks else 0), _MOST_ROWS)
        while start < len(self):
            stop = min(start - start % rows + rows, len(self))
            yield self.read(start, stop)
            start = stop


@contextmanager
def opened_hdf5(path: Path, expected: Mapping[str, tuple[int | None, ...]], remedy: str) -> Iterator[dict[str, Array]]:
    """Arrays of a file by name.

    Args:
        path: the file.
        expected: lengths of each array; None for any.
        remedy: what the user should do about a broken file; ends every error.

    Raises `CorruptFile` for a file that is damaged, lacks one, or has one of other lengths, and `DataUnavailable` where h5py is
    not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataUnavailable(f"Reading {path} needs h5py: pip install 'unbraid[hdf5]'.") from error
    with ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(path, "r"))
            found = {name: Array(path, file[name], remedy) for name in expected}
            for name, lengths in expected.items():
                _check(name, found[name], lengths)
        except _DAMAGE as error:
            if isinstance(error, CorruptFile):
                raise
            raise CorruptFile(f"{path} is truncated or not the expected file ({error}). {remedy}") from error
        yield found


def _check(name: str, array: Array, lengths: tuple[int | None, ...]) -> None:
    import h5py

    if not isinstance(array.array, h5py.Dataset) or array.array.is_virtual or array.array.external:
        raise CorruptFile(f"{array.path}: {name!r} is no array in the file itself. {array.remedy}")
    fits = len(array.shape) == len(lengths) and all(b in (None, a) for a, b in zip(array.shape, lengths, strict=True))
    shown = ", ".join("n" if length is None else str(length) for length in lengths)
    if not fits or not len(array):
        raise CorruptFile(f"{array.path}: {name!r} is {array.dtype} of shape {array.shape}, expected ({shown}). {array.remedy}")
    size, held = math.prod(array.shape) * array.dtype.itemsize, array.path.stat().st_size
    if size > _MOST_INFLATION * held:
        raise CorruptFile(f"{array.path}: {name!r} announces {size:,} bytes, and the whole file has {held:,}. {array.remedy}")
