"""Figures of images: reconstructions, samples, traversals, interpolations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure

from unbraid.figures.rows import Row, image_rows

Bytes = UInt8[np.ndarray, "n c h w"]
Many = UInt8[np.ndarray, "d n c h w"]
BLANK = 0.1
"""An image is blank if its pixels differ by no more than this share of the range."""
RANGE_ENDS = ("mean − 2 sd", "mean", "mean + 2 sd")


def reconstructions(originals: Bytes, decoded: Mapping[str, Bytes], *, notes: Sequence[str] = ()) -> Figure:
    """Images above, and below them what each model makes of them, one row per model.

    Args:
        decoded: reconstructions of the same images in the same order.
        notes: one for each model, below its name.

    >>> images = np.zeros((5, 1, 16, 16), np.uint8)
    >>> figure = unbraid.figures.reconstructions(images, {"vae": images, "beta_vae": images})
    >>> [text.get_text() for text in figure.texts]
    ['original', 'vae', 'beta_vae']
    """
    below = zip(decoded.items(), [*notes, *[""] * (len(decoded) - len(notes))], strict=True)
    return image_rows([Row("original", originals), *(Row(name, images, note) for (name, images), note in below)])


def prior_samples(samples: Mapping[str, Bytes], *, columns: int = 11) -> Figure:
    """Images decoded from draws from the prior, one block per model; incomplete rows are left out.

    >>> figure = unbraid.figures.prior_samples({"vae": np.zeros((22, 1, 16, 16), np.uint8)})
    >>> [text.get_text() for text in figure.texts]
    ['vae']
    """
    rows: list[Row | None] = []
    for name, images in samples.items():
        full = max(1, len(images) // columns)
        pieces = [images[i * columns : (i + 1) * columns] for i in range(full)]
        rows += [None] if rows else []
        rows += [Row(name if i == 0 else "", piece) for i, piece in enumerate(pieces)]
    return image_rows(rows)


def is_blank(images: UInt8[np.ndarray, "n c h w"], threshold: float = BLANK) -> np.ndarray:
    """Whether each image is blank: its values span at most this share of the range from 0 to 255.

    >>> images = np.zeros((2, 1, 4, 4), np.uint8)
    >>> images[1, 0, 0] = 255
    >>> unbraid.figures.is_blank(images)
    array([ True, False])
    """
    flat = images.reshape(len(images), -1).astype(np.int64)
    return np.asarray((flat.max(1) - flat.min(1)) <= 255 * threshold)


@dataclass(frozen=True, eq=False)
class RandomVectors:
    """Images decoded from codes drawn from N(0, spread^2) in every latent, some of which are shown."""

    name: str
    spread: float
    images: Bytes


def random_vectors(drawn: Sequence[RandomVectors], *, columns: int = 11, threshold: float = BLANK) -> Figure:
    """The first images of each kind of random vectors, with the share of blank ones among all of them.

    Args:
        drawn: one row each, in order; a gap where the name changes.
        threshold: see `is_blank`.

    >>> from unbraid.figures.images import RandomVectors
    >>> images = np.zeros((4, 1, 16, 16), np.uint8)
    >>> images[:3, :, 4:8, 4:8] = 255
    >>> figure = unbraid.figures.random_vectors([RandomVectors("vae", 3.0, images)])
    >>> [text.get_text() for text in figure.texts]  # one in four shows nothing
    ['vae, spread 3', '25.0 % of 4 are blank']
    """
    rows: list[Row | None] = []
    before = ""
    for one in drawn:
        rows += [None] if rows and one.name != before else []
        before = one.name
        share = float(is_blank(one.images, threshold).mean())
        note = f"{100 * share:.1f} % of {len(one.images):,} are blank"
        rows.append(Row(f"{one.name}, spread {one.spread:g}", one.images[:columns], note))
    return image_rows(rows)


def traversals(
    images: Many,
    labels: Sequence[str],
    amounts: Float[np.ndarray, "d"],
    *,
    n_rows: int | None = None,
    notes: Sequence[str] = (),
    title: str = "",
    feet: Sequence[str] = RANGE_ENDS,
) -> Figure:
    """One row per latent, moved over its values while the others stay; the most informative first.

    Args:
        images: for each latent the images along it, as `Model.traverse` gives them.
        labels: of all latents, like "z3 · 1.8 nats · scale".
        amounts: what rows are sorted by, such as each latent's KL in nats; the largest comes first.
        n_rows: how many rows to keep; all by default.
        notes: for each latent, like the values it runs over.
        feet: words below the columns.

    >>> images = np.zeros((3, 5, 1, 16, 16), np.uint8)  # 3 latents, 5 values of each
    >>> figure = unbraid.figures.traversals(images, ["z0", "z1", "z2"], np.array([0.1, 2.3, 1.7]), n_rows=2)
    >>> [text.get_text() for text in figure.texts]  # the most informative first
    ['z1', 'z2', 'mean − 2 sd', 'mean', 'mean + 2 sd']
    """
    order = np.argsort(-amounts, kind="stable")[:n_rows]
    rows = [Row(labels[j], images[j], notes[j] if notes else "") for j in order]
    return image_rows(rows, title=title, feet=feet)


def paired_traversals(
    first: Many,
    second: Many,
    labels: Sequence[str],
    *,
    headings: tuple[str, str] = ("from the first image", "from the second image"),
    notes: Sequence[str] = (),
    feet: Sequence[str] = RANGE_ENDS,
) -> Figure:
    """One latent moved from two base images, side by side; one row per model.

    A latent that is disentangled changes both images in the same way.

    Args:
        first, second: for each model the images along its latent.
        labels: one for each model.

    >>> along = np.zeros((1, 5, 1, 16, 16), np.uint8)  # one model, 5 values of its latent
    >>> figure = unbraid.figures.paired_traversals(along, along, ["beta_vae z3"])
    >>> [text.get_text() for text in figure.texts][:3]
    ['from the first image', 'from the second image', 'beta_vae z3']
    """
    rows = [
        Row(label, np.concatenate([a, b]), notes[i] if notes else "")
        for i, (a, b, label) in enumerate(zip(first, second, labels, strict=True))
    ]
    return image_rows(rows, breaks=[first.shape[1]], headings=headings, feet=(feet[0], feet[-1]), tile=36)


def interpolations(
    first: Bytes, between: UInt8[np.ndarray, "n column c h w"], last: Bytes, *, labels: Sequence[str] = ()
) -> Figure:
    """From one image to another along the line between their codes, with the images at both ends.

    Args:
        first, last: one image each for every row.
        between: for every row the decoded images along the line, ends included.

    >>> ends, between = np.zeros((2, 1, 16, 16), np.uint8), np.zeros((2, 7, 1, 16, 16), np.uint8)
    >>> figure = unbraid.figures.interpolations(ends, between, ends)
    >>> [text.get_text() for text in figure.texts]
    ['image', 'decoded, from the code of the one to that of the other', 'image']
    """
    rows = [
        Row(labels[i] if labels else "", np.concatenate([a[None], b, c[None]]))
        for i, (a, b, c) in enumerate(zip(first, between, last, strict=True))
    ]
    n = between.shape[1]
    return image_rows(
        rows, breaks=[1, 1 + n], headings=("image", "decoded, from the code of the one to that of the other", "image")
    )


def reconstructions_over(
    originals: Bytes, decoded: Mapping[str, Sequence[tuple[float, Bytes]]], *, option: str = "beta"
) -> Figure:
    """Reconstructions of the same images by models that differ in one option, sorted by its value.

    Args:
        decoded: for each name (a latent size, say) pairs of the option's value and the reconstructions.
        option: how the option is called in labels.

    >>> images = np.zeros((5, 1, 16, 16), np.uint8)
    >>> figure = unbraid.figures.reconstructions_over(images, {"10 latents": [(4.0, images), (1.0, images)]})
    >>> [text.get_text() for text in figure.texts]
    ['original', 'beta 1', '10 latents', 'beta 4']
    """
    rows: list[Row | None] = [Row("original", originals)]
    for name, pairs in decoded.items():
        rows.append(None)
        ordered = sorted(pairs, key=lambda pair: pair[0])
        rows += [Row(f"{option} {value:g}", images, name if i == 0 else "") for i, (value, images) in enumerate(ordered)]
    return image_rows(rows)
