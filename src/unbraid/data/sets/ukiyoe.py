"""ARC Ukiyo-e faces: faces of woodblock prints, from a folder that its authors' tools made."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from unbraid.data.dataset import Dataset, TestShare, hold_out
from unbraid.data.grids.flips import mirrored
from unbraid.data.idx_dataset import FlipOption
from unbraid.data.image_file import Conversion
from unbraid.data.published.archives import members
from unbraid.data.published.look import Look, blocks_of
from unbraid.data.published.source import EmbedOption, GrayOption, PathOption, Published, Remote, SizeOption
from unbraid.data.published.store import stored
from unbraid.errors import CorruptFile
from unbraid.files import os_errors
from unbraid.options import Option

_IMAGES, _METADATA = "arc_extracted_face_images", "arc_extracted_face_metadata.csv"
_HOME = "https://github.com/rois-codh/arc-ukiyoe-faces"
UKIYOE = Published(
    "ukiyoe",
    "ARC Ukiyo-e Faces",
    home=_HOME,
    license="CC BY 4.0 in its words; the link behind them goes to CC BY-SA 4.0",
    terms="its authors ask that no data set with the images be passed on",
    files=(Remote(_IMAGES), Remote(_METADATA)),
    by_hand=f"clone {_HOME}; run its arc_download.py and then its face_extract.py with --new_size 256, as its README says; "
    f"name the folder that then holds {_IMAGES} and {_METADATA}",
    images=20_000,
)
Label = Literal["painter", "region", "year", "theater", "format", "direction", "publisher", "none"]
COLUMNS: Mapping[Label, str] = {
    "painter": "絵師",
    "region": "地域",
    "year": "西暦",
    "theater": "劇場",
    "format": "判種",
    "direction": "続方向",
    "publisher": "版元1",
}
"""Columns of the metadata, by what its README calls them."""
_FILE, _PRINT = "filename", "ACNo."
UNKNOWN = "unknown"
_MISSING = ("", "－", "-", "nan")
_MOST_ROWS = 1_000_000


@UKIYOE.registered(
    source="Tian, Clanuwat, Suzuki and Kitamoto (2021), Ukiyo-e Analysis and Creativity with Attribute and Geometry Annotation",
    written="ukiyoe:FOLDER",
)
def ukiyoe(
    path: PathOption = "",
    size: SizeOption = 64,
    gray: GrayOption = False,
    label: Annotated[Label, Option("which column of the metadata is the class of an image")] = "painter",
    horizontal_flip: FlipOption = False,
    test_share: TestShare = 0.1,
    redistributable: EmbedOption = False,
) -> Dataset:
    """More than 20,000 faces of Japanese woodblock prints, with painter, year, region; no factors.

    All faces of a print are for training or all for testing. Images without a row of the metadata are left out, and a column
    without a value counts as the class `unknown`.
    """
    look = Look(size, gray)
    store = stored(UKIYOE, path, look, lambda: _converting(path, look))
    labels: np.ndarray | None = None
    names: tuple[str, ...] = ()
    if label != "none":
        found, labels = np.unique(store.columns[label], return_inverse=True)
        names = tuple(map(str, found))
    _, prints = np.unique(store.columns["print"], return_inverse=True)
    chosen = hold_out(int(prints.max()) + 1, test_share)
    made = Dataset(
        "ukiyoe",
        store.images(),
        np.flatnonzero(np.isin(prints, chosen)),
        labels=None if labels is None else labels.astype(np.int64),
        label_names=names,
        redistributable=redistributable,
    )
    return mirrored(made) if horizontal_flip else made


@contextmanager
def _converting(path: str, look: Look) -> Iterator[Conversion]:
    known = _read_metadata(UKIYOE.get(_METADATA, path))
    with members(UKIYOE.get(_IMAGES, path), r"[^/]+\.(?:jpg|jpeg|png)") as images:
        files = [file for file in images if file in known]
        if not files:
            raise CorruptFile(f"{_METADATA} has no row for any of the {len(images):,} images in {images.where}. {UKIYOE.steps}")

        def blocks(start: int) -> Iterator[np.ndarray]:
            return blocks_of(images, files[start:], look, "Extract the faces again.")

        def columns() -> dict[str, np.ndarray]:
            told: dict[str, np.ndarray] = {
                name: np.array([known[file][column] for file in files]) for name, column in COLUMNS.items()
            }
            return told | {"print": np.array([known[file][_PRINT] for file in files])}

        yield Conversion(len(files), look.shape, blocks, columns)


def _read_metadata(path: Path) -> dict[str, dict[str, str]]:
    """The columns of each image that are used, by its file name."""
    wanted = (_FILE, _PRINT, *COLUMNS.values())
    found: dict[str, dict[str, str]] = {}
    try:
        with os_errors(f"read {path}", "Check that it may be read."), path.open(encoding="utf-8-sig", newline="") as handle:
            table = csv.DictReader(handle)
            missing = [column for column in wanted if column not in (table.fieldnames or ())]
            if missing:
                raise CorruptFile(f"{path} lacks the columns {', '.join(missing)}. {UKIYOE.steps}")
            for i, row in enumerate(table):
                if i == _MOST_ROWS or None in row.values():
                    raise CorruptFile(f"{path}: row {i + 1:,} is cut, or too far down. {UKIYOE.steps}")
                found[row[_FILE]] = {column: _plain(row[column], column) for column in wanted}
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorruptFile(f"{path} is no .csv file that can be read ({error}). {UKIYOE.steps}") from None
    return found


def _plain(value: str, column: str) -> str:
    value = value.strip()
    if column in (_FILE, _PRINT):
        return value
    if value.casefold() in _MISSING:
        return UNKNOWN
    return value.removesuffix(".0") if column == COLUMNS["year"] else value
