"""Figures of runs over training, and of what training left in the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from unbraid.errors import UsageError
from unbraid.figures.kl import kl_over_training
from unbraid.figures.losses import Panel, curve_panels
from unbraid.figures.series import Series, scalar_names, scalar_series, thin, vector_series
from unbraid.figures.weights import weight_histograms
from unbraid.log_entry import unit_and_label
from unbraid.metrics.registry import metrics
from unbraid.options import Option
from unbraid.reporting.gallery.images import names_of
from unbraid.reporting.gallery.latents import Dims
from unbraid.reporting.gallery.registry import OWN, Drawn, figures
from unbraid.reporting.groups import labels
from unbraid.reporting.numbers import metric_name
from unbraid.reporting.tables import term_title
from unbraid.reporting.view import RunView

NETWORKS = ("encoder", "decoder")


@figures.register(
    "kl_over_training",
    source="Burgess et al. (2018), Understanding disentangling in beta-VAE",
    runs=(1, 1),
    needs="a scored run",
)
def draw_kl(views: Sequence[RunView], *, dims: Dims = 10) -> Drawn:
    """KL of each latent over training, with the factor it follows in the end.

    >>> figure = unbraid.figure("kl_over_training", "runs/beta1", dims=2)
    >>> [axes.get_title("left") for axes in figure.axes]
    ['KL of each latent, nats per image']
    """
    view = views[0]
    steps, kl = vector_series(view.log, "kl_per_dim", view.table.latent_dim)
    if not len(steps):
        raise UsageError(f"{view.name} logged no KL per latent: its posterior has none, or its log is gone.")
    names = [one.short for one in sorted(view.latents, key=lambda one: one.index)]
    figure = kl_over_training(*thin(steps, kl), names, [one.index for one in view.latents[:dims]])
    caption = (
        f"KL to the prior of each latent of {names_of(views)[0]} over training, in nats, averaged over training images. Lines "
        "are named after the latent and the factor it follows at the end."
    )
    return Drawn(figure, caption)


def loss_panels(views: Sequence[RunView], names: Sequence[str]) -> list[Panel]:
    """One plot for each term that any of the runs logged; runs of one name share a color."""
    terms = dict.fromkeys(term for view in views for term in scalar_names(view.log, "train"))
    found = []
    for term in terms:
        lines = [scalar_series(view.log, "train", term, name).thinned for name, view in zip(names, views, strict=True)]
        title = term_title(term, *unit_and_label((entry for view in views for entry in view.log), term))
        found.append(Panel(title, [line for line in lines if len(line)]))
    return found


@figures.register("losses", source=OWN, runs=(1, None), needs="trained runs")
def draw_losses(views: Sequence[RunView]) -> Drawn:
    """Every term of the loss over training, unweighted; seeds of a configuration share a color.

    >>> figure = unbraid.figure("losses", "runs/beta1", "runs/beta4")
    >>> len(figure.axes)  # the loss, and a plot for each of its terms
    3
    """
    named = labels([view.experiment for view in views])
    plots = loss_panels(views, named)
    if not plots:
        raise UsageError(f"The log of {views[0].name} holds no training entries.")
    caption = (
        "Terms of the loss over training: means over the steps between two entries of the log, unweighted; only the loss "
        "applies the weights of the objective. Axes are logarithmic where a term fell far."
    )
    return Drawn(curve_panels(plots, labels=named), caption)


@figures.register("scores_over_training", source=OWN, runs=(1, None), needs="runs trained with --evaluate-every")
def draw_scores_over_training(
    views: Sequence[RunView],
    *,
    scores: Annotated[str, Option("metrics, joined by commas; all that were followed by default")] = "",
) -> Drawn:
    """Disentanglement scores over training, one plot per metric; seeds of a configuration share a color.

    >>> figure = unbraid.figure("scores_over_training", "runs/beta1", "runs/beta4", scores="mig")
    >>> [axes.get_title("left") for axes in figure.axes]
    ['MIG']
    """
    named = labels([view.experiment for view in views])
    known = dict.fromkeys(name for view in views for name in scalar_names(view.log, "evaluation") if name in metrics)
    if not known:
        raise UsageError(
            f"{views[0].name} was not scored while it was trained; train it with --evaluate-every, like --evaluate-every "
            f"{max(1, views[0].experiment.steps // 20)}."
        )
    chosen = scores.split(",") if scores else list(known)
    for name in chosen:
        if name not in known:
            raise UsageError(f"--scores {name!r}; followed during training were: {', '.join(known)}.")
    plots = [Panel(metric_name(name), _followed(views, named, name)) for name in chosen]
    return Drawn(curve_panels(plots, labels=named), "Scores over training, each on the same part of the images.")


def _followed(views: Sequence[RunView], names: Sequence[str], metric: str) -> list[Series]:
    found = [scalar_series(view.log, "evaluation", metric, name) for name, view in zip(names, views, strict=True)]
    return [one for one in found if len(one)]


def weights_of(view: RunView) -> dict[str, np.ndarray]:
    """All weights of encoder and decoder, without biases and scales, one array per network."""
    found = {}
    for network in NETWORKS:
        own = [p.detach().cpu().numpy().ravel() for p in view.model.vae.parameters_of(network) if p.ndim > 1]
        if own:
            found[network] = np.concatenate(own).astype(np.float64)
    return found


@figures.register("weights", source=OWN, runs=(1, None), needs="trained runs, such as one with --weight-decay and one without")
def draw_weights(views: Sequence[RunView]) -> Drawn:
    """Histograms of the weights of encoder and decoder; weight decay moves unneeded ones to zero.

    >>> figure = unbraid.figure("weights", "runs/beta1", "runs/beta4")
    >>> [axes.get_title("left") for axes in figure.axes]
    ['Weights of the encoder', 'Weights of the decoder']
    """
    found = {name: weights_of(view) for name, view in zip(names_of(views), views, strict=True)}
    caption = (
        "How large weights are, biases left out: share of all weights of a network in each bin, on a logarithmic axis. Weight "
        "decay (an L2 penalty) shrinks weights that nothing needs, which makes a peak at zero."
    )
    return Drawn(weight_histograms(found), caption)
