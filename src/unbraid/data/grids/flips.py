"""Horizontal flips: a data set whose training images are followed by their mirror images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Integer, UInt8

from unbraid.data.dataset import Dataset
from unbraid.data.storage import ImageStore, Indexed, Shape, digest_of_rows
from unbraid.errors import UsageError


class Mirrored(Indexed):
    """The images of a store, followed by the mirror images, left for right, of some of them.

    Args:
        images: the store; its n images keep their indices.
        sources: which of its images are mirrored; image n + k is image `sources[k]` mirrored.
    """

    def __init__(self, images: ImageStore, sources: Integer[np.ndarray, "m"]) -> None:
        self._images = images
        self._source = np.concatenate([np.arange(len(images)), np.asarray(sources, dtype=np.int64)])
        self.shape: Shape = images.shape
        self.digest = digest_of_rows(images, self._source)

    def __len__(self) -> int:
        return len(self._source)

    def floats(self, index: Integer[np.ndarray, "n"]) -> Float32[np.ndarray, "n c h w"]:
        """The images at the given positions, in [0, 1]."""
        return self._turned(self._images.floats(self._source[index]), index)

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 to 255."""
        return self._turned(self._images.bytes(self._source[index]), index)

    def _turned(self, pixels: np.ndarray, index: Integer[np.ndarray, "n"]) -> np.ndarray:
        flipped = np.arange(len(self))[index] >= len(self._images)
        shown: np.ndarray = np.where(flipped[:, None, None, None], pixels[..., ::-1], pixels)
        return shown


def mirrored(dataset: Dataset) -> Dataset:
    """The data set followed by the mirror images of its training images; test images are not mirrored.

    Image n + k is the mirror image of the k-th training image in ascending order of index: of image k itself where the test
    images come last. A mirror image has the label and the weight of its original. An order of presentation continues with the
    mirror images in the order of their originals. Nothing is random: an epoch shows each training image once as it is and once
    mirrored.

    Raises `UsageError` for a data set with factors, since mirroring an image changes them.
    """
    if dataset.space is not None:
        raise UsageError(
            f"Data set {dataset.name!r} has factors ({', '.join(dataset.space.names)}), which mirror images would contradict; "
            "horizontal flips are for images without factors."
        )
    n, sources = len(dataset), dataset.split("train")
    labels, weights = (
        None if rows is None else np.concatenate([rows, rows[sources]]) for rows in (dataset.labels, dataset.weights)
    )
    walk = None
    if dataset.walk is not None:
        walk = np.concatenate([dataset.walk, n + np.searchsorted(sources, dataset.train)])
    return replace(dataset, images=Mirrored(dataset.images, sources), labels=labels, walk=walk, weights=weights)
