"""The parts of a drawn face, each a mask over the image.

Lengths are shares of half the image: x runs from -1 at the left to 1 at the right, y from -1 at the top to 1 at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unbraid.data.drawing.coverage import Field, filled, stroked

HEADS = ("oval", "round", "square", "heart")
HAIR = ("none", "short", "parted", "bob", "long", "curly", "bun")
GLASSES = ("none", "round", "square", "half-rim")
BEARDS = ("none", "moustache", "goatee", "full")
_HEADS = {
    "oval": (0.45, 0.58, 2.1, -0.06),
    "round": (0.52, 0.53, 2.1, 0.0),
    "square": (0.47, 0.56, 3.2, 0.05),
    "heart": (0.5, 0.58, 2.2, -0.26),
}
"""Half-width, half-height, exponent of the superellipse, and by how much the chin is wider than the middle."""
PIVOT = 0.5
"""Height of the point about which the head tilts."""
EYES, NOSE, MOUTH, CHIN = -0.03, 0.07, 0.31, 0.53
"""Heights of the middle of the eyes, the upper end of the nose, the mouth and the chin."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The pixels of a square image, in coordinates of the image and of the tilted head.

    Args:
        size: pixels along each side.
        tilt: of the head, in degrees, clockwise.
    """

    size: int
    tilt: float = 0.0

    @property
    def image(self) -> tuple[Field, Field]:
        """x and y of every pixel's center."""
        span = (2 * np.arange(self.size) + 1) / self.size - 1
        x, y = np.meshgrid(span, span)
        return x, y

    @property
    def head(self) -> tuple[Field, Field]:
        """x and y of every pixel's center in the upright head."""
        x, y = self.image
        angle = np.radians(self.tilt)
        y = y - PIVOT
        return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle) + PIVOT

    def pixels(self, length: float | Field) -> float | Field:
        """A length in pixels."""
        return length * self.size / 2


def _disc(x: Field, y: Field, center: tuple[float, float], radii: tuple[float, float]) -> Field:
    return np.hypot((x - center[0]) / radii[0], (y - center[1]) / radii[1]) - 1


def _inside(*fields: Field) -> Field:
    return np.maximum.reduce(fields)


def _any(*masks: Field) -> Field:
    return np.maximum.reduce(masks)


def _outline(x: Field, y: Field, head: str, grown: float = 0.0) -> Field:
    """Negative inside the head, or inside a head that is larger all around."""
    wide, high, power, jaw = _HEADS[head]
    wider = (wide + grown) * (1 + jaw * np.clip(y / high, -1.2, 1.2))
    return (np.abs(x / wider) ** power + np.abs(y / (high + grown)) ** power) ** (1 / power) - 1


def glow(canvas: Canvas) -> Field:
    """Light behind the head."""
    x, y = canvas.image
    return 0.55 * np.exp(-(x**2 + (y + 0.1) ** 2) / 0.6)


def shoulders(canvas: Canvas) -> Field:
    """Shoulders in a shirt."""
    x, y = canvas.image
    return filled((np.abs(x / 0.72) ** 2.6 + np.abs((y - 1.25) / 0.52) ** 2.6) ** (1 / 2.6) - 1)


def neck(canvas: Canvas) -> Field:
    """The neck and the opening of the shirt."""
    x, y = canvas.image
    return filled(_inside(np.abs(x) - 0.19 - 0.25 * np.clip(y - 0.62, 0, 1), 0.2 - y, _disc(x, y, (0, 0.4), (0.4, 0.47))))


def ears(canvas: Canvas, head: str) -> Field:
    """Both ears."""
    x, y = canvas.head
    return filled(_disc(np.abs(x), y, (_HEADS[head][0] - 0.005, 0.03), (0.075, 0.12)))


def head(canvas: Canvas, head: str) -> Field:
    """The face from forehead to chin."""
    return filled(_outline(*canvas.head, head))


def side_shade(canvas: Canvas, head: str) -> Field:
    """Shade on the side of the face that is turned from the light."""
    x, y = canvas.head
    return filled(_outline(x, y, head)) * np.clip(0.75 * (x + 0.25 * y - 0.16), 0, 0.3)


