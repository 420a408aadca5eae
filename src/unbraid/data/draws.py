"""What an objective draws at each step, as indices of images.

A draw is a function of the run's seed and the step alone, so a resumed run continues exactly where it stopped, without any
sampler state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from unbraid.data.dataset import Dataset
from unbraid.errors import UsageError

Indices = Int[np.ndarray, "batch"]


@runtime_checkable
class Draws(Protocol):
    """How the images of a step are chosen; a frozen dataclass that an objective holds."""

    def check(self, dataset: Dataset) -> None:
        """Raise `UsageError`, which says what is missing, for a data set that does not allow these draws."""
        ...

    def indices(self, dataset: Dataset, batch_size: int, seed: int, step: int) -> tuple[Indices, ...]:
        """Indices of the images of a step, one array per batch; budgets count the first."""
        ...

    def over(self, dataset: Dataset, rows: Indices, batch_size: int) -> Iterator[tuple[Indices, ...]]:
        """Draws for evaluation, whose first batches are the given rows in order, the last one maybe shorter."""
        ...


@dataclass(frozen=True)
class Batches:
    """Independent batches without replacement; an epoch's last, short batch is dropped.

    Each batch of a step runs through the training images in an order of its own, new every epoch. Where the data set has an
    order of presentation, every epoch follows it from a random place on. Where it has weights, an epoch is as many
    independent draws *with* replacement as there are training images, each with probability proportional to its weight.

    >>> data = unbraid.load_dataset("dsprites_reduced")
    >>> rows = Batches(2).indices(data, batch_size=8, seed=0, step=0)
    >>> [len(batch) for batch in rows]
    [8, 8]
    """

    count: int = 1

    def check(self, dataset: Dataset) -> None:
        """Nothing: any data set will do."""

    def indices(self, dataset: Dataset, batch_size: int, seed: int, step: int) -> tuple[Indices, ...]:
        """Indices of the batches of a step."""
        return tuple(_batch(dataset, batch_size, seed, stream, step) for stream in range(self.count))

    def over(self, dataset: Dataset, rows: Indices, batch_size: int) -> Iterator[tuple[Indices, ...]]:
        """The rows in batches; further batches of a draw are those that follow, the first after the last."""
        batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
        for i in range(len(batches)):
            yield tuple(batches[(i + offset) % len(batches)] for offset in range(self.count))


def steps_per_epoch(dataset: Dataset, batch_size: int) -> int:
    """Full batches in the training images.

    Raises `UsageError` where there is not even one.
    """
    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size}; allowed: at least 1.")
    n_train = len(dataset) - len(dataset.test)
    if batch_size > n_train:
        raise UsageError(
            f"--batch-size {batch_size} is more than the {n_train} training images of {dataset.name!r}. Give at most that many."
        )
    return n_train // batch_size


def _batch(dataset: Dataset, batch_size: int, seed: int, stream: int, step: int) -> Indices:
    epoch, position = divmod(step, steps_per_epoch(dataset, batch_size))
    return _epoch(dataset, seed, stream, epoch)[position * batch_size : (position + 1) * batch_size]


@lru_cache(maxsize=8)  # the epochs that the streams of a run are in
def _epoch(dataset: Dataset, seed: int, stream: int, epoch: int) -> Indices:
    rng = np.random.default_rng([seed, stream, epoch])
    train = dataset.train
    if dataset.weights is not None:
        return _weighted(train, dataset.weights[train], rng)
    return rng.permutation(train) if dataset.walk is None else np.roll(train, -int(rng.integers(len(train))))


def _weighted(train: Indices, weights: Float[np.ndarray, "batch"], rng: np.random.Generator) -> Indices:
    # inverse transform: the share of the total below each image's own
    below = np.cumsum(weights / weights.max())
    places = np.searchsorted(below / below[-1], rng.random(len(train)), side="right")
    drawn: Indices = train[places]
    return drawn
