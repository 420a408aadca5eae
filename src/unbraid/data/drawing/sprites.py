"""Gray images that show one small picture each: kept as the picture and its place, not as pixels."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer, UInt8

from unbraid.data.storage import FromBytes, Shape
from unbraid.errors import UsageError


class SpriteImages(FromBytes):
    """Square images of one channel, each with one sprite on black.

    What reaches beyond the right or lower edge is cut off.

    Args:
        sprites: the small pictures.
        which: the sprite of each image.
        top, left: row and column of the sprite's first pixel in each image.
        size: width and height of the images in pixels.
    """

    def __init__(
        self,
        sprites: UInt8[np.ndarray, "sprite k k"],
        which: Integer[np.ndarray, "n"],
        top: Integer[np.ndarray, "n"],
        left: Integer[np.ndarray, "n"],
        size: int,
    ) -> None:
        for what, numbers, limit in (("sprite", which, len(sprites)), ("row", top, size), ("column", left, size)):
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < limit:
                raise UsageError(f"An image has {what} {numbers.min()} or {numbers.max()}; allowed: 0 to {limit - 1}.")
        self._sprites, self._which, self._top, self._left = sprites, which, top, left
        self.shape: Shape = (1, size, size)

    def __len__(self) -> int:
        return len(self._which)

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 to 255."""
        size, k = self.shape[1], self._sprites.shape[1]
        span = np.arange(k)
        rows = self._top[index][:, None] + span
        columns = self._left[index][:, None] + span
        canvas = np.zeros((len(index), size + k, size + k), dtype=np.uint8)
        canvas[np.arange(len(index))[:, None, None], rows[:, :, None], columns[:, None, :]] = self._sprites[self._which[index]]
        return np.ascontiguousarray(canvas[:, None, :size, :size])
