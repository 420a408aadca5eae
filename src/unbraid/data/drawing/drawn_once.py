"""Pictures that take long to draw, drawn once and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from unbraid.data.cache import cache_folder
from unbraid.data.image_file import Conversion, image_file, open_store
from unbraid.data.storage import Shape
from unbraid.errors import DataUnavailable
from unbraid.progress import reporting

Rows = Float[np.ndarray, "n k"]
Pictures = UInt8[np.ndarray, "n c h w"]

FEWEST = 500
"""Pictures that are worth a file; fewer are drawn again."""
LARGEST = 8 << 30
"""Bytes of all files of drawn pictures together."""
IN_MEMORY = 2 << 30
"""Bytes of pictures at most where the cache takes none."""
AT_ONCE = 256
_FORGOTTEN = 24 * 3600.0
"""Seconds after which a file that nobody finished is removed."""


def drawn_once(name: str, rows: Rows, shape: Shape, draw: Callable[[Rows], Pictures], *of: object) -> Pictures:
    """Pictures of rows of numbers, from the file that holds them or drawn into it.

    The file's name is a digest of all that a picture depends on: the rows, `of`, and the source code that draws. Drawing that
    was stopped goes on where it stopped. Where the cache cannot hold them the pictures are drawn into memory. All files
    together take at most `LARGEST` bytes; those that were used longest ago go first.

    Args:
        name: what is drawn, as in "faces".
        rows: what each picture shows.
        shape: of a picture, which may be a part of an image.
        draw: pictures of some rows.
        of: what else pictures depend on, such as the size.

    Raises `DataUnavailable` where neither the disk nor memory has room for them.
    """
    n, doing = len(rows), f"drawing {name}"

    def blocks(done: int) -> Iterator[Pictures]:
        for start in range(done, n, AT_ONCE):
            yield draw(rows[start : start + AT_ONCE])

    def converting() -> AbstractContextManager[Conversion]:
        return nullcontext(Conversion(n, shape, blocks))

    if n >= FEWEST:
        key = hashlib.sha256(repr((of, shape, rows.shape, _sources(draw.__module__))).encode())
        key.update(np.ascontiguousarray(rows, np.float64).tobytes())
        folder = cache_folder() / "drawn"
        file = folder / f"{name}-{key.hexdigest()[:16]}.npy"
        new = open_store(file) is None
        try:
            pictures = image_file(file, converting, doing).pixels
        except DataUnavailable:  # no room there, or it cannot be written
            if n * int(np.prod(shape)) > IN_MEMORY:
                raise
        else:
            with suppress(OSError):
                os.utime(file)
            if new:
                _make_room(folder, file)
            return pictures
    drawn = np.empty((n, *shape), np.uint8)
    with reporting(doing) as report:
        done = 0
        for block in blocks(0):
            drawn[done : done + len(block)] = block
            done += len(block)
            report(done, n)
    return drawn


@cache
def _sources(module: str) -> str:
    """A digest of the source code that draws: what is in this folder, and the module of a function."""
    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parent.glob("*.py")), Path(getattr(sys.modules[module], "__file__", None) or module)):
        digest.update(path.read_bytes() if path.is_file() else str(path).encode())
    return digest.hexdigest()


def _make_room(folder: Path, latest: Path) -> None:
    """Remove the files that were used longest ago where all take too much, and what nobody finished."""
    with suppress(OSError):
        now, known = time.time(), [(path.stat(), path) for path in folder.iterdir() if path.is_file()]
        left = sum(status.st_size for status, _ in known)
        for status, path in sorted(known, key=lambda one: one[0].st_mtime):
            unfinished = path.suffix == ".part"
            if path == latest or (unfinished and now - status.st_mtime < _FORGOTTEN) or (not unfinished and left <= LARGEST):
                continue
            path.unlink()
            left -= status.st_size
