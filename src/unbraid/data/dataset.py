"""What training, evaluation and figures know of a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float, Int, Integer, Real

from unbraid.data.factor_space import FactorSpace
from unbraid.data.joint import joint_text
from unbraid.data.registry import datasets
from unbraid.data.storage import BYTES, ImageStore, Shape, ValueRange
from unbraid.errors import UsageError
from unbraid.options import Option

SPLITS = ("train", "test")
JOINT = "joint"
"""The option that may name a file with a joint distribution."""
HOLD_OUT_SEED = 20_181_101
"""Which images of a grid are held out does not depend on a run's seed, so that runs can be compared."""

_SHOWN = 12
"""Images in a notebook."""
_MOST = 12
"""Factors that are named in one line."""

TestShare = Annotated[
    float, Option("share of the images held out for testing; the same ones whatever the seed", ge=0.0, lt=1.0)
]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with what is known about them.

    Args:
        name: registered name, or that of a file or folder, or one that was given.
        images: the store.
        test: indices of the held-out images; all others are for training.
        space: the factors, where the images have any.
        factors: factor codes of every image, columns as in `space`; float64 exactly where a factor is continuous.
        labels: class of every image, where there are classes.
        label_names: names of the classes.
        walk: the order of presentation over all images; None shuffles anew every epoch.
        redistributable: whether pages and reports may embed images.
        weights: how often training draws each image, up to a factor; None draws all alike. Test images are never drawn.
        value_range: the numbers in which the images were given; a model takes later images in the same.
        notes: how the data were read, and what to beware of; a sentence each.

    >>> data = unbraid.load_dataset("dsprites_reduced")
    >>> data.shape, data.space.names, len(data.train), len(data.test)
    ((1, 64, 64), ('shape', 'scale', 'orientation', 'x', 'y'), 6480, 720)
    """

    name: str
    images: ImageStore
    test: Int[np.ndarray, "_"]
    space: FactorSpace | None = None
    factors: Real[np.ndarray, "n factor"] | None = None
    labels: Integer[np.ndarray, "n"] | None = None
    label_names: tuple[str, ...] = ()
    walk: Int[np.ndarray, "n"] | None = None
    redistributable: bool = True
    weights: Float[np.ndarray, "n"] | None = None
    value_range: ValueRange = BYTES
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.images)
        if n == 0:
            raise UsageError(f"Data set {self.name!r} holds no images.")
        for what in ("factors", "labels", "walk", "weights"):
            rows = getattr(self, what)
            if rows is not None and len(rows) != n:
                raise UsageError(f"Data set {self.name!r} has {n} images but {len(rows)} rows of {what}.")
        if (self.space is None) != (self.factors is None):
            raise UsageError(f"Data set {self.name!r}: give factor codes together with their space.")
        if self.space is not None and self.factors is not None:
            self._check_factors(self.space, self.factors)
        self._check_indices()
        self._check_labels()
        if len(self.test) == n:
            raise UsageError(f"Data set {self.name!r} leaves no images to train on; hold out fewer.")
        self._check_weights()

    def _check_factors(self, space: FactorSpace, factors: Real[np.ndarray, "n factor"]) -> None:
        wanted = "integers" if space.is_grid else "float64"
        if np.issubdtype(factors.dtype, np.integer) != space.is_grid or not (space.is_grid or factors.dtype == np.float64):
            of = f", since {', '.join(space.continuous)} are continuous" if space.continuous else ""
            raise UsageError(f"Data set {self.name!r} has factor codes of type {factors.dtype}; give {wanted}{of}.")
        if not space.is_grid:
            space.checked(factors)

    def _check_indices(self) -> None:
        n = len(self)
        test = np.asarray(self.test)
        inside = not len(test) or 0 <= test.min() <= test.max() < n
        if not inside or self.is_test.sum() != len(test):  # which is far faster than to look for equal ones
            raise UsageError(f"Data set {self.name!r}: the test images must be distinct indices from 0 to {n - 1}.")
        if self.walk is not None and not np.array_equal(np.sort(self.walk), np.arange(n)):
            raise UsageError(f"Data set {self.name!r}: the walk must pass every image from 0 to {n - 1} once.")

    def _check_labels(self) -> None:
        if self.labels is None or not self.label_names:
            return
        low, high = self.labels.min(), self.labels.max()
        if low < 0 or high >= len(self.label_names):
            raise UsageError(
                f"Data set {self.name!r} has labels from {low} to {high} but {len(self.label_names)} label names; "
                f"allowed: 0 to {len(self.label_names) - 1}."
            )

    def _check_weights(self) -> None:
        if self.weights is None:
            return
        if self.walk is not None:
            raise UsageError(
                f"Data set {self.name!r} has an order of presentation and weights to draw by; allowed: one of them. "
                "Give --order shuffled, or leave --correlate out."
            )
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            raise UsageError(f"Data set {self.name!r}: weights must be finite and at least 0.")
        if not self.weights[self.train].any():
            raise UsageError(f"Data set {self.name!r}: all training images have weight 0; give some of them more.")

    @property
    def shape(self) -> Shape:
        """Channels, height and width of an image."""
        return self.images.shape

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return f"<Dataset {self.name}: {'; '.join(self._facts())}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: some of the images, and what is known of them."""
        from html import escape

        from unbraid.data.thumbnails import strip

        rows = np.linspace(0, len(self) - 1, min(len(self), _SHOWN)).astype(np.int64)
        shown = strip(self.images.floats(rows)) if self.redistributable else ""
        facts = "".join(f"<li>{escape(fact)}</li>" for fact in (*self._facts(), *self.notes))
        return f"<div><b>{escape(self.name)}</b><br>{shown}<ul>{facts}</ul></div>"

    def _facts(self) -> list[str]:
        channels, height, width = self.shape
        kind = {1: "gray ", 3: "color "}.get(channels, f"{channels}-channel ")
        found = [f"{len(self):,} {kind}images of {height} x {width}, {len(self.test):,} held out"]
        if self.space is not None:
            found.append("factors " + ", ".join(f"{factor.name} ({factor.extent})" for factor in self.space.factors[:_MOST]))
            found[-1] += f" and {len(self.space.factors) - _MOST} more" if len(self.space.factors) > _MOST else ""
        if self.labels is not None:
            found.append(f"{len(self.label_names) or len(np.unique(self.labels))} classes")
        return found

    @property
    def is_test(self) -> np.ndarray:
        """Whether each image is held out, a boolean per image."""
        held_out = np.zeros(len(self), dtype=bool)
        held_out[self.test] = True
        return held_out

    @property
    def has_classes(self) -> bool:
        """Whether a factor is not continuous, so that scores can compare images that share its values."""
        return self.space is not None and len(self.space.continuous) < len(self.space.factors)

    @cached_property
    def is_whole_grid(self) -> bool:
        """Whether every combination of the factors has one image."""
        if self.space is None or self.factors is None or not self.space.is_grid or len(self) != len(self.space):
            return False
        return bool((np.bincount(self.space.index(self.factors), minlength=len(self)) == 1).all())

    @property
    def train(self) -> Int[np.ndarray, "_"]:
        """Indices of the training images, in the order of presentation where there is one."""
        order = np.arange(len(self)) if self.walk is None else self.walk
        kept: np.ndarray = order[~self.is_test[order]]
        return kept

    def split(self, name: str) -> Int[np.ndarray, "_"]:
        """Indices of a split, ascending."""
        if name not in SPLITS:
            raise UsageError(f"Split {name!r}; allowed: {', '.join(SPLITS)}.")
        return np.flatnonzero(self.is_test == (name == "test"))


