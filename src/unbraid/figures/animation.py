"""Animations: figures as the frames of a GIF."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from PIL import Image

from unbraid.errors import UsageError
from unbraid.figures.rows import Row, image_rows
from unbraid.figures.style import bitmap

MILLISECONDS = 100
COLORS = 64


def gif(frames: Sequence[UInt8[np.ndarray, "h w 3"]], *, milliseconds: int = MILLISECONDS) -> bytes:
    """A GIF file that repeats without end; all frames share one palette, so that nothing flickers.

    >>> frames = [np.full((8, 8, 3), gray, np.uint8) for gray in (0, 128, 255)]
    >>> unbraid.figures.gif(frames)[:6]
    b'GIF89a'
    """
    if not frames:
        raise UsageError("A GIF needs at least one frame.")
    palette = Image.fromarray(np.concatenate(list(frames))).quantize(COLORS, dither=Image.Dither.NONE)
    made = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    made[0].save(buffer, format="GIF", save_all=True, append_images=made[1:], duration=milliseconds, loop=0, optimize=False)
    return buffer.getvalue()


def there_and_back(n: int) -> list[int]:
    """Places 0 to n - 1 and back again, so that the end meets the beginning: 0, 1, 2, 1 for n = 3."""
    return [*range(n), *range(n - 2, 0, -1)]


def moving_tiles(
    images: UInt8[np.ndarray, "d n c h w"], labels: Sequence[str], *, per_row: int = 5, tile: int = 96
) -> list[UInt8[np.ndarray, "y x 3"]]:
    """Frames of an animation in which all rows of images play at once, there and back.

    Args:
        images: for each tile its images in order, as `Model.traverse` gives them.
        labels: one per tile.
        per_row: tiles side by side.
        tile: about how many CSS pixels wide a tile is.

    >>> images = np.zeros((2, 3, 1, 16, 16), np.uint8)  # 2 latents, 3 values of each
    >>> len(unbraid.figures.moving_tiles(images, ["z0", "z1"], tile=16))  # there and back: values 0, 1, 2, 1
    4
    """
    parts = [slice(start, start + per_row) for start in range(0, len(images), per_row)]
    return [
        _stacked([bitmap(_tiles(images[part, place], labels[part], tile)) for part in parts])
        for place in there_and_back(images.shape[1])
    ]


def _tiles(images: UInt8[np.ndarray, "d c h w"], labels: Sequence[str], tile: int) -> Figure:
    return image_rows([Row("", images)], breaks=range(1, len(images)), headings=labels, tile=tile)


def _stacked(parts: Sequence[UInt8[np.ndarray, "_ _ 3"]]) -> UInt8[np.ndarray, "y x 3"]:
    width = max(part.shape[1] for part in parts)
    padded = [np.pad(part, ((0, 0), (0, width - part.shape[1]), (0, 0)), constant_values=255) for part in parts]
    return np.concatenate(padded)
