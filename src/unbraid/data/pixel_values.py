"""Images in the user's own numbers: what stands for black and white, and which axis is which."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Float32, Integer, Shaped, UInt8

from unbraid.data.storage import ByteImages, ImageStore, Shape
from unbraid.errors import UsageError
from unbraid.options import Option

Scale = Literal["auto", "255", "1", "minmax"]
ScaleOption = Annotated[
    Scale,
    Option(
        "which value is white: 255, 1, or the whole set's largest (minmax; its smallest is then black); auto: 1 for floats, "
        "for booleans and for bytes that are all 0 or 1, else 255 for bytes"
    ),
]
LARGEST_SIDE = 4096
"""Pixels; no image is higher or wider."""
_ROUNDING = 1e-6  # floats may lie this far outside [0, 1], and are cut off there


class RangedImages:
    """Images in numbers of any kind, of which `low` is black and `high` is white; kept as they are, in memory or mapped."""

    def __init__(self, pixels: Shaped[np.ndarray, "n c h w"], low: float, high: float) -> None:
        self._pixels, self._low, self._high = pixels, low, high
        self.shape: Shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])

    def __len__(self) -> int:
        return len(self._pixels)

    def floats(self, index: Integer[np.ndarray, "n"]) -> Float32[np.ndarray, "n c h w"]:
        """The images at the given positions, in [0, 1]."""
        shares = (self._pixels[index].astype(np.float64) - self._low) / (self._high - self._low)
        return np.clip(shares, 0.0, 1.0).astype(np.float32)

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, rounded to 0 to 255."""
        return np.rint(self.floats(index) * 255).astype(np.uint8)


def image_store(
    images: np.ndarray, *, scale: Scale = "auto", channels_last: bool = False, what: str = "The images"
) -> ImageStore:
    """A store of images (n, height, width) or (n, channel, height, width), without copying them.

    Args:
        images: real numbers; see `Scale`.
        scale: which values are black and white.
        channels_last: whether they are (n, height, width, channel) instead.
        what: how errors call them.

    Raises `UsageError` for another shape, values outside the scale, NaN and infinities.
    """
    if images.dtype.kind not in "buif":
        raise UsageError(f"{what} are an array of {images.dtype}; give real numbers.")
    pixels = _channels_first(images, channels_last, what)
    low, high = _black_and_white(pixels, scale, what)
    if pixels.dtype == np.uint8 and (low, high) == (0, 255):
        return ByteImages(pixels)
    return RangedImages(pixels, low, high)


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
        raise UsageError(f"{what} have shape {images.shape}, {channels} channels as {axes}; allowed: 1 or 3.{hint}")
    if max(height, width) > LARGEST_SIDE:
        raise UsageError(f"{what} are {height} x {width} pixels; allowed: up to {LARGEST_SIDE}.")
    return pixels


def _black_and_white(pixels: np.ndarray, scale: Scale, what: str) -> tuple[float, float]:
    low, high = float(pixels.min()), float(pixels.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        first = next(i for i, image in enumerate(pixels) if not np.isfinite(image).all())
        raise UsageError(f"{what} hold NaN or infinite values, first in image {first}; all must be finite.")
    if scale == "minmax":
        if low == high or not np.isfinite(high - low):
            raise UsageError(f"{what} range from {low:g} to {high:g}, which cannot be mapped to black and white.")
        return low, high
    white = float(scale) if scale != "auto" else _usual_white(pixels.dtype, high)
    given = f"{what} are {pixels.dtype} from {low:g} to {high:g}"
    if white is None:
        raise UsageError(f'{given}; say which value is white: --scale 255, 1 or minmax (in Python scale="255").')
    if low < -_ROUNDING or high > white + _ROUNDING:
        other = "255" if white == 1 and low >= 0 and high <= 255 else "minmax"
        raise UsageError(
            f'{given}; with {white:g} as white allowed: 0 to {white:g}. Try --scale {other} (in Python scale="{other}").'
        )
    return 0.0, white


def _usual_white(dtype: np.dtype, high: float) -> float | None:
    if dtype.kind in "bf":
        return 1.0
    if dtype == np.uint8:
        return 1.0 if high == 1 else 255.0
    return None
