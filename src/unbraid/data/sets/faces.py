"""Faces that unbraid draws: fifteen known factors of a picture that is no grid of toys."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from jaxtyping import Float, Integer, UInt8

from unbraid.data.dataset import Dataset, TestShare, hold_out
from unbraid.data.drawing import face_parts
from unbraid.data.drawing.coverage import Field
from unbraid.data.drawing.drawn_once import drawn_once
from unbraid.data.drawing.face_parts import BEARDS, GLASSES, HAIR, HEADS, Canvas
from unbraid.data.drawing.stacked_layers import MaskLayer, StackedLayers
from unbraid.data.factor_space import Factor, FactorSpace
from unbraid.data.grids.drawn import ContinuousOption, Drawing, HolesOption, JointOption, UnseenOption, drawn, unseen_rows
from unbraid.data.registry import datasets
from unbraid.data.storage import ByteImages
from unbraid.options import Option
from unbraid.progress import Progress, reporting

FACTORS_SEED = 20_261_130
"""The factors do not depend on a run's seed."""
BACKGROUNDS = 8
SKIN = np.array([(255, 226, 202), (244, 203, 168), (226, 176, 132), (196, 138, 94), (146, 94, 62), (88, 54, 40)])
HAIR_COLORS = {
    "black": (44, 38, 42),
    "brown": (120, 78, 46),
    "red": (178, 84, 40),
    "blond": (228, 190, 112),
    "gray": (182, 182, 186),
    "blue": (62, 104, 176),
}
_WHITE, _INK, _SHIRT, _IRIS = (252, 252, 250), (34, 28, 30), (84, 98, 122), (78, 108, 112)
_LIPS, _BLUSH = (186, 62, 74), (226, 88, 84)


def faces_space() -> FactorSpace:
    """Factors of the faces; codes of images are drawn independently and uniformly."""

    def names(name: str, values: tuple[str, ...]) -> Factor:
        return Factor(name, tuple(map(float, range(len(values)))), "categorical", labels=values)

    def line(name: str, low: float, high: float, n: int, unit: str = "share of half the width") -> Factor:
        return Factor(name, tuple(np.linspace(low, high, n)), unit=unit)

    return FactorSpace(
        (
            Factor("background", tuple(k / BACKGROUNDS for k in range(BACKGROUNDS)), "circular", "share of the color circle"),
            Factor("skin", tuple(map(float, range(len(SKIN))))),
            names("head_shape", HEADS),
            names("hair_style", HAIR),
            names("hair_color", tuple(HAIR_COLORS)),
            line("brows", -0.07, 0.07, 7),
            line("eye_spacing", 0.16, 0.24, 5),
            line("eye_size", 0.065, 0.105, 5),
            line("gaze", -1, 1, 7, ""),
            line("nose", 0.06, 0.12, 4),
            line("mouth_curve", -0.12, 0.16, 8),
            line("mouth_width", 0.12, 0.24, 5),
            names("glasses", GLASSES),
            names("beard", BEARDS),
            line("tilt", -16, 16, 9, "degrees"),
        )
    )


@dataclass(frozen=True)
class Part:
    """A layer of the face: the factors that its mask is drawn from, in order, and its color.

    Args:
        draw: the mask of a canvas and values of the factors.
        of: names of these factors.
        upright: whether it stays where it is when the head tilts.
        colors: colors to choose from.
        colored_by: the factor that chooses; without one there is one color.
    """

    draw: Callable[..., Field]
    of: tuple[str, ...]
    colors: np.ndarray
    colored_by: str | None = None
    upright: bool = False


def _mixed(colors: np.ndarray, other: tuple[int, int, int], share: float) -> np.ndarray:
    return colors + share * (np.array(other) - colors)


def _one(color: tuple[int, int, int]) -> np.ndarray:
    return np.array([color])


def parts() -> tuple[Part, ...]:
    """The layers from the back to the front."""
    hair, eyes = np.array(list(HAIR_COLORS.values())), ("eye_spacing", "eye_size")
    shade = _mixed(SKIN, (90, 30, 30), 0.3)
    return (
        Part(face_parts.glow, (), _one((255, 255, 255)), upright=True),
        Part(face_parts.hair_behind, ("hair_style", "head_shape"), 0.78 * hair, "hair_color"),
        Part(face_parts.neck, (), shade, "skin", upright=True),
        Part(face_parts.shoulders, (), _one(_SHIRT), upright=True),
        Part(face_parts.ears, ("head_shape",), _mixed(SKIN, (90, 30, 30), 0.15), "skin"),
        Part(face_parts.head, ("head_shape",), SKIN, "skin"),
        Part(face_parts.side_shade, ("head_shape",), _mixed(SKIN, (70, 20, 40), 0.5), "skin"),
        Part(face_parts.cheeks, (), _one(_BLUSH)),
        Part(face_parts.beard, ("beard", "head_shape"), 0.9 * hair, "hair_color"),
        Part(face_parts.nose, ("nose",), 0.55 * SKIN, "skin"),
        Part(face_parts.lips, ("mouth_curve", "mouth_width"), _mixed(SKIN, _LIPS, 0.6), "skin"),
        Part(face_parts.mouth_line, ("mouth_curve", "mouth_width"), _one((92, 26, 34))),
        Part(face_parts.eye_whites, eyes, _one(_WHITE)),
        Part(face_parts.irises, (*eyes, "gaze"), _one(_IRIS)),
        Part(face_parts.pupils, (*eyes, "gaze"), _one(_INK)),
        Part(face_parts.glints, (*eyes, "gaze"), _one((255, 255, 255))),
        Part(face_parts.lids, eyes, _one(_INK)),
        Part(face_parts.hair_in_front, ("hair_style", "head_shape"), hair, "hair_color"),
        Part(face_parts.brows, ("brows", "eye_spacing"), 0.75 * hair, "hair_color"),
        Part(face_parts.glasses, ("glasses", "eye_spacing"), _one(_INK)),
    )


