"""Arrays, files and images in the forms in which a page carries them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Shaped, UInt8

from unbraid.figures.grids import png

LEVEL = 6
"""Of gzip: weights hardly shrink, whatever it costs."""


def floats(values: Shaped[np.ndarray, "..."]) -> str:
    """Numbers as little-endian float32 in base64."""
    return _text(np.ascontiguousarray(values, dtype="<f4").tobytes())


def packed(content: bytes) -> bytes:
    """A file compressed with gzip; equal content gives equal bytes."""
    return gzip.compress(content, LEVEL, mtime=0)


def embedded(compressed: bytes) -> str:
    """A compressed file as text that may stand in a script element: base 85 without `<`."""
    return base64.b85encode(compressed).decode("ascii").replace("<", ",")


def script_json(content: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: no `<` can end it or open a comment."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def sprite(images: UInt8[np.ndarray, "n c h w"], columns: int) -> str:
    """Images side by side in rows, as a PNG in a data URI; no pixel is changed.

    One channel is gray, two are red and green, of more the first three are kept.
    """
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    shown = images if channels == 1 else np.pad(images[:, :3], ((0, 0), (0, max(0, 3 - channels)), (0, 0), (0, 0)))
    made = np.zeros((rows, height, columns, width, shown.shape[1]), dtype=np.uint8)
    for i, image in enumerate(shown):
        made[i // columns, :, i % columns] = image.transpose(1, 2, 0)
    sheet = made.reshape(rows * height, columns * width, shown.shape[1])
    return "data:image/png;base64," + _text(png(sheet[..., 0] if channels == 1 else sheet))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
