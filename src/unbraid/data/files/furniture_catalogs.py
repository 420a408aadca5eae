"""Catalogs of furniture for Sweet Home 3D: zip archives (.sh3f) of models with a table of properties."""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from unbraid.data.drawing.meshes import Mesh
from unbraid.data.files import obj_models
from unbraid.data.files.obj_models import Color, read_mtl, read_obj, turned
from unbraid.data.published.archives import Members, members
from unbraid.errors import CorruptFile, DataUnavailable, UsageError

USUAL = Path("/usr/share/sweethome3d/furniture")
"""Where Debian's package `sweethome3d-furniture` puts catalogs."""
ENDING = ".sh3f"
TABLE = "PluginFurnitureCatalog.properties"
_ANY = ".+"
FREE = ("public domain", "creative commons zero", "creative commons attribution")
"""How licenses begin that allow pictures to be published."""
MOST_PIXELS = 64 << 20
"""Of a texture."""
_MOST_TURN = 100.0
"""Of the numbers of a rotation, which are at most 1 but for those of tools that also scale."""


@dataclass(frozen=True)
class Catalog:
    """What a catalog says of itself.

    Args:
        path: of the archive.
        name: of the catalog.
        license: of its models, in its words.
        changed: when its file was last changed, in nanoseconds.
    """

    path: Path
    name: str
    license: str
    changed: int = 0

    @property
    def redistributable(self) -> bool:
        """Whether its license is known to allow that pictures of the models are published."""
        words = self.license.lower()
        return words.startswith(FREE) and not re.search(r"non[ -]?commercial|no[ -]?deriv", words)


@dataclass(frozen=True)
class Piece:
    """A piece of furniture in a catalog.

    Args:
        catalog: that it is in.
        name, creator: as the catalog has them.
        model: the member that holds its mesh.
        rotation: nine numbers, row by row: the matrix that stands the model upright, its front towards +z.
    """

    catalog: Catalog
    name: str
    creator: str
    model: str
    rotation: tuple[float, ...]


def catalogs(path: Path) -> list[Path]:
    """The catalogs of a folder, or the one that a path names.

    Raises `DataUnavailable` where there is none, and `UsageError` for a file of another name.
    """
    if path.is_file():
        if path.suffix.lower() not in (ENDING, ".zip"):
            raise UsageError(f"{path} is called like no catalog of furniture; give a file *{ENDING}, or a folder of them.")
        return [path]
    found = sorted(file for file in path.glob(f"*{ENDING}") if file.is_file()) if path.is_dir() else []
    if not found:
        raise DataUnavailable(
            f"There are no catalogs of furniture (*{ENDING}) in {path}. Debian and Ubuntu have them in the package "
            "sweethome3d-furniture; others are at https://www.sweethome3d.com/importModels.jsp. Name the folder that holds "
            "them: furniture:FOLDER."
        )
    return found


def pieces_of(path: Path) -> list[Piece]:
    """The pieces of a catalog whose models are OBJ files in it, in its order.

    Raises `CorruptFile` where it is no such archive, and for rotations that are none.
    """
    with members(path, _ANY) as held:
        if TABLE not in held.sizes:
            raise CorruptFile(f"{path} holds no {TABLE}; give a catalog of furniture for Sweet Home 3D.")
        table = dict(_properties(held.read(TABLE)))
        catalog = Catalog(path, table.get("name", path.stem), table.get("license", "").strip(), path.stat().st_mtime_ns)
        found = []
        for key, model in table.items():
            number = key.removeprefix("model#")
            member = model.strip().lstrip("/")
            if not key.startswith("model#") or not member.lower().endswith(".obj") or member not in held.sizes:
                continue
            rotation = _rotation(table.get(f"modelRotation#{number}", ""), f"{path}, modelRotation#{number}")
            name, creator = (table.get(f"{word}#{number}", "").strip() for word in ("name", "creator"))
            found.append(Piece(catalog, name, creator, member, rotation))
    return found


def _rotation(text: str, where: str) -> tuple[float, ...]:
    if not text.strip():
        return tuple(np.eye(3).ravel().tolist())
    try:
        numbers = tuple(float(word) for word in text.split())
    except ValueError:
        numbers = ()
    bounded = len(numbers) == 9 and bool((np.abs(numbers) <= _MOST_TURN).all())  # which NaN is not
    if not bounded or abs(np.linalg.det(np.reshape(numbers, (3, 3)))) < 1e-6:
        raise CorruptFile(f"{where} is {text.strip()[:60]!r}; allowed: nine numbers of a rotation.")
    return numbers


def _properties(content: bytes) -> Iterator[tuple[str, str]]:
    r"""Keys and values of a Java properties file: Latin-1, escapes \uXXXX, lines that continue."""
    text = re.sub(r"\\\r?\n[ \t]*", "", content.decode("latin-1"))
    for line in text.splitlines():
        if line.lstrip().startswith(("#", "!")):
            continue
        key, equals, value = line.partition("=")
        if equals:
            yield key.strip(), re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), value)


def digest_of(found: Sequence[Piece]) -> str:
    """A digest of all that pictures of these pieces depend on: catalogs, which models, code that reads."""
    digest = hashlib.sha256(repr([(piece.model, piece.rotation) for piece in found]).encode())
    for path in (*dict.fromkeys(piece.catalog.path for piece in found), Path(__file__), Path(obj_models.__file__)):
        with path.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


@lru_cache(maxsize=2)
def mesh_of(piece: Piece) -> Mesh:
    """The mesh of a piece, upright and in the unit ball.

    Materials have their diffuse color, times the mean color of their texture. Raises `CorruptFile` for a model that is damaged.
    """
    path, where = piece.catalog.path, f"{piece.catalog.path}: {piece.model}"
    with members(path, _ANY) as held:
        content = held.read(piece.model)
        colors: dict[str, Color] = {}
        tints: dict[str, Color] = {"": (1.0, 1.0, 1.0)}
        for name in re.findall(rb"^mtllib[ \t]+(.+?)[ \t]*\r?$", content, re.MULTILINE):
            member = _beside(piece.model, name.decode("utf-8", "replace"))
            if member in held.sizes:
                for material, (color, texture) in read_mtl(held.read(member), f"{path}: {member}").items():
                    if texture not in tints:
                        tints[texture] = _mean(held, _beside(member, texture))
                    tint = tints[texture]
                    colors[material] = (color[0] * tint[0], color[1] * tint[1], color[2] * tint[2])
    mesh = turned(read_obj(content, colors, where), np.reshape(piece.rotation, (3, 3)))
    try:
        return mesh.in_unit_ball()
    except UsageError as error:
        raise CorruptFile(f"{where}: {error}") from None


def _beside(member: str, name: str) -> str:
    """The member that another one names relative to its folder; models made on Windows have backslashes."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(member), name.replace("\\", "/")))


def _mean(held: Members, member: str) -> Color:
    """The mean color of a picture; white, which changes no material, where it cannot be read."""
    from PIL import Image, ImageStat

    if member not in held.sizes:
        return 1.0, 1.0, 1.0
    try:
        with Image.open(io.BytesIO(held.read(member))) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return 1.0, 1.0, 1.0
            red, green, blue = ImageStat.Stat(picture if picture.mode == "RGB" else picture.convert("RGB")).mean
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 1.0, 1.0, 1.0
    return red / 255, green / 255, blue / 255
