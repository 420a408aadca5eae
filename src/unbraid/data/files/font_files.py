"""Letters of font files: fonts of the system (TrueType, OpenType, Type 1), and Matplotlib's."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from unbraid.data.drawing.letters import Letter, Segments, boundary
from unbraid.errors import CorruptFile, DataUnavailable, UnknownName, UsageError

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

BOLD = 0.05
"""How far the outline of a font is moved outwards at weight 1, in heights of a capital; at weight 0 it is as designed."""
LARGEST = 0.72
"""Half the diagonal of the largest letter of a font at most, in heights of a capital of our own."""
CURVE = 8
"""Segments of each curve of an outline."""
MOST = 20_000
"""Segments of a letter at most: time to draw its field grows with their number, that to find its boundary with the square."""
SHOWN = 10
"""Characters in an error."""
DIGITS = 16
"""Hexadecimal digits of the digest of a file that configurations hold."""
_REGULAR = ("regular", "book", "roman", "normal", "")


@dataclass(frozen=True)
class FontFile:
    """A font file.

    Args:
        path: of the file.
        family: name of the font in the file.
        digest: the first digits of the SHA-256 of the file.
        style: as in "Bold Oblique"; empty where it is the regular one.
    """

    path: Path
    family: str
    digest: str
    style: str = ""


def font_file(path: Path) -> FontFile:
    """A font file by its path.

    Raises `DataUnavailable` where there is none and `CorruptFile` where it is no font.
    """
    font = _opened(path)
    style = "" if font.style_name.lower() in _REGULAR else font.style_name
    return FontFile(path, font.family_name or path.stem, _digest(path), style)


def font_family(name: str) -> FontFile:
    """The upright, regular font of a family.

    Raises `UnknownName` for a family that this machine does not have.
    """
    known = {family.lower(): family for family in families(everywhere=True)}
    if name.lower() not in known:
        hint = "" if known else "This machine has no font files; install some, or leave --fonts out."
        raise UnknownName("font", name, known.values(), where="--fonts", hint=hint)
    return font_file(families(everywhere=True)[known[name.lower()]])


def font_with_digest(digest: str) -> FontFile | None:
    """The font file of the system, or of Matplotlib, that has the digest."""
    return next((font_file(path) for path, *_ in _faces(everywhere=True) if _digest(path) == digest), None)


def families(everywhere: bool = False) -> dict[str, Path]:
    """The font families of the system and the most regular file of each, by name.

    Args:
        everywhere: also those that come with Matplotlib.
    """
    best: dict[str, tuple[tuple[object, ...], Path]] = {}
    for path, family, rank in _faces(everywhere):
        if family not in best or (rank, path) < best[family]:
            best[family] = (rank, path)
    return {family: best[family][1] for family in sorted(best)}


@cache
def _faces(everywhere: bool) -> tuple[tuple[Path, str, tuple[object, ...]], ...]:
    """Font files that can be read, the family of each, and what tells regular ones from others."""
    import matplotlib
    from matplotlib.font_manager import findSystemFonts

    own = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    found = []
    for path in sorted({*map(Path, findSystemFonts()), *(own.glob("*.ttf") if everywhere else ())}):
        try:
            font = _opened(path)
        except (CorruptFile, DataUnavailable):
            continue
        if set(font.family_name) & set(",;@"):  # could not be named among others
            continue
        style = font.style_name.lower()
        italic_or_bold = bool(font.style_flags) or any(word in style for word in ("italic", "oblique", "bold"))
        found.append((path, font.family_name, (italic_or_bold, style not in _REGULAR, len(style), str(own) in str(path))))
    return tuple(found)


def _opened(path: Path) -> FT2Font:
    from matplotlib.ft2font import FT2Font

    if not path.is_file():
        raise DataUnavailable(
            f"There is no font file {path}; give a file that exists, with no comma in its path, or the name of a font of your "
            "system."
        )
    try:
        font = FT2Font(str(path))
    except PermissionError as error:
        raise DataUnavailable(f"{path} may not be read ({error.strerror}); get the permission to read it.") from None
    except (RuntimeError, OSError, ValueError) as error:
        raise CorruptFile(f"{path} cannot be read as a font ({_reason(error)}); give another file.") from None
    if not font.scalable:
        raise CorruptFile(f"{path} holds pictures of letters and no outlines; give a font with outlines (.ttf, .otf, .pfb).")
    return font


def _reason(error: Exception) -> str:
    """What FreeType says, without the place in Matplotlib's code."""
    return re.sub(r"^.* failed with error 0x[0-9a-f]+: ", "", str(error).strip()).rstrip(".") or type(error).__name__


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()[:DIGITS]


