"""Images in any numbers: which of them are black and white, and which axis is which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from jaxtyping import Float32, Integer, Shaped, UInt8

from unbraid.data.storage import BYTES, SHARES, ByteImages, Indexed, Shape, ValueRange
from unbraid.errors import UsageError
from unbraid.options import Option

Scale = str | Sequence[float] | ValueRange
"""Which values are black and white: a word of `SCALES`, "BLACK,WHITE", a pair of numbers, or the numbers a model knows."""
SCALES = ("auto", "255", "1", "minmax")
ScaleOption = Annotated[
    str,
    Option(
        "which value is white: 255, 1, or the whole set's largest (minmax; its smallest is then black); BLACK,WHITE as in "
        "0,4095; auto: 1 for floats, for booleans and for bytes that are all 0 or 1, else 255 for bytes"
    ),
]
LARGEST_SIDE = 4096
"""Pixels; no image is higher or wider."""
_ROUNDING = 1e-6  # floats may lie this far outside [0, 1], and are cut off there


class RangedImages(Indexed):
    """Images in numbers of any kind with their range; kept as they are, in memory or mapped."""

    def __init__(self, pixels: Shaped[np.ndarray, "n c h w"], value_range: ValueRange) -> None:
        self._pixels, self.value_range = pixels, value_range
        self.shape: Shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])

    def __len__(self) -> int:
        return len(self._pixels)

    def floats(self, index: Integer[np.ndarray, "n"]) -> Float32[np.ndarray, "n c h w"]:
        """The images at the given positions, in [0, 1]."""
        black, white = self.value_range.black, self.value_range.white
        shares = (self._pixels[index].astype(np.float64) - black) / (white - black)
        return np.clip(shares, 0.0, 1.0).astype(np.float32)

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, rounded to 0 to 255."""
        return np.rint(self.floats(index) * 255).astype(np.uint8)


def image_store(
    images: np.ndarray, *, scale: Scale = "auto", channels_last: bool = False, what: str = "The images"
) -> ByteImages | RangedImages:
    """A store of images (n, height, width) or (n, channel, height, width), without copying them.

    Args:
        images: real numbers.
        scale: which values are black and white, see `Scale`.
        channels_last: whether they are (n, height, width, channel) instead.
        what: how errors call them.

    Raises `UsageError` for another shape, values outside the scale, NaN and infinities.
    """
    if images.dtype.kind not in "buif":
        raise UsageError(f"{what} are an array of {images.dtype}; give real numbers.")
    pixels = _channels_first(images, channels_last, what)
    found = _range_of(pixels, scale, what)
    if pixels.dtype == np.uint8 and (found.black, found.white) == (0, 255):
        return ByteImages(pixels)
    return RangedImages(pixels, found)


def _channels_first(images: np.ndarray, channels_last: bool, what: str) -> np.ndarray:
    axes = "(n, height, width, channel)" if channels_last else "(n, channel, height, width)"
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise UsageError(f"{what} have shape {images.shape}; give (n, height, width) or {axes}, no axis of length 0.")
    pixels = images[:, None] if images.ndim == 3 else np.moveaxis(images, 3, 1) if channels_last else images
    _, channels, height, width = pixels.shape
    if channels not in (1, 3):
        hint = ""
        if images.ndim == 4 and not channels_last and images.shape[3] in (1, 3):
            hint = " The channels seem to come last: give images.transpose(0, 3, 1, 2), or of a file --channels-last."
        elif images.ndim == 4 and 4 in (images.shape[1], images.shape[3]):
            alone = "images[:, :3]" if channels == 4 and not channels_last else "images[..., :3]; with --channels-last"
            hint = f" Of RGBA images leave out the fourth channel, the transparency: {alone}."
        raise UsageError(f"{what} have shape {images.shape}, {channels} channels as {axes}; allowed: 1 or 3.{hint}")
    if max(height, width) > LARGEST_SIDE:
        raise UsageError(f"{what} are {height} x {width} pixels; allowed: up to {LARGEST_SIDE}.")
    return pixels


