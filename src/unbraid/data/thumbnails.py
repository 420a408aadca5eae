"""Images in a row, for notebooks."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from jaxtyping import Float

_SIDE = 64
"""Pixels of the shorter side of an image, at least; small ones are enlarged by a whole number."""


def strip(images: Float[np.ndarray, "n c h w"]) -> str:
    """An HTML image that shows images in [0, 1] in a row, with a pixel of white between them."""
    from PIL import Image

    n, channels, height, width = images.shape
    pixels = np.rint(255 * np.clip(images[:, :3] if channels >= 3 else images[:, :1], 0, 1)).astype(np.uint8)
    framed = np.pad(pixels, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)
    row = framed.transpose(2, 0, 3, 1).reshape(height, n * (width + 1), -1)[:, :-1]
    times = max(1, -(-_SIDE // min(height, width)))
    file = BytesIO()
    Image.fromarray(row if row.shape[2] == 3 else row[:, :, 0]).save(file, "PNG")
    source = base64.b64encode(file.getvalue()).decode()
    size = f'width="{row.shape[1] * times}" height="{height * times}"'
    style = "image-rendering: pixelated; max-width: 100%; height: auto"
    return f'<img alt="{n} images" style="{style}" {size} src="data:image/png;base64,{source}">'
