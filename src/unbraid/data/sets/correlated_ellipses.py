"""Correlated ellipses: the data set of CHyVAE, with correlated positions, scales and rotations."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from jaxtyping import Bool, Int, UInt8

from unbraid.data.dataset import Dataset, TestShare, hold_out
from unbraid.data.drawing.antialias import SAMPLES, levels
from unbraid.data.drawing.sprites import SpriteImages
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.registry import datasets
from unbraid.options import Option

SIZE = 64
MARGIN, RANGE = 50, 156
"""Centers lie from 50 to 206 on a canvas of 256 x 256, four times as fine as the images."""
LONG, SHORT = 50, 25
"""Half-axes at scale 1 on the canvas."""
RIM = 0.5
"""OpenCV also paints pixels that the rim runs through; half a pixel more on each half-axis comes closest to it."""
FACTORS_SEED = 20_190_915
"""The factors do not depend on a run's seed."""


def correlated_ellipses_space() -> FactorSpace:
    """Factors as published; rotation holds both 0 and 360 degrees, so its ends are the same images."""
    position = tuple(np.linspace(0, 1, 32))
    return FactorSpace(
        (
            Factor("x", position),
            Factor("y", position),
            Factor("scale", tuple(np.linspace(0.5, 1, 6))),
            Factor("rotation", tuple(np.linspace(0, 360, 40)), kind="circular", unit="degree"),
        )
    )


def draw_factors(n: int, correlation: float) -> Int[np.ndarray, "n 4"]:
    """Factor codes of normal variables, correlated within (x, y) and (scale, rotation), cut off at +-1.

    A value between -1 and 1 falls on the last code at or below it, so the top code is reached by what was cut off alone: with
    the published codes it has a sixth of all images, and so has the lowest with its own share on top.
    """
    normal = np.random.default_rng(FACTORS_SEED).standard_normal((n, 4))
    normal[:, 1::2] = correlation * normal[:, ::2] + np.sqrt(1 - correlation**2) * normal[:, 1::2]
    share = (np.clip(normal, -1, 1) + 1) / 2
    codes: Int[np.ndarray, "n 4"] = np.floor(share * (np.array(correlated_ellipses_space().sizes) - 1)).astype(np.int64)
    return codes


def filled_ellipse(a: int, b: int, degrees: float) -> Bool[np.ndarray, "k k"]:
    """Pixels of the canvas whose centers are inside an ellipse around the middle one.

    Its long axis turns clockwise on the screen.

    The rim is half a pixel wide, so that the half-axes are a + 1/2 and b + 1/2.
    """
    reach = np.arange(-LONG, LONG + 1)
    right, down = reach[None, :], reach[:, None]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    along, across = right * cos + down * sin, down * cos - right * sin
    inside: Bool[np.ndarray, "k k"] = (along / (a + RIM)) ** 2 + (across / (b + RIM)) ** 2 <= 1
    return inside


def ellipse_sprites(space: FactorSpace) -> UInt8[np.ndarray, "scale_rotation_row_column k k"]:
    """Every ellipse at each of 4 x 4 offsets within a pixel, averaged over blocks of the canvas.

    Offsets run row by row.
    """
    _, _, scales, rotations = (factor.values for factor in space.factors)
    k = -(-(2 * LONG + SAMPLES) // SAMPLES)
    sprites = []
    for scale in scales:
        for degrees in rotations:
            white = filled_ellipse(round(LONG * scale), round(SHORT * scale), degrees)
            for down in range(SAMPLES):
                for right in range(SAMPLES):
                    canvas = np.zeros((k * SAMPLES, k * SAMPLES), dtype=np.uint8)
                    canvas[down : down + len(white), right : right + len(white)] = white
                    sprites.append(levels(canvas.reshape(k, SAMPLES, k, SAMPLES).sum(axis=(1, 3))))
    return np.stack(sprites)


def _placed(space: FactorSpace, factors: Int[np.ndarray, "n 4"]) -> SpriteImages:
    place = np.array([round(MARGIN + RANGE * share) - LONG for share in space.factors[0].values])
    left, top = place[factors[:, 0]], place[factors[:, 1]]
    turned = factors[:, 2] * space.sizes[3] + factors[:, 3]
    which = (turned * SAMPLES + top % SAMPLES) * SAMPLES + left % SAMPLES
    return SpriteImages(ellipse_sprites(space), which, top // SAMPLES, left // SAMPLES, SIZE)


@datasets.register(
    "correlated_ellipses",
    source="Ansari and Soh (2019), Hyperprior Induced Unsupervised Disentanglement of Latent Representations; "
    "redrawn from its description, not the published file",
    height=SIZE,
)
def correlated_ellipses(
    images: Annotated[int, Option("number of images", ge=2, le=1_000_000)] = 200_000,
    correlation: Annotated[float, Option("of the normal variables behind x and y, and scale and rotation", gt=-1, lt=1)] = 0.5,
    test_share: TestShare = 0.1,
) -> Dataset:
    """200,000 gray ellipses of 64 x 64, correlated factors: x and y (32 each), scale (6), rotation (40).

    No full grid: factors are drawn with a fixed seed, so some combinations are missing and others appear many times; fewer
    images are the first of many. Normal variables z with correlation 0.5 between x and y and between scale and rotation are cut
    off at -1 and 1. Then u = (z + 1) / 2 falls on the last value at or below it: of 32 from 0 to 1 for x and y, of 6 from 0.5
    to 1 for scale (u / 2 + 0.5), of 40 from 0 to 360 degrees for rotation (360 u), clockwise. The ellipse is filled on a canvas
    of 256 x 256, with center (156 x + 50, 156 y + 50) and half-axes 50 and 25 times scale, all rounded; the image is the mean
    of blocks of 4 x 4.

    The distribution is that of the published set, so that it takes neither `joint` nor `holes`; `ellipses` and `shapes` take
    both, where `joint="x,y,0.5"` has uniform factors that go together by a normal copula, cut off nowhere.

    Deviations: the random numbers are ours. The published file was filled by OpenCV, which paints the pixels that the rim runs
    through; here the half-axes are half a canvas pixel longer instead. Against OpenCV 5.0 areas differ by at most 1.3 %.

    >>> data = unbraid.load_dataset("correlated_ellipses", images=1_000, correlation=0.5)
    >>> np.corrcoef(data.factors[:, :2].T)[0, 1].round(1) >= 0.4  # of x and y
    np.True_
    """
    space = correlated_ellipses_space()
    codes = draw_factors(images, correlation)
    store = _placed(space, codes)
    return Dataset("correlated_ellipses", store, hold_out(images, test_share), space, codes.astype(np.int16))
