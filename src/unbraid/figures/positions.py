"""Heat maps of latents over the position of the object, for all images or by other factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Integer
from matplotlib.figure import Figure

from unbraid.figures.heatmaps import diverging_pixels, means_over_positions
from unbraid.figures.ranges import aggregate_moments
from unbraid.figures.rows import Key, Row, image_rows

LIMIT = 2.0
"""Ends of the color scale, in standard deviations; a latent that is linear in position reaches 1.7."""
TILE = 72


def deviations_over_positions(
    mean: Float32[np.ndarray, "n d"],
    variance: Float32[np.ndarray, "n d"],
    x: Integer[np.ndarray, "n"],
    y: Integer[np.ndarray, "n"],
    sizes: tuple[int, int],
    selections: Sequence[Integer[np.ndarray, "_"]],
) -> Float[np.ndarray, "d m y x"]:
    """Mean codes over positions for several selections of images, in the unit that `position_maps` draws.

    That is standard deviations of the aggregate posterior of all images, from its mean.

    Args:
        mean, variance: of the posterior of each image.
        x, y: codes of the position factors.
        sizes: numbers of values of x and of y.
        selections: rows of the images of each column.
    """
    center, deviation = aggregate_moments(mean, variance)
    scale = np.where(deviation > 0, deviation, 1.0)
    means = np.stack([means_over_positions(mean[rows], x[rows], y[rows], sizes) for rows in selections], axis=1)
    return np.asarray((means - center[:, None, None, None]) / scale[:, None, None, None])


def position_maps(
    maps: Float[np.ndarray, "d m y x"],
    labels: Sequence[str],
    *,
    headings: Sequence[str] = ("all images",),
    limit: float = LIMIT,
) -> Figure:
    """Mean codes over the position of the object: one row per latent, one column per selection.

    White is the latent's mean over all images, blue below and red above it, gray where there is no image. A latent of
    position shows a ramp along its axis in every column, a latent of another factor one color per column.

    Args:
        maps: in standard deviations of the latent from its mean, NaN where there is none; see `deviations_over_positions`.
        labels: of the latents.
        headings: what the images of each column have in common.
        limit: at which the colors end.

    >>> ramp = np.linspace(-2, 2, 8) * np.ones((8, 1))  # a latent that follows x
    >>> figure = unbraid.figures.position_maps(ramp[None, None], ["z0 x"])
    >>> [text.get_text() for text in figure.texts]
    ['all images', 'z0 x', '−2 sd', 'mean', '+2 sd']
    """
    n = maps.shape[1]
    pixels = np.stack([[diverging_pixels(one, limit) for one in row] for row in maps]).transpose(0, 1, 4, 2, 3)
    rows = [Row(label, row) for label, row in zip(labels, pixels, strict=True)]
    ramp = diverging_pixels(np.linspace(-limit, limit, 120)[None], limit)
    key = Key(ramp, (f"−{limit:g} sd", "mean", f"+{limit:g} sd"))
    return image_rows(rows, breaks=range(1, n), headings=headings, tile=TILE, key=key)
