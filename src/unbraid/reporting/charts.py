"""The line charts and the information heat map of a report, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from markupsafe import Markup
from matplotlib.figure import Figure

from unbraid.figures.heatmaps import information_heatmap, natural_width
from unbraid.figures.kl import kl_over_training
from unbraid.figures.losses import curves
from unbraid.figures.series import Series, scalar_names, scalar_series, thin, vector_series
from unbraid.figures.style import svg
from unbraid.metrics.registry import metrics
from unbraid.reporting.headline import own_latents
from unbraid.reporting.latents import Latent
from unbraid.reporting.numbers import metric_name
from unbraid.reporting.tables import term_label

Log = Sequence[Mapping[str, Any]]

TITLES = {
    "loss": "Loss as trained: weighted sum of the terms",
    "nll": "Reconstruction, −log p(x|z): nats per image",
    "kl": "KL to the prior: nats per image",
    "sigma": "Standard deviation of a pixel, as learned",
}
"""Titles of the terms that every objective has; others go by their name."""
_MARKS = {
    "nll": {
        "train/nll": "training images, z drawn",
        "test/nll": "test images, z drawn",
        "test/nll_at_mean": "test images, at the mean",
    },
    "kl": {"kl": "evaluation"},
}


@dataclass(frozen=True)
class Chart:
    """An SVG element and the width in CSS pixels at which it reads best."""

    svg: Markup
    width: int


def chart(figure: Figure, prefix: str, alt: str) -> Chart:
    """A figure as an element of a page; `prefix` differs between the figures of a page."""
    # safe: matplotlib escapes the text of figures, and `svg` that of attributes
    return Chart(Markup(svg(figure, prefix=prefix, alt=alt)), natural_width(figure))


def loss_charts(log: Log) -> list[Chart]:
    """One chart for the loss and each of its terms, and one for the scores where they were followed."""
    charts = []
    for i, name in enumerate(scalar_names(log, "train")):
        line = scalar_series(log, "train", name, "training batches").thinned
        labels = _MARKS.get(name, {name: "evaluation"})
        marks = [scalar_series(log, "evaluation", mark, label) for mark, label in labels.items()]
        title = TITLES.get(name, term_label(name))
        figure = curves(title, [line], [mark for mark in marks if len(mark)])
        charts.append(chart(figure, f"loss{i}", f"{title}, over training"))
    followed = [name for name in scalar_names(log, "evaluation") if name in metrics]
    scores = [scalar_series(log, "evaluation", name, metric_name(name)) for name in followed]
    if any(len(one) > 1 for one in scores):
        charts.append(chart(curves("Scores on a part of the images", scores), "scores", "Scores over training"))
    return charts


def kl_chart(log: Log, latents: Sequence[Latent], n_shown: int) -> Chart | None:
    """KL per latent over training; None where the log has none."""
    steps, kl = vector_series(log, "kl_per_dim", len(latents))
    if not len(steps):
        return None
    names = [latent.short for latent in sorted(latents, key=lambda latent: latent.index)]
    shown = [latent.index for latent in latents[:n_shown]]
    return chart(kl_over_training(*thin(steps, kl), names, shown), "kl", "KL of each latent over training")


def information_chart(
    shares: Float[np.ndarray, "d k"], heard: Float[np.ndarray, "d k"], names: Sequence[str], latents: Sequence[Latent]
) -> Chart:
    """Latents by factors, the latents in order; outlined where, of what is heard, a latent is a factor's own."""
    rows = [latent.index for latent in latents]
    labels = [f"{latent.name} · {latent.amount}" for latent in latents]
    columns = [name.replace("_", " ") for name in names]
    figure = information_heatmap(shares[rows], labels, columns, own_latents(heard)[rows])
    return chart(figure, "information", "Share of each factor's entropy that each latent knows")


def training_loss(log: Log) -> Series:
    """The loss that training minimized; where players have losses of their own, the negative bound on log p(x)."""
    if "loss" in scalar_names(log, "train"):
        return scalar_series(log, "train", "loss", "training loss")
    nll, kl = scalar_series(log, "train", "nll", "reconstruction term"), scalar_series(log, "train", "kl")
    if not np.array_equal(nll.steps, kl.steps):
        return nll
    return Series("sum of reconstruction and KL", nll.steps, nll.values + kl.values)
