"""Factor spaces: the grid of generative factors behind a data set, and the arithmetic on it.

Factors are integer codes, one column per factor; images of a full grid are numbered with the last factor changing
fastest. No torch here: metrics and tests use factor spaces alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Integer

from unbraid.errors import UnknownName, UsageError

Kind = Literal["ordinal", "circular", "categorical"]


@dataclass(frozen=True)
class Factor:
    """One generative factor.

    Args:
        name: how tables and figures call it.
        values: what each code stands for, in `unit`; for a categorical factor any distinct numbers.
        kind: `ordinal` (a line), `circular` (the last value is next to the first) or `categorical` (no order).
        unit: of the values, empty where there is none.
        labels: names of the values of a categorical factor.
    """

    name: str
    values: tuple[float, ...]
    kind: Kind = "ordinal"
    unit: str = ""
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.values:
            raise UsageError(f"Factor {self.name!r} has no values; give at least one.")
        if self.labels and len(self.labels) != len(self.values):
            raise UsageError(f"Factor {self.name!r} has {len(self.values)} values but {len(self.labels)} labels.")

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.values)

    def in_words(self, code: int) -> str:
        """One value with its factor, as in "shape heart", "scale 0.6" or "orientation 90 degrees"."""
        value = self.labels[code] if self.labels else f"{self.values[code]:.3g}"
        return " ".join(part for part in (self.name, value, self.unit) if part)

    def select(self, codes: Sequence[int]) -> Factor:
        """The same factor with only some of its values, in the given order."""
        bad = [code for code in codes if not 0 <= code < self.size]
        if bad or not len(codes) or len(set(codes)) != len(codes):
            raise UsageError(f"Codes {list(codes)} of factor {self.name!r}: give distinct codes from 0 to {self.size - 1}.")
        labels = tuple(self.labels[code] for code in codes) if self.labels else ()
        whole_circle = self.kind != "circular" or len(codes) == self.size
        kind: Kind = self.kind if whole_circle else "ordinal"
        return Factor(self.name, tuple(self.values[code] for code in codes), kind, self.unit, labels)


@dataclass(frozen=True)
class FactorSpace:
    """A full grid of factors: bijection between image index and factor codes, sampling and traversals.

    >>> space = FactorSpace((Factor("side", (1.0, 2.0)), Factor("angle", (0.0, 30.0, 60.0), unit="degrees")))
    >>> len(space), space.sizes
    (6, (2, 3))
    >>> space.at(np.array([4])).tolist()
    [[1, 1]]
    >>> space.index(np.array([[1, 1]])).tolist()
    [4]
    >>> space.rows(angle=0).tolist()
    [0, 3]
    """

    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        if not self.factors:
            raise UsageError("A factor space needs at least one factor.")
        if len(set(self.names)) != len(self.names):
            raise UsageError(f"Factor names must differ, given {list(self.names)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the factors, in column order."""
        return tuple(factor.name for factor in self.factors)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each factor."""
        return tuple(factor.size for factor in self.factors)

    def __len__(self) -> int:
        return int(np.prod(self.sizes, dtype=np.int64))

    @cached_property
    def _bases(self) -> Int[np.ndarray, "factor"]:
        # number of images between two neighboring values of a factor
        return np.concatenate([np.cumprod(self.sizes[:0:-1], dtype=np.int64)[::-1], [1]]).astype(np.int64)

    def column(self, name: str) -> int:
        """Column of a factor, by name."""
        if name not in self.names:
            raise UnknownName("factor", name, self.names)
        return self.names.index(name)

    def _checked(self, factors: Integer[np.ndarray, "n factor"]) -> Integer[np.ndarray, "n factor"]:
        factors = np.asarray(factors)
        if factors.ndim != 2 or factors.shape[1] != len(self.factors):
            raise UsageError(
                f"Factor codes of shape {factors.shape}; give one row per image with {len(self.factors)} columns: "
                f"{', '.join(self.names)}."
            )
        outside = (factors < 0) | (factors >= self.sizes)
        if outside.any():
            row, column = np.argwhere(outside)[0]
            raise UsageError(
                f"Row {row} has {self.names[column]} = {factors[row, column]}; allowed: 0 to {self.sizes[column] - 1}."
            )
        return factors

    def index(self, factors: Integer[np.ndarray, "n factor"]) -> Int[np.ndarray, "n"]:
        """Image index of each row of factor codes."""
        index: Int[np.ndarray, "n"] = self._checked(factors).astype(np.int64) @ self._bases
        return index

    def at(self, index: Integer[np.ndarray, "n"]) -> Int[np.ndarray, "n factor"]:
        """Factor codes of each image index."""
        index = np.asarray(index, dtype=np.int64)
        if index.size and (index.min() < 0 or index.max() >= len(self)):
            wrong = index[(index < 0) | (index >= len(self))][0]
            raise UsageError(f"Image index {wrong} is out of range; allowed: 0 to {len(self) - 1}.")
        factors: Int[np.ndarray, "n factor"] = index[:, None] // self._bases % np.asarray(self.sizes)
        return factors

    def values(self, factors: Integer[np.ndarray, "n factor"]) -> Float[np.ndarray, "n factor"]:
        """What the codes stand for, in the units of the factors."""
        factors = self._checked(factors)
        return np.stack([np.asarray(f.values, dtype=np.float64)[factors[:, k]] for k, f in enumerate(self.factors)], 1)

    def _fixed(self, fixed: dict[str, int]) -> dict[int, int]:
        columns = {}
        for name, code in fixed.items():
            column = self.column(name)
            if not 0 <= code < self.sizes[column]:
                raise UsageError(f"{name} = {code}; allowed: 0 to {self.sizes[column] - 1}.")
            columns[column] = code
        return columns

    def sample(self, n: int, *, rng: np.random.Generator, **fixed: int) -> Int[np.ndarray, "n factor"]:
        """Independent uniform factor codes; some factors may be fixed: `space.sample(64, rng=rng, scale=3)`."""
        columns = self._fixed(fixed)
        codes = rng.integers(0, self.sizes, size=(n, len(self.sizes)))
        for column, code in columns.items():
            codes[:, column] = code
        return codes

    def traverse(self, base: Sequence[int] | Int[np.ndarray, "factor"], name: str) -> Int[np.ndarray, "value factor"]:
        """Codes that run through all values of one factor, the others as in `base`."""
        column = self.column(name)
        start = self._checked(np.atleast_2d(np.asarray(base, dtype=np.int64)))
        codes = start.repeat(self.sizes[column], axis=0)
        codes[:, column] = np.arange(self.sizes[column])
        return codes

    def rows(self, **fixed: int) -> Int[np.ndarray, "n"]:
        """Indices of all images with the given factors held fixed, ascending."""
        columns = self._fixed(fixed)
        ranges = [np.array([columns[k]]) if k in columns else np.arange(size) for k, size in enumerate(self.sizes)]
        return self._grid(ranges)

    def _grid(self, ranges: list[Int[np.ndarray, "_"]]) -> Int[np.ndarray, "n"]:
        index = np.zeros(1, dtype=np.int64)
        for codes, base in zip(ranges, self._bases, strict=True):
            index = (index[:, None] + np.asarray(codes, dtype=np.int64) * base).reshape(-1)
        return index

    def subgrid(self, **keep: Sequence[int]) -> tuple[FactorSpace, Int[np.ndarray, "n"]]:
        """A coarser grid that keeps some codes of some factors.

        Returns the smaller space and, for each of its images, the index in this space:
        `space.subgrid(orientation=[0, 10, 20, 29])`. A circular factor that loses values becomes ordinal.
        """
        columns = {self.column(name): list(codes) for name, codes in keep.items()}
        factors = tuple(f.select(columns[k]) if k in columns else f for k, f in enumerate(self.factors))
        ranges = [np.asarray(columns.get(k, range(size)), dtype=np.int64) for k, size in enumerate(self.sizes)]
        return FactorSpace(factors), self._grid(ranges)