def draw_codes(n: int) -> Integer[np.ndarray, "n factor"]:
    """Factor codes of n faces, independent and uniform; fewer are the first of many."""
    sizes = faces_space().sizes
    return np.random.default_rng(FACTORS_SEED).integers(0, sizes, size=(n, len(sizes)))


def paint(codes: Integer[np.ndarray, "n factor"], size: int) -> StackedLayers:
    """Faces of these codes; a mask is drawn once for all faces that share the factors it depends on."""
    return _painted_at_once(faces_space().values(codes), size)


def _painted_at_once(values: Float[np.ndarray, "n factor"], size: int) -> StackedLayers:
    with reporting("drawing parts of faces") as progress:
        return _painted(values, size, progress)


def _painted(values: Float[np.ndarray, "n factor"], size: int, progress: Progress | None = None) -> StackedLayers:
    space, every, layers = faces_space(), parts(), []
    for done, part in enumerate(every):
        columns = [space.column(name) for name in (part.of if part.upright else ("tilt", *part.of))]
        used, which = np.unique(values[:, columns], axis=0, return_inverse=True)
        masks = np.stack([_mask(part, [space.factors[column] for column in columns], row, size) for row in used])
        tints = values[:, space.column(part.colored_by)] if part.colored_by else np.zeros(len(values))
        colors = np.rint(part.colors).astype(np.uint8)
        layers.append(MaskLayer(masks, which.reshape(-1).astype(np.int32), colors, tints.astype(np.uint8)))
        if progress is not None:
            progress(done + 1, len(every))
    return StackedLayers(backgrounds(values[:, space.column("background")]), tuple(layers))


def _mask(part: Part, factors: list[Factor], values: Float[np.ndarray, "_"], size: int) -> UInt8[np.ndarray, "{size} {size}"]:
    given = [f.labels[int(value)] if f.labels else float(value) for f, value in zip(factors, values, strict=True)]
    canvas = Canvas(size) if part.upright else Canvas(size, float(given.pop(0)))
    return np.rint(255 * part.draw(canvas, *given)).astype(np.uint8)


def backgrounds(places: Float[np.ndarray, "n"] | None = None) -> UInt8[np.ndarray, "n 3"]:
    """Colors of the background at these places of the color circle, red first.

    The places are those of the grid unless given.
    """
    on_circle = np.arange(BACKGROUNDS) / BACKGROUNDS if places is None else places
    rgb = np.array([colorsys.hsv_to_rgb(place % 1, 0.5, 0.8) for place in on_circle.tolist()])
    return np.rint(255 * rgb).astype(np.uint8)


def drawn_faces(size: int) -> Drawing:
    """Faces whose ordered factors, and the background, can take any value; colors of skin cannot."""

    def draw_some(values: Float[np.ndarray, "n factor"]) -> UInt8[np.ndarray, "n 3 h w"]:
        return _painted(values, size).bytes(np.arange(len(values)))

    space = faces_space()
    lines = {f.name: (f.values[0], f.values[-1]) for f in space.factors if f.kind == "ordinal" and f.name != "skin"}
    return Drawing(
        space,
        {"background": (0.0, 1.0), **lines},
        lambda values: ByteImages(drawn_once("faces", values, (3, size, size), draw_some)),
    )


@datasets.register("faces", source="Our definition, drawn by unbraid")
def faces(
    images: Annotated[int, Option("number of images", ge=2, le=1_000_000)] = 100_000,
    size: Annotated[int, Option("image width and height in pixels", ge=16, le=256)] = 64,
    test_share: TestShare = 0.1,
    unseen: UnseenOption = None,
    holes: HolesOption = None,
    joint: JointOption = None,
    continuous: ContinuousOption = None,
) -> Dataset:
    """100,000 drawn faces in color with fifteen known factors, from head shape to gaze.

    The factors are background (8), skin (6), head shape (4), hair style (7) and color (6), brows (7), spacing and size of the
    eyes (5 each), gaze (7), nose (4), curve (8) and width (5) of the mouth, glasses (4), beard (4) and tilt (9). Of these 228
    billion combinations each image has one at random: codes are independent and uniform, drawn with a fixed seed, and fewer
    images are the first of many. Every factor shows in every face: nothing hides a part whose factor could then not be read.

    A face is painted from masks, layer over layer. Masks have smooth edges at every size, and are drawn once for all faces that
    share the factors that they depend on. With `continuous` each face has masks of its own, which takes some 4 milliseconds a
    face at 64 pixels.

    >>> data = unbraid.load_dataset("faces", images=4, size=16)
    >>> data.shape, data.space.names[:4]
    ((3, 16, 16), ('background', 'skin', 'head_shape', 'hair_style'))
    """
    if continuous is not None or joint is not None or holes is not None:
        drawing = drawn_faces(size)
        if continuous is None:
            drawing = replace(drawing, draw=lambda values: _painted_at_once(values, size))
        return drawn(
            "faces",
            drawing,
            continuous=continuous,
            joint=joint,
            holes=holes,
            unseen=unseen,
            images=images,
            test_share=test_share,
        )
    codes, space = draw_codes(images), faces_space()
    test = hold_out(images, test_share) if unseen is None else unseen_rows(unseen, codes, space)
    return Dataset("faces", paint(codes, size), test, space, codes.astype(np.int16))
