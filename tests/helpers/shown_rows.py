"""Figures of numbered images, and what they show."""

from __future__ import annotations

import numpy as np


def numbered(n, size=8, first=0, channels=1):
    """Images of one value each: first, first + 1, ..."""
    values = np.arange(first, first + n, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None, None], (n, channels, size, size)).copy()


def shown(figure):
    """The pixels of every axes, in the order from the top and then from the left; gray ones without their equal colors."""
    boxes = sorted((-round(ax.get_position().y1, 6), round(ax.get_position().x0, 6), i) for i, ax in enumerate(figure.axes))
    found = [np.asarray(figure.axes[i].images[0].get_array()) for _, _, i in boxes]
    return [pixels[..., 0] if (pixels == pixels[..., :1]).all() else pixels for pixels in found]


def words(figure, size):
    return [text.get_text() for text in figure.texts if text.get_fontsize() == size]
