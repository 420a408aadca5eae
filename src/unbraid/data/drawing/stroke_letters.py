"""Capitals and digits of our own, drawn by pens: the same on every machine, without any font file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from unbraid.data.drawing.letters import Letter, Segments, distance
from unbraid.errors import UsageError

LIGHT, BOLD = 0.045, 0.105
"""Half the width of a stroke at weight 0 and 1, of a round nib."""
SERIF = 0.09
"""Half the length of a serif."""
STEEP = 0.75
"""Sine of the angle from which a stroke that ends has a serif."""
MEET = 0.02
"""Strokes that are nearer than this meet."""
_ARC = 7.5
"""Degrees of a segment of an arc at most."""

SKELETONS = {
    "A": "0,0 .4,1 .8,0; .14,.35 .66,.35",
    "B": "0,.52 0,1 .32,1 @.32,.76,.24,.24,90,-90 0,.52; 0,.52 .36,.52 @.36,.26,.28,.26,90,-90 0,0 0,.52",
    "C": "@.42,.5,.42,.5,50,310",
    "D": "0,0 0,1 .24,1 @.24,.5,.48,.5,90,-90 0,0",
    "E": ".6,1 0,1 0,0 .6,0; 0,.52 .5,.52",
    "F": ".6,1 0,1 0,0; 0,.52 .48,.52",
    "G": "@.42,.5,.42,.5,50,360 .48,.5",
    "H": "0,0 0,1; .7,0 .7,1; 0,.5 .7,.5",
    "I": "0,0 .4,0; 0,1 .4,1; .2,0 .2,1",
    "J": ".5,1 .5,.25 @.25,.25,.25,.25,0,-180",
    "K": "0,0 0,1; .62,1 0,.42; .2,.607 .66,0",
    "L": "0,1 0,0 .58,0",
    "M": "0,0 0,1 .42,.3 .84,1 .84,0",
    "N": "0,0 0,1 .7,0 .7,1",
    "O": "@.38,.5,.38,.5,90,450",
    "P": "0,0 0,1 .34,1 @.34,.74,.28,.26,90,-90 0,.48",
    "Q": "@.38,.5,.38,.5,90,450; .44,.26 .76,-.06",
    "R": "0,0 0,1 .34,1 @.34,.74,.28,.26,90,-90 0,.48; .34,.48 .66,0",
    "S": "@.33,.75,.3,.25,50,270 @.33,.25,.3,.25,90,-130",
    "T": "0,1 .74,1; .37,1 .37,0",
    "U": "0,1 0,.35 @.35,.35,.35,.35,180,360 .7,1",
    "V": "0,1 .4,0 .8,1",
    "W": "0,1 .22,0 .44,.8 .66,0 .88,1",
    "X": "0,0 .74,1; 0,1 .74,0",
    "Y": "0,1 .38,.48 .76,1; .38,.48 .38,0",
    "Z": "0,1 .68,1 0,0 .68,0",
    "0": "@.32,.5,.32,.5,90,450; .22,.3 .42,.7",
    "1": "0,.78 .26,1 .26,0; .04,0 .48,0",
    "2": "@.3,.7,.3,.3,165,-30 0,0 .62,0",
    "3": "@.29,.755,.26,.245,150,-90 @.29,.255,.3,.255,90,-150",
    "4": ".5,0 .5,1 0,.3 .66,.3",
    "5": ".56,1 .12,1 .09,.565 @.29,.32,.31,.32,130,-145",
    "6": "@.31,.31,.31,.31,180,540; @.6,.31,.6,.69,180,100",
    "7": "0,1 .62,1 .2,0",
    "8": "@.3,.76,.25,.24,-90,270; @.3,.26,.3,.26,90,450",
    "9": "@.31,.69,.31,.31,0,360; @.02,.69,.6,.69,0,-80",
}
"""Strokes with semicolons between: points x,y and arcs @x,y,rx,ry,from,to around a center, in degrees counter-clockwise."""


@dataclass(frozen=True)
class Pen:
    """How the skeletons are drawn: a font of our own.

    Args:
        angle: of the nib's long axis, in degrees counter-clockwise.
        long, short: half-axes of the elliptical nib, as multiples of those of a round nib.
        width: of the letters, as a multiple of that of the skeletons.
        serifs: whether steep strokes that end have a level bar across.
    """

    angle: float = 0.0
    long: float = 1.0
    short: float = 1.0
    width: float = 1.0
    serifs: bool = False

    @property
    def nib(self) -> Float[np.ndarray, "2 2"]:
        """The matrix that makes the nib a circle."""
        turn = math.radians(self.angle)
        turned = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
        found: Float[np.ndarray, "2 2"] = turned.T @ np.diag([1 / self.long, 1 / self.short]) @ turned
        return found


PENS = {
    "plain": Pen(),
    "roman": Pen(angle=0, long=1.3, short=0.6, serifs=True),
    "chisel": Pen(angle=60, long=1.5, short=0.45),
    "condensed": Pen(width=0.6),
}
"""Fonts of our own by name."""


@cache
def stroke_letter(character: str, pen: str) -> Letter:
    """A letter of one of our fonts. Raises `UsageError` for a character that they do not have."""
    if character not in SKELETONS:
        raise UsageError(
            f"The fonts {', '.join(PENS)} have no {character!r}; allowed: A to Z and 0 to 9. For other characters name fonts "
            'of your system, as in --fonts "DejaVu Sans".'
        )
    how = PENS[pen]
    strokes = [_points(stroke) * [how.width, 1] for stroke in SKELETONS[character].split(";")]
    lines = np.concatenate([np.stack([points[:-1], points[1:]], axis=1) for points in strokes])
    middle = (lines.min((0, 1)) + lines.max((0, 1))) / 2
    if how.serifs:
        lines = np.concatenate([lines, *_serifs(strokes)])
    return Letter(lines - middle, LIGHT, BOLD, how.nib)


def _points(stroke: str) -> Float[np.ndarray, "point 2"]:
    found: list[tuple[float, float]] = []
    for piece in stroke.split():
        numbers = [float(number) for number in piece.removeprefix("@").split(",")]
        if not piece.startswith("@"):
            found.append((numbers[0], numbers[1]))
            continue
        x, y, across, up, start, end = numbers
        for angle in np.radians(np.linspace(start, end, math.ceil(abs(end - start) / _ARC) + 1)):
            found.append((x + across * math.cos(angle), y + up * math.sin(angle)))
    return np.array(found)


def _serifs(strokes: list[Float[np.ndarray, "_ 2"]]) -> list[Segments]:
    """Level bars across the ends of steep strokes that meet no other stroke there."""
    found, bar = [], np.array([SERIF, 0.0])
    for k, points in enumerate(strokes):
        others = [a for i, stroke in enumerate(strokes) if i != k for a in pairwise(stroke)]
        for end, before, rest in ((points[0], points[1], points[2:]), (points[-1], points[-2], points[:-2])):
            others_here = [*others, *pairwise(rest)]
            if others_here and distance(np.array(others_here), end[:1], end[1:])[0] < MEET:
                continue
            way = (end - before) / np.linalg.norm(end - before)
            if abs(way[1]) > STEEP:
                found.append(np.stack([end - bar, end + bar])[None])
    return found