def hold_out(n: int, share: float) -> Int[np.ndarray, "_"]:
    """Indices of a fixed pseudo-random share of n images, ascending."""
    return np.sort(np.random.default_rng(HOLD_OUT_SEED).permutation(n)[: round(n * share)])


def grid_dataset(name: str, images: ImageStore, space: FactorSpace, *, test_share: float, **more: object) -> Dataset:
    """A data set whose images are a full factor grid, in index order.

    >>> from unbraid.data.factor_space import Factor
    >>> from unbraid.data.storage import ByteImages
    >>> space = FactorSpace((Factor("x", (0.0, 1.0)), Factor("y", (0.0, 1.0, 2.0))))
    >>> images = ByteImages(np.zeros((6, 1, 8, 8), np.uint8))  # the last factor changes fastest
    >>> grid_dataset("mine", images, space, test_share=0.0).factors[:4].tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0]]
    """
    factors = space.at(np.arange(len(space))).astype(np.int16)
    return Dataset(name, images, hold_out(len(space), test_share), space, factors, **more)  # type: ignore[arg-type]


def load_dataset(name: str, /, **options: object) -> Dataset:
    """Make a registered data set: `load_dataset("ellipses", size=64)`, `load_dataset("npz:digits.npz")`.

    >>> data = load_dataset("ellipses", size=28, only="x=0..3 y=0..3")
    >>> data
    <Dataset ellipses: 3,840 gray images of 28 x 28, 384 held out; factors x (4), y (4), scale (6), orientation (40)>
    >>> data.images[:2].shape
    (2, 1, 28, 28)
    >>> data.factors[:2].tolist()
    [[0, 0, 0, 0], [0, 0, 0, 1]]

    Raises `UnknownName` for a name or option that does not exist, `UsageError` for a value that is refused and
    `DataUnavailable` where the data are not here and cannot be had and `CorruptFile` where a file of theirs is damaged.
    """
    name, options = addressed(name, options)
    entry = datasets[name]
    made: Dataset = entry.factory(**entry.resolve(options))
    return made


