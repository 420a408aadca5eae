"""Sprites: characters of the Liberated Pixel Cup, put together from their sheets while they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Integer, UInt8, UInt32

from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.files.image_files import opened_image
from unbraid.data.grids.options import Grid, factor_grid
from unbraid.data.published.archives import members
from unbraid.data.published.look import Look
from unbraid.data.published.source import EmbedOption, GrayOption, PathOption, Published, Remote, SizeOption
from unbraid.data.storage import FromBytes, Shape
from unbraid.errors import CorruptFile
from unbraid.options import Option

_COMMIT = "3ce4048c5227802bd8f1888e293fd3afdba91c0c"
_HOME = "https://github.com/YingzhenLi/Sprites"
_FILE = Remote(
    f"Sprites-{_COMMIT}.zip", (f"{_HOME}/archive/{_COMMIT}.zip",), unpacked=(f"Sprites-{_COMMIT}", "Sprites", "body")
)
SPRITES = Published(
    "sprites",
    "Sprites",
    home=_HOME,
    license="CC BY-SA 3.0 or GPL 3.0, as the Liberated Pixel Cup",
    terms="give credit to the Liberated Pixel Cup and the Universal LPC spritesheet, and share alike",
    files=(_FILE,),
    by_hand=f"clone {_HOME}; name its folder",
    images=51_450,
    image_bytes=0,
)
LAYERS = ("body", "shoes", "bottomwear", "topwear", "eyes", "hair")
"""Each is drawn over those before it."""
FACTORS = ("bottomwear", "topwear", "hair", "eyes", "shoes", "body")
ACTIONS = ("spellcard", "thrust", "walk", "slash", "shoot")
ROTATIONS = ("back", "left", "front", "right")
FRAMES = 6
SIDE = 64
SHEET = (832, 1344)
"""Width and height of a sheet: 13 x 21 tiles."""
OPAQUE = 128
"""A pixel with a larger alpha hides what is below it."""
_MEMBERS = rf"(?:[^/]+/)?((?:{'|'.join(LAYERS)})/\d+\.png)"
_POSE = (ACTIONS.index("walk"), ROTATIONS.index("front"), 0)


@dataclass(frozen=True, eq=False)
class Layer:
    """The tiles of one kind of clothing.

    Args:
        tiles: by sheet and pose, red in the lowest byte, 0 where nothing is drawn; only the part where any tile has anything.
        rows, columns: which part of an image that is.
    """

    tiles: UInt32[np.ndarray, "sheet pose h w"]
    rows: slice
    columns: slice


class SheetImages(FromBytes):
    """Characters of a grid of factors, drawn when they are asked for.

    Args:
        layers: by name, the lowest first.
        space: the factors.
        look: what is made of each image.
        digest: of the sheets.
    """

    def __init__(self, layers: Mapping[str, Layer], space: FactorSpace, look: Look, digest: str) -> None:
        self._layers, self._space, self._look = layers, space, look
        self.shape: Shape = look.shape
        self.digest = hashlib.sha256(f"{digest} {look.key} {space.sizes}".encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._space)

    def bytes(self, index: Integer[np.ndarray, "n"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images at the given positions, 0 to 255."""
        codes = self._space.at(np.arange(len(self))[index] if np.any(np.asarray(index) < 0) else index)
        action, rotation, frame = codes[:, len(FACTORS) :].T if len(self._space.factors) > len(FACTORS) else _POSE
        pose = np.broadcast_to((action * len(ROTATIONS) + rotation) * FRAMES + frame, len(codes))
        drawn = np.zeros((len(codes), SIDE, SIDE), np.uint32)
        for name, layer in self._layers.items():
            tiles = layer.tiles[codes[:, FACTORS.index(name)], pose]
            np.copyto(drawn[:, layer.rows, layer.columns], tiles, where=tiles != 0)
        return self._look.of_arrays(drawn.astype("<u4", copy=False).view(np.uint8).reshape(-1, SIDE, SIDE, 4)[..., :3])


