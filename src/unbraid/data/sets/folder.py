"""Images in a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from jaxtyping import UInt8

from unbraid.data.dataset import Dataset, TestShare, shown_name
from unbraid.data.files.columns import Known, column_of, known_of
from unbraid.data.files.image_files import Fit, Header, list_images, read_header, read_pixels, unreadable
from unbraid.data.files.scratch import room
from unbraid.data.files.table import Wanted, read_table
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
from unbraid.data.pixel_values import LARGEST_SIDE
from unbraid.data.registry import datasets
from unbraid.data.storage import ByteImages
from unbraid.errors import UsageError
from unbraid.options import Option
from unbraid.progress import reporting

_NAMED = 12
"""Files that are named in a note."""


def _files(options: Mapping[str, Any]) -> list[Path]:
    table = [Path(options["table"]).expanduser()] if options["table"] else []
    return list_images(named_path(options["path"], "folder")) + table


@datasets.register("folder", source="A folder of your own", written="folder:PATH", paths=("path", "table"), files=_files)
def folder(
    path: Annotated[str, Option("the folder; folder:PATH is short for it")] = "",
    size: Annotated[
        int | None, Option("bring every image to this width and height; default: as they are, all alike", ge=1, le=LARGEST_SIDE)
    ] = None,
    fit: Annotated[
        Fit, Option("with --size: crop the middle, squash, or pad with black where an image is not square")
    ] = "crop",
    channels: Annotated[Literal[1, 3] | None, Option("1 gray, 3 color; default: 1 where all images are gray")] = None,
    table: TableOption = "",
    factors: FactorsOption = "",
    label: LabelOption = "",
    continuous: ContinuousColumnsOption = None,
    horizontal_flip: FlipOption = False,
    test_share: TestShare = 0.1,
    redistributable: RedistributableOption = True,
    skip_bad: Annotated[bool, Option("leave out files that are no sound images, and say which")] = False,
) -> Dataset:
    """Images in a folder of your own and its subfolders: folder:PATH.

    Files that end in png, jpg, jpeg, bmp, webp, tif or tiff are taken, in the order of their paths; hidden and other files are
    passed over. Where all images lie in subfolders, two or more, the first folder of a path is the class of an image. Images
    are turned as their EXIF data tell, transparent pixels lie over black, 16 bits are rounded to 8; files of several images and
    damaged ones are refused. Rows of a table name the images in a column like `file` or `image_id`, or stand in their order.

    >>> from pathlib import Path
    >>> from PIL import Image
    >>> Path("photos/cats").mkdir(parents=True)
    >>> Path("photos/dogs").mkdir()
    >>> for name in ("cats/1.png", "dogs/2.png"):
    ...     Image.new("L", (32, 32)).save(Path("photos", name))
    ...
    >>> unbraid.load_dataset("folder:photos", test_share=0.0).label_names
    ('cats', 'dogs')
    """
    place = named_path(path, "folder")
    files = list_images(place)
    notes: tuple[str, ...] = ()
    if skip_bad:
        files, notes = _sound(files, place)
    names = [file.relative_to(place).as_posix() for file in files]
    if (factors or label or continuous) and not table:
        raise UsageError("--factors, --label and --continuous name columns of a --table, and none was given.")
    known = (
        read_table(Path(table).expanduser(), Wanted(len(files), factors, label, continuous, names))
        if table
        else _classes(names)
    )
    images = ByteImages(_decoded(files, place, size, fit, channels))
    return put_together(
        shown_name("folder", {"path": str(place)}),
        images,
        replace(known, notes=(*notes, *known.notes)),
        test_share=test_share,
        horizontal_flip=horizontal_flip,
        redistributable=redistributable,
    )


def _sound(files: Sequence[Path], place: Path) -> tuple[list[Path], tuple[str, ...]]:
    """The files that can be read, and a note that names the others."""
    with reporting(f"checking {len(files):,} images of {place.name or place}") as report:
        bad = {file for file, _ in unreadable(files, report)}
    sound = [file for file in files if file not in bad]
    if not sound:
        raise UsageError(f"None of the {len(files):,} files of {place} can be read; see unbraid inspect {place}.")
    if not bad:
        return sound, ()
    names = [file.relative_to(place).as_posix() for file in files if file in bad]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return sound, (f"Left out, since they cannot be read: {', '.join(names[:_NAMED])}{more}.",)


def _classes(names: Sequence[str]) -> Known:
    parts = [name.split("/") for name in names]
    first = [part[0] for part in parts]
    if any(len(part) < 2 for part in parts) or len(set(first)) < 2:
        return Known()
    return known_of([], column_of("label", np.array(first), "The subfolder"))


def _decoded(
    files: Sequence[Path], place: Path, size: int | None, fit: Fit, channels: Literal[1, 3] | None
) -> UInt8[np.ndarray, "n c h w"]:
    headers = [read_header(file) for file in files]
    if size is None:
        _check_sizes(headers, place)
    channels = channels or (1 if all(header.gray for header in headers) else 3)
    first = read_pixels(files[0], channels, size, fit)
    pixels: UInt8[np.ndarray, "n c h w"] = room((len(files), *first.shape), first.dtype)
    with reporting(f"reading {len(files):,} images of {place.name or place}") as report:
        for i, file in enumerate(files):
            image = read_pixels(file, channels, size, fit)
            if image.shape != first.shape:  # one of them is turned by its EXIF data, or was changed meanwhile
                raise UsageError(
                    f"{file} is {image.shape[2]} x {image.shape[1]} pixels, {files[0]} {first.shape[2]} x {first.shape[1]}; "
                    "give --size N."
                )
            pixels[i] = image
            report(i + 1, len(files))
    return pixels


def _check_sizes(headers: Sequence[Header], place: Path) -> None:
    # turned images change sides, which only decoding tells
    sizes = Counter((max(header.width, header.height), min(header.width, header.height)) for header in headers)
    if len(sizes) > 1:
        shown = ", ".join(f"{n:,} of {a} x {b}" for (a, b), n in sizes.most_common(4))
        more = f" and {len(sizes) - 4} sizes more" if len(sizes) > 4 else ""
        raise UsageError(f"The images of {place} differ in size: {shown}{more}. Give --size N to bring them to N x N pixels.")
    (long, short) = next(iter(sizes))
    if long > LARGEST_SIDE:
        raise UsageError(f"The images of {place} are {long} x {short} pixels; give --size N, at most {LARGEST_SIDE}.")
