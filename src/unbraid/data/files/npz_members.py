"""Arrays of .npz and .npy files, read without trusting their headers and without unpickling."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast

import numpy as np

from unbraid.data.files import scratch as rooms
from unbraid.errors import CorruptFile, UsageError
from unbraid.files import os_errors

_MOST_MEMBERS = 1_000
_LONGEST_HEADER = 10_000  # bytes, as NumPy has it
_VERSIONS = ((1, 0), (2, 0), (3, 0))
_BLOCK = 1 << 20
_MOST_INFLATION = 1_100  # deflate makes no more than 1,032 bytes of one
ARRAY = "array"
"""Name of the array of an .npy file."""
REMEDY = "Save it again with numpy.savez or numpy.savez_compressed."


@dataclass(frozen=True)
class Member:
    """An array of the file that is open."""

    path: Path
    archive: zipfile.ZipFile | None
    info: zipfile.ZipInfo | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    header: int

    @property
    def where(self) -> str:
        """How errors call it."""
        return f"{self.info.filename.removesuffix('.npy')!r} of {self.path}" if self.info else f"The array of {self.path}"

    def read(self) -> np.ndarray:
        """The array; one above a gibibyte is mapped from the file, or inflated on disk where it is compressed.

        Raises `CorruptFile` where the file holds something else than the header announces.
        """
        size = math.prod(self.shape) * self.dtype.itemsize
        shape = self.shape[::-1] if self.fortran else self.shape
        if self.archive is None or self.info is None:
            array = self._mapped(shape) if size > rooms.IN_MEMORY else self._loaded(shape, size)
            return array.T if self.fortran else array
        with _damage(self.path), self.archive.open(self.info) as stream:
            stream.read(self.header)
            blocks = iter(lambda: stream.read(_BLOCK), b"")
            if size > rooms.IN_MEMORY and self.info.compress_type == zipfile.ZIP_STORED:
                for _ in blocks:  # the sum of the content is checked at its end
                    pass
                array = self._mapped(shape, self._offset(self.info))
            else:
                array = rooms.room(shape, self.dtype)
                if size:
                    self._fill(blocks, array.reshape(-1).view(np.uint8))
        return array.T if self.fortran else array

    def blocks(self, rows: int, start: int = 0) -> Iterator[np.ndarray]:
        """Rows from a given one on, so many at a time, of an array in C order; no more are in memory.

        Raises `CorruptFile` where the file holds something else than the header announces.
        """
        row = self.dtype.itemsize * math.prod(self.shape[1:])
        opened = self.path.open("rb") if self.archive is None or self.info is None else self.archive.open(self.info)
        with _damage(self.path), opened as stream:
            stream.read(self.header)
            for first in range(0, self.shape[0], rows):
                n = min(rows, self.shape[0] - first)
                content = stream.read(n * row)
                if len(content) < n * row:
                    raise CorruptFile(f"{self.where} ends within rows {first:,} to {first + n - 1:,}. {REMEDY}")
                if first + n > start:
                    yield np.frombuffer(content, self.dtype).reshape(n, *self.shape[1:])[max(0, start - first) :]

    def _mapped(self, shape: tuple[int, ...], offset: int = 0) -> np.ndarray:
        array: np.ndarray = np.memmap(self.path, self.dtype, "r", offset + self.header, shape).view(np.ndarray)
        return array

    def _loaded(self, shape: tuple[int, ...], size: int) -> np.ndarray:
        with os_errors(f"read {self.path}", "Check that the file may be read."), self.path.open("rb") as file:
            file.seek(self.header)
            content = bytearray(size)
            if file.readinto(content) != size:
                raise CorruptFile(f"{self.path} ends before its {size:,} bytes. {REMEDY}")
        return np.frombuffer(content, self.dtype).reshape(shape)

    def _fill(self, blocks: Iterator[bytes], target: np.ndarray) -> None:
        done = 0
        for block in blocks:
            target[done : done + len(block)] = np.frombuffer(block, np.uint8)
            done += len(block)
        if done != len(target):
            raise CorruptFile(f"{self.where} ends after {done:,} of {len(target):,} bytes. {REMEDY}")

    def _offset(self, info: zipfile.ZipInfo) -> int:
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            local = file.read(30)
        name, extra = struct.unpack("<HH", local[26:30])
        return info.header_offset + 30 + int(name) + int(extra)


class Members(dict[str, Member]):
    """The arrays of a file by name.

    Pickled arrays are not listed; asking for one raises `UsageError`.
    """

    def __init__(self, arrays: Mapping[str, Member]) -> None:
        super().__init__({name: member for name, member in arrays.items() if not member.dtype.hasobject})
        self._pickled = {name: member.where for name, member in arrays.items() if member.dtype.hasobject}

    @property
    def every(self) -> list[str]:
        """Names of all arrays, pickled ones last."""
        return [*self, *self._pickled]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self._pickled

    def __missing__(self, name: str) -> Member:
        if name not in self._pickled:
            raise KeyError(name)
        raise UsageError(
            f"{self._pickled[name]} holds pickled Python objects, which are never loaded; save it as an array of numbers or "
            "texts."
        )


@contextmanager
def open_npz(path: Path) -> Iterator[Members]:
    """The arrays of a file by name; read them while it is open. That of an .npy file is called `array`.

    Raises `UsageError` where there is no file and `CorruptFile` for one that is no .npz file or damaged.
    """
    if not path.exists():
        raise UsageError(
            f"There is no file {path}; give the path of an .npz file: npz:PATH (of a run whose data moved: --data npz:PATH)."
        )
    if not path.is_file():
        raise UsageError(f"{path} is not a file; give the path of an .npz file: npz:PATH (of images in a folder: folder:PATH).")
    with os_errors(f"read {path}", "Check that the file may be read."):
        handle = path.open("rb")
    with handle:
        if path.suffix.lower() == ".npy":
            yield Members({ARRAY: _bare(path, handle)})
            return
        with _damage(path):
            archive = zipfile.ZipFile(handle)
        infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
        names = [info.filename.removesuffix(".npy") for info in infos]
        if not infos or len(infos) > _MOST_MEMBERS or len(set(names)) != len(names):
            raise CorruptFile(
                f"{path} holds {len(infos)} arrays with {len(set(names))} names; allowed: 1 to {_MOST_MEMBERS}, each with a "
                f"name of its own. {REMEDY}"
            )
        yield Members({name: _member(path, archive, info) for name, info in zip(names, infos, strict=True)})


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (
        zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError, OSError, ValueError,
    ) as error:  # fmt: skip
        if isinstance(error, UsageError):
            raise
        raise CorruptFile(f"{path} is not a sound .npz file ({str(error) or 'it ends too early'}). {REMEDY}") from error


def _member(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    where = f"{info.filename.removesuffix('.npy')!r} of {path}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CorruptFile(f"{where} is compressed in a way that NumPy does not write ({info.compress_type}). {REMEDY}")
    with _damage(path), archive.open(info) as stream:
        header, shape, fortran, dtype = _announced(cast(BufferedIOBase, stream), where)
    if dtype.hasobject:
        return Member(path, archive, info, shape, dtype, fortran, header)
    size = math.prod(shape) * dtype.itemsize
    stored = info.compress_type == zipfile.ZIP_STORED
    most = info.compress_size if stored else _MOST_INFLATION * info.compress_size
    if info.file_size != header + size or info.file_size > most:
        raise CorruptFile(
            f"{where} announces {dtype} of shape {shape}, {size:,} bytes, but the file holds "
            f"{max(0, info.file_size - header):,} ({info.compress_size:,} compressed). {REMEDY}"
        )
    return Member(path, archive, info, shape, dtype, fortran, header)


def _bare(path: Path, stream: BufferedIOBase) -> Member:
    where = f"The array of {path}"
    header, shape, fortran, dtype = _announced(stream, where)
    held = path.stat().st_size - header
    if not dtype.hasobject and held != math.prod(shape) * dtype.itemsize:
        size = math.prod(shape) * dtype.itemsize
        raise CorruptFile(
            f"{where} announces {dtype} of shape {shape}, {size:,} bytes, but the file holds {held:,}. Save it again with "
            "numpy.save."
        )
    return Member(path, None, None, shape, dtype, fortran, header)


def _announced(stream: BufferedIOBase, where: str) -> tuple[int, tuple[int, ...], bool, np.dtype[Any]]:
    """Length of the header of an array, and the shape, order and type in it."""
    start = stream.read(12)
    wide = start[6:7] != b"\x01"  # versions above 1 give the length of the header in four bytes
    if not start.startswith(b"\x93NUMPY") or len(start) < 12:
        raise CorruptFile(f"{where} does not begin like a NumPy array. {REMEDY}")
    length = int.from_bytes(start[8:12] if wide else start[8:10], "little")
    header = (12 if wide else 10) + length
    if length > _LONGEST_HEADER:
        raise CorruptFile(f"{where} announces a header of {length:,} bytes; allowed: {_LONGEST_HEADER:,}. {REMEDY}")
    return header, *_parse(start + stream.read(header - 12), where)


def _parse(header: bytes, where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    stream = io.BytesIO(header)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of headers that Python 2 wrote
            version = np.lib.format.read_magic(stream)
            if version not in _VERSIONS:
                raise ValueError(f"its version is {version}")
            reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = reader(stream, max_header_size=_LONGEST_HEADER)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, KeyError, TokenError) as error:
        raise CorruptFile(f"{where} has a header that is not NumPy's ({_first_line(error)}). {REMEDY}") from error
    if any(n < 0 for n in shape):
        raise CorruptFile(f"{where} announces shape {shape}. {REMEDY}")
    return tuple(shape), bool(fortran), dtype


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
