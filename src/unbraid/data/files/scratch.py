"""Room for images that are decoded once: in memory, or on disk where they are many."""

from __future__ import annotations

import math
import os
import tempfile
from typing import Any

import numpy as np

from unbraid.data.cache import cache_folder, writing_cache

IN_MEMORY = 1 << 30
"""Bytes; arrays up to this size are kept in memory, larger ones are mapped from disk."""


def room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """An array to be filled.

    An array above a gibibyte is an unnamed file in the cache folder, which disappears with the process.

    Raises `DataUnavailable` where the disk has no room for it.
    """
    size = math.prod(shape) * dtype.itemsize
    if size <= IN_MEMORY:
        return np.empty(shape, dtype)
    folder = cache_folder()
    with writing_cache(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as handle:
            if hasattr(os, "posix_fallocate"):  # without it a full disk would end the process when the array is filled
                os.posix_fallocate(handle.fileno(), 0, size)
            else:
                handle.truncate(size)
            return np.memmap(handle, dtype, "r+", shape=shape).view(np.ndarray)
