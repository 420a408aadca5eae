"""The image grids of a report: rows of images with a label each."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from unbraid.codes import CodeTable
from unbraid.data.dataset import Dataset
from unbraid.figures.grids import Pixels, png_within, shrink, strip, to_bytes
from unbraid.figures.heatmaps import diverging_pixels, means_over_positions
from unbraid.figures.ranges import aggregate_moments, traversal_values
from unbraid.model import Model
from unbraid.reporting.latents import Latent
from unbraid.reporting.numbers import decimal

RECONSTRUCTED, COLUMNS, PRIOR_SEED = 11, 11, 0
LARGEST = 64
"""Images are shown no larger than this many pixels, so that the page stays small."""
LARGEST_FILE = 75_000
"""Bytes of a strip; the 23 strips of a page then stay below 2.4 MB, however noisy."""
STRIP_WIDTH, MAP_WIDTH = 724, 152
"""About this wide, in CSS pixels, are strips and maps shown: 11 images of 64 pixels at their size, of 32 at twice theirs."""
POSITION_LIMIT = 2.0
"""Ends of the color scale of position maps, in standard deviations; a latent that is linear in position reaches 1.7."""


@dataclass(frozen=True)
class Picture:
    """An image of the page with its label, its size in CSS pixels (a multiple of its own where that fits) and what it shows."""

    label: str
    alt: str
    uri: str
    width: int
    height: int
    note: str = ""


@dataclass(frozen=True)
class Pictures:
    """All grids of images; empty where none may be shown."""

    originals: Picture
    reconstructions: Picture
    from_image: tuple[Picture, ...]
    from_prior: tuple[Picture, ...]
    samples: Picture
    base_index: int
    n_images: int
    from_test: bool


def make_pictures(model: Model, table: CodeTable, dataset: Dataset, latents: Sequence[Latent]) -> Pictures | None:
    """Reconstructions, traversals and samples; None where images may not be passed on or codes are not finite."""
    if not dataset.redistributable:
        return None
    chosen, from_test = pick_images(table)
    images = dataset.images.bytes(chosen)
    codes = np.asarray(model.encode(images), dtype=np.float32)
    values = traversal_values(table.mean, table.variance, COLUMNS).astype(np.float32)
    samples = model.sample(COLUMNS, PRIOR_SEED)
    if not (np.isfinite(codes).all() and np.isfinite(values).all()):
        return None
    middle = len(chosen) // 2
    base = int(chosen[middle])
    values, origin = model.nearest_codes(values.T).T, model.nearest_codes(np.zeros_like(codes[0]))[0]
    split = "test" if from_test else "training"
    return Pictures(
        originals=_strip("original", f"{len(chosen)} images of the {split} split", images),
        reconstructions=_strip("reconstruction", "the same, decoded from their posterior means", to_bytes(model.decode(codes))),
        from_image=_traversals(model, codes[middle], values, latents, f"image {base}"),
        from_prior=_traversals(model, origin, values, latents, "the middle of the prior"),
        samples=_strip("drawn from the prior", f"{COLUMNS} images decoded from draws from the prior", to_bytes(samples)),
        base_index=base,
        n_images=len(chosen),
        from_test=from_test,
    )


def pick_images(table: CodeTable, n: int = RECONSTRUCTED) -> tuple[Int[np.ndarray, "_"], bool]:
    """Indices of n images spread evenly over the test split, or over all where none is held out, and which of the two."""
    from_test = bool(table.is_test.any())
    rows = np.flatnonzero(table.is_test) if from_test else np.arange(len(table))
    n = min(n, len(rows))
    places = ((np.arange(n) + 0.5) * len(rows) / n).astype(np.int64)
    return table.index[rows[places]], from_test


def traversal_codes(
    base: Float[np.ndarray, "d"], values: Float[np.ndarray, "d value"], dims: Sequence[int]
) -> Float[np.ndarray, "row value d"]:
    """Codes in which one latent a row runs over its values and the others stay as in `base`."""
    codes = np.tile(base, (len(dims), values.shape[1], 1))
    for row, dim in enumerate(dims):
        codes[row, :, dim] = values[dim]
    return codes


def _traversals(
    model: Model,
    base: Float[np.ndarray, "d"],
    values: Float[np.ndarray, "d value"],
    latents: Sequence[Latent],
    where: str,
) -> tuple[Picture, ...]:
    codes = traversal_codes(base, values, [latent.index for latent in latents])
    images = to_bytes(model.decode(codes.reshape(-1, codes.shape[-1])))
    rows = images.reshape(*codes.shape[:2], *images.shape[1:])
    return tuple(
        _strip(latent.label, f"Traversal of {latent.name} about {where}", row, note=_range(values[latent.index]))
        for latent, row in zip(latents, rows, strict=True)
    )


def _range(values: Float[np.ndarray, "n"]) -> str:
    first, last = float(values[0]), float(values[-1])
    narrow = abs(last - first) < 0.1
    return " to ".join(f"{end:.2g}".replace("-", "−") if narrow else decimal(end) for end in (first, last))


def _ends(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "2"]:
    return np.array([np.nanmin(values), np.nanmax(values)])


def _strip(label: str, alt: str, images: np.ndarray, note: str = "") -> Picture:
    return _picture(label, alt, strip(shrink(images, LARGEST)), note, width=STRIP_WIDTH)


def _picture(label: str, alt: str, pixels: Pixels, note: str = "", *, width: int) -> Picture:
    times = max(1, width // pixels.shape[1])  # whole multiples keep pixels equal
    uri = "data:image/png;base64," + base64.b64encode(png_within(pixels, LARGEST_FILE)).decode("ascii")
    return Picture(label, alt, uri, times * pixels.shape[1], times * pixels.shape[0], note)


def position_maps(table: CodeTable, latents: Sequence[Latent]) -> tuple[Picture, ...]:
    """Heat maps of mean codes over positions, in standard deviations of each latent; none without factors x and y."""
    if not {"x", "y"} <= set(table.factor_names):
        return ()
    x, y = table.factor_names.index("x"), table.factor_names.index("y")
    sizes = (table.factor_sizes[x], table.factor_sizes[y])
    means = means_over_positions(table.mean, table.factors[:, x], table.factors[:, y], sizes)
    center, deviation = aggregate_moments(table.mean, table.variance)
    scale = np.where(deviation > 0, deviation, 1.0)
    maps = (means - center[:, None, None]) / scale[:, None, None]
    return tuple(
        _picture(
            one.label,
            f"Mean of {one.name} over position, {_range(_ends(means[one.index]))}",
            diverging_pixels(maps[one.index], POSITION_LIMIT),
            width=MAP_WIDTH,
        )
        for one in latents
        if np.isfinite(means[one.index]).any()
    )


def color_bar() -> Picture:
    """The colors of position maps from low to high."""
    ramp = np.linspace(-POSITION_LIMIT, POSITION_LIMIT, 64)[None]
    return _picture("", "Color scale", diverging_pixels(ramp, POSITION_LIMIT), width=240)
