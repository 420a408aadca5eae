"""Color images that are sums of gray layers, each in a color of its own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer, UInt8

from unbraid.data.storage import Painted, Shape
from unbraid.errors import UsageError

_LARGEST = 1 << 24  # whole numbers up to this are exact as float32


class TintedLayers(Painted):
    """Images of three channels: the sum over layers of gray times color, rounded to whole levels.

    Sums are exact whole numbers, so that an image does not depend on the batch that it is in.

    Args:
        stacks: gray layers from 0 to 255; those of one stack lie on top of each other and add up to at most 255.
        which: the stack of each image.
        colors: red, green and blue, 0 to 255.
        tints: the color of every layer of each image.
    """

    at_once = 256  # whose layers are in memory as floats

    def __init__(
        self,
        stacks: UInt8[np.ndarray, "stack layer h w"],
        which: Integer[np.ndarray, "n"],
        colors: UInt8[np.ndarray, "color 3"],
        tints: Integer[np.ndarray, "n layer"],
    ) -> None:
        if stacks.shape[1] * 255**2 >= _LARGEST:
            raise UsageError(f"{stacks.shape[1]} layers cannot be added exactly; allowed: at most {_LARGEST // 255**2}.")
        self._stacks, self._which, self._colors, self._tints = stacks, which, colors, tints
        self.shape: Shape = (3, *stacks.shape[2:])

    def __len__(self) -> int:
        return len(self._which)

    def _painted(self, rows: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        layers = self._stacks[self._which[rows]]
        flat = layers.reshape(*layers.shape[:2], -1).astype(np.float32)
        colors = self._colors[self._tints[rows]].astype(np.float32).transpose(0, 2, 1)
        sums = colors @ flat
        sums *= np.float32(1 / 255)
        np.rint(sums, out=sums)
        np.minimum(sums, 255, out=sums)  # layers are rounded one by one, and may add up to a level too many
        return sums.astype(np.uint8).reshape(len(rows), *self.shape)
