"""MNIST and its relatives in the real format with drawn images, for machines that do not have the real files."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from unbraid.data.idx_dataset import IdxFiles


def stand_in(n_train: int, n_test: int) -> dict[str, bytes]:
    """Four files by name, of noise and random labels."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("train", n_train), ("t10k", n_test)):
        pixels = rng.integers(0, 256, size=(n, 28, 28), dtype=np.uint8)
        contents[f"{part}-images-idx3-ubyte"] = struct.pack(">4I", 2051, n, 28, 28) + pixels.tobytes()
        contents[f"{part}-labels-idx1-ubyte"] = struct.pack(">2I", 2049, n) + bytes(rng.integers(0, 10, size=n).tolist())
    return contents


def expect(files: IdxFiles, contents: dict[str, bytes], folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a folder the place where the system's files are looked for, and these contents the expected ones."""
    patch.setattr(files, "system_folder", folder)
    patch.setattr(files, "sha256", {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()})


def put_stand_in(files: IdxFiles, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Put 600 training and 100 test images there, for all tests."""
    contents = stand_in(600, 100)
    for name, content in contents.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    expect(files, contents, folder, patch)
