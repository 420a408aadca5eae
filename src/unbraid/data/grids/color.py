"""Colored variants of gray images: a color as one more generative factor, or as a nuisance."""

from __future__ import annotations

import colorsys
from typing import Literal

import numpy as np
from jaxtyping import Integer, UInt8

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.storage import FromBytes, ImageStore, Shape
from unbraid.errors import UsageError

Color = Literal["none", "factor", "random"]
NUISANCE_SEED = 20_190_611
"""The nuisance color of an image does not depend on a run's seed."""


class Tinted(FromBytes):
    """Gray images in color, on black: each repeated in several tints, in three channels.

    Args:
        images: n images of one channel.
        tints: red, green and blue of every tint for every image; image t * n + i is image i in its tint t.
    """

    def __init__(self, images: ImageStore, tints: UInt8[np.ndarray, "tint n 3"]) -> None:
        channels, height, width = images.shape
        if channels != 1:
            raise UsageError(f"Images of {channels} channels cannot be colored; allowed: 1 channel. Give --color none.")
        self._images, self._tints = images, tints
        self.shape: Shape = (3, height, width)

    def __len__(self) -> int:
        return self._tints.shape[0] * self._tints.shape[1]

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, gray times tint rounded to whole levels."""
        tint, source = np.divmod(index, self._tints.shape[1])
        product = self._images.bytes(source).astype(np.uint16) * self._tints[tint, source].astype(np.uint16)[:, :, None, None]
        levels: UInt8[np.ndarray, "n c h w"] = ((product + 127) // 255).astype(np.uint8)
        return levels


def hue_tints(hues: int) -> UInt8[np.ndarray, "{hues} 3"]:
    """Fully saturated colors at equal steps around the color circle: hue k at k / hues of it, red first."""
    return np.rint(255 * np.array([colorsys.hsv_to_rgb(k / hues, 1, 1) for k in range(hues)])).astype(np.uint8)


def colored(images: ImageStore, space: FactorSpace, color: Color, hues: int) -> tuple[ImageStore, FactorSpace]:
    """A grid in color; the grid itself for `none`.

    `factor` puts a circular factor `hue` with `hues` values before the others, so that there are `hues` times as many images.
    `random` gives every image a color that no factor tells of: each channel uniform in [0.5, 1], as in Color-dSprites
    (Locatello et al. (2019), Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations).
    Deviation: there an image has another color whenever it is drawn; here its color belongs to its index in the whole grid,
    so that data sets stay functions of their options.

    Raises `UsageError` for images that have colors already.
    """
    n = len(images)
    match color:
        case "none":
            return images, space
        case "factor":
            hue = Factor("hue", tuple(k / hues for k in range(hues)), kind="circular", unit="share of the color circle")
            tints = np.broadcast_to(hue_tints(hues)[:, None], (hues, n, 3))
            return Tinted(images, tints), FactorSpace((hue, *space.factors))
        case "random":
            shares = np.random.default_rng(NUISANCE_SEED).uniform(0.5, 1, size=(1, n, 3))
            return Tinted(images, np.rint(255 * shares).astype(np.uint8)), space
