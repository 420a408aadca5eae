"""Image files of a folder: which are taken, and how one of them becomes pixels."""

from __future__ import annotations

import stat
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from unbraid.errors import CorruptFile, UnbraidError, UsageError
from unbraid.files import os_errors
from unbraid.progress import Progress

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
LARGEST = 64_000_000
"""Pixels of an image; one that announces more is refused before anything is decoded."""
Fit = Literal["crop", "squash", "pad"]

_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
_GRAY, _COLOR = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B"), ("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, AttributeError, ZeroDivisionError,
    OverflowError, RuntimeError, AssertionError, struct.error, zlib.error,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
"""What decoders raise at damaged files."""


def list_images(folder: Path) -> list[Path]:
    """Image files below a folder, sorted by path.

    Hidden files and folders are passed over, and files whose name does not end like an image's. Links are followed.

    Raises `UsageError` where there is no folder, no image in it, or a link leads back to a folder that it lies in.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise UsageError(f"{folder} {what}; give a folder of images: folder:PATH.")
    found = sorted(_below(folder, ()), key=lambda path: path.relative_to(folder).parts)
    if not found:
        raise UsageError(
            f"{folder} holds no images; files that end in {', '.join(sorted(ENDINGS))} are taken, also in subfolders."
        )
    return found


def _below(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[Path]:
    with os_errors(f"read {folder}", "Check its permissions."):
        status = folder.stat()
        place = (status.st_dev, status.st_ino)
        if place in above:
            raise UsageError(f"{folder} is a link that leads back to a folder it lies in; remove it.")
        entries = sorted(folder.iterdir())
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _below(entry, (*above, place))
        elif entry.suffix.lower() in ENDINGS:
            yield entry


@dataclass(frozen=True)
class Header:
    """What an image file says of itself, before it is turned as its EXIF data tell."""

    width: int
    height: int
    gray: bool


def read_header(path: Path) -> Header:
    """Size and kind of an image.

    Raises `CorruptFile` for what is no image and `UsageError` for one that is not taken.
    """
    with _opened(path) as image:
        return Header(image.width, image.height, image.mode in _GRAY)


def read_pixels(path: Path, channels: int, size: int | None = None, fit: Fit = "crop") -> UInt8[np.ndarray, "channels h w"]:
    """An image as bytes.

    It is turned as its EXIF data say. Transparent pixels lie over black. Gray images of 16 bits are rounded to 8. CMYK becomes
    RGB without a color profile, RGB becomes gray by its luma 0.299 R + 0.587 G + 0.114 B, gray RGB by repeating it.

    Args:
        path: the file.
        channels: 1 or 3.
        size: width and height to bring it to, bilinearly and smoothed where it shrinks; None leaves it as it is.
        fit: `crop` scales the shorter side and cuts the longer one about its middle, `pad` scales the longer side and fills up
            with black, `squash` scales both.

    Raises as `read_header` does.
    """
    with _opened(path) as image:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return pixels_of(_sized(plain(upright, channels), size, fit))


def unreadable(files: Sequence[Path], report: Progress) -> list[tuple[Path, str]]:
    """Every file that is no image which can be read, with the reason; all of them are decoded."""
    found = []
    for i, file in enumerate(files):
        try:
            read_pixels(file, 3)
        except UnbraidError as error:
            found.append((file, str(error)))
        report(i + 1, len(files))
    return found


def pixels_of(image: Image.Image) -> UInt8[np.ndarray, "c h w"]:
    """A plain image, gray or RGB, channels first."""
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(np.moveaxis(pixels, 2, 0))


def plain(image: Image.Image, channels: int) -> Image.Image:
    """An image in bytes, gray or RGB, as `read_pixels` says."""
    if image.mode.startswith("I;16"):
        gray = np.asarray(image).astype(np.float64) / 257  # 65,535 becomes 255
        image = Image.fromarray(np.rint(gray).astype(np.uint8))
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, (0, 0, 0, 255)), seen)
    return (
        image.convert("RGB").convert("L")
        if channels == 1 and image.mode != "L"
        else image.convert("L" if channels == 1 else "RGB")
    )


def _sized(image: Image.Image, size: int | None, fit: Fit) -> Image.Image:
    if size is None or image.size == (size, size):
        return image
    both, smooth = (size, size), Image.Resampling.BILINEAR
    if fit == "crop":
        return ImageOps.fit(image, both, method=smooth)
    return ImageOps.pad(image, both, method=smooth) if fit == "pad" else image.resize(both, smooth)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with os_errors(f"read {path}", "Check its permissions, or remove it from the folder."):
        if not stat.S_ISREG(path.stat().st_mode):
            raise CorruptFile(f"{path} is not a file; remove it from the folder.")
        handle = path.open("rb")
    with handle, opened_image(handle, str(path), "Repair it or remove it from the folder.") as image:
        yield image


@contextmanager
def opened_image(handle: BytesIO | BufferedReader, where: str, remedy: str) -> Iterator[Image.Image]:
    """An image of a file or of bytes; its pixels are decoded when they are asked for.

    Raises `CorruptFile`, which ends with the remedy, for what is no sound image and `UsageError` for one that is not taken.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged EXIF data and the like
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(handle, formats=_FORMATS) as image:
                _check(image, where)
                yield image
        except _DAMAGE as error:
            if isinstance(error, UsageError):
                raise
            reason = "no image format is recognized" if isinstance(error, UnidentifiedImageError) else str(error)
            raise CorruptFile(f"{where} is no sound image ({reason or type(error).__name__}). {remedy}") from error


def _check(image: Image.Image, path: str) -> None:
    if image.width * image.height > LARGEST:
        raise UsageError(f"{path} announces {image.width} x {image.height} pixels; allowed: {LARGEST:,} in all.")
    if image.mode not in (*_GRAY, *_COLOR):
        raise UsageError(f"{path} holds pixels of kind {image.mode}; allowed: gray of 8 or 16 bits, palette, RGB, CMYK, YCbCr.")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # the further images of an MPO are previews of the first
        raise UsageError(f"{path} holds {frames} images; give files of one image each.")