def _range_of(pixels: np.ndarray, scale: Scale, what: str) -> ValueRange:
    low, high = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        first = next(i for i, image in enumerate(pixels) if not np.isfinite(image).all())
        raise UsageError(f"{what} hold NaN or infinite values, first in image {first}; all must be finite.")
    whole = pixels.dtype.kind in "ui"
    if isinstance(scale, ValueRange):
        return SHARES if pixels.dtype.kind == "b" else known_range(low, high, pixels.dtype.name, scale, what)
    if scale == "minmax":
        if low == high or not np.isfinite(high - low):
            raise UsageError(f"{what} range from {low:g} to {high:g}, which cannot be mapped to black and white.")
        return ValueRange(low, high, whole, measured=True)
    black, white = _ends(scale, pixels.dtype, high)
    given = f"{what} are {pixels.dtype} from {low:g} to {high:g}"
    if white is None:
        raise UsageError(f'{given}; say which value is white: --scale 255, 1 or minmax (in Python scale="255").')
    found = ValueRange(black, white, whole)
    if not _within(low, high, found):
        other = "255" if (black, white) == (0, 1) and low >= 0 and high <= 255 else "minmax"
        raise UsageError(
            f"{given}; with {black:g} as black and {white:g} as white allowed: {black:g} to {white:g}. Try --scale {other} "
            f'(in Python scale="{other}").'
        )
    return found


def _ends(scale: str | Sequence[float], dtype: np.dtype, high: float) -> tuple[float, float | None]:
    """Black and white as a scale other than minmax says; None for white where that does not say it."""
    if scale == "auto":
        return 0.0, _usual_white(dtype, high)
    if isinstance(scale, str) and scale in SCALES:
        return 0.0, float(scale)
    try:
        black, white = (float(part) for part in (scale.split(",") if isinstance(scale, str) else scale))
    except (TypeError, ValueError):
        black = white = math.nan
    if not (math.isfinite(white - black) and black < white):
        raise UsageError(
            f"--scale is {scale!r}; allowed: {', '.join(SCALES)}, or the values of black and white as in 0,4095 (in Python "
            "scale=(0, 4095)), the smaller one first."
        )
    return black, white


def _usual_white(dtype: np.dtype, high: float) -> float | None:
    if dtype.kind in "bf":
        return 1.0
    if dtype == np.uint8:
        return 1.0 if high == 1 else 255.0
    return None


def known_range(low: float, high: float, dtype: str, trained: ValueRange, what: str = "Images") -> ValueRange:
    """The numbers that images for a trained model are in: those of its training, or the usual ones.

    Args:
        low, high: smallest and largest value of the images.
        dtype: of the images, as NumPy and PyTorch call it.
        trained: the numbers of the images that the model was trained on.
        what: how errors call the images.

    Raises `UsageError` for values outside, and where the values can be read in two ways.
    """
    given = f"{what} are {dtype} from {low:g} to {high:g}"
    knows = f"this model was trained on {trained}"
    if not dtype.startswith(("float", "bfloat")):
        expected = trained if trained.whole else BYTES
        if not trained.whole and dtype != "uint8":
            raise UsageError(f"{given}, and {knows}. Give the same, floats from 0 to 1, or bytes from 0 to 255.")
        if low < expected.black or high > expected.white:
            raise UsageError(f"{given}, and {knows}. Give the same numbers, or floats from 0 (black) to 1 (white).")
        if expected == BYTES and high == 1:
            raise UsageError(
                f"{given}, where 255 is white: they would all be black. If 1 is white, give booleans or 255 * images; if they "
                "are that dark, give images / 255."
            )
        return expected
    shares = low >= -_ROUNDING and high <= 1 + _ROUNDING
    own = not trained.whole and _within(low, high, trained)
    if shares and own and not trained.usual:
        raise UsageError(
            f"{given}, and {knows}; these can be the same numbers, or shares from 0 (black) to 1 (white), as `decode` gives "
            "them. Say which: scaled=False for the numbers of its training, scaled=True for shares."
        )
    if not (shares or own):
        those = "" if trained.usual else ", or be those numbers" if not trained.whole else ", or be those whole numbers"
        raise UsageError(f"{given}, and {knows}. They must be finite and lie in [0, 1]{those}.")
    return SHARES if shares else trained


def require_within(low: float, high: float, trained: ValueRange) -> ValueRange:
    """The numbers of a model's training; raises `UsageError` for images with values outside."""
    if not _within(low, high, trained):
        raise UsageError(
            f"Images run from {low:g} to {high:g}, and this model was trained on {trained}. Give the same numbers."
        )
    return trained


def _within(low: float, high: float, numbers: ValueRange) -> bool:
    slack = _ROUNDING * (numbers.white - numbers.black)
    return numbers.black - slack <= low and high <= numbers.white + slack
