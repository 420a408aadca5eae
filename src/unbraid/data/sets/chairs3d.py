"""3D Chairs: renderings of chairs from all sides, from the published archive."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Int64

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.image_file import Conversion
from unbraid.data.published.archives import members
from unbraid.data.published.look import Look, blocks_of
from unbraid.data.published.source import EmbedOption, PathOption, Published, Remote, SizeOption
from unbraid.data.published.store import stored
from unbraid.errors import CorruptFile
from unbraid.options import Option

_FILE = Remote(
    "rendered_chairs.tar",
    ("https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar",),
    unpacked=("rendered_chairs",),
)
CHAIRS3D = Published(
    "chairs3d",
    "3D Chairs",
    home="https://www.di.ens.fr/willow/research/seeing3Dchairs",
    license="none found",
    terms="cite Aubry et al. (2014)",
    files=(_FILE,),
    by_hand="open https://www.di.ens.fr/willow/research/seeing3Dchairs in a browser; get rendered_chairs.tar and put it into a "
    "folder",
    images=86_366,
    image_bytes=64 * 64,
)
_MEMBERS = r"(?:rendered_chairs/)?([^/]+/renders/image_\d+_p\d+_t\d+_r\d+\.png)"
_NAME = re.compile(r"(?P<model>[^/]+)/renders/image_\d+_p(?P<elevation>\d+)_t(?P<azimuth>\d+)_r\d+\.png")
Crop = Literal["squash", "center400"]
_SQUARES: Mapping[Crop, int | None] = {"squash": None, "center400": 400}


@CHAIRS3D.registered(
    source="Aubry, Maturana, Efros, Russell and Sivic (2014), Seeing 3D Chairs",
)
@factor_grid
def chairs3d(
    path: PathOption = "",
    size: SizeOption = 64,
    crop: Annotated[
        Crop,
        Option(
            "part of the 600 x 600 pixels: squash takes all of it, as disentangling-vae (Dubois et al. 2019) does in effect; "
            "center400 the middle 400 x 400, as it means to"
        ),
    ] = "squash",
    gray: Annotated[bool, Option("gray images instead of color")] = True,
    redistributable: EmbedOption = False,
) -> Grid:
    """86,366 renderings of 1,393 chairs from 31 azimuths and 2 elevations, gray unless told otherwise.

    Azimuth and elevation are read from the names of the files. Images are reduced by Lanczos windows, as disentangling-vae
    does, which also saves them as JPEG once more; that is left out.
    """
    look = Look(size, gray, _SQUARES[crop], sharp=True)
    store = stored(CHAIRS3D, path, look, lambda: _converting(CHAIRS3D.get(_FILE.name, path), look))
    names = [str(name) for name in store.columns["names"]]
    space, rows = _arranged(names)
    return Grid(store.images(rows), space, redistributable, CHAIRS3D.notes(len(rows)))


def _arranged(names: Sequence[str]) -> tuple[FactorSpace, Int64[np.ndarray, "n"]]:
    """Factors of files by their names, and the row of each image of their grid."""
    found = [match for name in names if (match := _NAME.fullmatch(name))]
    models, model = np.unique([match["model"] for match in found], return_inverse=True)
    elevations, elevation = np.unique([float(match["elevation"]) for match in found], return_inverse=True)
    azimuths, azimuth = np.unique([float(match["azimuth"]) for match in found], return_inverse=True)
    space = FactorSpace(
        (
            Factor("model", tuple(map(float, range(len(models)))), "categorical", labels=tuple(map(str, models))),
            Factor("elevation", tuple(elevations.tolist()), unit="degree"),
            Factor("azimuth", tuple(azimuths.tolist()), "circular", "degree"),
        )
    )
    return space, np.argsort(space.index(np.column_stack([model, elevation, azimuth])), kind="stable")


@contextmanager
def _converting(file: Path, look: Look) -> Iterator[Conversion]:
    with members(file, _MEMBERS) as images:
        names = list(images)
        space, _ = _arranged(names)
        if len(space) != len(names):
            shown = " x ".join(map(str, space.sizes))
            raise CorruptFile(
                f"{file} holds {len(names):,} images of {shown} {', '.join(space.names)}; expected one of each, "
                f"{len(space):,}. Get it again. {CHAIRS3D.steps}"
            )

        def blocks(start: int) -> Iterator[np.ndarray]:
            return blocks_of(images, names[start:], look, "Get the archive again.")

        yield Conversion(len(names), look.shape, blocks, lambda: {"names": np.array(names)})
