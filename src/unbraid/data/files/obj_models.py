"""Meshes in the OBJ format of Wavefront, with colors of their materials (MTL)."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from unbraid.data.drawing.meshes import Mesh
from unbraid.errors import CorruptFile

Color = tuple[float, float, float]
PLAIN: Color = (0.8, 0.8, 0.8)
"""The color of faces without a material."""
MOST = 3_000_000
"""Points or triangles of a model at most."""
LONGEST = 1 << 20
"""Characters of a line at most."""
FARTHEST = 1e30
"""Distance of a point from the origin along an axis at most: its square is still a number."""


def read_obj(content: bytes, colors: Mapping[str, Color], where: str) -> Mesh:
    """The triangles of an OBJ file; polygons are cut into fans around their first point.

    Args:
        content: of the file; only points (v), faces (f) and names of materials (usemtl) count.
        colors: of materials by name.
        where: what to call the file in errors.

    Faces of fewer than three points draw nothing. Raises `CorruptFile` for numbers that are none or beyond `FARTHEST`, faces of
    points that do not exist, a file without faces, and one with too much in it.
    """
    points: list[tuple[float, float, float]] = []
    corners: list[tuple[int, int, int]] = []
    tints: list[Color] = []
    tint = PLAIN
    for number, words in _lines(content, where):
        try:
            match words[0]:
                case "v":
                    points.append(_numbers(words))
                case "usemtl":
                    tint = colors.get(" ".join(words[1:]), PLAIN)
                case "f":
                    places = [_place(word, len(points)) for word in words[1:]]
                    fan = [(places[0], i, j) for i, j in pairwise(places[1:])]  # none for the lines that some files have
                    corners += fan
                    tints += [tint] * len(fan)
        except ValueError as error:
            raise CorruptFile(f"{where}, line {number}: {' '.join(words)[:60]!r} cannot be read ({error}).") from None
        if max(len(points), len(corners)) > MOST:
            raise CorruptFile(f"{where} has more than {MOST:,} points or triangles.")
    if not corners:
        raise CorruptFile(f"{where} has no faces.")
    return Mesh(np.array(points)[np.array(corners)], np.array(tints))


def read_mtl(content: bytes, where: str) -> dict[str, tuple[Color, str]]:
    """The diffuse color of each material of an MTL file, and the name of its texture.

    The name is empty where there is none, and options before it are left out. Raises `CorruptFile` for colors that are none.
    """
    found: dict[str, tuple[Color, str]] = {}
    name = ""
    for number, words in _lines(content, where):
        color, texture = found.get(name, (PLAIN, ""))
        match words[0].lower():
            case "newmtl":
                name = " ".join(words[1:])
                found[name] = (PLAIN, "")
            case "kd" if words[1:2] != ["spectral"]:
                try:
                    red, green, blue = (min(max(value, 0.0), 1.0) for value in _numbers(words))
                except ValueError as error:
                    raise CorruptFile(f"{where}, line {number}: {' '.join(words)[:60]!r} is no color ({error}).") from None
                found[name] = ((red, green, blue), texture)
            case "map_kd" if len(words) > 1:
                found[name] = (color, words[-1] if words[1].startswith("-") else " ".join(words[1:]))
    return found


def _lines(content: bytes, where: str) -> Iterator[tuple[int, list[str]]]:
    """Numbers and words of lines that say something; one that ends with a backslash continues in the next."""
    words: list[str] = []
    for number, line in enumerate(io.TextIOWrapper(io.BytesIO(content), "utf-8", "replace"), 1):
        if len(line) > LONGEST or len(words) > LONGEST:
            raise CorruptFile(f"{where}, line {number} has more than {LONGEST:,} characters.")
        said = line.partition("#")[0].rstrip("\n")
        words += said.removesuffix("\\").split()
        if words and not said.endswith("\\"):
            yield number, words
            words = []
    if words:
        yield number, words


def _numbers(words: list[str]) -> tuple[float, float, float]:
    if len(words) < 4:
        raise ValueError(f"{len(words) - 1} numbers of 3")
    x, y, z = (float(word) for word in words[1:4])
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        raise ValueError("no finite number")
    if max(abs(x), abs(y), abs(z)) > FARTHEST:
        raise ValueError(f"a number beyond {FARTHEST:g}")
    return x, y, z


def _place(word: str, count: int) -> int:
    """The place of a point that a face names as 3, 3/1, 3//2 or 3/1/2: from 1, or -1 for the last."""
    given = int(word.partition("/")[0])
    place = given - 1 if given > 0 else count + given
    if given == 0 or not 0 <= place < count:
        raise ValueError(f"point {given} of {count}")
    return place


def turned(mesh: Mesh, rotation: Float[np.ndarray, "3 3"]) -> Mesh:
    """The same mesh with each point multiplied by a matrix."""
    return Mesh(mesh.corners @ rotation.T, mesh.colors)