def cheeks(canvas: Canvas) -> Field:
    """Red of the cheeks."""
    x, y = canvas.head
    return 0.3 * np.exp(-(((np.abs(x) - 0.27) / 0.1) ** 2 + ((y - 0.17) / 0.08) ** 2))


def hair_behind(canvas: Canvas, style: str, head: str) -> Field:
    """Hair that falls behind the head."""
    x, y = canvas.head
    wide = _HEADS[head][0]
    match style:
        case "bob":
            body = _disc(x, y, (0, -0.12), (wide + 0.17, 0.6))
            return filled(_inside(np.minimum(body, _inside(np.abs(x) - wide - 0.15, -0.1 - y)), y - 0.38 - 0.1 * np.abs(x)))
        case "long":
            body = _disc(x, y, (0, -0.12), (wide + 0.16, 0.6))
            return filled(_inside(np.minimum(body, _inside(np.abs(x) - wide - 0.14 - 0.06 * (y + 0.1), -0.1 - y)), y - 0.8))
        case "curly":
            angles = np.radians(np.arange(150, 391, 24))
            balls = [_disc(x, y, ((wide + 0.04) * np.cos(a), 0.54 * np.sin(a) - 0.08), (0.21, 0.21)) for a in angles]
            return filled(np.minimum.reduce(balls))
        case "bun":
            return filled(_disc(x, y, (0, -0.7), (0.2, 0.18)))
    return np.zeros_like(x)


def hair_in_front(canvas: Canvas, style: str, head: str) -> Field:
    """Hair on the head, down to the hairline."""
    x, y = canvas.head
    cap = _outline(x, y, head, 0.055)
    match style:
        case "short":
            return filled(_inside(cap, y + 0.36 - 0.75 * np.clip(np.abs(x) - 0.24, 0, 1) ** 1.2 * 2))
        case "parted":
            return filled(_inside(cap, y + 0.33 - 0.42 * np.abs(x + 0.18) - 0.5 * np.clip(-x - 0.18, 0, 1)))
        case "bob":
            return filled(
                _inside(
                    _outline(x, y, head, 0.08), y + 0.23 - 0.1 * np.cos(6 * x) + 0.1 - 1.6 * np.clip(np.abs(x) - 0.34, 0, 1)
                )
            )
        case "long":
            return filled(
                _inside(_outline(x, y, head, 0.07), y + 0.5 - 0.9 * np.abs(x) - 0.9 * np.clip(np.abs(x) - 0.25, 0, 1))
            )
        case "curly":
            return filled(
                _inside(_outline(x, y, head, 0.07), y + 0.34 - 0.035 * np.cos(26 * x) - 1.1 * np.clip(np.abs(x) - 0.3, 0, 1))
            )
        case "bun":
            return filled(_inside(cap, y + 0.4 - 0.9 * x**2 - 0.8 * np.clip(np.abs(x) - 0.3, 0, 1)))
    return np.zeros_like(x)


def brows(canvas: Canvas, slope: float, spacing: float) -> Field:
    """Both eyebrows; a positive slope lets them fall towards the nose."""
    x, y = canvas.head
    along = (np.abs(x) - spacing) / 0.125
    line = y - EYES + 0.2 + slope * along + 0.02 * along**2
    tapered = 0.026 * np.sqrt(np.clip(1 - along**2, 0, 1)) * (1 - 0.25 * along)
    return stroked(line, canvas.pixels(tapered))


def eye_whites(canvas: Canvas, spacing: float, size: float) -> Field:
    """The whites of both eyes."""
    x, y = canvas.head
    return filled(_disc(np.abs(x), y, (spacing, EYES), (1.3 * size, size)))


def _pupil(canvas: Canvas, spacing: float, size: float, gaze: float, radius: float) -> Field:
    x, y = canvas.head
    return np.minimum(*(_disc(x, y, (side * spacing + gaze * 0.6 * size, EYES), (radius * size,) * 2) for side in (-1, 1)))


def irises(canvas: Canvas, spacing: float, size: float, gaze: float) -> Field:
    """The irises of both eyes, as far as lids do not cover them."""
    return filled(_pupil(canvas, spacing, size, gaze, 0.66)) * eye_whites(canvas, spacing, size)


def pupils(canvas: Canvas, spacing: float, size: float, gaze: float) -> Field:
    """The pupils of both eyes."""
    return filled(_pupil(canvas, spacing, size, gaze, 0.34)) * eye_whites(canvas, spacing, size)


