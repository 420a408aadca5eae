"""Figures of latents against factors: information, importance, assignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from unbraid.evaluation.scores import samples_of
from unbraid.figures.assignment import STRONG, WEAK, assignment_table, assignments
from unbraid.figures.heatmaps import importance_heatmap, information_heatmap
from unbraid.metrics.dci import disentanglement_of, importances
from unbraid.options import Option
from unbraid.reporting.gallery.images import names_of
from unbraid.reporting.gallery.latents import Dims
from unbraid.reporting.gallery.registry import OWN, Drawn, figures
from unbraid.reporting.headline import own_latents
from unbraid.reporting.numbers import decimal
from unbraid.reporting.view import RunView


def _columns(view: RunView) -> list[str]:
    return [name.replace("_", " ") for name in view.table.factor_names]


@figures.register(
    "information",
    source="Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders",
    runs=(1, 1),
    needs="a scored run on data with factors",
)
def draw_information(views: Sequence[RunView], *, dims: Dims = 10) -> Drawn:
    """Mutual information of each latent and each factor, as a share of the factor's entropy."""
    view = views[0]
    shares = view.need_shares()
    shown = view.latents[:dims]
    rows = [one.index for one in shown]
    labels = [f"{one.name} · {one.amount}" for one in shown]
    figure = information_heatmap(shares[rows], labels, _columns(view), own_latents(view.active_shares)[rows])
    caption = (
        f"Share of each factor's entropy that each latent of {names_of(views)[0]} knows, I(z; v) / H(v), adjusted for chance. "
        "Outlined is a latent of a factor's own. Latents are sorted by KL."
    )
    return Drawn(figure, caption)


@figures.register(
    "importance",
    source="Eastwood and Williams (2018), A Framework for the Quantitative Evaluation of Disentangled Representations",
    runs=(1, 1),
    needs="a scored run on data with factors",
)
def draw_importance(
    views: Sequence[RunView], *, dims: Dims = 10, seed: Annotated[int, Option("seed of the forests", ge=0)] = 0
) -> Drawn:
    """The matrix behind DCI: how much each latent matters to the prediction of each factor."""
    view = views[0]
    view.need_shares()
    samples = samples_of(view.table)
    matrix, _ = importances(samples.codes, samples.factors, "forest", seed)
    rows, _ = disentanglement_of(matrix)
    columns, _ = disentanglement_of(matrix.T)
    shown = [one.index for one in view.latents[:dims]]
    labels = [f"z{j} · D {decimal(rows[j])}" for j in shown]
    heads = [f"{name}\nC {decimal(value)}" for name, value in zip(_columns(view), columns, strict=True)]
    marked = (matrix == matrix.max(0)) & (matrix > 0)
    figure = importance_heatmap(matrix[shown], labels, heads, marked=marked[shown])
    caption = (
        f"Importance of each latent of {names_of(views)[0]} to a random forest that predicts a factor from all latents; "
        "columns sum to 100 %. Outlined is the latent that matters most to a factor. D is the disentanglement of a latent (1 "
        "if it matters to one factor alone), C the completeness of a factor (1 if one latent alone matters to it)."
    )
    return Drawn(figure, caption)


@figures.register("assignment", source=OWN, runs=(1, None), needs="scored runs on data with the same factors")
def draw_assignment(
    views: Sequence[RunView],
    *,
    strong: Annotated[float, Option("share of a factor's entropy from which a latent stands for it", gt=0, le=1)] = STRONG,
    weak: Annotated[float, Option("share from which it does in brackets", gt=0, le=1)] = WEAK,
) -> Drawn:
    """Which latents stand for which factor, in a table; in brackets those that know it weakly."""
    for view in views:
        view.need_same_factors(views[0])
    found = {
        name: assignments(np.asarray(view.active_shares), view.table.factor_names, strong=strong, weak=weak)
        for name, view in zip(names_of(views), views, strict=True)
    }
    caption = (
        f"Latents that know at least {100 * strong:g} % of a factor's entropy, and in brackets those that know at least "
        f"{100 * weak:g} %; the one that knows most comes first."
    )
    return Drawn(assignment_table(found), caption)
