"""Heat maps: what latents know of factors, and how codes vary over the positions of the object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Integer, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unbraid.figures.style import CELL, GRID, INK, OKABE_ITO, PAPER, PIXELS_PER_INCH, canvas, drawing, panels, width_of

CELL_WIDTH, CELL_HEIGHT, ROW_LABEL, HEADER, PADDING = 80, 30, 60, 46, 20
"""In CSS pixels; the last is what is left free around all, twice."""
SHADES = LinearSegmentedColormap.from_list("shades", [to_rgba(CELL, 0), to_rgba(CELL, 1)])
SIGNED = LinearSegmentedColormap.from_list(
    "signed",
    [
        (0, to_rgba(OKABE_ITO[1], 1)),
        (0.5, to_rgba(OKABE_ITO[1], 0)),
        (np.nextafter(0.5, 1), to_rgba(CELL, 0)),  # matplotlib 3.11.0 refuses two colors of one value
        (1, to_rgba(CELL, 1)),
    ],
)
"""From -1 over 0, which shows the paper, to 1."""
DARK = 0.6
"""Text on cells of a darker shade than this has the color of the paper."""
UNSEEN = (200, 200, 200)
"""Color of positions without an image."""


def information_heatmap(
    shares: Float[np.ndarray, "r k"], rows: Sequence[str], columns: Sequence[str], marked: Bool[np.ndarray, "r k"]
) -> Figure:
    """Latents by factors; each cell is the share of the factor's entropy that the latent knows.

    Args:
        shares: from 0 to 1.
        rows, columns: names of latents and factors.
        marked: cells to outline.

    >>> shares = np.array([[0.8, 0.0], [0.1, 0.6]])
    >>> figure = unbraid.figures.information_heatmap(shares, ["z0", "z1"], ["x", "scale"], shares > 0.5)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['80 %', '0 %', '10 %', '60 %']
    """
    return cells(shares, rows, columns, texts=_per_cent(shares), marked=marked, limits=(0, 1))


def importance_heatmap(
    importance: Float[np.ndarray, "d k"], rows: Sequence[str], columns: Sequence[str], *, marked: Bool[np.ndarray, "d k"]
) -> Figure:
    """Latents by factors; each cell is the latent's share in predicting the factor, in per cent.

    Args:
        importance: as `unbraid.metrics.dci.importances` gives them, in any unit; each column is divided by its sum.
        rows, columns: names of latents and factors.
        marked: cells to outline.

    >>> importance = np.array([[3.0, 0.0], [1.0, 2.0]])
    >>> figure = unbraid.figures.importance_heatmap(importance, ["z0", "z1"], ["x", "scale"], marked=importance > 1)
    >>> [text.get_text() for text in figure.axes[0].texts]  # each column adds up to 100 %
    ['75 %', '0 %', '25 %', '100 %']
    """
    total = importance.sum(0)
    shares = np.divide(importance, total, out=np.zeros_like(importance), where=total > 0)
    return cells(shares, rows, columns, texts=_per_cent(shares), marked=marked, limits=(0, 1))


def score_grid(
    scores: Float[np.ndarray, "y x"],
    x: Sequence[float],
    y: Sequence[float],
    *,
    names: tuple[str, str] = ("beta", "latents"),
    title: str = "",
    runs: Int[np.ndarray, "y x"] | None = None,
) -> Figure:
    """A score over two options, the first along x, the second along y; cells without runs are empty.

    Args:
        scores: means over runs, NaN where there are none.
        x, y: the options' values, ascending.
        names: what the options are called.
        title: which score.
        runs: how many runs each mean is of, written below it where they are not all the same.

    >>> scores = np.array([[0.2, 0.4], [0.3, np.nan]])  # no run with beta 4 and 10 latents
    >>> figure = unbraid.figures.score_grid(scores, x=[1, 4], y=[5, 10], title="MIG")
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel(), [text.get_text() for text in figure.axes[0].texts]
    ('beta', 'latents', ['0.30', '–', '0.20', '0.40'])
    """
    texts = np.array([[f"{value:.2f}" if np.isfinite(value) else "–" for value in row] for row in scores[::-1]], dtype=object)
    if runs is not None and len(np.unique(runs[runs > 0])) > 1:
        counts = runs[::-1]
        texts = np.where(counts > 0, texts + np.array([[f" ({n})" for n in row] for row in counts], dtype=object), texts)
    known = scores[np.isfinite(scores)]
    limits = (min(0.0, float(known.min())), max(float(known.max()), 1e-9)) if len(known) else (0.0, 1.0)
    return cells(
        scores[::-1],
        [f"{value:g}" for value in y[::-1]],
        [f"{value:g}" for value in x],
        texts=texts,
        limits=limits,
        cell=(72, 40),
        axes=names,
        title=title,
    )


def correlation_grid(
    correlations: Float[np.ndarray, "r k"], rows: Sequence[str], columns: Sequence[str], *, title: str = ""
) -> Figure:
    """Correlations as colored cells: blue above 0, orange below; cells without one are empty.

    Args:
        correlations: from -1 to 1, NaN where there is none.
        rows, columns: what is correlated.
        title: over what.
    """
    texts = [[f"{value:.2f}".replace("-", "−") if np.isfinite(value) else "" for value in row] for row in correlations]
    return cells(
        correlations,
        rows,
        [name.replace(" ", "\n") for name in columns],
        texts=np.array(texts, dtype=object).reshape(correlations.shape),
        limits=(-1, 1),
        cell=(CELL_WIDTH + 20, CELL_HEIGHT),
        title=title,
        shades=SIGNED,
    )


def _per_cent(shares: Float[np.ndarray, "r k"]) -> np.ndarray:
    words = [[f"{100 * value:.0f} %" if np.isfinite(value) else "–" for value in row] for row in shares]
    return np.array(words, dtype=object).reshape(shares.shape)


def cells(
    values: Float[np.ndarray, "r k"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    texts: np.ndarray,
    limits: tuple[float, float],
    marked: Bool[np.ndarray, "r k"] | None = None,
    cell: tuple[float, float] = (CELL_WIDTH, CELL_HEIGHT),
    axes: tuple[str, str] | None = None,
    title: str = "",
    shades: LinearSegmentedColormap = SHADES,
) -> Figure:
    """A table of colored cells, the first row at the top; larger values are darker.

    Args:
        texts: written in the cells.
        limits: values of the lightest and the darkest color.
        marked: cells to outline.
        cell: width and height of one, in CSS pixels.
        axes: what columns and rows are; columns are then named below, as along an axis, else above.
        shades: of the values between the limits; a color is darker the less paper shows through.
    """
    n, k = values.shape
    label = max(ROW_LABEL - 12, *(width_of(row, 11.0) for row in rows)) + 12
    header = HEADER + (24 if title else 0) + (14 if axes else 0) + 17 * max(name.count("\n") for name in columns)
    with drawing():
        figure, ax = canvas(label + cell[0] * k + PADDING, header + cell[1] * n)
        _draw_cells(ax, values, rows, columns, texts, limits, marked, axes, title, shades)
        return figure


def grid_maps(
    values: Mapping[str, Float[np.ndarray, "y x"]],
    x: Sequence[float],
    y: Sequence[float],
    *,
    names: tuple[str, str],
    marked: Bool[np.ndarray, "y x"] | None = None,
) -> Figure:
    """Several quantities over the same two options: a heat map for each.

    Colors run from the least to the largest value of each.

    Args:
        values: by the name of the quantity; NaN where there is none.
        x, y: the options' values, ascending; the first along x, the second upward.
        names: what the options are called.
        marked: cells to outline.
    """
    with drawing():
        figure, axes = panels(len(values), 2, 72 * len(x) + 90, 40 * len(y) + 100)
        for ax, (title, own) in zip(axes, values.items(), strict=True):
            known = own[np.isfinite(own)]
            low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
            texts = np.array([[f"{v:.3g}" if np.isfinite(v) else "–" for v in row] for row in own[::-1]], dtype=object)
            _draw_cells(
                ax,
                own[::-1],
                [f"{one:g}" for one in y[::-1]],
                [f"{one:g}" for one in x],
                texts,
                (low, high if high > low else low + 1),
                None if marked is None else marked[::-1],
                names,
                title,
            )
        return figure


def _draw_cells(
    ax: Axes,
    values: Float[np.ndarray, "r k"],
    rows: Sequence[str],
    columns: Sequence[str],
    texts: np.ndarray,
    limits: tuple[float, float],
    marked: Bool[np.ndarray, "r k"] | None,
    axes: tuple[str, str] | None,
    title: str,
    shades: LinearSegmentedColormap = SHADES,
) -> None:
    n, k = values.shape
    ax.pcolormesh(np.where(np.isfinite(values), values, np.nan), cmap=shades, vmin=limits[0], vmax=limits[1],
                  edgecolor=GRID, linewidth=1)  # fmt: skip
    darkness = np.where(np.isfinite(values), shades((values - limits[0]) / (limits[1] - limits[0]))[..., 3], 0.0)
    for i, j in np.ndindex(n, k):
        color = PAPER if darkness[i, j] > DARK else INK
        ax.text(j + 0.5, i + 0.5, str(texts[i, j]), ha="center", va="center_baseline", fontsize=11, color=color)
        if marked is not None and marked[i, j]:
            ax.add_patch(Rectangle((j + 0.04, i + 0.1), 0.92, 0.8, fill=False, edgecolor=OKABE_ITO[1], linewidth=2.5))
    ax.set_xticks(np.arange(k) + 0.5, columns)
    ax.set_yticks(np.arange(n) + 0.5, rows)
    if axes is None:
        ax.xaxis.tick_top()
    else:
        ax.set_xlabel(axes[0])
        ax.set_ylabel(axes[1])
    if title:
        ax.set_title(title)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_ylim(n, 0)


def means_over_positions(
    mean: Float32[np.ndarray, "n d"],
    x: Integer[np.ndarray, "n"],
    y: Integer[np.ndarray, "n"],
    sizes: tuple[int, int],
) -> Float[np.ndarray, "d y x"]:
    """Mean code of each latent over all images with the object at each position; NaN without images.

    Args:
        mean: posterior means.
        x, y: codes of the position factors.
        sizes: numbers of values of x and of y.

    >>> mean = np.array([[1.0], [3.0], [5.0]], np.float32)  # codes of 3 images in one latent
    >>> unbraid.figures.means_over_positions(mean, x=np.array([0, 0, 1]), y=np.array([0, 0, 0]), sizes=(2, 1))
    array([[[2., 5.]]])
    """
    n_x, n_y = sizes
    cell: Int[np.ndarray, "n"] = y.astype(np.int64) * n_x + x
    count = np.bincount(cell, minlength=n_x * n_y)
    sums = [np.bincount(cell, weights=column, minlength=n_x * n_y) for column in mean.T.astype(np.float64)]
    means = np.divide(np.stack(sums), count, out=np.full((mean.shape[1], n_x * n_y), np.nan), where=count > 0)
    return np.asarray(means.reshape(mean.shape[1], n_y, n_x))


def diverging_pixels(values: Float[np.ndarray, "h w"], limit: float) -> UInt8[np.ndarray, "h w 3"]:
    """Signed values as colors, blue (-limit) to white (0) to red (limit); gray for missing ones."""
    share = np.clip(np.nan_to_num(values) / (2 * limit) + 0.5, 0, 1)
    pixels = mpl.colormaps["RdBu_r"](share, bytes=True)[..., :3].copy()
    pixels[~np.isfinite(values)] = UNSEEN
    return np.asarray(pixels, dtype=np.uint8)


def natural_width(figure: Figure) -> int:
    """Width of a figure in CSS pixels at which its text has the size it was given."""
    return round(float(figure.get_size_inches()[0]) * PIXELS_PER_INCH)
