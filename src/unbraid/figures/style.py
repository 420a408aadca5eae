"""How every figure looks, and how it becomes SVG: text stays text, equal figures give equal bytes."""

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
"""Colors that people with any color vision can tell apart (Okabe and Ito, 2008). Their yellow and
black, too faint and too heavy for lines on white, are replaced by a violet and a gray."""
INK, FAINT, GRID, PALE, PAPER = "#1f2328", "#6e7781", "#e4e7eb", "#c8ccd0", "#ffffff"
"""Of text and means; of notes and axes; of grids; of lines that stand back; of what lies below."""
CELL = "#08519c"
"""Of a full cell of a heat map; an emptier one lets more of the paper through."""
ON_PAGES = {
    **dict(zip((INK, FAINT, GRID, PALE, PAPER, CELL), ("ink", "soft", "line", "pale", "paper", "cell"), strict=True)),
    **{color: f"kind-{place}" for place, color in enumerate(OKABE_ITO)},
}
"""CSS variables that pages may set in the place of each color, as they do on dark screens."""
PIXELS_PER_INCH = 72
"""SVG units are points, so a font of size 12 is 12 CSS pixels high at the figure's own width."""

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
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "figure.constrained_layout.h_pad": 10 / 72,  # inches
    "figure.constrained_layout.w_pad": 10 / 72,
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
"""Metadata that is left out of files, so that equal figures give equal bytes."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One per color, so that figures can be read without colors too."""


@contextmanager
def drawing() -> Iterator[None]:
    """A context with the library's style; outside, matplotlib stays as its user left it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


class Drawing(Figure):
    """A figure that notebooks show as SVG, whether or not pyplot is set up there."""

    def _repr_html_(self) -> str:
        return svg(self, prefix=f"drawing{id(self)}", alt="figure")


def drawing_of(width: float, height: float, **options: Any) -> Drawing:
    """An empty figure of this many CSS pixels."""
    return Drawing(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH, **options)


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of this many CSS pixels with one plot in it."""
    figure = drawing_of(width, height, layout="constrained")
    return figure, figure.add_subplot()


def panels(n: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of n plots of this many CSS pixels each, row by row; no more columns than plots."""
    columns = min(n, columns)
    rows = -(-n // columns)
    figure = drawing_of(columns * width, rows * height, layout="constrained")
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
    """A figure as a file; `dpi` is that of bitmaps, 72 for one dot per CSS pixel."""
    buffer = io.BytesIO()
    with drawing():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=BARE[kind])
    return buffer.getvalue()


def bitmap(figure: Figure, *, dpi: int = PIXELS_PER_INCH) -> UInt8[np.ndarray, "h w 3"]:
    """A figure as pixels."""
    raw = io.BytesIO(file_bytes(figure, "png", dpi=dpi))
    return np.asarray(Image.open(raw).convert("RGB"))


def svg(figure: Figure, *, prefix: str, alt: str) -> str:
    """A figure as an `<svg>` element to put into an HTML page, which may replace its colors (`ON_PAGES`).

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
    text = re.sub(r"(?<=: )#[0-9a-f]{6}\b", _on_page, text)
    width, height = (round(size * PIXELS_PER_INCH) for size in figure.get_size_inches())
    opening = (
        f'<svg class="figure" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{_attribute(alt)}">'
    )
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1).replace(" \n", "\n").strip()


def _on_page(color: re.Match[str]) -> str:
    """A color of a style that the page may replace."""
    name = ON_PAGES.get(color[0])
    return f"var(--{name}, {color[0]})" if name else color[0]


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
