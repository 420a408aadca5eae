"""Data sets of four IDX files, laid out as MNIST is: images and labels for training and for testing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import UInt8

from unbraid.data.cache import KeptFile, cache_folder
from unbraid.data.dataset import Dataset
from unbraid.data.download import fetch
from unbraid.data.drawing.resize import resize_bytes
from unbraid.data.files.gzipped import raw_sha256
from unbraid.data.files.idx import Content, read_idx
from unbraid.data.grids.flips import mirrored
from unbraid.data.storage import ByteImages
from unbraid.errors import CorruptFile
from unbraid.files import os_errors
from unbraid.options import Option

SizeOption = Annotated[Literal[28, 32], Option("image width and height in pixels; 32 resizes bilinearly")]
FlipOption = Annotated[bool, Option("follow every training image by its mirror image, left for right")]


SIZES: Mapping[str, int] = {
    "train-images-idx3-ubyte": 16 + 60_000 * 28 * 28,
    "train-labels-idx1-ubyte": 8 + 60_000,
    "t10k-images-idx3-ubyte": 16 + 10_000 * 28 * 28,
    "t10k-labels-idx1-ubyte": 8 + 10_000,
}
"""Bytes of the four files, decompressed: the same for all relatives of MNIST here."""


@dataclass
class IdxFiles:
    """Where the four files of a data set are looked for and fetched from.

    Args:
        name: of the data set, and of its folder in the cache.
        sha256: digest of the decompressed content by file name; copies compressed anew are as good.
        mirrors: addresses of folders that hold the files gzipped, in the order in which they are tried.
        system_folder: where the system's package keeps the files.
        package: name of that Debian package.
    """

    name: str
    sha256: Mapping[str, str]
    mirrors: tuple[str, ...]
    system_folder: Path | None = None
    package: str = ""

    @property
    def folder(self) -> Path:
        """Where downloaded files are kept."""
        return cache_folder() / self.name

    def kept(self) -> tuple[KeptFile, ...]:
        """The four files."""
        return tuple(KeptFile(partial(self.find, name), partial(self.get_sound, name), "download") for name in self.sha256)

    def find(self, name: str) -> Path | None:
        """A file in the cache or of the package, gzipped or not."""
        for folder in filter(None, (self.folder, self.system_folder)):
            for path in (folder / f"{name}.gz", folder / name):
                with os_errors(f"look for {path}", "Check the folder's permissions, or set UNBRAID_CACHE to another folder."):
                    if path.is_file():
                        return path
        return None

    def get(self, name: str) -> Path:
        """A file that is here, or is fetched; raises `DataUnavailable` where it cannot be had."""
        return self.find(name) or self._fetch(name)

    def get_sound(self, name: str) -> Path:
        """A file with the expected content, fetched anew if the present one is damaged; raises as `get`."""
        found = self.find(name)
        with suppress(CorruptFile):
            if found is not None and raw_sha256(found) == self.sha256[name]:
                return found
        return self._fetch(name)

    def _fetch(self, name: str) -> Path:
        hint = f"On Debian, `apt install {self.package}` provides it." if self.package else ""
        urls = [f"{mirror}{name}.gz" for mirror in self.mirrors]
        return fetch(urls, self.folder / f"{name}.gz", sha256=self.sha256[name], size=SIZES[name], hint=hint)

    def dataset(self, size: int, label_names: tuple[str, ...], *, horizontal_flip: bool) -> Dataset:
        """All images in published order, the training images first; the published test images are held out.

        Raises `DataUnavailable` for a file that cannot be had and `CorruptFile` for one with another content.
        """
        train_labels, test_labels = (self._read(f"{part}-labels-idx1-ubyte", "labels") for part in ("train", "t10k"))
        pixels = np.concatenate([self._read(f"{part}-images-idx3-ubyte", "images") for part in ("train", "t10k")])
        if size != pixels.shape[1]:
            pixels = resize_bytes(pixels, size, size)
        labels = np.concatenate([train_labels, test_labels]).astype(np.int64)
        held_out = np.arange(len(train_labels), len(labels))
        made = Dataset(self.name, ByteImages(pixels[:, None]), held_out, labels=labels, label_names=label_names)
        return mirrored(made) if horizontal_flip else made

    def _read(self, name: str, content: Content) -> UInt8[np.ndarray, "..."]:
        path = self.get(name)
        return read_idx(path, content, sha256=self.sha256[name], remedy=self._remedy(path))

    def _remedy(self, path: Path) -> str:
        if path.parent == self.system_folder:
            return f"Install it again: apt install --reinstall {self.package}."
        return "Remove it, and it will be fetched again."
