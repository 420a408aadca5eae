"""What a page shows of a model's latents at one time of its training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from unbraid.codes import PARTS, latent_order
from unbraid.data.dataset import Dataset
from unbraid.data.examples import example_images
from unbraid.evaluation.encoding import choose_images
from unbraid.evaluation.scores import ACTIVE, follows, known_shares
from unbraid.explorer.blobs import floats
from unbraid.explorer.content import Latent, Posteriors
from unbraid.figures.heatmaps import means_over_positions
from unbraid.figures.ranges import aggregate_moments, explained
from unbraid.model import Model
from unbraid.records import finite_or_none

ENCODED = 3_000
"""Images that latents are measured on; of a position map of 32 x 32 places each has about three."""
CLOUD = 400
"""Images whose codes are dots in the plane of two latents."""
DRAWS = 200
"""Draws from the prior, which the page takes one after the other."""
WIDTH = 3.0
"""Sliders reach this many standard deviations of the aggregate posterior to either side of its mean."""
LEAST = 1e-3
"""Half the length of a slider at least, for latents that do not move at all."""


@dataclass(frozen=True)
class Sample:
    """The images that a page measures latents on and shows."""

    dataset: Dataset
    rows: Int[np.ndarray, "n"]
    shown: Int[np.ndarray, "_"]

    @property
    def pixels(self) -> Float32[np.ndarray, "n c h w"]:
        """Of the images that latents are measured on, from 0 to 1."""
        return self.dataset.images.floats(self.rows)


@dataclass(frozen=True)
class Measured:
    """What was measured of a model's latents; fields as in `Moment`."""

    latents: list[Latent]
    shares: list[list[float | None]] | None
    positions: str | None
    posteriors: Posteriors | None
    cloud: str


def take_sample(dataset: Dataset, shown: int) -> Sample:
    """The same images for every model: a fixed part for measures, and examples to be shown.

    No image is shown where images may not be passed on.
    """
    return Sample(dataset, _rows(dataset), example_images(dataset, shown if dataset.redistributable else 0))


def _rows(dataset: Dataset) -> Int[np.ndarray, "n"]:
    """A fixed pseudo-random part; of a full grid of positions as many images of each as of any other."""
    space, factors = dataset.space, dataset.factors
    if space is None or factors is None or not {"x", "y"} <= set(space.names) or not dataset.is_whole_grid:
        return choose_images(dataset, ENCODED)
    x, y = space.column("x"), space.column("y")
    places = factors[:, y].astype(np.int64) * space.sizes[x] + factors[:, x]
    mixed = np.random.default_rng(0).permutation(len(dataset))
    by_place = mixed[np.argsort(places[mixed], kind="stable")].reshape(space.sizes[x] * space.sizes[y], -1)
    each = max(1, ENCODED // len(by_place))
    return np.sort(by_place[:, :each].ravel())


def measure(model: Model, sample: Sample, pixels: Float32[np.ndarray, "n c h w"]) -> Measured:
    """Ranges, KL, information, positions and posteriors of a model's latents.

    Args:
        pixels: `sample.pixels`, read once for all models.
    """
    dataset = sample.dataset
    found = model.encode(pixels, distribution=True, scaled=True)
    mean, variance, kl = found.mean, found.variance, found.kl
    center, deviation = aggregate_moments(mean, variance)
    live = explained(mean, variance) >= ACTIVE
    average = kl.astype(np.float64).mean(0) if kl.shape[1] == model.latent_dim else np.full(model.latent_dim, np.nan)
    shares = _shares(dataset, sample.rows, mean, variance)
    named = (
        follows(shares, dataset.space.names) if shares is not None and dataset.space is not None else [""] * model.latent_dim
    )
    half, books = np.maximum(WIDTH * deviation, LEAST), model.codebooks
    low, high = (center - half, center + half) if books is None else (books[:, 0] - LEAST, books[:, -1] + LEAST)
    return Measured(
        latents=[
            Latent(
                low=float(low[j]),
                high=float(high[j]),
                mean=float(center[j]),
                sd=float(deviation[j]),
                kl=float(average[j]) if np.isfinite(average[j]) else None,
                follows=named[j] if live[j] else "",
                active=bool(live[j]),
            )
            for j in range(model.latent_dim)
        ],
        shares=None if shares is None else finite_or_none(shares.tolist()),
        positions=_positions(dataset, sample.rows, mean),
        posteriors=_posteriors(model, dataset, sample.shown),
        cloud=floats(mean[cloud_rows(len(mean))]),
    )


def cloud_rows(n: int) -> Int[np.ndarray, "_"]:
    """Which of n encoded images are dots in the plane."""
    return np.sort(np.random.default_rng(0).permutation(n)[:CLOUD])


def order(latents: Sequence[Latent]) -> list[int]:
    """Latents, the most informative first and inactive ones last.

    They are ordered by KL where all have one, else by the spread of their codes.
    """
    kl = np.array([np.nan if latent.kl is None else latent.kl for latent in latents])
    spread = np.array([latent.sd for latent in latents])
    found: list[int] = latent_order(kl, spread, np.array([latent.active for latent in latents])).tolist()
    return found


def as_classes(dataset: Dataset, rows: Int[np.ndarray, "n"]) -> tuple[Int[np.ndarray, "n k"], tuple[int, ...]]:
    """Factor codes of images and the number of values of each factor.

    A continuous factor counts as equal parts of its range.
    """
    if dataset.space is None or dataset.factors is None:
        return np.zeros((len(rows), 0), np.int64), ()
    codes, sizes = np.empty((len(rows), len(dataset.space.factors)), np.int64), []
    for k, factor in enumerate(dataset.space.factors):
        column = dataset.factors[rows, k]
        if factor.continuous:
            low, high = factor.values
            column = np.minimum((column - low) / (high - low) * PARTS, PARTS - 1)
        codes[:, k] = column
        sizes.append(PARTS if factor.continuous else factor.size)
    return codes, tuple(sizes)


def _shares(
    dataset: Dataset, rows: Int[np.ndarray, "n"], mean: Float32[np.ndarray, "n d"], variance: Float32[np.ndarray, "n d"]
) -> Float[np.ndarray, "d k"] | None:
    if dataset.space is None or dataset.factors is None:
        return None
    return known_shares(mean, variance, dataset.factors[rows], dataset.space.names, dataset.space.continuous)


def _positions(dataset: Dataset, rows: Int[np.ndarray, "n"], mean: Float32[np.ndarray, "n d"]) -> str | None:
    space = dataset.space
    if space is None or not {"x", "y"} <= set(space.names):
        return None
    x, y = space.column("x"), space.column("y")
    (codes, sizes) = as_classes(dataset, rows)
    return floats(means_over_positions(mean, codes[:, x], codes[:, y], (sizes[x], sizes[y])))


def _posteriors(model: Model, dataset: Dataset, shown: Int[np.ndarray, "_"]) -> Posteriors | None:
    if len(shown) == 0:
        return None
    found = model.encode(dataset.images.floats(shown), distribution=True, scaled=True)
    return Posteriors(mean=floats(found.mean), variance=floats(found.variance), kl=floats(found.kl))
