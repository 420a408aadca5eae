"""Images in an .npz or .npy file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from unbraid.data.dataset import Dataset, TestShare, shown_name
from unbraid.data.files.columns import Known, column_of, known_of
from unbraid.data.files.npz_members import Member, Members, open_npz
from unbraid.data.files.table import Wanted, listed, read_table
from unbraid.data.idx_dataset import FlipOption
from unbraid.data.own_data import (
    ContinuousColumnsOption,
    FactorsOption,
    LabelOption,
    RedistributableOption,
    TableOption,
    named_path,
    put_together,
)
from unbraid.data.pixel_values import ScaleOption, image_store
from unbraid.data.registry import datasets
from unbraid.errors import UsageError
from unbraid.options import Option

USUAL = ("images", "imgs", "x", "dataset")
"""Names under which images are looked for."""
FACTORS, NAMES, LABELS = "factors", "factor_names", "labels"
CLASSES, VALUES = "latents_classes", "latents_values"
"""Factors as the file of dSprites has them."""
OF_DSPRITES = ("color", "shape", "scale", "orientation", "x", "y")


def _files(options: Mapping[str, Any]) -> list[Path]:
    return [Path(options[name]).expanduser() for name in ("path", "table") if options[name]]


def _height(options: Mapping[str, Any]) -> int:
    """Of the images, as the head of their array says; raises what reading them raises."""
    path = named_path(options["path"], "npz")
    with open_npz(path) as members:
        shape = _images(members, options["key"], path).shape
    return int(shape[1] if len(shape) == 3 or options["channels_last"] else shape[2])


@datasets.register(
    "npz",
    source="A file of your own, as numpy.savez writes it",
    written="npz:PATH",
    paths=("path", "table"),
    files=_files,
    height=_height,
)
def npz(
    path: Annotated[str, Option("the .npz or .npy file; npz:PATH is short for it")] = "",
    key: Annotated[
        str, Option("name of the array of images; default: images, imgs, x, dataset or the only one of 3 or 4 axes")
    ] = "",
    table: TableOption = "",
    factors: FactorsOption = "",
    label: LabelOption = "",
    continuous: ContinuousColumnsOption = None,
    scale: ScaleOption = "auto",
    channels_last: Annotated[bool, Option("images are (n, height, width, channel)")] = False,
    horizontal_flip: FlipOption = False,
    test_share: TestShare = 0.1,
    redistributable: RedistributableOption = True,
) -> Dataset:
    """Images in an .npz or .npy file of your own: npz:PATH.

    The images are (n, height, width) or (n, channel, height, width) with 1 or 3 channels, in bytes, booleans or floats; other
    whole numbers need --scale. Beside them an .npz file may hold `factors` (n, k) with `factor_names` (k), and `labels` (n):
    numbers or texts. Without `factors`, `labels` (n, k) as in 3D Shapes are the factors, or `latents_classes` (n, k) as in
    dSprites. A table replaces all of these. Pickled objects are never loaded.

    >>> np.savez("digits.npz", images=np.zeros((20, 28, 28), np.uint8), labels=np.arange(20) % 10)
    >>> unbraid.load_dataset("npz:digits.npz")
    <Dataset digits: 20 gray images of 28 x 28, 2 held out; 10 classes>
    """
    file = named_path(path, "npz")
    with open_npz(file) as members:
        images = _images(members, key, file)
        store = image_store(images.read(), scale=scale, channels_last=channels_last, what=f"The images {images.where}")
        if table:
            known = read_table(Path(table).expanduser(), Wanted(len(store), factors, label, continuous))
        elif factors or label:
            raise UsageError("--factors and --label name columns of a --table, and none was given.")
        else:
            known = _known(members, len(store), listed(continuous))
    return put_together(
        shown_name("npz", {"path": str(file)}),
        store,
        known,
        test_share=test_share,
        horizontal_flip=horizontal_flip,
        redistributable=redistributable,
    )


def _images(members: Members, key: str, path: Path) -> Member:
    held = ", ".join(f"{name} {member.dtype} {member.shape}" for name, member in members.items()) or "pickled objects alone"
    if key:
        if key not in members:
            raise UsageError(f"{path} holds no array {key!r}; it holds {held}.")
        return members[key]
    usual = [name for name in USUAL if name in members]
    possible = usual[:1] or [name for name, member in members.items() if len(member.shape) in (3, 4)]
    if len(possible) != 1:
        raise UsageError(f"Which array of {path} are the images? Give --key NAME; it holds {held}.")
    return members[possible[0]]


def _known(members: Members, n: int, continuous: Sequence[str]) -> Known:
    label, found = None, FACTORS
    if LABELS in members and len(members[LABELS].shape) == 1:
        values = members[LABELS].read()
        if values.shape != (n,):
            raise UsageError(f"The labels {members[LABELS].where} have shape {values.shape}; give ({n},).")
        label = column_of("label", values, f"Labels, {members[LABELS].where}")
    elif FACTORS not in members and LABELS in members:
        found = LABELS
    if FACTORS not in members and found == FACTORS and CLASSES in members:
        found = CLASSES
    if found not in members:
        return known_of([], label, continuous)
    where, values = members[found].where, members[found].read()
    if values.ndim != 2 or len(values) != n or not values.shape[1]:
        raise UsageError(f"The factors {where} have shape {values.shape}; give ({n}, number of factors).")
    names = _names(members, values.shape[1])
    columns = [column_of(name, values[:, k], f"Factor {name!r}, {where}") for k, name in enumerate(names)]
    known = known_of(columns, label, continuous)
    said = () if found == FACTORS else (f"Factors are the columns of {found!r}: {', '.join(names)}.",)
    return replace(known, notes=(*said, *known.notes))


def _names(members: Members, k: int) -> list[str]:
    if NAMES not in members:
        if CLASSES in members and VALUES in members and k == len(OF_DSPRITES):
            return list(OF_DSPRITES)
        return [f"factor_{i}" for i in range(k)]
    given = members[NAMES].read()
    if given.shape != (k,) or given.dtype.kind not in "US":
        raise UsageError(f"{members[NAMES].where} are {given.dtype} of shape {given.shape}; give {k} texts.")
    texts = np.char.decode(given, "latin-1") if given.dtype.kind == "S" else given
    return [str(name) for name in texts]