def has_letters(path: Path, characters: str) -> bool:
    """Whether a font file has an outline for each of the characters."""
    try:
        font = _opened(path)
        return all(font.get_char_index(ord(character)) and _contours(font, character) for character in characters)
    except CorruptFile:
        return False


@cache
def font_letters(file: FontFile, characters: str) -> tuple[Letter, ...]:
    """Letters of a font, all at one scale.

    Capitals have height 1, unless a letter would be larger than `LARGEST`. The middle of the box around each letter is at the
    origin. Where outlines overlap their union counts.

    Raises `UsageError` for characters without an outline, and `CorruptFile` for a file that is no font.
    """
    font = _opened(file.path)
    missing = [c for c in characters if not font.get_char_index(ord(c)) or not _contours(font, c)]
    if missing:
        some = " ".join(map(repr, missing[:SHOWN])) + (f" and {len(missing) - SHOWN:,} more" if len(missing) > SHOWN else "")
        raise UsageError(f"Font {file.family!r} ({file.path}) draws nothing for {some}; give other --letters or another font.")
    outlines = [np.concatenate([_closed(contour) for contour in _contours(font, c)]) for c in characters]
    for character, outline in zip(characters, outlines, strict=True):
        if len(outline) > MOST:
            raise UsageError(
                f"Font {file.family!r} ({file.path}) draws {character!r} of {len(outline):,} segments; allowed: {MOST:,}. Give "
                "other --letters or another font."
            )
    boxes = [(outline.min((0, 1)), outline.max((0, 1))) for outline in outlines]
    capital = _contours(font, "H") if font.get_char_index(ord("H")) else []
    heights = [contour[:, 1].max() for contour in capital] or [high[1] - low[1] for low, high in boxes]
    unit = max(*heights, *(np.linalg.norm(high - low) / 2 / LARGEST for low, high in boxes))
    if not (np.isfinite(unit) and unit > 0):
        raise CorruptFile(f"Outlines in {file.path} have no height.")
    return tuple(
        Letter(boundary((outline - (low + high) / 2) / unit), 0.0, BOLD, outline=True)
        for outline, (low, high) in zip(outlines, boxes, strict=True)
    )


def _contours(font: FT2Font, character: str) -> list[Float[np.ndarray, "_ 2"]]:
    """The outlines of a character, curves as points; without those that enclose nothing."""
    from matplotlib.ft2font import LoadFlags

    try:
        with warnings.catch_warnings():  # what is missing is said below, and by who asks
            warnings.simplefilter("ignore")
            font.load_char(ord(character), flags=LoadFlags.NO_SCALE)
    except RuntimeError as error:
        where = os.fsdecode(font.fname)
        raise CorruptFile(f"{where} has a damaged outline of {character!r} ({_reason(error)}); give another file.") from None
    vertices, codes = font.get_path()
    return [contour for contour in _split(np.asarray(vertices, np.float64), codes.tolist()) if len(contour) > 2]


def _split(vertices: Float[np.ndarray, "_ 2"], codes: list[int]) -> Iterator[Float[np.ndarray, "_ 2"]]:
    points: list[np.ndarray] = []
    share = np.arange(1, CURVE + 1)[:, None] / CURVE
    i = 0
    while i < len(codes):
        match codes[i]:
            case 1:  # a new outline begins
                if points:
                    yield np.array(points)
                points = [vertices[i]]
            case 2:
                points.append(vertices[i])
            case 3:
                a, b, c = points[-1], *vertices[i : i + 2]
                points += list((1 - share) ** 2 * a + 2 * share * (1 - share) * b + share**2 * c)
                i += 1
            case 4:
                a, b, c, d = points[-1], *vertices[i : i + 3]
                points += list(
                    (1 - share) ** 3 * a + 3 * share * (1 - share) ** 2 * b + 3 * share**2 * (1 - share) * c + share**3 * d
                )
                i += 2
        i += 1
    if points:
        yield np.array(points)


def _closed(contour: Float[np.ndarray, "_ 2"]) -> Segments:
    return np.stack([contour, np.roll(contour, -1, axis=0)], axis=1)
