"""Figures of latents against factors: information, importance, assignment."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Annotated

import numpy as np

from unbraid.evaluation.scores import samples_of
from unbraid.figures.assignment import STRONG, WEAK, assignment_table, assignments
from unbraid.figures.heatmaps import importance_heatmap, information_heatmap
from unbraid.metrics.dci import disentanglement_of, importances
from unbraid.metrics.information.definitions import IN_WORDS, default_definition
from unbraid.options import Option
from unbraid.reporting.gallery.images import names_of
from unbraid.reporting.gallery.latents import Dims
from unbraid.reporting.gallery.registry import OWN, Drawn, figures
from unbraid.reporting.headline import own_latents, shown_factors
from unbraid.reporting.latents import Latent
from unbraid.reporting.numbers import decimal
from unbraid.reporting.view import RunView

_COLUMN = 13
"""Characters that fit above a column."""
MOST = 0.5
"""Share of a factor's prediction from which a latent is outlined."""


def _columns(view: RunView, factors: Sequence[int]) -> list[str]:
    return [in_lines(view.table.scored_names[k].replace("_", " ")) for k in factors]


def in_lines(name: str) -> str:
    """A name above a column, on several lines where it is longer than the column is wide."""
    return textwrap.fill(name, _COLUMN, break_long_words=False, break_on_hyphens=False)


def _of_very_many(view: RunView, factors: Sequence[int]) -> str:
    all_of_them = len(view.table.scored_names)
    return f" Of {all_of_them} factors the {len(factors)} that a latent knows best." if len(factors) < all_of_them else ""


def estimated(view: RunView) -> str:
    """How the information shares of a run were estimated, in the words of the estimator."""
    return IN_WORDS[default_definition(samples_of(view.table))]


def information_of(view: RunView, latents: Sequence[Latent]) -> Drawn:
    """The information shares of some latents, with a caption that says how they were estimated."""
    rows = [one.index for one in latents]
    labels = [f"{one.name} · {one.amount}{'' if one.active else ' · dead'}" for one in latents]
    factors = shown_factors(view.active_shares)
    own = own_latents(view.active_shares)[rows][:, factors]
    figure = information_heatmap(view.need_shares()[rows][:, factors], labels, _columns(view, factors), own)
    outlined = " Outlined is a latent of a factor's own." if own.any() else ""
    name = names_of([view])[0]
    caption = (
        f"I(z; v) / H(v): the share of each factor's entropy that each latent of {name} knows, {estimated(view)}.{outlined}"
        f"{_of_very_many(view, factors)}"
    )
    return Drawn(figure, caption)


@figures.register(
    "information",
    source="Chen et al. (2018), Isolating Sources of Disentanglement in Variational Autoencoders",
    runs=(1, 1),
    needs="a scored run on data with factors",
)
def draw_information(views: Sequence[RunView], *, dims: Dims = 10) -> Drawn:
    """Mutual information of each latent and each factor, as a share of the factor's entropy.

    >>> figure = unbraid.figure("information", "runs/beta1", dims=2)
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['x', 'y', 'scale', 'orientation']
    """
    return information_of(views[0], views[0].latents[:dims])


@figures.register(
    "importance",
    source="Eastwood and Williams (2018), A Framework for the Quantitative Evaluation of Disentangled Representations",
    runs=(1, 1),
    needs="a scored run on data with factors",
)
def draw_importance(
    views: Sequence[RunView], *, dims: Dims = 10, seed: Annotated[int, Option("seed of the forests", ge=0)] = 0
) -> Drawn:
    """The matrix behind DCI: how much each latent matters to the prediction of each factor.

    >>> figure = unbraid.figure("importance", "runs/beta1", dims=2)
    >>> [label.get_text().split()[0] for label in figure.axes[0].get_xticklabels()]
    ['x', 'y', 'scale', 'orientation']
    """
    view = views[0]
    view.need_shares()
    samples = samples_of(view.table)
    matrix, _ = importances(samples, "forest", seed)
    rows, _ = disentanglement_of(matrix)
    columns, _ = disentanglement_of(matrix.T)
    shown = view.latents[:dims]
    labels = [f"{one.name} · {f'D {decimal(rows[one.index])}' if one.active else 'dead'}" for one in shown]
    factors = shown_factors(view.active_shares)
    heads = [f"{name}\nC {decimal(value)}" for name, value in zip(_columns(view, factors), columns[factors], strict=True)]
    most = matrix >= MOST * matrix.sum(0)
    marked = (most & (matrix > 0))[[one.index for one in shown]]
    drawn = matrix[[one.index for one in shown]][:, factors]
    figure = importance_heatmap(drawn, labels, heads, marked=marked[:, factors])
    caption = (
        f"Importance of each latent of {names_of(views)[0]} to a random forest that predicts a factor from the latents that "
        "know of it; columns of all latents sum to 100 %, or to 0 where none knows. Outlined is a latent with at least "
        f"{100 * MOST:g} % of one. D is the disentanglement of a latent (1 if it matters to one factor alone, however little), "
        "C the completeness of a factor (1 if one latent alone matters to it). Dead latents have no D."
        f"{_of_very_many(view, factors)}"
    )
    return Drawn(figure, caption)


@figures.register("assignment", source=OWN, runs=(1, None), needs="scored runs on data with the same factors")
def draw_assignment(
    views: Sequence[RunView],
    *,
    strong: Annotated[float, Option("share of a factor's entropy from which a latent stands for it", gt=0, le=1)] = STRONG,
    weak: Annotated[float, Option("share from which it does in brackets", gt=0, le=1)] = WEAK,
) -> Drawn:
    """Which latents stand for which factor, in a table; in brackets those that know it weakly.

    >>> figure = unbraid.figure("assignment", "runs/beta1", "runs/beta4", strong=0.3)
    >>> [text.get_text() for text in figure.axes[0].texts][:3]
    ['model', 'x', 'y']
    """
    for view in views:
        view.need_same_factors(views[0])
    found = {
        name: assignments(np.asarray(view.active_shares), view.table.scored_names, strong=strong, weak=weak)
        for name, view in zip(names_of(views), views, strict=True)
    }
    caption = (
        f"Latents that know at least {100 * strong:g} % of a factor's entropy, and in brackets those that know at least "
        f"{100 * weak:g} %; the one that knows most comes first."
    )
    return Drawn(assignment_table(found), caption)