@SPRITES.registered(
    source="Li and Mandt (2018), Disentangled Sequential Autoencoder; sheets of the Liberated Pixel Cup",
)
@factor_grid
def sprites(
    path: PathOption = "",
    poses: Annotated[
        Literal["one", "all"],
        Option("one: each character walks to the front, first frame; all: with action, rotation and frame"),
    ] = "one",
    size: SizeOption = 64,
    gray: GrayOption = False,
    redistributable: EmbedOption = True,
) -> Grid:
    """51,450 pixel-art characters in six factors; 6,174,000 images in nine with --poses all.

    Factors and their order are those of disent's SpritesAllData: bottomwear, topwear, hair, eyes, shoes and body, and with all
    poses action, rotation and frame. Seen from the back, eyes are hidden; bottomwear 5 and topwear 5 have nothing for the
    actions thrust and shoot, so that not all images differ. --only leaves such values out.
    """
    found = SPRITES.get(_FILE.name, path)
    layers, digest = _read_layers(found.parent if found.name == "body" else found)
    space = sprites_space([len(layers[name].tiles) for name in FACTORS], poses == "all")
    return Grid(SheetImages(layers, space, Look(size, gray), digest), space, redistributable)


def sprites_space(sheets: Sequence[int], poses: bool) -> FactorSpace:
    """The factors: the sheets of each kind, and where wanted action, rotation and frame."""
    clothes = [
        Factor(name, tuple(map(float, range(n))), "categorical", labels=tuple(f"{name} {i}" for i in range(n)))
        for name, n in zip(FACTORS, sheets, strict=True)
    ]
    more = [
        Factor(name, tuple(map(float, range(len(labels)))), "categorical", labels=labels)
        for name, labels in (("action", ACTIONS), ("rotation", ROTATIONS))
    ]
    return FactorSpace((*clothes, *more, Factor("frame", tuple(map(float, range(FRAMES))))) if poses else tuple(clothes))


def _read_layers(place: Path) -> tuple[dict[str, Layer], str]:
    digest = hashlib.sha256()
    read: dict[str, list[np.ndarray]] = {name: [] for name in LAYERS}
    with members(place, _MEMBERS) as sheets:
        for key in sorted(sheets, key=lambda key: (key.partition("/")[0], int(Path(key).stem))):
            content = sheets.read(key)
            digest.update(key.encode() + content)
            read[key.partition("/")[0]].append(_tiles(content, f"{key} in {place}"))
    missing = [name for name in LAYERS if not read[name]]
    if missing:
        raise CorruptFile(f"{place} holds no sheets of {', '.join(missing)}. {SPRITES.steps}")
    return {name: _layer(np.stack(read[name])) for name in LAYERS}, digest.hexdigest()


def _tiles(content: bytes, where: str) -> UInt32[np.ndarray, "pose 64 64"]:
    """The tiles of a sheet: a row for each action and rotation, a column for each frame."""
    with opened_image(BytesIO(content), where, "Get it again.") as image:
        if image.size != SHEET:
            raise CorruptFile(
                f"{where} is {image.width} x {image.height} pixels, expected {SHEET[0]} x {SHEET[1]}. {SPRITES.steps}"
            )
        pixels = np.asarray(image.convert("RGBA"))
    rows = len(ACTIONS) * len(ROTATIONS)
    used = pixels[: rows * SIDE, : FRAMES * SIDE].astype(np.uint32)
    red, green, blue, alpha = np.moveaxis(used, 2, 0)
    packed = np.where(alpha > OPAQUE, red | green << 8 | blue << 16 | np.uint32(255) << 24, np.uint32(0)).astype(np.uint32)
    return packed.reshape(rows, SIDE, FRAMES, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)


def _layer(tiles: UInt32[np.ndarray, "sheet pose 64 64"]) -> Layer:
    drawn = np.any(tiles != 0, axis=(0, 1))
    down, right = np.flatnonzero(np.any(drawn, axis=1)), np.flatnonzero(np.any(drawn, axis=0))
    if not len(down):
        return Layer(tiles[:, :, :0, :0], slice(0, 0), slice(0, 0))
    rows, columns = slice(int(down[0]), int(down[-1]) + 1), slice(int(right[0]), int(right[-1]) + 1)
    return Layer(np.ascontiguousarray(tiles[:, :, rows, columns]), rows, columns)
