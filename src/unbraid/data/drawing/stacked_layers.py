"""Color images of layers that lie on top of each other, each a mask in a color."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, UInt8

from unbraid.data.storage import Painted, Shape

_STEPS = 16_383  # of a weight, so that sums over layers of weight times color are exact as float32


@dataclass(frozen=True, eq=False)
class MaskLayer:
    """One layer of all images.

    Args:
        masks: the different masks, 255 where the layer hides what is below.
        which: the mask of each image.
        colors: the different colors, red, green and blue.
        tints: the color of each image.
    """

    masks: UInt8[np.ndarray, "mask h w"]
    which: Integer[np.ndarray, "n"]
    colors: UInt8[np.ndarray, "color 3"]
    tints: Integer[np.ndarray, "n"]


class StackedLayers(Painted):
    """Images of three channels, painted layer over layer from the back to the front.

    The last color of a pixel is the sum over layers of color times weight: what the layer's mask covers of what the layers
    before it leave. Weights are rounded to 14 bits and sums are exact, so that an image does not depend on its batch.

    Args:
        ground: color behind all layers of each image.
        layers: from the back to the front.
    """

    at_once = 64  # in memory as floats

    def __init__(self, ground: UInt8[np.ndarray, "n 3"], layers: tuple[MaskLayer, ...]) -> None:
        self._ground, self._layers = ground, layers
        self.shape: Shape = (3, *layers[0].masks.shape[1:])

    def __len__(self) -> int:
        return len(self._ground)

    def _painted(self, rows: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        pixels = self.shape[1] * self.shape[2]
        weights = np.empty((len(rows), len(self._layers) + 1, pixels), dtype=np.float32)
        colors = np.empty((len(rows), 3, len(self._layers) + 1), dtype=np.float32)
        left = np.full((len(rows), pixels), _STEPS, dtype=np.float32)
        for place, layer in reversed(list(enumerate(self._layers, start=1))):
            weight = weights[:, place]
            np.multiply(layer.masks[layer.which[rows]].reshape(len(rows), -1), np.float32(1 / 255), out=weight)
            weight *= left
            np.rint(weight, out=weight)
            left -= weight
            colors[:, :, place] = layer.colors[layer.tints[rows]]
        weights[:, 0], colors[:, :, 0] = left, self._ground[rows]
        sums = colors @ weights
        sums *= np.float32(1 / _STEPS)
        np.rint(sums, out=sums)
        return sums.astype(np.uint8).reshape(len(rows), *self.shape)
