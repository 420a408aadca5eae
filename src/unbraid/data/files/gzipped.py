"""Contents of files that may be gzipped: the same bytes, however and whether they were compressed."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Generator, Iterator
from io import BufferedIOBase
from pathlib import Path

from unbraid.errors import CorruptFile
from unbraid.files import os_errors

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"


def raw_chunks(path: Path, remedy: str = "Get the file again.") -> Generator[bytes, None, None]:
    """The content of a file, decompressed where it is gzipped, at most a mebibyte at a time.

    Raises `CorruptFile`, which ends with the remedy, where the compressed data are truncated or damaged and `UnbraidError`
    where the file cannot be read.
    """
    with os_errors(f"read {path}", "Check that the file is there and may be read."), path.open("rb") as handle:
        if handle.peek(2)[:2] != _GZIP:
            yield from _chunks(handle)
            return
        try:
            with gzip.GzipFile(fileobj=handle) as unzipped:
                yield from _chunks(unzipped)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            reason = "it ends too early" if isinstance(error, EOFError) else str(error)
            raise CorruptFile(f"{path} is no valid gzip file: {reason}. {remedy}") from error


def _chunks(handle: BufferedIOBase) -> Iterator[bytes]:
    while chunk := handle.read(_CHUNK):
        yield chunk


def raw_sha256(path: Path, remedy: str = "Get the file again.", *, most: int | None = None) -> str:
    """SHA-256 of a file's decompressed content, in hexadecimal.

    Raises as `raw_chunks` does, and `CorruptFile` for a content of more than `most` bytes, of which no more is decompressed.
    """
    digest, size = hashlib.sha256(), 0
    for chunk in raw_chunks(path, remedy):
        digest.update(chunk)
        size += len(chunk)
        if most is not None and size > most:
            raise CorruptFile(f"{path} holds more than the {most:,} bytes that were expected. {remedy}")
    return digest.hexdigest()
