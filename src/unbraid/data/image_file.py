"""One file with all images of a data set, written once and mapped into memory.

It is an .npy file of bytes (n, channel, height, width), which NumPy opens as it is. Behind the pixels stand the columns that
are known of the images, as an .npz file, the SHA-256 of the pixels, the length of the columns, and a mark. The mark is written
last, so that a file that has it is whole.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from jaxtyping import Integer, UInt8

from unbraid.data.cache import REMEDY, held_part, writing_cache
from unbraid.data.storage import ByteImages, Selected, Shape, digest_of_rows
from unbraid.errors import CorruptFile, DataUnavailable, UnbraidError
from unbraid.files import sync_folder
from unbraid.progress import reporting

MARK = b"unbraid1"
DIGEST_SIZE = hashlib.sha256().digest_size
_TAIL = DIGEST_SIZE + 8 + len(MARK)
_ROOM = 64 << 20
"""Bytes that stay free on the disk."""
_PIECE = 1 << 22


@dataclass(frozen=True)
class Conversion:
    """Images that are ready to be written.

    Args:
        n: number of images.
        shape: of an image.
        blocks: the images from a given one on, some at a time.
        columns: what is known of them; asked for after the images.
    """

    n: int
    shape: Shape
    blocks: Callable[[int], Iterator[UInt8[np.ndarray, "_ c h w"]]]
    columns: Callable[[], Mapping[str, np.ndarray]] = dict


@dataclass(frozen=True, eq=False)
class Stored:
    """A store that was opened."""

    path: Path
    pixels: UInt8[np.ndarray, "n c h w"]
    columns: Mapping[str, np.ndarray]
    digest: str

    def images(self, rows: Integer[np.ndarray, "m"] | None = None) -> ByteImages | Selected:
        """Its images, or some of them in the given order."""
        whole = ByteImages(self.pixels, self.digest)
        if rows is not None:
            return Selected(whole, rows)
        return ByteImages(self.pixels, digest_of_rows(whole, np.empty(0, np.int64)))  # by which runs know a whole store


def image_file(file: Path, converting: Callable[[], AbstractContextManager[Conversion]], doing: str) -> Stored:
    """The images of a file, written where there is none yet.

    Writing that was stopped goes on where it stopped, and of two processes one waits for the other.

    Args:
        file: where it lies in the cache; its name says what it depends on.
        converting: opens what the images are made of.
        doing: what is done, as in "converting cars3d".

    Raises what `converting` raises, and `DataUnavailable` where the disk has no room.
    """
    opened = open_store(file)
    if opened is not None:
        return opened
    with writing_cache(file), held_part(file, f"waiting for another process that is {doing}") as part:
        if open_store(file) is None:  # nobody was faster
            try:
                with converting() as conversion:
                    _write(part, file, conversion, doing)
            except DataUnavailable:  # as of a full disk: what is written is right, and the next conversion continues it
                raise
            except UnbraidError:  # what the files hold is wrong, so what was written of it serves nobody
                part.truncate(0)
                raise
            os.fsync(part.fileno())
            Path(part.name).replace(file)
            sync_folder(file.parent)
    opened = open_store(file)
    if opened is None:
        raise DataUnavailable(f"{file} was written but cannot be mapped into memory. {REMEDY}")
    return opened


def open_store(path: Path) -> Stored | None:
    """A store, mapped into memory; None where there is none that is whole."""
    try:
        with path.open("rb") as handle:
            pixels = np.lib.format.open_memmap(path, mode="r")
            handle.seek(-_TAIL, os.SEEK_END)
            start, tail = handle.tell(), handle.read(_TAIL)
            digest, length, mark = (
                tail[:DIGEST_SIZE],
                int.from_bytes(tail[DIGEST_SIZE : -len(MARK)], "little"),
                tail[-len(MARK) :],
            )
            if mark != MARK or pixels.offset + pixels.nbytes + length != start or pixels.dtype != np.uint8 or pixels.ndim != 4:
                return None
            handle.seek(start - length)
            with np.load(io.BytesIO(handle.read(length)), allow_pickle=False) as columns:
                return Stored(path, pixels.view(np.ndarray), dict(columns), digest.hex())
    except (OSError, ValueError, EOFError):
        return None


def _write(part: BinaryIO, path: Path, conversion: Conversion, doing: str) -> None:
    header = _header((conversion.n, *conversion.shape))
    size = int(np.prod(conversion.shape))
    done, digest = _begun(part, header, size, conversion.n)
    _require_room(path, (conversion.n - done) * size, doing)
    with reporting(f"{doing}, once") as report:
        for block in conversion.blocks(done):
            if block.shape[1:] != conversion.shape or done + len(block) > conversion.n:
                raise CorruptFile(f"{doing}: images {block.shape} after {done:,} of {conversion.n:,} of {conversion.shape}.")
            content = np.ascontiguousarray(block).tobytes()
            part.write(content)
            digest.update(content)
            done += len(block)
            report(done, conversion.n)
    if done != conversion.n:
        raise CorruptFile(f"{doing}: the files hold {done:,} images, and announce {conversion.n:,}. Get them again.")
    columns = io.BytesIO()
    np.savez(columns, **conversion.columns())  # type: ignore[arg-type]  # its stub takes the columns for allow_pickle
    known = columns.getvalue()
    part.write(known + digest.digest() + len(known).to_bytes(8, "little") + MARK)
    part.flush()


def _header(shape: tuple[int, ...]) -> bytes:
    made = io.BytesIO()
    np.lib.format.write_array_header_1_0(made, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return made.getvalue()


def _begun(part: BinaryIO, header: bytes, size: int, n: int) -> tuple[int, Any]:
    """How many images an earlier conversion wrote, and their digest; what else is in the file goes."""
    digest = hashlib.sha256()
    part.seek(0)
    if part.read(len(header)) != header:
        part.truncate(0)
        part.write(header)
        return 0, digest
    done = min(n, (part.seek(0, os.SEEK_END) - len(header)) // size)
    part.truncate(len(header) + done * size)
    part.seek(len(header))
    while piece := part.read(_PIECE):
        digest.update(piece)
    return done, digest


def _require_room(path: Path, size: int, doing: str) -> None:
    free = shutil.disk_usage(path.parent).free
    if size + _ROOM > free:
        raise DataUnavailable(
            f"{doing[0].upper()}{doing[1:]} needs {size / 1e9:,.1f} GB in {path.parent}, and {free / 1e9:,.1f} GB are free. "
            f"{REMEDY}"
        )
