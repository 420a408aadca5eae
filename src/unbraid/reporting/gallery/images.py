"""Figures of what models make of images and of random codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from unbraid.data.examples import example_images
from unbraid.errors import UsageError
from unbraid.figures.animation import moving_tiles
from unbraid.figures.grids import to_bytes
from unbraid.figures.images import (
    BLANK,
    RandomVectors,
    interpolations,
    prior_samples,
    random_vectors,
    reconstructions,
    reconstructions_over,
)
from unbraid.figures.power_spectra import spectra
from unbraid.figures.saving import Frames
from unbraid.options import Option
from unbraid.phrases import in_words
from unbraid.reporting.gallery.registry import OWN, Drawn, figures
from unbraid.reporting.groups import option_value, run_labels
from unbraid.reporting.view import RunView, need_same_data

Images = Annotated[int, Option("how many images", ge=1, le=40)]


def names_of(views: Sequence[RunView]) -> list[str]:
    """What to call each run."""
    return run_labels([view.experiment for view in views])


def of_data(views: Sequence[RunView]) -> str:
    """As in "of dsprites"."""
    return f"of {views[0].dataset.name}"


@figures.register("reconstructions", source=OWN, runs=(1, None), needs="runs on the same data", images=True)
def draw_reconstructions(views: Sequence[RunView], *, images: Images = 11) -> Drawn:
    """Images above, and what each model makes of them below.

    >>> figure = unbraid.figure("reconstructions", "runs/beta1", "runs/beta4", images=5)
    >>> [text.get_text() for text in figure.texts]
    ['original', 'beta_vae, beta 1', 'beta_vae, beta 4']
    """
    need_same_data(views)
    dataset = views[0].dataset
    rows = example_images(dataset, images)
    shown = dataset.images.bytes(rows)
    decoded = {name: view.reconstructed(rows) for name, view in zip(names_of(views), views, strict=True)}
    split = "held-out" if len(dataset.test) else "training"
    caption = (
        f"{len(shown)} {split} images {of_data(views)}, and below them their reconstructions by {in_words(list(decoded))}."
    )
    return Drawn(reconstructions(shown, decoded), caption)


@figures.register("samples", source=OWN, runs=(1, None), needs="trained runs", images=True)
def draw_samples(
    views: Sequence[RunView],
    *,
    images: Annotated[int, Option("how many images of each model", ge=1, le=400)] = 33,
    seed: Annotated[int, Option("seed of the draws", ge=0)] = 0,
) -> Drawn:
    """Images decoded from draws from each model's own prior.

    >>> figure = unbraid.figure("samples", "runs/beta1", images=11)
    >>> [text.get_text() for text in figure.texts]
    ['beta_vae']
    """
    need_same_data(views)
    made = {name: to_bytes(view.model.sample(images, seed)) for name, view in zip(names_of(views), views, strict=True)}
    return Drawn(
        prior_samples(made, columns=min(11, images)), f"Images decoded from draws from the prior by {in_words(list(made))}."
    )


@figures.register("random_vectors", source=OWN, runs=(1, None), needs="trained runs", images=True)
def draw_random_vectors(
    views: Sequence[RunView],
    *,
    small: Annotated[float, Option("standard deviation of every latent, the first time", gt=0)] = 1.0,
    large: Annotated[float, Option("the second time", gt=0)] = 3.0,
    draws: Annotated[int, Option("random vectors of each spread", ge=1, le=100_000)] = 1000,
    images: Images = 11,
    blank: Annotated[
        float, Option("an image is blank if its pixels differ by no more than this share of the range", ge=0, lt=1)
    ] = BLANK,
    seed: Annotated[int, Option("seed of the draws", ge=0)] = 0,
) -> Drawn:
    """Images decoded from random vectors of small and of large spread, with the share of blank ones.

    Codes are drawn from a normal distribution about 0, the same ones for every model with as many latents. A model whose
    decoder knows only a part of the space shows nothing elsewhere.

    >>> figure = unbraid.figure("random_vectors", "runs/beta1", "runs/beta4", draws=50)
    >>> [text.get_text() for text in figure.texts][:2]
    ['beta_vae, beta 1, spread 1', '0.0 % of 50 are blank']
    """
    need_same_data(views)
    drawn = []
    for name, view in zip(names_of(views), views, strict=True):
        codes = np.random.default_rng(seed).normal(size=(draws, view.model.latent_dim)).astype(np.float32)
        for spread in (small, large):
            pictures = view.model.decode(view.model.nearest_codes(np.float32(spread) * codes))
            drawn.append(RandomVectors(name, spread, to_bytes(pictures)))
    caption = (
        f"Images decoded from {draws:,} codes with the standard deviations {small:g} and {large:g} in every latent. Blank is "
        f"an image whose lightest and darkest pixel differ by no more than {100 * blank:g} % of the range from black to white."
    )
    return Drawn(random_vectors(drawn, columns=images, threshold=blank), caption)


def _ends(view: RunView, rows: int) -> np.ndarray:
    """Pairs of images to go between, always the same ones."""
    chosen = np.random.default_rng(0).permutation(example_images(view.dataset, 2 * rows))
    if len(chosen) < 2:
        raise UsageError(f"{view.dataset.name!r} has one image; an interpolation needs two.")
    half = len(chosen) // 2
    return np.stack([chosen[:half], chosen[half : 2 * half]], axis=1)


Rows = Annotated[int, Option("pairs of images, one per row", ge=1, le=40)]
Columns = Annotated[int, Option("images along each line, ends included", ge=2, le=60)]


def _between(view: RunView, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Original ends (row, 2, c, h, w) and decoded images (row, column, c, h, w)."""
    pairs = _ends(view, rows)
    images = view.dataset.images.bytes(pairs.ravel())
    codes = view.encoded(pairs.ravel()).reshape(*pairs.shape, -1)
    place = np.linspace(0, 1, columns)[:, None]
    line = codes[:, :1] * (1 - place) + codes[:, 1:] * place
    made = to_bytes(view.model.decode(view.model.nearest_codes(line.reshape(-1, line.shape[-1]).astype(np.float32))))
    return images.reshape(*pairs.shape, *images.shape[1:]), made.reshape(*line.shape[:2], *made.shape[1:])


