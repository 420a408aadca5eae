"""Heat maps: what latents know of factors, and how codes vary over the positions of the object."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Integer, UInt8
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unbraid.figures.style import GRID, INK, PIXELS_PER_INCH, canvas, drawing

CELL_WIDTH, CELL_HEIGHT, ROW_LABEL, HEADER = 92, 30, 120, 46
"""In CSS pixels."""
UNSEEN = (200, 200, 200)
"""Colour of positions without an image."""


def information_heatmap(
    shares: Float[np.ndarray, "r k"], rows: Sequence[str], columns: Sequence[str], marked: Bool[np.ndarray, "r k"]
) -> Figure:
    """Latents by factors; each cell the share of the factor's entropy that the latent knows, in per cent.

    Args:
        shares: from 0 to 1.
        rows, columns: names of latents and factors.
        marked: cells to outline.
    """
    n, k = shares.shape
    with drawing():
        figure, ax = canvas(ROW_LABEL + CELL_WIDTH * k, HEADER + CELL_HEIGHT * n)
        mesh = ax.pcolormesh(np.where(np.isfinite(shares), shares, np.nan), cmap="Blues", vmin=0, vmax=1, edgecolor=GRID,
                             linewidth=1)  # fmt: skip
        colours = mesh.get_cmap()(np.clip(np.nan_to_num(shares), 0, 1))
        for i in range(n):
            for j in range(k):
                dark = _luminance(colours[i, j, :3]) < 0.215  # below, white has the greater contrast
                text = f"{100 * shares[i, j]:.0f} %" if np.isfinite(shares[i, j]) else "–"
                ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=11, color="white" if dark else INK)
                if marked[i, j]:
                    ax.add_patch(Rectangle((j + 0.04, i + 0.1), 0.92, 0.8, fill=False, edgecolor="#d55e00", linewidth=2.5))
        ax.set_xticks(np.arange(k) + 0.5, columns)
        ax.set_yticks(np.arange(n) + 0.5, rows)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.set_ylim(n, 0)
        return figure


def _luminance(colour: Float[np.ndarray, "3"]) -> float:
    # relative luminance of WCAG 2
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def means_over_positions(
    mean: Float32[np.ndarray, "n d"],
    x: Integer[np.ndarray, "n"],
    y: Integer[np.ndarray, "n"],
    sizes: tuple[int, int],
) -> Float[np.ndarray, "d y x"]:
    """Mean code of each latent at each position of the object, over all images there; NaN where there is none.

    Args:
        mean: posterior means.
        x, y: codes of the position factors.
        sizes: numbers of values of x and of y.
    """
    n_x, n_y = sizes
    cell: Int[np.ndarray, "n"] = y.astype(np.int64) * n_x + x
    count = np.bincount(cell, minlength=n_x * n_y)
    sums = [np.bincount(cell, weights=column, minlength=n_x * n_y) for column in mean.T.astype(np.float64)]
    means = np.divide(np.stack(sums), count, out=np.full((mean.shape[1], n_x * n_y), np.nan), where=count > 0)
    return np.asarray(means.reshape(mean.shape[1], n_y, n_x))


def diverging_pixels(values: Float[np.ndarray, "h w"], limit: float) -> UInt8[np.ndarray, "h w 3"]:
    """Signed values as colours from blue (-limit) over white (0) to red (limit); grey where there is no value."""
    share = np.clip(np.nan_to_num(values) / (2 * limit) + 0.5, 0, 1)
    pixels = mpl.colormaps["RdBu_r"](share, bytes=True)[..., :3].copy()
    pixels[~np.isfinite(values)] = UNSEEN
    return np.asarray(pixels, dtype=np.uint8)


def natural_width(figure: Figure) -> int:
    """Width of a figure in CSS pixels at which its text has the size it was given."""
    return round(float(figure.get_size_inches()[0]) * PIXELS_PER_INCH)
