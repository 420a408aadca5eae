"""Fashion-MNIST in the real format with drawn images, for machines that do not have the real files."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from unbraid.data import fashion_mnist


def put_stand_in(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a folder of four IDX files the place where the package's files are looked for."""
    rng = np.random.default_rng(0)
    digests = {}
    for part, n in (("train", 600), ("t10k", 100)):
        pixels = rng.integers(0, 256, size=(n, 28, 28), dtype=np.uint8)
        contents = {
            f"{part}-images-idx3-ubyte": struct.pack(">4I", 2051, n, 28, 28) + pixels.tobytes(),
            f"{part}-labels-idx1-ubyte": struct.pack(">2I", 2049, n) + bytes(rng.integers(0, 10, size=n).tolist()),
        }
        for name, content in contents.items():
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            digests[name] = hashlib.sha256(content).hexdigest()
    patch.setattr(fashion_mnist, "SYSTEM_FOLDER", folder)
    patch.setattr(fashion_mnist, "SHA256", digests)
