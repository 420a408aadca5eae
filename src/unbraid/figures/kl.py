"""KL of every latent over training, each line named at its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from unbraid.figures.losses import step_axis
from unbraid.figures.style import FAINT, OKABE_ITO, PALE, canvas, drawing, nothing_to_draw

WIDTH, HEIGHT, LABEL = 760, 380, 16
"""Size of the figure and height of a label, in CSS pixels."""
QUIET = 0.05
"""Latents that end below this share of the largest KL are named together."""


def kl_over_training(
    steps: Int[np.ndarray, "t"],
    kl: Float[np.ndarray, "t d"],
    names: Sequence[str],
    shown: Sequence[int],
) -> Figure:
    """KL(q(z_j|x) || p(z_j)) in nats, averaged over images, one line per latent.

    Args:
        names: of all latents, written at the ends of their lines ("z3 scale").
        shown: latents in color and named; all others are gray.

    >>> kl = np.array([[0.1, 0.1], [2.0, 0.1], [3.0, 0.0]])  # 2 latents at 3 steps
    >>> figure = unbraid.figures.kl_over_training(np.array([0, 500, 1000]), kl, ["z0 x", "z1"], shown=[0])
    >>> [text.get_text() for text in figure.axes[0].texts]  # only latents that are shown have a name
    ['z0 x']
    """
    with drawing():
        figure, ax = canvas(WIDTH, HEIGHT)
        ax.set_title("KL of each latent, nats per image")
        values = np.where(np.isfinite(kl), kl, np.nan)
        if not np.isfinite(values).any():
            nothing_to_draw(ax, "no finite values")
            return figure
        for j in sorted(set(range(kl.shape[1])) - set(shown)):
            ax.plot(steps, values[:, j], color=PALE, linewidth=1, zorder=1)
        marker = "o" if len(steps) == 1 else ""
        for place, j in enumerate(shown):
            style = "-" if place < len(OKABE_ITO) else "--"
            ax.plot(steps, values[:, j], style, color=OKABE_ITO[place % len(OKABE_ITO)], marker=marker, zorder=3)
        step_axis(ax)
        ax.set_xlim(right=max(1, int(steps[-1])))
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        span = high - low or 1.0
        ax.set_ylim(min(0.0, low) - 0.02 * span, high + 0.05 * span)
        ax.yaxis.set_major_locator(MaxNLocator(6))
        _name_lines(ax, values, names, shown)
        return figure


def end_labels(last: Float[np.ndarray, "d"], names: Sequence[str], shown: Sequence[int]) -> list[tuple[float, str, int]]:
    """Height, text and place of each label; quiet latents share one, at place -1."""
    finite = [(place, j) for place, j in enumerate(shown) if np.isfinite(last[j])]
    if not finite:
        return []
    top = max(float(last[j]) for _, j in finite)
    quiet = [j for _, j in finite if last[j] < QUIET * top]
    quiet = quiet if len(quiet) > 1 else []
    labels = [(float(last[j]), names[j], place) for place, j in finite if j not in quiet]
    if quiet:
        bare = [names[j].split(" ")[0] for j in sorted(quiet)]
        text = ", ".join(bare[:4]) + (f" and {len(bare) - 4} more" if len(bare) > 4 else "")
        labels.append((float(np.mean([last[j] for j in quiet])), text, -1))
    return labels


def spread(heights: Float[np.ndarray, "n"], gap: float) -> Float[np.ndarray, "n"]:
    """Heights moved as little as needed (in the mean square) to lie `gap` apart, in the same order."""
    order = np.argsort(heights, kind="stable")
    # with heights minus their minimal offsets, keeping the gap means being sorted: pool adjacent violators
    blocks: list[tuple[float, int]] = []
    for rank, i in enumerate(order):
        blocks.append((float(heights[i]) - rank * gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (mean, n), (other, m) = blocks.pop(), blocks.pop()
            blocks.append(((mean * n + other * m) / (n + m), n + m))
    level = np.repeat([mean for mean, _ in blocks], [n for _, n in blocks])
    placed = np.empty(len(heights))
    placed[order] = level + gap * np.arange(len(heights))
    return placed


def _name_lines(ax: Axes, values: Float[np.ndarray, "t d"], names: Sequence[str], shown: Sequence[int]) -> None:
    last = values[-1]
    labels = end_labels(last, names, shown)
    if not labels:
        return
    low, high = ax.get_ylim()
    gap = (high - low) * LABEL / (HEIGHT - 80)
    placed = spread(np.array([height for height, _, _ in labels]), gap)
    beside = blended_transform_factory(ax.transAxes, ax.transData)
    for (height, text, place), y in zip(labels, placed, strict=True):
        color = OKABE_ITO[place % len(OKABE_ITO)] if place >= 0 else FAINT
        ax.plot([1.005, 1.03], [height, y], color=color, linewidth=0.9, transform=beside, clip_on=False)
        ax.text(1.038, y, text, transform=beside, color=color, va="center", ha="left", fontsize=12, fontweight="bold")
