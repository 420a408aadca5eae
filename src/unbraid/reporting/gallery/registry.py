"""The registry of figures that are made of runs, and how one is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from unbraid.errors import UsageError
from unbraid.figures.saving import Frames
from unbraid.registry import Entry, Registry
from unbraid.reporting.view import RunView

figures = Registry("figure", "figures", "unbraid.reporting.gallery")
"""Details of an entry:

* `runs`: the fewest and the most runs, None for any number;
* `needs`: what runs must have, in words;
* `images`: whether it shows images;
* `animated`: a function of the same arguments that gives frames, if the figure can be a GIF.
"""

OWN = "Ours"


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure, or the frames of an animation, with what it shows in words.

    >>> from unbraid.api import view_of
    >>> draw("samples", [view_of("runs/first")], {"images": 11}).caption
    'Images decoded from draws from the prior by vae.'
    """

    content: Figure | Frames
    caption: str


def draw(name: str, views: Sequence[RunView], options: Mapping[str, Any], *, animated: bool = False) -> Drawn:
    """Draw a registered figure of these runs.

    Raises `UnknownName` for a figure or option there is not, and `UsageError` for too few or too many runs, for runs that lack
    what the figure shows, and for an animation of a figure that does not move.
    """
    entry = figures[name]
    chosen = entry.resolve(options)
    least, most = entry.details["runs"]
    if len(views) < least or (most is not None and len(views) > most):
        raise UsageError(f"The figure {name!r} is of {how_many(least, most)}, and {len(views)} {_were(len(views))} given.")
    if not animated:
        made: Drawn = entry.factory(views, **chosen)
        return made
    if "animated" not in entry.details:
        moving = [one.name for one in figures if "animated" in one.details]
        raise UsageError(f"The figure {name!r} does not move; figures that can be a .gif: {', '.join(moving)}.")
    frames: Drawn = entry.details["animated"](views, **chosen)
    return frames


def how_many(least: int, most: int | None) -> str:
    """How many runs a figure is of, in words."""
    if most is None:
        return "one run or several" if least == 1 else f"{least} runs or more"
    return "one run" if (least, most) == (1, 1) else f"{least} to {most} runs"


def _were(n: int) -> str:
    return "was" if n == 1 else "were"


def shows_images(entry: Entry) -> bool:
    """Whether a figure shows images of the data or made by a model."""
    return bool(entry.details.get("images"))
