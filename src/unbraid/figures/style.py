"""How every figure looks, and how it becomes SVG: text stays text, and the same figure gives the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath
from PIL import Image

OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#6b5b95", "#4d4d4d")
"""Colors that people with any color vision can tell apart (Okabe and Ito, 2008); their yellow and black, too faint and too
heavy for lines on white, are replaced by a violet and a gray."""
INK, FAINT, GRID = "#1f2328", "#6e7781", "#e4e7eb"
PIXELS_PER_INCH = 72
"""SVG units are points, so that a font of size 12 is 12 CSS pixels high in a figure shown at its own width."""

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # wider than the fonts of browsers, so that text fits whatever shows it
    "font.size": 12.0,
    "axes.titlesize": 13.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.labelsize": 12.0,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.labelsize": 11.0,
    "ytick.labelsize": 11.0,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "lines.linewidth": 1.8,
    "legend.fontsize": 11.0,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "path.simplify": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "unbraid",
    "pdf.fonttype": 42,
}
BARE: Any = {
    "png": {"Software": None},
    "svg": dict.fromkeys(("Creator", "Date", "Format", "Type")),
    "pdf": dict.fromkeys(("Creator", "Producer", "CreationDate")),
}
"""What files would tell of when and by what they were made; without it, equal figures give equal bytes."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One a color, so that figures can be read without colors too."""


@contextmanager
def drawing() -> Iterator[None]:
    """Within it, figures are made and saved in the library's style; outside, matplotlib is as its user left it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many CSS pixels with one plot in it."""
    figure = Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH, layout="constrained")
    return figure, figure.add_subplot()


def panels(n: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of n plots of so many CSS pixels each, row by row; no more columns than plots."""
    columns = min(n, columns)
    rows = -(-n // columns)
    size = (columns * width / PIXELS_PER_INCH, rows * height / PIXELS_PER_INCH)
    figure = Figure(figsize=size, dpi=PIXELS_PER_INCH, layout="constrained")
    return figure, [figure.add_subplot(rows, columns, i + 1) for i in range(n)]


def kind_of(place: int) -> tuple[str, str]:
    """Color and marker of one among several kinds; colors repeat after eight, with other markers."""
    return OKABE_ITO[place % len(OKABE_ITO)], MARKERS[(place + place // len(OKABE_ITO)) % len(MARKERS)]


def width_of(text: str, size: float = 12.0) -> float:
    """Width of a line of text in CSS pixels."""
    font = FontProperties(family="DejaVu Sans", size=size)
    return float(TextToPath().get_text_width_height_descent(text, font, ismath=False)[0]) if text else 0.0


def nothing_to_draw(ax: Axes, why: str) -> None:
    """Say in the empty plot why it is empty."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color=FAINT)


def file_bytes(figure: Figure, kind: Literal["png", "svg", "pdf"], *, dpi: int = 2 * PIXELS_PER_INCH) -> bytes:
    """A figure as a file; `dpi` is that of bitmaps, 72 for one dot a CSS pixel. Equal figures give equal bytes."""
    buffer = io.BytesIO()
    with drawing():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=BARE[kind])
    return buffer.getvalue()


def bitmap(figure: Figure, *, dpi: int = PIXELS_PER_INCH) -> UInt8[np.ndarray, "h w 3"]:
    """A figure as pixels."""
    raw = io.BytesIO(file_bytes(figure, "png", dpi=dpi))
    return np.asarray(Image.open(raw).convert("RGB"))


def svg(figure: Figure, *, prefix: str, alt: str) -> str:
    """A figure as an `<svg>` element to put into an HTML page.

    Args:
        prefix: put before every id, which must differ between the figures of a page.
        alt: what the figure shows, for those who do not see it.
    """
    buffer = io.StringIO()
    with drawing():
        figure.savefig(buffer, format="svg", metadata=BARE["svg"])
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{prefix}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", text)
    width, height = (round(size * PIXELS_PER_INCH) for size in figure.get_size_inches())
    opening = (
        f'<svg class="figure" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{_attribute(alt)}">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1).replace(" \n", "\n").strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
