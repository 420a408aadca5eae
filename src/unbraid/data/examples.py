"""Which images of a data set are shown where a few stand for all."""

from __future__ import annotations

from itertools import count
from math import gcd

import numpy as np
from jaxtyping import Int

from unbraid.data.dataset import Dataset

GOLDEN = 0.6180339887498949
"""Multiples of the golden ratio, modulo 1, spread evenly however many are taken, and in step with no factor of a grid."""


def example_images(dataset: Dataset, n: int) -> Int[np.ndarray, "_"]:
    """Indices of n images to show.

    The same in reports, figures, explorers and TensorBoard, however many were scored.

    They are spread evenly over the held-out images, or over all where none is held out. The first one is in the middle, and
    latents are moved from its code. More images begin with the same ones as fewer; there may be fewer than n.
    """
    rows = dataset.split("test") if len(dataset.test) else np.arange(len(dataset))
    total = len(rows)
    stride = next(step for step in count(max(1, round(GOLDEN * total))) if gcd(step, total) == 1)  # so that none comes twice
    return np.asarray(rows[(total // 2 + stride * np.arange(min(n, total))) % total])
