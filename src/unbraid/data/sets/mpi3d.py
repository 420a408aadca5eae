"""MPI3D: a robot arm that holds an object, photographed or simulated, from the published files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.files.npz_members import open_npz
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.image_file import Conversion
from unbraid.data.published.look import Look
from unbraid.data.published.source import EmbedOption, GrayOption, PathOption, Published, Remote, SizeOption
from unbraid.data.published.store import stored
from unbraid.errors import CorruptFile

LAYOUTS = {1_036_800: (6, 6, 2, 3, 3, 40, 40), 460_800: (4, 4, 2, 3, 3, 40, 40)}
"""Numbers of values of the factors by the number of images: as it is published now, and as it was in earlier files."""
_COLORS = {6: ("white", "green", "red", "blue", "brown", "olive"), 4: ("green", "red", "blue", "brown")}
_SHAPES = {
    6: ("cone", "cube", "cylinder", "hexagonal prism", "pyramid", "sphere"),
    4: ("cone", "cube", "hexagonal prism", "sphere"),
}
_SIDE = 64
_PAGE = "https://huggingface.co/datasets/waleedgondal/mpi3d"


def _register(name: str, variant: str, about: str) -> Published:
    file = f"mpi3d_{variant}.npz"
    published = Published(
        name,
        f"MPI3D ({variant})",
        home="https://github.com/rr-learning/disentanglement_dataset",
        license="CC BY 4.0",
        terms="cite Gondal et al. (2019)",
        files=(Remote(file, (f"{_PAGE}/resolve/main/{file}",)),),
        by_hand=f"open {_PAGE} in a browser; get {file}; put it into a folder",
        images=1_036_800,
    )

    def make(
        path: PathOption = "", size: SizeOption = 64, gray: GrayOption = False, redistributable: EmbedOption = True
    ) -> Grid:
        look = Look(size, gray)
        store = stored(published, path, look, lambda: _converting(published, path, look))
        return Grid(store.images(), mpi3d_space(len(store.pixels)), redistributable)

    make.__name__ = name
    make.__doc__ = f"""{about}: color, shape and size of the object, camera, background, both joints of the arm.

    1,036,800 images of 6 x 6 x 2 x 3 x 3 x 40 x 40 combinations; earlier files of 460,800, with 4 colors and 4 shapes, are read
    too. Of files with other shapes (those called complex) the names of the shapes are not those that stand here.
    """
    published.registered(
        source="Gondal et al. (2019), On the Transfer of Inductive Bias from Simulation to the Real World; CC BY 4.0"
    )(factor_grid(make))
    return published


def mpi3d_space(images: int) -> FactorSpace:
    """The factors of a file with so many images, the last one fastest."""
    sizes = LAYOUTS[images]
    arm = tuple(float(i) for i in range(40))
    words = (
        ("object_color", _COLORS.get(sizes[0], ())),
        ("object_shape", _SHAPES.get(sizes[1], ())),
        ("object_size", ("small", "large")),
        ("camera_height", ("top", "center", "bottom")),
        ("background_color", ("purple", "sea green", "salmon")),
    )
    named = [
        Factor(
            name,
            tuple(map(float, range(size))),
            "ordinal" if name.endswith(("size", "height")) else "categorical",
            labels=labels,
        )
        for (name, labels), size in zip(words, sizes, strict=False)
    ]
    joints = [Factor(name, arm[:size]) for name, size in zip(("horizontal_axis", "vertical_axis"), sizes[5:], strict=True)]
    return FactorSpace((*named, *joints))


@contextmanager
def _converting(published: Published, path: str, look: Look) -> Iterator[Conversion]:
    file: Path = published.get(published.files[0].name, path)
    with open_npz(file) as members:
        images = members.get("images")
        if images is None or images.shape[1:] != (_SIDE, _SIDE, 3) or images.dtype != np.uint8 or images.fortran:
            held = ", ".join(f"{name} {member.dtype} {member.shape}" for name, member in members.items()) or "no array"
            raise CorruptFile(f"{file} has no images (n, {_SIDE}, {_SIDE}, 3) of bytes; it holds {held}. {published.steps}")
        n = images.shape[0]
        if n not in LAYOUTS:
            known = " or ".join(f"{count:,}" for count in LAYOUTS)
            raise CorruptFile(f"{file} holds {n:,} images, expected {known}. {published.steps}")
        yield Conversion(n, look.shape, lambda start: map(look.of_arrays, images.blocks(1_024, start)))


MPI3D = {
    "mpi3d": _register("mpi3d", "real", "Photographs of a robot arm"),
    "mpi3d_realistic": _register("mpi3d_realistic", "realistic", "Realistic renderings of a robot arm"),
    "mpi3d_toy": _register("mpi3d_toy", "toy", "Simple renderings of a robot arm"),
}
