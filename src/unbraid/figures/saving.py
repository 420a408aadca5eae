"""Figures as files: vector or bitmap by the ending of the name, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from unbraid.figures.animation import gif
from unbraid.figures.style import PIXELS_PER_INCH, file_bytes
from unbraid.files import kind_of_new_file, whole_file

KINDS = ("png", "svg", "pdf")

Frames = Sequence[UInt8[np.ndarray, "h w 3"]]


def save(figure: Figure | Frames, path: str | Path, *, dpi: int = 2 * PIXELS_PER_INCH, overwrite: bool = False) -> Path:
    """Write a figure as PNG, SVG or PDF, or frames as GIF, by the ending of the path; returns the path.

    Equal figures give equal bytes.

    Args:
        dpi: of bitmaps; 72 for one dot per CSS pixel; the default suits screens of twice as many.
        overwrite: replace a file that is there.

    Raises `UsageError` for another ending and for a file that is there already.

    >>> figure = unbraid.figures.curves("Nothing yet", [])
    >>> unbraid.figures.save(figure, "nothing.svg", overwrite=True).name
    'nothing.svg'
    """
    path = Path(path)
    still = isinstance(figure, Figure)
    kind: Any = kind_of_new_file(path, KINDS if still else ("gif",), overwrite)
    content = file_bytes(figure, kind, dpi=dpi) if isinstance(figure, Figure) else gif(figure)
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    return path
