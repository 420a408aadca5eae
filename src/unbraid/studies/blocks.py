"""What a page is made of, whatever it is written as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Prose:
    """Paragraphs under a title."""

    title: str
    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row says what the row is."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    words: bool = False
    """Whether cells hold text rather than numbers."""


@dataclass(frozen=True, eq=False)
class Chart:
    """A drawn figure."""

    title: str
    figure: Figure
    caption: str


@dataclass(frozen=True)
class Picture:
    """A PNG in base64, its size in pixels, and what it shows."""

    label: str
    png: str
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """Images that models made."""

    title: str
    pictures: Sequence[Picture]
    caption: str


Block = Prose | Table | Chart | Pictures
