"""IDX files, the format of MNIST and its relatives: bytes behind a big-endian header, gzipped or not."""

from __future__ import annotations

import hashlib
import math
import struct
from contextlib import closing
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from unbraid.data.files.gzipped import raw_chunks
from unbraid.errors import CorruptFile

Content = Literal["images", "labels"]

_MAGIC: dict[Content, int] = {"images": 2051, "labels": 2049}
"""First four bytes: 0, 0, 8 for unsigned bytes, and the number of dimensions."""
_DIMENSIONS: dict[Content, tuple[str, ...]] = {"images": ("images", "rows", "columns"), "labels": ("labels",)}


def read_idx(
    path: Path, content: Content, *, sha256: str | None = None, remedy: str = "Get the file again."
) -> UInt8[np.ndarray, "..."]:
    """The images (n, row, column) or labels (n) of an IDX file, as bytes.

    No more memory is taken than the file has content, whatever its header says.

    Args:
        path: the file, gzipped or not.
        content: what it should hold.
        sha256: digest of its decompressed content, checked where given.
        remedy: what the user should do about a broken file; ends every error.

    Raises `CorruptFile` for a file that is truncated, too long, of another kind or not the expected one and `UnbraidError`
    where it cannot be read.
    """
    digest = hashlib.sha256()
    data = bytearray()
    header = 4 + 4 * len(_DIMENSIONS[content])
    shape: tuple[int, ...] = ()
    with closing(raw_chunks(path, remedy)) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            data += chunk
            if not shape and len(data) >= header:
                shape = _shape(bytes(data[:header]), content, path, remedy)
            if shape and len(data) > header + math.prod(shape):
                raise CorruptFile(
                    f"{path} holds more than the {math.prod(shape):,} bytes of {_words(content, shape)} that its header "
                    f"announces. {remedy}"
                )
    if not shape:
        _check_magic(bytes(data[:4]), content, path, remedy)
        raise CorruptFile(f"{path} ends after {len(data)} bytes; the header of {content} has {header}. {remedy}")
    if len(data) < header + math.prod(shape):
        raise CorruptFile(
            f"{path} is truncated: its header announces {_words(content, shape)}, {math.prod(shape):,} bytes, but "
            f"{len(data) - header:,} follow. {remedy}"
        )
    if sha256 is not None and digest.hexdigest() != sha256:
        raise CorruptFile(
            f"{path} holds {_words(content, shape)}, but not the expected ones: SHA-256 of the decompressed content is "
            f"{digest.hexdigest()}, expected {sha256}. {remedy}"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def _check_magic(start: bytes, content: Content, path: Path, remedy: str) -> None:
    expected = struct.pack(">I", _MAGIC[content])
    if start != expected[: len(start)] or not start:
        given = f"starts with bytes {start.hex(' ')}" if start else "is empty"
        raise CorruptFile(
            f"{path} {given}; an IDX file of {content} starts with {expected.hex(' ')} ({_MAGIC[content]}). {remedy}"
        )


def _shape(header: bytes, content: Content, path: Path, remedy: str) -> tuple[int, ...]:
    _check_magic(header[:4], content, path, remedy)
    shape: tuple[int, ...] = struct.unpack(f">{len(_DIMENSIONS[content])}I", header[4:])
    if 0 in shape:
        raise CorruptFile(f"{path} announces {_words(content, shape)}; every number must be at least 1. {remedy}")
    return shape


def _words(content: Content, shape: tuple[int, ...]) -> str:
    return ", ".join(f"{n:,} {what}" for n, what in zip(shape, _DIMENSIONS[content], strict=True))