def _moving_interpolation(views: Sequence[RunView], *, rows: int, columns: int) -> Drawn:
    _, made = _between(views[0], rows, columns)
    frames: Frames = moving_tiles(made, [f"pair {i + 1}" for i in range(len(made))])
    return Drawn(frames, f"{len(made)} pairs of images: from one to the other along the line between their codes, and back.")


@figures.register("interpolation", source=OWN, runs=(1, 1), needs="a trained run", images=True, animated=_moving_interpolation)
def draw_interpolation(views: Sequence[RunView], *, rows: Rows = 5, columns: Columns = 9) -> Drawn:
    """From one image to another along the straight line between their codes.

    >>> figure = unbraid.figure("interpolation", "runs/beta1", rows=2)
    >>> [text.get_text() for text in figure.texts]
    ['image', 'decoded, from the code of the one to that of the other', 'image']
    """
    ends, made = _between(views[0], rows, columns)
    caption = (
        f"Between {2 * len(made)} images {of_data(views)}, by {names_of(views)[0]}: points of the line between their posterior "
        "means, decoded."
    )
    return Drawn(interpolations(ends[:, 0], made, ends[:, 1]), caption)


@figures.register("reconstructions_over", source=OWN, runs=(2, None), needs="runs on the same data", images=True)
def draw_reconstructions_over(
    views: Sequence[RunView],
    *,
    images: Images = 11,
    over: Annotated[str, Option("option that rows are sorted by")] = "beta",
    by: Annotated[str, Option("option whose values make blocks")] = "latent_dim",
) -> Drawn:
    """Reconstructions of the same images by models that differ in one option, such as beta.

    Of several seeds of a configuration the first that is given is shown.

    >>> figure = unbraid.figure("reconstructions_over", "runs/beta1", "runs/beta4", over="beta")
    >>> [text.get_text() for text in figure.texts]
    ['original', 'beta 1', 'latents 3', 'beta 4']
    """
    need_same_data(views)
    dataset = views[0].dataset
    rows = example_images(dataset, images)
    shown = dataset.images.bytes(rows)
    blocks: dict[str, dict[float, np.ndarray]] = {}
    for view in views:
        value, block = need_option(view, over), option_value(view.experiment, by)
        name = "" if block is None else f"{_in_words(by)} {block:g}"
        if value not in blocks.setdefault(name, {}):
            blocks[name][value] = view.reconstructed(rows)
    pairs = {name: list(own.items()) for name, own in sorted(blocks.items())}
    made = reconstructions_over(shown, pairs, option=_in_words(over))
    return Drawn(made, f"Images {of_data(views)}, and their reconstructions by models of growing {_in_words(over)}.")


def need_option(view: RunView, name: str) -> float:
    """The value of a numerical option of a run. Raises `UsageError` where it has none of that name."""
    value = option_value(view.experiment, name)
    if value is None:
        raise UsageError(
            f"{view.name} ({view.experiment.model}) has no number {name!r} among its options; see {view.run.config}."
        )
    return value


def _in_words(option: str) -> str:
    return "latents" if option == "latent_dim" else option.replace("_", " ")


@figures.register("spectrum", source=OWN, runs=(1, None), needs="runs on the same data")
def draw_spectrum(
    views: Sequence[RunView], *, images: Annotated[int, Option("how many images are measured", ge=1, le=20_000)] = 1000
) -> Drawn:
    """How much fine detail reconstructions keep, and whether they show a checkerboard: power spectra.

    >>> figure = unbraid.figure("spectrum", "runs/beta1", "runs/beta4", images=100)
    >>> [axes.get_title("left") for axes in figure.axes]
    ['Power, by size of detail', 'Share kept by reconstructions']
    """
    need_same_data(views)
    dataset = views[0].dataset
    rows = example_images(dataset, images)
    shown = dataset.images.bytes(rows)
    decoded = {name: view.reconstructed(rows) for name, view in zip(names_of(views), views, strict=True)}
    caption = (
        f"Power spectra of {len(shown):,} images {of_data(views)} and of their reconstructions at the posterior mean. Left: "
        "how much brightness varies at each size of detail, coarse to fine. Right: the share of it that reconstructions keep; "
        "below 100 % they are blurred, a rise at the right end above it is a checkerboard. Fine detail is that of waves of 4 "
        "pixels or shorter."
    )
    return Drawn(spectra(shown, decoded), caption)
