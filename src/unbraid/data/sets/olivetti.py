"""Olivetti: photographs of faces, from the cache, from your own file, or downloaded."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import UInt8

from unbraid.data.cache import KeptFile, cache_folder
from unbraid.data.dataset import Dataset
from unbraid.data.download import fetch
from unbraid.data.files.gzipped import raw_sha256
from unbraid.data.files.npz_members import open_npz
from unbraid.data.grids.flips import mirrored
from unbraid.data.idx_dataset import FlipOption
from unbraid.data.registry import datasets
from unbraid.data.storage import ByteImages
from unbraid.errors import CorruptFile
from unbraid.files import os_errors
from unbraid.options import Option

PEOPLE, EACH, SIDE = 40, 10, 64
ADDRESS = "https://ndownloader.figshare.com/files/5976027"
"""The copy that scikit-learn fetches, a MATLAB file."""
SHA256 = "b612fb967f2dc77c9c62d3e1266e0c73d5fca46a4b8906c18e454d41af987794"
MOST_BYTES = 8_000_000
PIXELS = "a3f75007cc103363b61a63e06bec8ea4846407682ef6e7c9ae1eb9c1bd0e8a00"
"""SHA-256 of the pixels, (400, 64, 64), upright, ten of each person after the other."""
NAMES = ("olivettifaces.mat", "olivetti.npz")
_SOURCE = "Samaria and Harter (1994), the Olivetti faces; credit: AT&T Laboratories Cambridge"


def _folder() -> Path:
    return cache_folder() / "olivetti"


def _find() -> Path | None:
    for path in (_folder() / name for name in NAMES):
        with os_errors(f"look for {path}", "Check the folder's permissions, or set UNBRAID_CACHE to another folder."):
            if path.is_file():
                return path
    return None


def _fetch() -> Path:
    hint = f"Any copy of the 400 images does: put it there, or name it with --file; as .npz, call it {_folder() / NAMES[1]}."
    return fetch([ADDRESS], _folder() / NAMES[0], sha256=SHA256, size=MOST_BYTES, hint=hint)


def _get() -> Path:
    found = _find()
    return found if found is not None and _is_sound(found) else _fetch()


def _is_sound(path: Path) -> bool:
    try:
        _pixels(path)
    except CorruptFile:
        return False
    return True


def _kept() -> tuple[KeptFile, ...]:
    return (KeptFile(_find, _get, "download"),)


@datasets.register("olivetti", source=_SOURCE, paths=("file",), kept=_kept)
def olivetti(
    file: Annotated[
        str | None,
        Option("the 400 images in a file: olivettifaces.mat, or an .npz with `images`; verified, and then used instead"),
    ] = None,
    horizontal_flip: FlipOption = False,
) -> Dataset:
    """400 gray photographs of the faces of 40 people, 64 x 64; the tenth of each person is held out.

    No factors are known; labels are the people. Small, so that models learn it by heart before long.
    """
    path = Path(file).expanduser() if file else _find() or _fetch()
    people = np.repeat(np.arange(PEOPLE), EACH)
    held_out = np.arange(EACH - 1, PEOPLE * EACH, EACH)
    names = tuple(f"person {i + 1}" for i in range(PEOPLE))
    made = Dataset("olivetti", ByteImages(_pixels(path)[:, None]), held_out, labels=people, label_names=names)
    return mirrored(made) if horizontal_flip else made


def _pixels(path: Path) -> UInt8[np.ndarray, "400 64 64"]:
    """The images of a file. Raises `CorruptFile` for any others."""
    published = path.suffix.lower() == ".mat" and raw_sha256(path, most=MOST_BYTES) == SHA256
    images = _of_mat(path) if path.suffix.lower() == ".mat" else _of_npz(path)
    if images is None or images.shape != (PEOPLE * EACH, SIDE, SIDE) or images.dtype != np.uint8:
        found = "no images" if images is None else f"{images.dtype} {images.shape}"
        raise CorruptFile(f"{path} does not hold the 400 Olivetti faces, uint8 (400, 64, 64), but {found}. Get it again.")
    digest = hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()
    if digest != PIXELS and not published:
        raise CorruptFile(f"{path} does not hold the Olivetti faces: SHA-256 of its pixels is {digest}, expected {PIXELS}.")
    return images


def _of_npz(path: Path) -> np.ndarray | None:
    with open_npz(path) as members:
        return members["images"].read() if "images" in members else None


def _of_mat(path: Path) -> Any:
    """A MATLAB file has one image per column, its own columns one after the other."""
    from scipy.io.matlab import MatReadError, loadmat

    damaged = (MatReadError, ValueError, TypeError, LookupError, OverflowError, NotImplementedError, struct.error, zlib.error)
    with os_errors(f"read {path}", "Get it again."):
        try:
            faces = loadmat(path, variable_names=["faces"]).get("faces")
        except damaged as error:
            raise CorruptFile(f"{path} is no MATLAB file that can be read: {error}. Get it again.") from error
    if faces is None or faces.shape != (SIDE * SIDE, PEOPLE * EACH):
        return faces
    return np.ascontiguousarray(faces.T.reshape(PEOPLE * EACH, SIDE, SIDE).transpose(0, 2, 1))
