"""What own data sets share: where they are, and how images and what is known of them come together."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from unbraid.data.dataset import Dataset, hold_out
from unbraid.data.files.columns import Known
from unbraid.data.grids.flips import mirrored
from unbraid.data.pixel_values import RangedImages
from unbraid.data.storage import ByteImages
from unbraid.errors import UsageError
from unbraid.options import Option

RedistributableOption = Annotated[bool, Option("whether reports may embed the images")]
TableOption = Annotated[
    str, Option("a .csv, .tsv, .txt or .parquet file with a row per image; replaces what is known of them otherwise")
]
FactorsOption = Annotated[
    str, Option("columns of the table that are factors, commas between; default: all but the label and names of images")
]
LabelOption = Annotated[str, Option("column of the table that is the class; default: `label` where there is one")]
ContinuousColumnsOption = Annotated[
    str | None, Option("factors that are continuous, commas between: their numbers stay as they are, and do not become classes")
]
TABLE_OPTIONS = ("table", "factors", "label", "continuous")


def named_path(path: str, kind: str) -> Path:
    """The path of a file or folder; raises `UsageError` where none was given."""
    if not path:
        raise UsageError(f"Data set {kind!r} needs a path: unbraid train MODEL {kind}:PATH.")
    return Path(path).expanduser()


def put_together(
    name: str,
    images: ByteImages | RangedImages,
    known: Known,
    *,
    test_share: float,
    horizontal_flip: bool = False,
    redistributable: bool = True,
) -> Dataset:
    """A data set that holds out a fixed pseudo-random share of its images.

    Raises `UsageError` where parts do not fit.
    """
    made = Dataset(
        name,
        images,
        hold_out(len(images), test_share),
        known.space,
        known.factors,
        known.labels,
        known.label_names,
        redistributable=redistributable,
        value_range=images.value_range,
        notes=known.notes,
    )
    return mirrored(made) if horizontal_flip else made


def stamp(files: Iterable[Path]) -> tuple[object, ...]:
    """Names, sizes and times of files, which change when the files do.

    Files that cannot be read are left out: loading them will raise the error.
    """
    found: list[object] = []
    for file in files:
        with suppress(OSError):
            status = file.stat()
            found.append((str(file), status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(found)
