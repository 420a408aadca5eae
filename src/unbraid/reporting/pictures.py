"""The image grids of a report: rows of images with a label each."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Integer

from unbraid.codes import CodeTable
from unbraid.data.examples import example_images
from unbraid.errors import UsageError
from unbraid.figures.grids import Pixels, png_within, shrink, strip, to_bytes
from unbraid.figures.heatmaps import diverging_pixels
from unbraid.figures.positions import LIMIT, deviations_over_positions
from unbraid.figures.ranges import aggregate_moments
from unbraid.reporting.latents import Latent
from unbraid.reporting.numbers import span
from unbraid.reporting.traversals import BaseOf, along, base_image, code_of, values_of
from unbraid.reporting.view import RunView

RECONSTRUCTED, COLUMNS, PRIOR_SEED = 11, 11, 0
LARGEST = 64
"""Images are shown no larger than this many pixels, so that the page stays small."""
LARGEST_FILE = 75_000
"""Bytes of a strip; the 23 strips of a page then stay below 2.4 MB, however noisy."""
STRIP_WIDTH, MAP_WIDTH = 724, 152
"""Approximate widths of strips and maps, in CSS pixels: 11 images of 64 pixels at their own size."""


@dataclass(frozen=True)
class Picture:
    """An image of the page: label, alternative text, size in CSS pixels, and a small note."""

    label: str
    alt: str
    uri: str
    width: int
    height: int
    note: str = ""


@dataclass(frozen=True)
class Pictures:
    """All grids of images of a report."""

    originals: Picture
    reconstructions: Picture
    from_image: tuple[Picture, ...]
    dead: tuple[Picture, ...]
    from_prior: tuple[Picture, ...]
    samples: Picture
    base_index: int
    n_images: int
    from_test: bool


def make_pictures(view: RunView, live: Sequence[Latent], dead: Sequence[Latent] = ()) -> Pictures | None:
    """Reconstructions, traversals and samples; None if images may not be shared or codes are not finite.

    Args:
        live, dead: latents that have a traversal, dead ones only from an image.
    """
    dataset, model = view.dataset, view.model
    if not dataset.redistributable:
        return None
    chosen = example_images(dataset, RECONSTRUCTED)
    images = dataset.images.bytes(chosen)
    codes = view.encoded(chosen)
    try:
        values = values_of(view, COLUMNS)
    except UsageError:
        return None
    if not np.isfinite(codes).all():
        return None
    split = "test" if len(dataset.test) else "training"
    return Pictures(
        originals=_strip("original", f"{len(chosen)} images of the {split} split", images),
        reconstructions=_strip("reconstruction", "the same, decoded from their posterior means", to_bytes(model.decode(codes))),
        from_image=_traversals(view, "posterior", values, live),
        dead=_traversals(view, "posterior", values, dead) if dead else (),
        from_prior=_traversals(view, "prior", values, live),
        samples=_strip(
            "drawn from the prior",
            f"{COLUMNS} images decoded from draws from the prior",
            to_bytes(model.sample(COLUMNS, PRIOR_SEED)),
        ),
        base_index=base_image(view),
        n_images=len(chosen),
        from_test=len(dataset.test) > 0,
    )


def traversal_pictures(view: RunView, latents: Sequence[Latent]) -> tuple[Picture, ...]:
    """Traversals from an image; none if images may not be shared or codes are not finite."""
    if not view.dataset.redistributable:
        return ()
    try:
        return _traversals(view, "posterior", values_of(view, COLUMNS), latents)
    except UsageError:
        return ()


def _traversals(
    view: RunView, base: BaseOf, values: Float32[np.ndarray, "d value"], latents: Sequence[Latent]
) -> tuple[Picture, ...]:
    code, where = code_of(view, base)
    rows = along(view, code, values, [latent.index for latent in latents])
    return tuple(
        _strip(latent.label, f"Traversal of {latent.name} from {where}", row, note=span(values[latent.index, [0, -1]].tolist()))
        for latent, row in zip(latents, rows, strict=True)
    )


def _strip(label: str, alt: str, images: np.ndarray, note: str = "") -> Picture:
    return _picture(label, alt, strip(shrink(images, LARGEST)), note, width=STRIP_WIDTH)


def _picture(label: str, alt: str, pixels: Pixels, note: str = "", *, width: int) -> Picture:
    times = max(1, width // pixels.shape[1])  # whole multiples keep pixels equal
    uri = "data:image/png;base64," + base64.b64encode(png_within(pixels, LARGEST_FILE)).decode("ascii")
    return Picture(label, alt, uri, times * pixels.shape[1], times * pixels.shape[0], note)


def position_maps_of(
    table: CodeTable, selections: Sequence[Integer[np.ndarray, "_"]] | None = None
) -> Float[np.ndarray, "d m y x"]:
    """Means of all latents over the position of the object, in standard deviations.

    Args:
        table: codes with the factors x and y.
        selections: rows of the images of each map; one map of all images by default.
    """
    (x, columns), (y, rows) = table.places("x"), table.places("y")
    return deviations_over_positions(
        table.mean,
        table.variance,
        x,
        y,
        (columns, rows),
        [np.arange(len(table))] if selections is None else selections,
    )


def position_pictures(view: RunView, latents: Sequence[Latent]) -> tuple[Picture, ...]:
    """Heat maps of mean codes over positions, in standard deviations; none without factors x and y."""
    table = view.table
    if not {"x", "y"} <= set(table.factor_names):
        return ()
    maps = position_maps_of(table)[:, 0]
    center, deviation = aggregate_moments(table.mean, table.variance)
    return tuple(
        _picture(
            one.label,
            f"Mean of {one.name} over position, "
            + span([float(center[one.index] + deviation[one.index] * end) for end in (np.nanmin(own), np.nanmax(own))]),
            diverging_pixels(own, LIMIT),
            width=MAP_WIDTH,
        )
        for one, own in zip(latents, maps[[one.index for one in latents]], strict=True)
        if np.isfinite(own).any()
    )


def color_bar() -> Picture:
    """The colors of position maps from low to high."""
    ramp = np.linspace(-LIMIT, LIMIT, 64)[None]
    return _picture("", "Color scale", diverging_pixels(ramp, LIMIT), width=240)
