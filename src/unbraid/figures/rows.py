"""Rows of images with a label each, as a figure: pixels stay squares, labels stay text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from unbraid.figures.grids import shrink, strip
from unbraid.figures.style import FAINT, INK, drawing, drawing_of, width_of

STRIP = 724
"""Approximate width of a row of images, in CSS pixels: 11 images of 64 pixels at their own size."""
LARGEST = 128
"""Images are shown no larger than this many of their pixels."""
MARGIN, BETWEEN, PART, BESIDE, LINE = 12, 8, 18, 12, 18
"""In CSS pixels: around all, between rows, between parts, before images, height of a line."""
HEADING, NOTE, FOOT = 11.0, 10.0, 10.5
KEY = (240, 12)
"""Width and height of the bar of colors."""


@dataclass(frozen=True, eq=False)
class Key:
    """A bar of colors with words below it, spread evenly from its left to its right end."""

    pixels: UInt8[np.ndarray, "1 n 3"]
    words: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Row:
    """Images side by side, with a label before them and a smaller note below it."""

    label: str
    images: UInt8[np.ndarray, "n c h w"]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where everything of rows of images goes, in CSS pixels from the top left corner.

    Args:
        width, height: of the figure.
        starts, widths: of the parts that rows break into.
        tall: height of an image.
        tops: upper end of each row, None for a gap.
        headings: middle of the words above the parts.
        bottom: lower end of the last row.
    """

    width: float
    height: float
    starts: tuple[int, ...]
    widths: tuple[int, ...]
    tall: int
    tops: tuple[int, ...]
    headings: float
    bottom: int

    @property
    def left(self) -> int:
        """Where images begin."""
        return self.starts[0]


def layout(
    rows: Sequence[Row | None],
    *,
    title: str = "",
    breaks: Sequence[int] = (),
    headings: Sequence[str] = (),
    feet: bool = False,
    tile: int | None = None,
    key: bool = False,
) -> Layout:
    """Where everything goes; arguments as of `image_rows`."""
    first = next(row for row in rows if row)
    n, _, height, width = first.images.shape
    times = max(1, round((tile or min(STRIP / n, max(96, width))) / width))
    widths = [times * strip(part).shape[1] for part in np.split(first.images, list(breaks))]

    texts = [size for row in rows if row for size in (width_of(row.label), width_of(row.note, NOTE))]
    left = MARGIN + (round(max(texts)) + BESIDE if max(texts) else 0)  # whole, so that pixels stay sharp
    words = [*(round(width_of(heading, HEADING)) for heading in headings), *[0] * (len(widths) - len(headings))]
    steps = [max(pair) + PART for pair in zip(widths, words, strict=True)]
    right = max(left + sum(steps) - PART, MARGIN + round(1.12 * width_of(title, 13.0)), left + KEY[0] * key)

    above = MARGIN + (27 if title else 0) + (LINE if headings else 0)
    heights = [times * height + BETWEEN if row else 2 * BETWEEN for row in rows]
    bottom = above + sum(heights) - BETWEEN
    below = (LINE if feet else 0) + (KEY[1] + LINE + 2 * BETWEEN if key else 0) + MARGIN
    return Layout(
        width=right + MARGIN,
        height=bottom + below,
        starts=tuple(left + sum(steps[:i]) for i in range(len(steps))),
        widths=tuple(widths),
        tall=times * height,
        tops=tuple(above + sum(heights[:i]) for i in range(len(rows))),
        headings=above - 0.5 * LINE,
        bottom=bottom,
    )


def image_rows(
    rows: Sequence[Row | None],
    *,
    title: str = "",
    breaks: Sequence[int] = (),
    headings: Sequence[str] = (),
    feet: Sequence[str] = (),
    tile: int | None = None,
    key: Key | None = None,
) -> Figure:
    """Rows of images of one size under each other.

    Args:
        rows: from the top; None leaves a gap.
        title: above all.
        breaks: columns before which a row breaks into parts, with a white gap between them.
        headings: one above each part.
        feet: words below each part, spread evenly from its left to its right end.
        tile: about how many CSS pixels wide an image is; by default so that rows are `STRIP` wide, but one image 96 at most.
        key: what colors mean, below all.
    """
    shown = [row and Row(row.label, shrink(row.images, LARGEST), row.note) for row in rows]
    at = layout(shown, title=title, breaks=breaks, headings=headings, feet=bool(feet), tile=tile, key=key is not None)
    with drawing():
        page = _Page(drawing_of(at.width, at.height), at.width, at.height)
        page.text(MARGIN, MARGIN + 0.6 * LINE, title, size=13, weight="bold")
        for start, heading in zip(at.starts, headings, strict=False):
            page.text(start, at.headings, heading, size=HEADING)
        for row, top in zip(shown, at.tops, strict=True):
            if row:
                middle = top + at.tall / 2
                page.text(MARGIN, middle - (8 if row.note else 0), row.label)
                page.text(MARGIN, middle + 8, row.note, size=NOTE, color=FAINT)
                for start, width, piece in zip(at.starts, at.widths, np.split(row.images, list(breaks)), strict=True):
                    page.image(start, top, width, at.tall, strip(piece))
        for start, width in zip(at.starts, at.widths, strict=True):
            page.spread(start, width, at.bottom + 0.6 * LINE, feet)
        if key:
            top = at.bottom + (LINE if feet else 0) + 2 * BETWEEN
            page.image(at.left, top, *KEY, key.pixels)
            page.spread(at.left, KEY[0], top + KEY[1] + 0.6 * LINE, key.words)
        return page.figure


@dataclass(frozen=True)
class _Page:
    """A figure addressed in CSS pixels from its top left corner."""

    figure: Figure
    width: float
    height: float

    def text(self, x: float, y: float, words: str, *, size: float = 12, **style: Any) -> None:
        if words:
            style = {"color": INK, **style}
            self.figure.text(x / self.width, 1 - y / self.height, words, fontsize=size, va="center", **style)

    def spread(self, x: float, width: float, y: float, words: Sequence[str]) -> None:
        """Words evenly from a left to a right end."""
        for i, word in enumerate(words):
            side = "left" if i == 0 else "right" if i == len(words) - 1 else "center"
            self.text(x + width * i / max(1, len(words) - 1), y, word, size=FOOT, color=FAINT, ha=side)

    def image(self, x: float, y: float, width: float, height: float, pixels: np.ndarray) -> None:
        box = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        ax = self.figure.add_axes(box)
        colors = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)  # color maps round some grays
        ax.imshow(colors, interpolation="none", aspect="auto")
        ax.set_axis_off()
