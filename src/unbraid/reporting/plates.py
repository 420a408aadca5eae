"""Registered figures as parts of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from unbraid.errors import UsageError
from unbraid.figures.heatmaps import natural_width
from unbraid.figures.style import svg
from unbraid.reporting.gallery.registry import draw, figures, shows_images
from unbraid.reporting.view import RunView


@dataclass(frozen=True)
class Plate:
    """A figure of the page with its caption, or in its place why it is not shown."""

    title: str
    svg: str = ""
    width: int = 0
    caption: str = ""
    absent: str = ""


def plate(name: str, title: str, views: Sequence[RunView], **options: Any) -> Plate:
    """A registered figure of these runs, or why it is not shown: images that may not be passed on, something the runs lack."""
    entry = figures[name]
    shown = next((view for view in views if shows_images(entry) and not view.dataset.redistributable), None)
    if shown is not None:
        return Plate(title, absent=f"Not shown, since the images of {shown.dataset.name} may not be passed on.")
    try:
        drawn = draw(name, views, options)
    except UsageError as reason:
        return Plate(title, absent=f"Not shown: {reason}")
    assert isinstance(drawn.content, Figure)
    # safe: matplotlib escapes the text of figures, and `svg` that of attributes
    return Plate(title, Markup(svg(drawn.content, prefix=name, alt=entry.summary)), natural_width(drawn.content), drawn.caption)