def addressed(data: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Registered name and options of a name with a path: "npz:digits.npz" is `npz` with that path.

    Paths become absolute, so that a run finds its data from any folder. The table of a joint distribution takes the place of
    the file that holds it. Other options are written as the data set wants them to be kept, by a function of all options that
    it was registered with, as in `resolved={"fonts": pinned}`.

    Raises `UnknownName` for a name that is not registered, `UsageError` for a path where none belongs, and what `joint_text`
    raises.
    """
    name, colon, path = data.partition(":")
    paths = datasets[name].details.get("paths", ())
    given = dict(options)
    if colon:
        if not (paths and path):
            hint = f"write {name}:PATH" if paths else f"{name!r} takes no path, write {name}"
            raise UsageError(f"Data set {data!r}; {hint}.")
        if given.get(paths[0]) not in (None, "", path):
            raise UsageError(f"Data set {data!r} and --{paths[0]} {given[paths[0]]} name two places; give one.")
        given[paths[0]] = path
    for option in paths:
        if given.get(option) and isinstance(given[option], (str, Path)):
            if not str(given[option]).isprintable():
                raise UsageError(
                    f"--{option} is {str(given[option])!r}, which is not printable text; rename the file or folder."
                )
            given[option] = os.path.abspath(Path(given[option]).expanduser())  # noqa: PTH100 - links stay as they are
    if isinstance(given.get(JOINT), str) and JOINT in datasets[name].options:
        given[JOINT] = joint_text(given[JOINT])
    for option, resolved in datasets[name].details.get("resolved", {}).items():
        if isinstance(given.get(option), str):
            given[option] = resolved(given)
    return name, given


def shown_name(data: str, options: Mapping[str, Any]) -> str:
    """What to call a data set: its option `name`, that of your file or folder, or its registered name."""
    if options.get("name"):
        return str(options["name"])
    place = options.get("path")
    if "origin" in datasets[data].details:  # whatever the folder of its files is called
        return data
    return (PurePath(place).stem or data) if place else data
