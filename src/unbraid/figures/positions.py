"""Heat maps of latents over the position of the object, over the whole data set and for each value of other factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from unbraid.figures.heatmaps import diverging_pixels
from unbraid.figures.rows import Key, Row, image_rows

LIMIT = 2.0
"""Ends of the color scale, in standard deviations; a latent that is linear in position reaches 1.7."""
TILE = 72


def position_maps(
    maps: Float[np.ndarray, "d m y x"],
    labels: Sequence[str],
    *,
    headings: Sequence[str] = ("all images",),
    limit: float = LIMIT,
) -> Figure:
    """Mean codes over the position of the object: one row a latent, one column a selection of images.

    White is the latent's mean over all images, blue below and red above it, gray where there is no image. A latent of
    position shows a ramp along its axis in every column, a latent of another factor one color a column.

    Args:
        maps: in standard deviations of the latent from its mean, NaN where there is none; see `means_over_positions`.
        labels: of the latents.
        headings: what the images of each column have in common.
        limit: at which the colors end.
    """
    n = maps.shape[1]
    pixels = np.stack([[diverging_pixels(one, limit) for one in row] for row in maps]).transpose(0, 1, 4, 2, 3)
    rows = [Row(label, row) for label, row in zip(labels, pixels, strict=True)]
    ramp = diverging_pixels(np.linspace(-limit, limit, 120)[None], limit)
    key = Key(ramp, (f"−{limit:g} sd", "mean", f"+{limit:g} sd"))
    return image_rows(rows, breaks=range(1, n), headings=headings, tile=TILE, key=key)
