"""CelebA: photographs of faces with 40 attributes, from your files or downloaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Int8

from unbraid.data.dataset import Dataset
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.flips import mirrored
from unbraid.data.idx_dataset import FlipOption
from unbraid.data.image_file import Conversion
from unbraid.data.published.archives import members
from unbraid.data.published.look import Look, blocks_of
from unbraid.data.published.source import EmbedOption, GrayOption, PathOption, Published, Remote, SizeOption
from unbraid.data.published.store import stored
from unbraid.errors import CorruptFile, UnknownName, UsageError
from unbraid.files import os_errors
from unbraid.options import Option

_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_IMAGES = Remote(
    "img_align_celeba.zip",
    ("https://s3-us-west-1.amazonaws.com/udacity-dlnfd/datasets/celeba.zip", f"{_DRIVE}0B7EVK8r0v71pZjFTYXZWM3FlRnM"),
    "md5:00d2c5bc6d35e252742224ab0c1e8fcb",
    1_443_490_838,
    unpacked=("img_align_celeba", "celeba.zip"),
)
_ATTRIBUTES = Remote(
    "list_attr_celeba.txt",
    (f"{_DRIVE}0B7EVK8r0v71pblRyaVFSWGxPY0U",),
    "sha256:f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0",
    26_721_026,
    unpacked=("list_attr_celeba.csv",),
)
_SPLITS = Remote(
    "list_eval_partition.txt",
    (f"{_DRIVE}0B7EVK8r0v71pY0NSMzRuSXJEVkk",),
    "sha256:fc955bcb3ef8fbdf7d5640d9a8693a8431b5f2ee291a5c1449a1549e7e073fe7",
    unpacked=("list_eval_partition.csv",),
)
CELEBA = Published(
    "celeba",
    "CelebA",
    home="http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    license="its own agreement, on its home page",
    terms="read that agreement; it is understood to allow non-commercial research only, and not to pass on the images",
    files=(_IMAGES, _ATTRIBUTES, _SPLITS),
    by_hand="open http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html in a browser and follow its link to the aligned images; get "
    "img_align_celeba.zip, list_attr_celeba.txt and list_eval_partition.txt, and where the page says that a quota is exceeded, "
    "wait a day; put them into one folder as they are",
    images=202_599,
)
TRAIN, VALID, TEST = 0, 1, 2
"""The official splits, as the list of partitions has them."""
Crop = Literal["squash", "center", "pytorch_vae"]
_LOOKS: Mapping[Crop, tuple[int | None, bool]] = {"squash": (None, True), "center": (178, False), "pytorch_vae": (148, False)}
"""Side of the square that is kept, and whether it is resized by Lanczos windows."""
_MOST_LINES = 10_000_000


@CELEBA.registered(
    source="Liu, Luo, Wang and Tang (2015), Deep Learning Face Attributes in the Wild; see its agreement",
)
def celeba(
    path: PathOption = "",
    size: SizeOption = 64,
    crop: Annotated[
        Crop,
        Option(
            "part of the 178 x 218 pixels: squash takes all of it, as disentangling-vae (Dubois et al. 2019) does; center the "
            "middle 178 x 178; pytorch_vae the middle 148 x 148, as PyTorch-VAE does"
        ),
    ] = "squash",
    gray: GrayOption = False,
    attributes: Annotated[str, Option("which of the 40 are factors: all, none, or names with commas between")] = "all",
    valid: Annotated[
        Literal["leave_out", "train", "test"], Option("where the images of the official validation split go")
    ] = "leave_out",
    horizontal_flip: FlipOption = False,
    redistributable: EmbedOption = False,
) -> Dataset:
    """202,599 photographs of faces with 40 binary attributes; the official test split is held out.

    Not every combination of attributes occurs, and attributes depend on each other. Of the official splits 162,770 images are
    for training, 19,867 for validation and 19,962 for testing. Horizontal flips need --attributes none.
    """
    square, sharp = _LOOKS[crop]
    look = Look(size, gray, square, sharp)
    store = stored(CELEBA, path, look, lambda: _converting(path, look))
    split, names = store.columns["split"], [str(name) for name in store.columns["names"]]
    rows = np.flatnonzero(split != VALID) if valid == "leave_out" else np.arange(len(split))
    held_out = np.flatnonzero(np.isin(split[rows], (TEST, VALID) if valid == "test" else (TEST,)))
    chosen = _chosen(attributes, names)
    known = store.columns["attributes"][rows][:, [names.index(name) for name in chosen]].astype(np.int16)
    space = FactorSpace(tuple(_attribute(name) for name in chosen)) if chosen else None
    made = Dataset(
        "celeba",
        store.images(rows),
        held_out,
        space,
        known if chosen else None,
        redistributable=redistributable,
    )
    return mirrored(made) if horizontal_flip else made


def _attribute(name: str) -> Factor:
    return Factor(name, (0.0, 1.0), "categorical", labels=("no", "yes"))


def _chosen(text: str, names: Sequence[str]) -> list[str]:
    if text in ("all", "none"):
        return list(names) if text == "all" else []
    chosen = [name.strip() for name in text.split(",")]
    for name in chosen:
        if name not in names:
            raise UnknownName("attribute", name, names, where="--attributes")
    if len(set(chosen)) != len(chosen):
        raise UsageError(f"--attributes {text}: name each attribute once.")
    return chosen


@contextmanager
def _converting(path: str, look: Look) -> Iterator[Conversion]:
    names, attributes = _read_attributes(CELEBA.get(_ATTRIBUTES.name, path))
    splits = _read_splits(CELEBA.get(_SPLITS.name, path))
    with members(CELEBA.get(_IMAGES.name, path), r"(?:img_align_celeba/)?(\d{6}\.(?:jpg|png))") as images:
        files = list(images)
        for what, known in ((_ATTRIBUTES.name, attributes), (_SPLITS.name, splits)):
            missing = next((file for file in files if file not in known), None)
            if missing is not None:
                raise CorruptFile(f"{what} has no line for {missing}, which is in {images.where}. Get both again.")

        def blocks(start: int) -> Iterator[np.ndarray]:
            return blocks_of(images, files[start:], look, "Get the archive again.")

        def columns() -> dict[str, np.ndarray]:
            return {
                "names": np.array(names),
                "attributes": np.stack([attributes[file] for file in files]),
                "split": np.array([splits[file] for file in files], np.int8),
            }

        yield Conversion(len(files), look.shape, blocks, columns)


def _lines(path: Path) -> Iterator[list[str]]:
    """Words of each line, between spaces or commas; a line at a time, since all take much memory."""
    try:
        with os_errors(f"read {path}", "Check that it may be read."):
            lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{path} is no text ({error}). {CELEBA.steps}") from None
    if len(lines) > _MOST_LINES:
        raise CorruptFile(f"{path} has {len(lines):,} lines. {CELEBA.steps}")
    return (words for line in lines if (words := line.replace(",", " ").split()))


def _read_attributes(path: Path) -> tuple[list[str], dict[str, Int8[np.ndarray, "attribute"]]]:
    """Names of the attributes, and for each file whether it has them; -1 in the list is no.

    The list as published begins with the number of its lines; copies as .csv have no such line, and a name above the files.
    """
    lines = _lines(path)
    first = next(lines, [])
    head = next(lines, []) if len(first) == 1 else first
    names = head[1:] if head[:1] == ["image_id"] else head
    if not names or len(set(names)) != len(names):
        raise CorruptFile(f"{path} does not begin with the names of attributes. {CELEBA.steps}")
    found = {}
    for words in lines:
        if len(words) != 1 + len(names) or not set(words[1:]) <= {"1", "-1"}:
            raise CorruptFile(f"{path}: the line of {words[0]} has not 1 or -1 for {len(names)} attributes. {CELEBA.steps}")
        found[words[0]] = np.array([word == "1" for word in words[1:]], np.int8)
    return names, found


def _read_splits(path: Path) -> dict[str, int]:
    found = {}
    for words in _lines(path):
        if words[0] == "image_id":
            continue
        if len(words) != 2 or words[1] not in ("0", "1", "2"):
            raise CorruptFile(f"{path}: the line of {words[0]} has not 0, 1 or 2 for its split. {CELEBA.steps}")
        found[words[0]] = int(words[1])
    return found
