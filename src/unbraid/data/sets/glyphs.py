"""Glyphs: a letter in a font, with weight, slant, position, scale and rotation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float, UInt8

from unbraid.data.drawing.drawn_once import drawn_once
from unbraid.data.drawing.letters import FINE, Letter, draw_letters
from unbraid.data.drawing.sprites import SpriteImages
from unbraid.data.drawing.stroke_letters import PENS, stroke_letter
from unbraid.data.factor_space import Factor, FactorSpace, as_label
from unbraid.data.files.font_files import (
    DIGITS,
    FontFile,
    families,
    font_family,
    font_file,
    font_letters,
    font_with_digest,
    has_letters,
)
from unbraid.data.grids.drawn import Drawing
from unbraid.data.grids.options import Grid, drawn_grid, whole
from unbraid.data.registry import datasets
from unbraid.errors import CorruptFile, DataUnavailable, UnknownName, UsageError
from unbraid.options import Option

CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OWN, SYSTEM = "own", "system"
ENDINGS = (".ttf", ".otf", ".ttc", ".otc", ".pfb")
"""Of the names of font files."""
MOST_FONTS = 12
"""Fonts of a data set at most; of those of a system the first by name."""
HEIGHT = 0.4
"""Height of a capital at scale 1, as a share of the image; no letter is cut off."""
LEAN, TURN = 15.0, 24.0
"""Largest slant and rotation to either side, in degrees; a letter that turns further can become another."""
RANGES = {
    "weight": (0.0, 1.0),
    "slant": (-LEAN, LEAN),
    "x": (0.0, 1.0),
    "y": (0.0, 1.0),
    "scale": (0.6, 1.0),
    "rotation": (-TURN, TURN),
}
PLACES = 4
"""Values of x and y on the grid, whole pixels apart, so that a letter is drawn once for all of them."""
LARGEST = 4 << 30
"""Bytes of all drawn letters together."""


@dataclass(frozen=True)
class Font:
    """A font of our own, or one of a file, in a data set.

    Args:
        name: what finds it again: one of `PENS`, a family, or the path of a file.
        label: its name as a value of the factor.
        file: where it is read from; None for one of our own.
    """

    name: str
    label: str
    file: FontFile | None = None

    @property
    def pinned(self) -> str:
        """Its name with the digest of its file."""
        return f"{self.name}@{self.file.digest}" if self.file else self.name

    def letters(self, characters: str) -> tuple[Letter, ...]:
        """Its letters. Raises `UsageError` for characters that it does not have."""
        if self.file is None:
            return tuple(stroke_letter(character, self.name) for character in characters)
        return font_letters(self.file, characters)


def fonts_of(text: str, characters: str) -> tuple[Font, ...]:
    """The fonts that a text names, with commas between.

    "own" are all fonts of ours (`PENS`), and each can be named. Others are families that this machine has, font files, or
    "system": families that have the characters and draw them differently, at most `MOST_FONTS`. A name may end with @ and the
    digest of its file.

    Raises `UnknownName`, `UsageError`, `DataUnavailable` and `CorruptFile` for fonts that are not there, that cannot be read,
    whose file is another than the digest says, or that come twice.
    """
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise UsageError(f'--fonts {text!r}: a name is missing; give names with commas between, as in "plain,DejaVu Sans".')
    fonts = tuple(font for name in names for font in _fonts(name, characters))
    labels = [font.label for font in fonts]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice or len(fonts) > MOST_FONTS:
        found = f"{len(fonts)} fonts" + (f", {', '.join(twice)} twice" if twice else "")
        raise UsageError(f"--fonts {text!r} are {found}; give 1 to {MOST_FONTS} different ones.")
    return fonts


def _fonts(name: str, characters: str) -> Iterator[Font]:
    if name == OWN:
        yield from (Font(pen, pen) for pen in PENS)
    elif name in PENS:
        yield Font(name, name)
    elif name == SYSTEM:
        yield from _fonts_of_system(characters)
    else:
        plain, at, digest = name.rpartition("@")
        if not (at and re.fullmatch(f"[0-9a-f]{{{DIGITS}}}", digest)):
            plain, digest = name, ""
        yield _with_digest(plain, digest) if digest else _named(plain)


def _named(name: str) -> Font:
    path = Path(name).expanduser()
    if _is_path(name):
        file = font_file(path.absolute())
        return Font(str(file.path), as_label(f"{file.family} {file.style}", "font"), file)
    file = font_family(name)
    return Font(file.family, as_label(file.family, "font"), file)


def _is_path(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in ENDINGS or len(path.parts) > 1


def _with_digest(name: str, digest: str) -> Font:
    """The font of a name, or whichever font of this machine has the digest."""
    try:
        font = _named(name)
    except (CorruptFile, DataUnavailable, UnknownName) as error:
        found, reason = None, str(error)
    else:
        found = font.file
        reason = f"It is not the one that was named: {found.path} has the digest {found.digest}." if found else ""
    if found and found.digest == digest:
        return font
    if (other := font_with_digest(digest)) is None:
        raise DataUnavailable(
            f"Font {name!r} with the digest {digest} is not on this machine. {reason} Install that font file among the fonts "
            "of the system, where it may have any name; for data that no run has used yet, leave the digest out."
        )
    return Font(name, as_label(f"{other.family} {other.style}" if _is_path(name) else other.family, "font"), other)


def _fonts_of_system(characters: str) -> list[Font]:
    found: dict[str, Font] = {}
    drawn: list[tuple[Letter, ...]] = []
    for family, path in families().items():
        if len(found) == MOST_FONTS or as_label(family, "font") in found or not has_letters(path, characters):
            continue
        font = Font(family, as_label(family, "font"), font_file(path))
        try:
            letters = font.letters(characters)
        except (CorruptFile, UsageError):  # outlines without height or with too many segments; other families serve
            continue
        if not any(_alike(letters, others) for others in drawn):
            found[font.label] = font
            drawn.append(letters)
    if not found:
        raise DataUnavailable(
            f"--fonts {SYSTEM}: this machine has no font files with the letters {characters!r}; install fonts, or leave "
            "--fonts out."
        )
    return list(found.values())


def _alike(letters: tuple[Letter, ...], others: tuple[Letter, ...]) -> bool:
    """Whether two fonts draw the same letters: then no picture tells one from the other."""
    pairs = zip(letters, others, strict=True)
    return all(bool(np.abs(one.distances - other.distances).max() < 0.01) for one, other in pairs)


def pinned(options: Mapping[str, object]) -> str:
    """The option `fonts` with the digests of files, as configurations hold it.

    Fonts of our own stay as they are. A file is named by its path, and "system" by the families that it stands for now.
    """
    characters = str(options.get("letters") or CAPITALS)
    fonts = str(options["fonts"])
    if all(part.strip() in (OWN, *PENS) for part in fonts.split(",")):
        return fonts
    return ",".join(font.pinned for font in fonts_of(fonts, characters))


def glyphs_space(characters: str = CAPITALS, fonts: tuple[str, ...] = tuple(PENS)) -> FactorSpace:
    """Factors of the glyphs; letter and font are factors where there are several."""

    def line(name: str, n: int, unit: str = "") -> Factor:
        return Factor(name, tuple(np.linspace(*RANGES[name], n)), unit=unit)

    def names(name: str, labels: tuple[str, ...]) -> Factor:
        return Factor(name, tuple(map(float, range(len(labels)))), "categorical", labels=labels)

    return FactorSpace(
        (
            *((names("letter", tuple(characters)),) if len(characters) > 1 else ()),
            *((names("font", fonts),) if len(fonts) > 1 else ()),
            line("weight", 3, "from light to bold"),
            line("slant", 3, "degrees"),
            line("x", PLACES, "share of the range"),
            line("y", PLACES, "share of the range"),
            line("scale", 3),
            line("rotation", 5, "degrees"),
        )
    )


def middles(places: Float[np.ndarray, "n"], size: int) -> Float[np.ndarray, "n"]:
    """Pixels from the edge to the middle of a letter, for values of x or y."""
    # whole pixels apart on the grid, and rounded, so that letters are equal wherever they are
    found: Float[np.ndarray, "n"] = np.round(256 * (size / 2 + (places - 0.5) * span(size))) / 256
    return found


def span(size: int) -> int:
    """Pixels between the ends of the range of x and y, about three sixteenths of the image."""
    return (PLACES - 1) * int(size / 16 + 0.25)  # whole steps; larger ones would cut letters off


def drawn_glyphs(size: int, letters: str, fonts: str) -> Drawing:
    """Letters with any weight, slant, position, scale and rotation."""
    chosen = fonts_of(fonts, _checked(letters))
    space = glyphs_space(letters, tuple(font.label for font in chosen))
    every = [letter for font in chosen for letter in font.letters(letters)]
    box, samples = size - span(size), -(-FINE // size)  # what is around the middle wherever it is

    def draw_some(rows: Float[np.ndarray, "n 7"]) -> UInt8[np.ndarray, "n 1 k k"]:
        return draw_letters(every, rows, box, samples)

    def draw(values: Float[np.ndarray, "n factor"]) -> SpriteImages:
        column = {name: values[:, k] for k, name in enumerate(space.names)}
        one = np.zeros(len(values))
        which = len(letters) * column.get("font", one) + column.get("letter", one)
        right, down = middles(column["x"], size), middles(column["y"], size)
        left, top = (np.rint(middle - box / 2) for middle in (right, down))
        scale = HEIGHT * size * column["scale"]
        rows = np.stack([which, column["weight"], column["slant"], scale, column["rotation"], right - left, down - top], axis=1)
        distinct, of = np.unique(rows, axis=0, return_inverse=True)
        _require_room(len(distinct) * box**2, len(distinct), size)
        pictures = drawn_once("glyphs", distinct, (1, box, box), draw_some, _digest(every), samples)
        return SpriteImages(pictures[:, 0], of.reshape(-1).astype(np.int32), top.astype(np.int32), left.astype(np.int32), size)

    return Drawing(space, RANGES, draw, notes=_notes(chosen))


def _checked(letters: str) -> str:
    twice = sorted({letter for letter in letters if letters.count(letter) > 1})
    if not letters or twice or not letters.isprintable() or any(letter.isspace() for letter in letters):
        raise UsageError(
            f"--letters {letters!r}: give one or more different characters without spaces, as in --letters ABC"
            + (f"; {' '.join(twice)} is there twice." if twice else ".")
        )
    if clash := sorted(set(letters) & set(",=;.")):
        raise UsageError(f"--letters {letters!r}: {' '.join(clash)} cannot be told from the words of --only and --holes.")
    return letters


def _digest(letters: list[Letter]) -> str:
    """A digest of all that pictures of the letters depend on."""
    found = hashlib.sha256()
    for letter in letters:
        found.update(repr((letter.light, letter.bold, letter.outline, letter.nib.tolist())).encode())
        found.update(np.ascontiguousarray(letter.segments).tobytes())
    return found.hexdigest()


def _require_room(needed: int, letters: int, size: int) -> None:
    if needed > LARGEST:
        raise UsageError(
            f"{letters:,} letters at --size {size} take {needed / 2**30:.1f} GiB; allowed: at most {LARGEST / 2**30:g}. Give a "
            "smaller size, fewer --letters or --fonts, or fewer --images."
        )


def _notes(fonts: tuple[Font, ...]) -> tuple[str, ...]:
    files = [
        f"{' '.join([font.file.family, font.file.style]).strip()} ({font.file.path.name}, SHA-256 {font.file.digest}...)"
        for font in fonts
        if font.file
    ]
    return (f"Letters are those of font files of this machine: {', '.join(files)}.",) if files else ()


@datasets.register(
    "glyphs", source="Our definition; letters drawn by unbraid, or of fonts that you have", resolved={"fonts": pinned}
)
@drawn_grid(drawn_glyphs)
def glyphs(
    size: Annotated[int, Option("image width and height in pixels", ge=16, le=256)] = 64,
    letters: Annotated[str, Option("the characters; our own fonts have A to Z and 0 to 9")] = CAPITALS,
    fonts: Annotated[
        str,
        Option(
            'fonts, with commas between: own (plain, roman, chisel and condensed, the same on every machine), "DejaVu Sans" or '
            "other families of this machine, font files, or system for up to 12 families that have the letters"
        ),
    ] = OWN,
) -> Grid:
    """224,640 letters: letter (26), font (4), weight and slant (3), x and y (4), scale (3), rotation (5).

    White letters on black, with smooth edges at every size. The four fonts of ours are drawn by pens with round and with
    elliptical nibs, and weight is the width of the nib. With `fonts` letters come from font files, as designed at weight 0; a
    larger weight moves their outlines outwards, by up to 0.05 of the height of a capital. Slant shears a letter to the right,
    rotation turns it counter-clockwise, both around the middle of the box around it, which is at x and y.

    `letters` chooses characters; where there is one alone, or one font, that is no factor. A configuration names the families
    that `system` found, with the digest of each file, and a run refuses fonts that have changed.

    With `continuous` there is no grid: 50,000 images, unless told otherwise, have values from all of the range. Letters are
    drawn at their first use and kept in the cache.

    >>> dict(zip(glyphs_space().names, glyphs_space().sizes))
    {'letter': 26, 'font': 4, 'weight': 3, 'slant': 3, 'x': 4, 'y': 4, 'scale': 3, 'rotation': 5}
    """
    return whole(drawn_glyphs(size, letters, fonts))
