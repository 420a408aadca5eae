"""Fashion-MNIST: photographs of clothes, from the cache, from Debian's package or downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import UInt8

from unbraid.data.cache import cache_folder
from unbraid.data.dataset import Dataset, datasets
from unbraid.data.download import fetch
from unbraid.data.idx import Content, read_idx
from unbraid.data.resize import resize_bytes
from unbraid.data.storage import ByteImages
from unbraid.files import os_errors
from unbraid.options import Option

URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
"""Unencrypted, as its publishers serve it; the digests below vouch for what arrives."""
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist keeps the files."""
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Of the decompressed files; Debian compressed them anew, so its .gz files differ from the published ones."""
LABELS = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def _folder() -> Path:
    return cache_folder() / "fashion_mnist"


def _found(name: str) -> Path | None:
    for folder in (_folder(), SYSTEM_FOLDER):
        for path in (folder / f"{name}.gz", folder / name):
            with os_errors(f"look for {path}", "Check the folder's permissions, or set UNBRAID_CACHE to another folder."):
                if path.is_file():
                    return path
    return None


def _remedy(path: Path) -> str:
    if path.parent == SYSTEM_FOLDER:
        return "Install it again: apt install --reinstall dataset-fashion-mnist."
    return "Remove it, and it will be fetched again."


def _read(name: str, content: Content) -> UInt8[np.ndarray, "..."]:
    path = _found(name)
    if path is None:
        hint = f"On Debian, `apt install dataset-fashion-mnist` provides it; or put {name}.gz into {_folder()} yourself."
        path = fetch(f"{URL}{name}.gz", _folder() / f"{name}.gz", sha256=SHA256[name], hint=hint)
    return read_idx(path, content, sha256=SHA256[name], remedy=_remedy(path))


@datasets.register("fashion_mnist", source="Xiao, Rasul and Vollgraf (2017), Fashion-MNIST; MIT licence")
def fashion_mnist(
    size: Annotated[Literal[28, 32], Option("image width and height in pixels; 32 resizes bilinearly")] = 32,
) -> Dataset:
    """70,000 grey photographs of clothes in ten classes; the published 10,000 are held out. No factors are known."""
    train_labels, test_labels = (_read(f"{part}-labels-idx1-ubyte", "labels") for part in ("train", "t10k"))
    pixels = np.concatenate([_read(f"{part}-images-idx3-ubyte", "images") for part in ("train", "t10k")])
    if size != pixels.shape[1]:
        pixels = resize_bytes(pixels, size, size)
    labels = np.concatenate([train_labels, test_labels]).astype(np.int64)
    held_out = np.arange(len(train_labels), len(labels))
    return Dataset("fashion_mnist", ByteImages(pixels[:, None]), held_out, labels=labels, label_names=LABELS)
