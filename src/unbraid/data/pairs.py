"""Pairs of images that share all but a few factors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int, Int32

from unbraid.data.dataset import Dataset
from unbraid.data.draws import Batches, Indices
from unbraid.errors import UsageError

_STREAM = 1  # of partners; that of the first images is 0
LEAST_PAIRED = 0.5
"""Share of the training images that need another one beside them; with fewer, most images would be paired with themselves."""


@dataclass(frozen=True)
class Pairs:
    """Each image of a batch with a partner, in which a few factors are drawn anew.

    The first batch runs through the training images as `Batches(1)` does. The second holds their partners: k factors, chosen
    uniformly among those that vary, take new values in random order, one after the other. Each time the image gives way to a
    training image that has the same values of all other factors, drawn uniformly, or by weight where the data set has weights.
    The value drawn may be the old one, so that a pair differs in *at most* k factors. An image beside which there is none, as
    may happen to held-out combinations in evaluation, is paired with itself.

    On a whole grid this draws the k factors independently and uniformly. Whatever the grid lacks, partners are distributed as
    the images themselves are, and either image of a pair is as likely to be the first.

    Source: Locatello et al. (2020), Weakly-Supervised Disentanglement Without Compromises, section 5. In half of the pairs
    there a single factor is drawn anew, whatever k.

    Args:
        changed: k; None draws it for every pair, uniformly between 1 and one less than there are factors.
    """

    changed: int | None = None

    def check(self, dataset: Dataset) -> None:
        """Raise `UsageError` for a data set without factors, or of which images have no partners."""
        if dataset.space is None:
            raise UsageError(
                f"The model learns from pairs of images that share factors, and {dataset.name!r} has no factors. Choose a data "
                "set that has (unbraid list datasets), give the factors of your own images (unbraid show npz), or choose a "
                "model that needs none, such as beta_vae."
            )
        if dataset.space.continuous:
            raise UsageError(
                f"The model learns from pairs of images that share factors, and no two images of {dataset.name!r} share a "
                f"value of a continuous factor ({', '.join(dataset.space.continuous)}). Leave --continuous out, or choose a "
                "model that needs no pairs, such as beta_vae."
            )
        lines = _lines(dataset)
        most = len(lines.order) - 1
        if most < 1:
            raise UsageError(
                "The model learns from pairs of images that share some factors and differ in others; in the training images "
                f"of {dataset.name!r} {'one factor varies' if most == 0 else 'no factor varies'}. Give images in which two do."
            )
        if self.changed is not None and not 1 <= self.changed <= most:
            raise UsageError(
                f"--changed is {self.changed}; of the {most + 1} factors that vary in the training images of {dataset.name!r}, "
                f"1 to {most} can change between two images that share the rest."
            )
        paired = int((lines.count[:, dataset.train] > 1).any(0).sum())
        if paired < LEAST_PAIRED * len(dataset.train):
            raise UsageError(
                f"Only {paired:,} of the {len(dataset.train):,} training images of {dataset.name!r} have another one that "
                "differs from them in a single factor; at least half must, to learn from pairs. Give more images, or factors "
                "of fewer values."
            )

    def indices(self, dataset: Dataset, batch_size: int, seed: int, step: int) -> tuple[Indices, ...]:
        """The images of a step and their partners."""
        (first,) = Batches(1).indices(dataset, batch_size, seed, step)
        return first, self._partners(dataset, first, np.random.default_rng([seed, _STREAM, step]))

    def over(self, dataset: Dataset, rows: Indices, batch_size: int) -> Iterator[tuple[Indices, ...]]:
        """The rows in batches, with fixed partners: training images, whatever the split of the rows.

        Without factors every image is its own partner.
        """
        partners = self._partners(dataset, rows, np.random.default_rng(0))
        for start in range(0, len(rows), batch_size):
            yield rows[start : start + batch_size], partners[start : start + batch_size]

    def _partners(self, dataset: Dataset, rows: Indices, rng: np.random.Generator) -> Indices:
        lines = _lines(dataset)
        n_factors = len(lines.order)
        if not n_factors:
            return rows
        most = min(self.changed or n_factors, max(1, n_factors - 1))
        changes = rng.integers(1 if self.changed is None else most, most, len(rows), endpoint=True)
        turns = rng.random((len(rows), n_factors)).argsort(1)  # the factors in random order
        partners = rows
        for turn in range(most):
            moved = lines.move(partners, turns[:, turn], rng.random(len(rows)))
            partners = np.where(turn < changes, moved, partners)
        return partners


@dataclass(frozen=True, eq=False)
class _Lines:
    """The images sorted into lines: sets that differ in one factor and share all others.

    There is a row of lines per varying factor. In each line the images that training draws come first. A position is an
    image's place in its factor's row.

    Args:
        order: images by position.
        start: position where the line of an image begins.
        count: how many on it training draws.
        upto: for weighted draws, by position in all rows one after the other, so that it ascends: `start` of the line plus
            `count` times the share of its weight up to and with this image. Without weights it would be the next position.
    """

    order: Int32[np.ndarray, "factor n"]
    start: Int32[np.ndarray, "factor n"]
    count: Int32[np.ndarray, "factor n"]
    upto: Float[np.ndarray, "position"] | None

    def move(self, rows: Indices, along: Indices, draws: Float[np.ndarray, "batch"]) -> Indices:
        """Replace each image by one of its line along a factor, chosen by a number from 0 to 1.

        An image in whose line training draws none stays.
        """
        start, count = self.start[along, rows], self.count[along, rows]
        target = start + draws * count
        if self.upto is None:
            place = target.astype(np.int64)
        else:
            row = along * self.order.shape[1]
            place = np.searchsorted(self.upto, row + target, side="right") - row
        place = np.minimum(place, start + count - 1)  # rounding may reach the next line
        return np.where(count > 0, self.order[along, place], rows)


@lru_cache(maxsize=2)  # that a run trains on, and one that it is scored on
def _lines(dataset: Dataset) -> _Lines:
    drawn = ~dataset.is_test if dataset.weights is None else ~dataset.is_test & (dataset.weights > 0)
    factors = dataset.factors if dataset.factors is not None else np.zeros((len(dataset), 0), np.int16)
    varying = [column for column in range(factors.shape[1]) if np.ptp(factors[drawn, column])]
    shape = (len(varying), len(dataset))
    order, start, count = (np.empty(shape, np.int32) for _ in range(3))
    upto = None if dataset.weights is None else np.empty(shape)
    for row, column in enumerate(varying):
        others = np.delete(factors, column, axis=1)
        by_position = np.lexsort((~drawn, *others.T))
        begins = np.append(True, (np.diff(others[by_position], axis=0) != 0).any(1))
        starts, line = np.flatnonzero(begins), begins.cumsum() - 1
        counts = np.add.reduceat(drawn[by_position], starts, dtype=np.int32)
        order[row], start[row, by_position], count[row, by_position] = by_position, starts[line], counts[line]
        if upto is not None and dataset.weights is not None:
            weights = np.where(drawn, dataset.weights, 0)[by_position]
            upto[row] = row * len(dataset) + starts[line] + counts[line] * _shares(weights, starts, line)
    return _Lines(order, start, count, None if upto is None else upto.ravel())


def _shares(
    weights: Float[np.ndarray, "n"], starts: Int[np.ndarray, "line"], line: Int[np.ndarray, "n"]
) -> Float[np.ndarray, "n"]:
    """The share of its line's weight at or before each position, at any scale of a line's weights."""
    largest = np.maximum.reduceat(weights, starts)
    upto = (weights / np.where(largest > 0, largest, 1)[line]).cumsum()
    before = np.append(0.0, upto)[starts]
    whole = np.append(upto[starts[1:] - 1], upto[-1]) - before
    share: Float[np.ndarray, "n"] = (upto - before[line]) / np.where(whole > 0, whole, 1)[line]
    return share
