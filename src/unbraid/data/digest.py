"""A digest of a data set's content, by which a run knows the data it was trained on."""

from __future__ import annotations

import hashlib

import numpy as np

from unbraid.data.dataset import Dataset

_CHUNK = 1 << 22  # pixels of images at once


def digest_of(dataset: Dataset) -> str:
    """First 16 hexadecimal digits of the SHA-256 of images, factors, labels, splits, order and weights."""
    digest = hashlib.sha256(repr((len(dataset), dataset.shape, dataset.space, dataset.label_names)).encode())
    continuous = dataset.space.continuous if dataset.space is not None else ()
    for rows in (dataset.test, dataset.factors, dataset.labels, dataset.walk):
        digest.update(_bytes(rows, np.float64 if rows is dataset.factors and continuous else np.int64))
    if continuous:  # the representation of a space does not tell
        digest.update(repr(continuous).encode())
    digest.update(_bytes(dataset.weights, np.float64))
    known = getattr(dataset.images, "digest", "")  # of images that are converted once, and take long to read
    if known:
        digest.update(known.encode())
        return digest.hexdigest()[:16]
    block = max(1, _CHUNK // int(np.prod(dataset.shape)))
    for start in range(0, len(dataset), block):
        rows = np.arange(start, min(start + block, len(dataset)))
        digest.update(_bytes(dataset.images.floats(rows), np.float32))
    return digest.hexdigest()[:16]


def _bytes(rows: np.ndarray | None, kind: type[np.generic]) -> memoryview:
    return memoryview(b"none") if rows is None else np.ascontiguousarray(rows, dtype=kind).data.cast("B")
