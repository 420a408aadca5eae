"""Figures of single latents: what each does to images, and where in the image it looks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Annotated

import numpy as np

from unbraid.data.examples import example_images
from unbraid.errors import UsageError
from unbraid.figures.animation import moving_tiles
from unbraid.figures.images import paired_traversals, traversals
from unbraid.figures.positions import position_maps
from unbraid.options import Option
from unbraid.reporting.gallery.images import names_of
from unbraid.reporting.gallery.registry import OWN, Drawn, figures
from unbraid.reporting.numbers import span
from unbraid.reporting.pictures import position_maps_of
from unbraid.reporting.traversals import BaseOf, along, code_of, values_of
from unbraid.reporting.view import RunView, need_same_data

MOST_MAPS = 24

Dims = Annotated[int, Option("how many latents, those with the largest KL", ge=1)]
Columns = Annotated[int, Option("values of each latent", ge=2, le=60)]
Base = Annotated[BaseOf, Option("where the other latents stay: at an image's posterior mean, or at 0")]
Image = Annotated[int | None, Option("index of that image; by default one in the middle of the held-out ones", ge=0)]


def _chosen(
    view: RunView, dims: int, columns: int, base: BaseOf, image: int | None
) -> tuple[np.ndarray, list[int], np.ndarray, str]:
    values = values_of(view, columns)
    code, where = code_of(view, base, image)
    order = [one.index for one in view.latents[:dims]]
    return along(view, code, values, order), order, values, where


def _moving(views: Sequence[RunView], *, dims: int, columns: int, base: BaseOf, image: int | None) -> Drawn:
    view = views[0]
    images, order, _, where = _chosen(view, dims, columns, base, image)
    frames = moving_tiles(images, [view.labels[j] for j in order])
    return Drawn(frames, f"Each tile moves one latent of {names_of(views)[0]} over its range and back, from {where}.")


@figures.register(
    "traversals",
    source="Burgess et al. (2018), Understanding disentangling in beta-VAE",
    runs=(1, 1),
    needs="a scored run",
    images=True,
    animated=_moving,
)
def draw_traversals(
    views: Sequence[RunView], *, dims: Dims = 10, columns: Columns = 11, base: Base = "posterior", image: Image = None
) -> Drawn:
    """One row per latent, moved over its range while the others stay; sorted by KL.

    The range is two standard deviations of the aggregate posterior on either side of its mean.

    >>> figure = unbraid.figure("traversals", "runs/beta1", dims=2)
    >>> len(figure.axes)  # a row for each latent
    2
    """
    view = views[0]
    images, order, values, where = _chosen(view, dims, columns, base, image)
    notes = [span([float(values[j, 0]), float(values[j, -1])]) for j in order]
    figure = traversals(images, [view.labels[j] for j in order], -np.arange(len(order), dtype=np.float64), notes=notes)
    which = (
        f"All {len(order)} latents,"
        if len(order) == view.table.latent_dim
        else f"The first {len(order)} of {view.table.latent_dim} latents,"
    )
    sorting = "KL" if len(view.table.kl) else "the variance of their means"
    caption = (
        f"Traversals of {names_of(views)[0]} from {where}: each row moves one latent over two standard deviations of the "
        f"aggregate posterior on either side of its mean. {which} sorted by {sorting} and named after the factor they follow."
    )
    return Drawn(figure, caption)


def _latent_of(view: RunView, factor: str | None, latent: int | None) -> int:
    if latent is not None:
        if latent >= view.table.latent_dim:
            raise UsageError(f"--latent {latent}; {view.name} has latents from 0 to {view.table.latent_dim - 1}.")
        return latent
    if factor is None:
        return view.latents[0].index
    view.need_factors()
    names = view.table.scored_names
    if factor not in names:
        raise UsageError(f"--factor {factor!r}; allowed: {', '.join(names)}.")
    return int(view.active_shares[:, names.index(factor)].argmax())


@figures.register("paired_traversals", source=OWN, runs=(1, None), needs="scored runs on the same data", images=True)
def draw_paired_traversals(
    views: Sequence[RunView],
    *,
    factor: Annotated[
        str | None, Option("take the latent of each model that knows most of this factor; default: the one of largest KL")
    ] = None,
    latent: Annotated[int | None, Option("take this latent of every model", ge=0)] = None,
    columns: Columns = 9,
    image: Annotated[int | None, Option("index of the first image; by default a held-out one", ge=0)] = None,
    other: Annotated[int | None, Option("index of the second image; by default a held-out one", ge=0)] = None,
) -> Drawn:
    """One latent of each model moved from two base images, side by side.

    A disentangled latent changes both images alike, whatever else they show.

    >>> figure = unbraid.figure("paired_traversals", "runs/beta1", "runs/beta4", factor="x")
    >>> [text.get_text() for text in figure.texts][:3]
    ['from image 130', 'from image 42', 'beta_vae, beta 1']
    """
    need_same_data(views)
    if factor is not None and latent is not None:
        raise UsageError("--factor and --latent both choose the latent; give one of them.")
    dataset = views[0].dataset
    spare = example_images(dataset, 2)
    pair = [int(spare[i % len(spare)]) if given is None else given for i, given in enumerate((image, other))]
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    labels, notes = [], []
    for name, view in zip(names_of(views), views, strict=True):
        chosen, values = _latent_of(view, factor, latent), values_of(view, columns)
        for side, index in zip(sides, pair, strict=True):
            side.append(along(view, code_of(view, "posterior", index)[0], values, [chosen])[0])
        labels.append(name)
        notes.append(view.labels[chosen])
    headings = (f"from image {pair[0]}", f"from image {pair[1]}")
    figure = paired_traversals(np.stack(sides[0]), np.stack(sides[1]), labels, notes=notes, headings=headings)
    which = (
        f"the latent that knows most of {factor}"
        if factor
        else f"z{latent}"
        if latent is not None
        else "the latent of largest KL"
    )
    return Drawn(
        figure, f"Of each model {which}, moved from two images of {dataset.name}. A disentangled latent changes both alike."
    )


@figures.register("position_maps", source=OWN, runs=(1, 1), needs="a scored run on data with the factors x and y")
def draw_position_maps(
    views: Sequence[RunView],
    *,
    dims: Dims = 10,
    by: Annotated[
        str, Option("factors for each of whose values there is a column, joined by commas (scale,shape); none by default")
    ] = "",
) -> Drawn:
    """Heat maps of each latent over the position of the object, for all images or by scale or shape.

    >>> figure = unbraid.figure("position_maps", "runs/beta1", dims=2)
    >>> len(figure.axes)  # a map for each latent, and the key
    3
    """
    view = views[0]
    table = view.table
    known = table.factor_names
    if not {"x", "y"} <= set(known):
        has = f"the factors {', '.join(known)}" if known else "no factors"
        raise UsageError(f"{view.name} was trained on data with {has}; heat maps need x and y.")
    if not (np.isfinite(table.mean).all() and np.isfinite(table.variance).all()):
        raise UsageError(f"The codes of {view.name} are not finite.")
    chosen = _selections(view, [name for name in by.split(",") if name])
    maps = position_maps_of(table, list(chosen.values()))
    order = [one.index for one in view.latents[:dims]]
    figure = position_maps(maps[order], [view.labels[j] for j in order], headings=list(chosen))
    caption = (
        f"Mean of each latent of {names_of(views)[0]} over the images with the object at that place, laid out as in the image, "
        "averaged over all other factors. In standard deviations of the aggregate posterior from its mean, blue below and red "
        "above. A latent of position shows a ramp along its axis."
    )
    return Drawn(figure, caption)


def _selections(view: RunView, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Rows of the code table: all, and those of every combination of values of these factors."""
    table = view.table
    for name in names:
        without = ("x", "y", *table.continuous)
        if name not in table.factor_names or name in without:
            allowed = [one for one in table.factor_names if one not in without]
            raise UsageError(f"--by {name!r}; allowed: {', '.join(allowed)}.")
    found = {"all images": np.arange(len(table))}
    places = [table.factor_names.index(name) for name in names]
    count = int(np.prod([table.factor_sizes[k] for k in places])) if names else 0
    if count > MOST_MAPS:
        raise UsageError(
            f"--by {','.join(names)} asks for {count} columns of heat maps; allowed: {MOST_MAPS}. Name fewer factors."
        )
    if len(set(names)) < len(names):
        raise UsageError(f"--by {','.join(names)} names a factor twice; name each once.")
    if names:
        view.require_codes_of_data()
    space = view.dataset.space if names else None
    factors = [space.factors[space.column(name)] for name in names] if space else []
    for values in product(*(range(table.factor_sizes[k]) for k in places)) if names else ():
        same = (table.factors[:, places] == values).all(1)
        heading = ", ".join(factor.in_words(value) for factor, value in zip(factors, values, strict=True))
        found[heading] = np.flatnonzero(same)
    return found
