"""Images that look the same although their factors differ: what no encoder can tell apart."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from jaxtyping import Int

from unbraid.data.dataset import Dataset

_BLOCK = 4096


def first_twins(dataset: Dataset) -> Int[np.ndarray, "n"]:
    """For each image, the first image of the data set with the same pixels; often the image itself.

    dSprites holds the orientation 0 twice, and a square looks the same after a quarter of a turn. Images whose pixels differ
    by rounding alone count as different.
    """
    seen: dict[bytes, int] = {}
    twins = np.empty(len(dataset), np.int64)
    for start in range(0, len(dataset), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(dataset)))
        for row, image in zip(rows.tolist(), dataset.images.bytes(rows), strict=True):
            twins[row] = seen.setdefault(blake2b(image.tobytes(), digest_size=16).digest(), row)
    return twins
