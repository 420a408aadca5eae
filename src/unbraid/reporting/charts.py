"""Figures as parts of a page: inline SVG with a title and a caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from unbraid.errors import UsageError
from unbraid.figures.heatmaps import natural_width
from unbraid.figures.losses import curves
from unbraid.figures.series import Series, scalar_names, scalar_series
from unbraid.figures.style import svg
from unbraid.log_entry import Entry, unit_and_label
from unbraid.metrics.registry import metrics
from unbraid.reporting.gallery.registry import Drawn, draw, figures, shows_images
from unbraid.reporting.numbers import metric_name
from unbraid.reporting.tables import term_title
from unbraid.reporting.view import RunView

Log = Sequence[Entry]

_MARKS = {
    "nll": {
        "train/nll": "training images, z drawn",
        "test/nll": "test images, z drawn",
        "test/nll_at_mean": "test images, at the mean",
    },
    "kl": {"kl": "evaluation"},
}


@dataclass(frozen=True)
class Plate:
    """A figure with its caption, or why it is not shown; `width` is its own, in CSS pixels."""

    title: str = ""
    svg: str = ""
    width: int = 0
    caption: str = ""
    absent: str = ""


def as_plate(figure: Figure, *, prefix: str, alt: str, title: str = "", caption: str = "") -> Plate:
    """A figure as a part of a page; `prefix` differs between the figures of a page."""
    # safe: matplotlib escapes the text of figures, and `svg` that of attributes
    return Plate(title, Markup(svg(figure, prefix=prefix, alt=alt)), natural_width(figure), caption)


def drawn_plate(drawn: Drawn, *, prefix: str, alt: str, title: str = "") -> Plate:
    """What a registered figure gives as a part of a page."""
    assert isinstance(drawn.content, Figure)
    return as_plate(drawn.content, prefix=prefix, alt=alt, title=title, caption=drawn.caption)


def plate(name: str, title: str, views: Sequence[RunView], *, prefix: str = "", **options: Any) -> Plate:
    """A registered figure of these runs, or why it is not shown."""
    entry = figures[name]
    guarded = next((view for view in views if shows_images(entry) and not view.dataset.redistributable), None)
    if guarded is not None:
        return Plate(title, absent=f"Not shown, since the images of {guarded.dataset.name} may not be passed on.")
    try:
        drawn = draw(name, views, options)
    except UsageError as reason:
        told = str(reason)
        for view in views:  # pages are passed on, and where a run lies is no part of them
            told = told.replace(view.name, view.run.folder.name)
        return Plate(title, absent=f"Not shown: {told}")
    return drawn_plate(drawn, prefix=prefix or name, alt=entry.summary, title=title)


def loss_charts(log: Log) -> list[Plate]:
    """One chart for the loss and each of its terms, and one for the scores where they were followed."""
    charts = []
    for i, name in enumerate(scalar_names(log, "train")):
        line = scalar_series(log, "train", name, "training batches").thinned
        labels = _MARKS.get(name, {name: "evaluation"})
        marks = [scalar_series(log, "evaluation", mark, label) for mark, label in labels.items()]
        title = term_title(name, *unit_and_label(log, name))
        figure = curves(title, [line], [mark for mark in marks if len(mark)])
        charts.append(as_plate(figure, prefix=f"loss{i}", alt=f"{title}, over training"))
    followed = [name for name in scalar_names(log, "evaluation") if name in metrics]
    scores = [scalar_series(log, "evaluation", name, metric_name(name)) for name in followed]
    if any(len(one) > 1 for one in scores):
        figure = curves("Scores on a part of the images", scores)
        charts.append(as_plate(figure, prefix="scores", alt="Scores over training"))
    return charts


def training_loss(log: Log) -> Series:
    """The loss that training minimized; if players have their own, the negative bound on log p(x)."""
    if "loss" in scalar_names(log, "train"):
        return scalar_series(log, "train", "loss", "training loss")
    nll, kl = scalar_series(log, "train", "nll", "reconstruction term"), scalar_series(log, "train", "kl")
    if not np.array_equal(nll.steps, kl.steps):
        return nll
    return Series("sum of reconstruction and KL", nll.steps, nll.values + kl.values)
