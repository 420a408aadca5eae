"""Binary matrices, the format of NORB: a mark of the type, lengths and values, gzipped or not.

Source: https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unbraid.data.files.gzipped import raw_chunks
from unbraid.errors import CorruptFile

_TYPES = {0x1E3D4C55: "u1", 0x1E3D4C54: "<i4", 0x1E3D4C56: "<i2", 0x1E3D4C51: "<f4", 0x1E3D4C53: "<f8"}
_MOST_AXES = 8
_ROWS = 512


@dataclass
class Matrix:
    """A matrix of a file that is open; its values are read in order, once.

    Args:
        path: the file.
        shape: lengths of its axes, one at least.
        dtype: of its values.
        remedy: what the user should do about a broken file; ends every error.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    remedy: str
    _reader: _Reader

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """Rows from a given one on, some at a time.

        Raises `CorruptFile` where the file ends too early or goes on.
        """
        row = self.dtype.itemsize * math.prod(self.shape[1:])
        for at in range(0, self.shape[0], _ROWS):
            n = min(_ROWS, self.shape[0] - at)
            content = self._reader.take(n * row)
            if len(content) < n * row:
                raise CorruptFile(f"{self.path} ends within rows {at:,} to {at + n - 1:,} of {self.shape[0]:,}. {self.remedy}")
            if at + n > start:
                rows = np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])
                yield rows[max(0, start - at) :]
        if self._reader.take(1):
            raise CorruptFile(f"{self.path} goes on after the {self.shape[0]:,} rows that it announces. {self.remedy}")


class _Reader:
    """Takes so many bytes at a time of what arrives in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, bytearray()

    def take(self, n: int) -> bytes:
        while len(self._held) < n and (piece := next(self._pieces, b"")):
            self._held += piece
        taken = bytes(self._held[:n])
        del self._held[:n]
        return taken


@contextmanager
def opened_matrix(path: Path, remedy: str) -> Iterator[Matrix]:
    """The matrix of a file.

    Raises `CorruptFile`, which ends with the remedy, for a file that is no binary matrix or damaged.
    """
    with closing(raw_chunks(path, remedy)) as pieces:
        reader = _Reader(pieces)
        start = np.frombuffer(reader.take(8).ljust(8, b"\0"), "<u4")
        kind, axes = _TYPES.get(int(start[0])), int(start[1])
        if kind is None or not 1 <= axes <= _MOST_AXES:
            raise CorruptFile(f"{path} does not begin like a binary matrix. {remedy}")
        lengths = np.frombuffer(reader.take(4 * max(3, axes)).ljust(4 * max(3, axes), b"\0"), "<i4")[:axes]
        if (lengths < 1).any():
            raise CorruptFile(f"{path} announces a matrix of {' x '.join(map(str, lengths))}. {remedy}")
        yield Matrix(path, tuple(lengths.tolist()), np.dtype(kind), remedy, reader)
