"""Image stores: data sets held as bytes or bits, turned into batches without a per-item loader.

A million binary 64 x 64 images are 377 MB packed and 12 GB as float32, so images stay small until the moment a
batch is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import numpy as np
from jaxtyping import Float32, Integer, UInt8

from unbraid.errors import UsageError

Shape = tuple[int, int, int]
"""Channels, height, width of an image."""


@dataclass(frozen=True)
class ValueRange:
    """The numbers in which images were given, before they became shares from 0 (black) to 1 (white).

    Args:
        black, white: the values that became 0 and 1.
        whole: whether they were integers.
        measured: whether black and white are the smallest and largest value of the images themselves.
    """

    black: float
    white: float
    whole: bool
    measured: bool = False

    def __str__(self) -> str:
        return f"{'whole numbers' if self.whole else 'floats'} from {self.black:g} to {self.white:g}"

    @property
    def usual(self) -> bool:
        """Whether these are bytes from 0 to 255 or floats from 0 to 1."""
        return (self.black, self.white) == (0, 255 if self.whole else 1)


BYTES = ValueRange(0.0, 255.0, whole=True)
SHARES = ValueRange(0.0, 1.0, whole=False)


@runtime_checkable
class ImageStore(Protocol):
    """A sequence of images of one shape (channel, height, width)."""

    @property
    def shape(self) -> Shape:
        """Channels, height, width."""
        ...

    def __len__(self) -> int: ...

    def floats(self, index: Integer[np.ndarray, "n"]) -> Float32[np.ndarray, "n c h w"]:
        """The images at the given positions, in [0, 1]."""
        ...

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 to 255."""
        ...


class Indexed:
    """Indexing as in arrays: one image for a number, many for a slice, a list or an array."""

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> Float32[np.ndarray, "..."]:
        """Images (n, channel, height, width) in [0, 1], or one (channel, height, width) for a number."""
        store = cast(ImageStore, self)
        rows = np.arange(len(store))[index]
        images = store.floats(np.atleast_1d(rows))
        return images if rows.ndim else images[0]


class FromBytes(Indexed):
    """A store whose floats are its bytes, divided by 255."""

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 to 255."""
        raise NotImplementedError

    def floats(self, index: Integer[np.ndarray, "n"]) -> Float32[np.ndarray, "n c h w"]:
        """The images at the given positions, in [0, 1]."""
        shares: Float32[np.ndarray, "n c h w"] = self.bytes(index).astype(np.float32)
        shares /= np.float32(255)
        return shares


class Painted(FromBytes):
    """A store that paints images when they are asked for, so many at once."""

    shape: Shape
    at_once: int

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 to 255."""
        images = np.empty((len(index), *self.shape), dtype=np.uint8)
        for start in range(0, len(index), self.at_once):
            images[start : start + self.at_once] = self._painted(index[start : start + self.at_once])
        return images

    def _painted(self, rows: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        raise NotImplementedError


class PackedImages(Indexed):
    """Binary images of one channel, one bit per pixel, in memory or memory-mapped."""

    def __init__(self, packed: UInt8[np.ndarray, "n packed"], height: int, width: int) -> None:
        if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] * 8 != height * width:
            raise UsageError(
                f"Packed images of {height} x {width} need an uint8 array (n, {height * width // 8}), "
                f"given {packed.dtype} {packed.shape}."
            )
        self._packed = packed
        self.shape: Shape = (1, height, width)

    def __len__(self) -> int:
        return len(self._packed)

    def _bits(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        return np.unpackbits(self._packed[index], axis=1).reshape(-1, *self.shape)

    def floats(self, index: Integer[np.ndarray, "n"]) -> Float32[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 or 1."""
        return self._bits(index).astype(np.float32)

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 or 255."""
        return self._bits(index) * np.uint8(255)


class ByteImages(FromBytes):
    """Images of one byte per pixel and channel, in memory or memory-mapped.

    Args:
        pixels: of all images.
        digest: of the images, where it is known.
    """

    value_range = BYTES

    def __init__(self, pixels: UInt8[np.ndarray, "n c h w"], digest: str = "") -> None:
        if pixels.dtype != np.uint8 or pixels.ndim != 4:
            raise UsageError(f"Images need an uint8 array (n, channel, height, width), given {pixels.dtype} {pixels.shape}.")
        self._pixels, self.digest = pixels, digest
        self.shape: Shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])

    def __len__(self) -> int:
        return len(self._pixels)

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, as stored."""
        pixels: UInt8[np.ndarray, "n c h w"] = self._pixels[index]
        return pixels


def digest_of_rows(images: ImageStore, rows: Integer[np.ndarray, "n"]) -> str:
    """A digest of some images of a store that knows its own; empty for one that does not."""
    known = getattr(images, "digest", "")
    return hashlib.sha256(known.encode() + np.ascontiguousarray(rows, np.int64).tobytes()).hexdigest() if known else ""


class Selected(Indexed):
    """Some images of another store, in the given order."""

    def __init__(self, images: ImageStore, rows: Integer[np.ndarray, "n"]) -> None:
        self._images, self._rows = images, rows
        self.shape: Shape = images.shape
        self.digest = digest_of_rows(images, rows)

    def __len__(self) -> int:
        return len(self._rows)

    def floats(self, index: Integer[np.ndarray, "n"]) -> Float32[np.ndarray, "n c h w"]:
        """The images at the given positions, in [0, 1]."""
        return self._images.floats(self._rows[index])

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 to 255."""
        return self._images.bytes(self._rows[index])