def glints(canvas: Canvas, spacing: float, size: float, gaze: float) -> Field:
    """Light that both eyes reflect."""
    x, y = canvas.head
    places = [(side * spacing + gaze * 0.6 * size - 0.22 * size, EYES - 0.26 * size) for side in (-1, 1)]
    return filled(np.minimum(*(_disc(x, y, place, (0.17 * size, 0.17 * size)) for place in places)))


def lids(canvas: Canvas, spacing: float, size: float) -> Field:
    """The lashes along both upper lids."""
    x, y = canvas.head
    across = np.clip((np.abs(x) - spacing) / (1.4 * size), -1, 1)
    upper = y - EYES + size * np.sqrt(np.clip(1 - across**2, 0, 1)) * 0.97
    reach = (np.abs(np.abs(x) - spacing) < 1.4 * size) * 0.018
    return stroked(upper, canvas.pixels(reach))


def nose(canvas: Canvas, size: float) -> Field:
    """Shade below and beside the nose."""
    x, y = canvas.head
    tip = NOSE + 0.9 * size
    below = stroked(y - tip + (x / (1.05 * size)) ** 2 * 0.45 * size, canvas.pixels(0.02) * (np.abs(x) < 0.85 * size))
    bridge = stroked(
        x - 0.4 * size - 0.18 * (y - NOSE), canvas.pixels(0.016) * (y > NOSE - 0.6 * size) * (y < tip - 0.3 * size)
    )
    return _any(0.75 * below, 0.4 * bridge)


def _lips(x: Field, y: Field, curve: float, width: float) -> tuple[Field, Field]:
    across = x / width
    return y - MOUTH - curve * (0.5 - across**2), np.clip(1 - across**2, 0, 1)


def lips(canvas: Canvas, curve: float, width: float) -> Field:
    """Both lips; a positive curve smiles."""
    line, taper = _lips(*canvas.head, curve, width)
    return stroked(line, canvas.pixels(0.05 * taper**0.6))


def mouth_line(canvas: Canvas, curve: float, width: float) -> Field:
    """The dark line between the lips."""
    line, taper = _lips(*canvas.head, curve, width)
    return stroked(line, canvas.pixels(0.016 * (taper > 0)))


def beard(canvas: Canvas, kind: str, head: str) -> Field:
    """Beard and moustache; the mouth is painted over them."""
    x, y = canvas.head
    moustache = stroked(y - 0.215 - 1.1 * x**2, canvas.pixels(0.042 * np.sqrt(np.clip(1 - (x / 0.21) ** 2, 0, 1))))
    match kind:
        case "moustache":
            return moustache
        case "goatee":
            return filled(_disc(x, y, (0, CHIN - 0.05), (0.15, 0.12)))
        case "full":
            jaw = _inside(_outline(x, y, head, 0.03), -_disc(x, y, (0, -0.14), (_HEADS[head][0] * 0.93, 0.37)), 0.02 - y)
            return filled(jaw) * (1 - filled(_disc(x, y, (0, MOUTH), (0.17, 0.065))))
    return np.zeros_like(x)


def glasses(canvas: Canvas, kind: str, spacing: float) -> Field:
    """Frames, with a bridge and sides."""
    x, y = canvas.head
    if kind == "none":
        return np.zeros_like(x)
    half = canvas.pixels(0.02)
    off = np.abs(x) - spacing
    radius = 0.165
    match kind:
        case "round":
            frame = stroked(np.hypot(off, y - EYES) - radius, half)
        case "square":
            box = (np.abs(off / radius) ** 5 + np.abs((y - EYES) / 0.135) ** 5) ** (1 / 5) - 1
            frame = stroked(box, canvas.pixels(0.026))
        case _:
            box = (np.abs(off / radius) ** 4 + np.abs((y - EYES) / 0.13) ** 4) ** (1 / 4) - 1
            frame = stroked(box, canvas.pixels(0.034) * (y < EYES - 0.02))
    bridge = stroked(y - EYES + 0.03 - 0.8 * x**2, half * (np.abs(x) < spacing - 0.85 * radius))
    sides = stroked(y - EYES + 0.04, half * (off > radius) * (np.abs(x) < 0.5))
    return _any(frame, bridge, sides)
